"""MCP's types into ours. They stop here."""

import base64
import binascii
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import mcp_types

from universal_mcp_client.tools.sizes import bounded_schema, json_size, shortened
from universal_mcp_client.types.bounds import DESCRIPTION_CHARACTERS, NAME_CHARACTERS
from universal_mcp_client.types.messages import (
    Audio,
    File,
    Image,
    Message,
    ResourceLink,
    ResultPart,
    Text,
    ToolResult,
)
from universal_mcp_client.types.resources import (
    Icon,
    LogMessage,
    Prompt,
    PromptArgument,
    RenderedPrompt,
    Resource,
    ResourceAnnotations,
    ResourceContents,
    ResourceTemplate,
    Skill,
    SkillFile,
)
from universal_mcp_client.types.tools import Annotations, ToolSpec

_ICONS, _META, _META_DEPTH = (
    10,
    20_000,
    50,
)  # of one item: pictures, characters and levels of `_meta`
_TEXTUAL = ("json", "xml", "yaml", "javascript", "toml", "markdown", "csv", "html", "svg")


def tool_spec(tool: mcp_types.Tool, server: str) -> ToolSpec:
    """A server's tool under its own name."""
    hints = tool.annotations
    title = tool.title or (hints.title if hints else None)
    title = shortened(title, NAME_CHARACTERS) if title else None
    support = tool.execution.task_support if tool.execution else None
    return ToolSpec(
        name=tool.name,
        description=shortened(tool.description or title or "", DESCRIPTION_CHARACTERS),
        input_schema=bounded_schema(tool.input_schema),
        output_schema=bounded_schema(tool.output_schema) if tool.output_schema else None,
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
        icons=icons(tool.icons),
        meta=meta(tool),
        task_support=None if support == "forbidden" else support,
    )


def sendable(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Arguments as JSON can carry them: half a surrogate pair, which models write, becomes "?"."""
    try:
        json.dumps(arguments, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        text = json.dumps(arguments, ensure_ascii=False).encode("utf-8", "replace")
        replaced: dict[str, Any] = json.loads(text)
        return replaced
    return dict(arguments)


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


def annotations(found: mcp_types.Annotations | None) -> ResourceAnnotations:
    if found is None:
        return ResourceAnnotations()
    return ResourceAnnotations(
        audience=tuple(found.audience or ()),
        priority=found.priority,
        last_modified=found.last_modified,
    )


def icons(found: Sequence[mcp_types.Icon] | None) -> tuple[Icon, ...]:
    return tuple(
        Icon(
            src=icon.src, media_type=icon.mime_type, sizes=tuple(icon.sizes or ()), theme=icon.theme
        )
        for icon in (found or ())[:_ICONS]
    )


def meta(found: Any) -> Mapping[str, Any] | None:
    """The `_meta` of something that is listed, where it is not too large to be kept."""
    if found.meta is None or json_size(found.meta, _META, _META_DEPTH) > _META:
        return None
    return dict(found.meta)


def resource(found: mcp_types.Resource, server: str) -> Resource:
    return Resource(
        uri=str(found.uri),
        name=found.name,
        title=found.title,
        description=found.description or "",
        media_type=found.mime_type,
        size=found.size,
        server=server,
        annotations=annotations(found.annotations),
        icons=icons(found.icons),
        meta=meta(found),
    )


def resource_template(found: mcp_types.ResourceTemplate, server: str) -> ResourceTemplate:
    return ResourceTemplate(
        uri_template=found.uri_template,
        name=found.name,
        title=found.title,
        description=found.description or "",
        media_type=found.mime_type,
        server=server,
        annotations=annotations(found.annotations),
        icons=icons(found.icons),
        meta=meta(found),
    )


def resource_contents(
    found: mcp_types.TextResourceContents | mcp_types.BlobResourceContents,
) -> ResourceContents:
    """As the server sent it. Raises ValueError where it is not valid base64."""
    uri, media_type = str(found.uri), found.mime_type
    if isinstance(found, mcp_types.TextResourceContents):
        return ResourceContents(uri=uri, media_type=media_type, text=found.text)
    data = base64.b64decode(found.blob, validate=False)
    return ResourceContents(uri=uri, media_type=media_type, data=data)


def prompt(found: mcp_types.Prompt, server: str) -> Prompt:
    return Prompt(
        name=found.name,
        title=found.title,
        description=found.description or "",
        arguments=tuple(
            PromptArgument(
                name=argument.name,
                description=argument.description or "",
                required=bool(argument.required),
                title=argument.title,
            )
            for argument in found.arguments or ()
        ),
        server=server,
        original=found.name,
        icons=icons(found.icons),
        meta=meta(found),
    )


def rendered_prompt(result: mcp_types.GetPromptResult) -> RenderedPrompt:
    return RenderedPrompt(
        messages=tuple(
            Message(role=message.role, parts=content_parts([message.content]))
            for message in result.messages
        ),
        description=result.description or "",
    )


def skill_of(found: Any, server: str) -> Skill:
    """From FastMCP's model of a skill."""
    files = found.resources
    return Skill(
        uri=found.uri,
        name=found.frontmatter.name,
        description=found.frontmatter.description,
        frontmatter=found.frontmatter.root,
        files=tuple(SkillFile(uri=f.uri, digest=f.digest, size=f.size) for f in files)
        if isinstance(files, list)
        else None,
        server=server,
    )


def log_message(params: mcp_types.LoggingMessageNotificationParams, server: str) -> LogMessage:
    return LogMessage(server=server, level=params.level, data=params.data, logger=params.logger)


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
        case File() if part.url:
            uri = {"uri": part.url, "name": part.name, "mimeType": part.media_type}
            return {"type": "resource_link"} | uri
        case File():
            blob = base64.b64encode(part.data or b"").decode()
            resource = {"uri": part.name, "mimeType": part.media_type, "blob": blob}
            return {"type": "resource", "resource": resource}
