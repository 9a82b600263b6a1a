"""What all adapters share about tool calls and attachments."""

import base64
import json
from collections.abc import Callable, Iterable
from typing import Any, cast
from uuid import uuid4

from universal_mcp_client.types.messages import (
    Audio,
    File,
    Image,
    Part,
    ProviderData,
    ResourceLink,
    Text,
    ToolCall,
    ToolResult,
)


def tool_call(
    call_id: str, name: str, arguments: str, provider_data: dict[str, Any] | None = None
) -> ToolCall:
    """A call from the model's own words; what is no JSON object is kept as `invalid`."""
    identity = call_id or f"call_{uuid4().hex[:24]}"
    try:
        value: object = json.loads(arguments) if arguments.strip() else {}
    except ValueError:
        value = None
    if isinstance(value, dict):
        return ToolCall(
            id=identity,
            name=name,
            arguments=cast(dict[str, Any], value),
            provider_data=provider_data,
        )
    return ToolCall(id=identity, name=name, invalid=arguments, provider_data=provider_data)


def own(provider_data: ProviderData | None, wire: str) -> dict[str, Any]:
    """What the adapter of the wire format `wire` kept in a part; nothing of other adapters."""
    return dict((provider_data or {}).get(wire) or {})


def arguments_json(call: ToolCall) -> str:
    """A call's arguments as the model wrote them, or as JSON."""
    if call.invalid is not None:
        return call.invalid
    return json.dumps(dict(call.arguments), ensure_ascii=False, separators=(",", ":"))


def data_url(part: Image | Audio | File) -> str:
    if isinstance(part, Image) and part.url:
        return part.url
    return f"data:{part.media_type};base64,{b64(part.data or b'')}"


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def describe(part: Part) -> str:
    """A line for what a model cannot take as it is."""
    match part:
        case Text():
            return part.text
        case Image():
            size = f", {len(part.data):,} bytes" if part.data else f" at {part.url}"
            return f"[An image ({part.media_type}{size}), which this model cannot see.]"
        case Audio():
            return f"[Audio ({part.media_type}, {len(part.data):,} bytes), which this model cannot hear.]"
        case File():
            return f"[The file {part.name} ({part.media_type}, {len(part.data):,} bytes), which this model cannot read.]"
        case ResourceLink():
            about = ": ".join(filter(None, [part.name, part.description]))
            return f"[Resource {part.uri}{f' ({about})' if about else ''}]"
        case _:
            return ""


def result_text(result: ToolResult, attached: Callable[[Part], bool] = lambda part: False) -> str:
    """A tool result as text; parts for which `attached` holds travel beside it."""
    lines = [
        f"[{type(part).__name__} attached below.]" if attached(part) else describe(part)
        for part in result.content
    ]
    text = "\n".join(line for line in lines if line)
    if not text and result.structured_content is not None:
        text = json.dumps(result.structured_content, ensure_ascii=False)
    if result.is_error:
        return f"Error: {text}" if text else "Error: the tool failed without a message."
    return text or "Done; the tool returned nothing."


def attachments(results: Iterable[ToolResult], attached: Callable[[Part], bool]) -> list[Part]:
    return [part for result in results for part in result.content if attached(part)]
