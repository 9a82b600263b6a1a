"""MCP's types into ours. They stop here."""

import base64
import binascii
from collections.abc import Callable, Sequence
from typing import Any

import mcp_types

from universal_mcp_client.types.messages import (
    Audio,
    File,
    Image,
    ResourceLink,
    ResultPart,
    Text,
    ToolResult,
)
from universal_mcp_client.types.tools import Annotations, ToolSpec

_TEXTUAL = ("json", "xml", "yaml", "javascript", "toml", "markdown", "csv", "html", "svg")


def tool_spec(tool: mcp_types.Tool, server: str) -> ToolSpec:
    """A server's tool under its own name."""
    hints = tool.annotations
    title = tool.title or (hints.title if hints else None)
    return ToolSpec(
        name=tool.name,
        description=tool.description or title or "",
        input_schema=tool.input_schema,
        output_schema=tool.output_schema,
        annotations=Annotations(
            title=title,
            read_only=hints.read_only_hint,
            destructive=hints.destructive_hint,
            idempotent=hints.idempotent_hint,
            open_world=hints.open_world_hint,
        )
        if hints
        else Annotations(title=title),
        server=server,
        original=tool.name,
    )


def tool_result(result: mcp_types.CallToolResult, call_id: str) -> ToolResult:
    structured = result.structured_content
    return ToolResult(
        call_id=call_id,
        content=content_parts(result.content),
        structured_content=structured
        if isinstance(structured, dict) or structured is None
        else {"result": structured},
        is_error=bool(result.is_error),
    )


def content_parts(blocks: Sequence[mcp_types.ContentBlock]) -> tuple[ResultPart, ...]:
    return tuple(_part(block) for block in blocks)


def _part(block: mcp_types.ContentBlock) -> ResultPart:
    match block:
        case mcp_types.TextContent():
            return Text(text=block.text)
        case mcp_types.ImageContent():
            return _decoded(block.data, lambda data: Image(media_type=block.mime_type, data=data))
        case mcp_types.AudioContent():
            return _decoded(block.data, lambda data: Audio(media_type=block.mime_type, data=data))
        case mcp_types.ResourceLink():
            return ResourceLink(
                uri=str(block.uri),
                name=block.name,
                description=block.description or "",
                media_type=block.mime_type,
            )
        case mcp_types.EmbeddedResource():
            return resource_part(block.resource)


def resource_part(
    resource: mcp_types.TextResourceContents | mcp_types.BlobResourceContents,
) -> ResultPart:
    """A resource's contents: its text, an image, or a file; text says which resource it is."""
    uri = str(resource.uri)
    if isinstance(resource, mcp_types.TextResourceContents):
        return Text(text=f"[{uri}]\n{resource.text}")
    kind = resource.mime_type or "application/octet-stream"

    def made(data: bytes) -> ResultPart:
        if kind.startswith("image/"):
            return Image(media_type=kind, data=data)
        if kind.startswith("audio/"):
            return Audio(media_type=kind, data=data)
        if kind.startswith("text/") or any(word in kind for word in _TEXTUAL):
            try:
                return Text(text=f"[{uri}]\n{data.decode()}")
            except UnicodeDecodeError:
                pass
        return File(media_type=kind, data=data, name=uri.rstrip("/").rsplit("/", 1)[-1] or "file")

    return _decoded(resource.blob, made)


def _decoded(data: str, made: Callable[[bytes], ResultPart]) -> ResultPart:
    try:
        return made(base64.b64decode(data, validate=False))
    except (binascii.Error, ValueError):
        return Text(text="[The server sent an attachment that is not valid base64.]")


def in_mcp_shape(result: ToolResult) -> dict[str, Any]:
    """A result in MCP's own shapes, as JSON: `content`, `structured_content`, `is_error`."""
    return {
        "content": [_block(part) for part in result.content],
        "structured_content": result.structured_content,
        "is_error": result.is_error,
    }


def _block(part: ResultPart) -> dict[str, Any]:
    match part:
        case Text():
            return {"type": "text", "text": part.text}
        case Image():
            data = base64.b64encode(part.data or b"").decode()
            return {"type": "image", "data": data, "mimeType": part.media_type}
        case Audio():
            data = base64.b64encode(part.data).decode()
            return {"type": "audio", "data": data, "mimeType": part.media_type}
        case ResourceLink():
            link = {"type": "resource_link", "uri": part.uri, "name": part.name}
            return link | ({"mimeType": part.media_type} if part.media_type else {})
        case File():
            blob = base64.b64encode(part.data).decode()
            resource = {"uri": part.name, "mimeType": part.media_type, "blob": blob}
            return {"type": "resource", "resource": resource}
