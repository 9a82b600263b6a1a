"""What all adapters share about tool calls and attachments."""

import base64
import json
import re
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any, cast
from uuid import uuid4

from universal_mcp_client.models.wire import encode
from universal_mcp_client.types.bounds import ANSWER_ELEMENT, ANSWER_ITEM, ARGUMENTS_DEPTH
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

_LONGEST_ID = 256
_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}\Z")
_OTHER = re.compile(r"[^a-zA-Z0-9_-]+")


def tool_call(
    call_id: str, name: str, arguments: str, provider_data: dict[str, Any] | None = None
) -> ToolCall:
    """A call from the model's own words; what is no JSON object, or one too deep for those who read
    it, is kept as `invalid`. Raises TypeError for what is no text."""
    for value in (call_id, name, arguments):
        if type(value) is not str:
            raise TypeError(f"text was expected, not {type(value).__name__}")
    identity = call_id if 0 < len(call_id) <= _LONGEST_ID else f"call_{uuid4().hex[:24]}"
    # The name goes back to the provider with the history, and would be refused there.
    known = name if _NAME.match(name) else _OTHER.sub("_", name)[:64] or "unnamed"
    arguments = sendable(arguments)
    try:
        given: object = json.loads(arguments) if arguments.strip() else {}
    except (ValueError, RecursionError):
        given = None
    if isinstance(given, dict) and not too_deep(cast(object, given), arguments):
        return ToolCall(
            id=identity,
            name=known,
            arguments=cast(dict[str, Any], given),
            provider_data=provider_data,
        )
    return ToolCall(id=identity, name=known, invalid=arguments, provider_data=provider_data)


def too_deep(value: object, text: str) -> bool:
    """Whether `value`, which was read from `text`, is nested deeper than ARGUMENTS_DEPTH."""
    if text.count("[") + text.count("{") <= ARGUMENTS_DEPTH:
        return False
    level = [value]
    for _ in range(ARGUMENTS_DEPTH):
        level = [
            child
            for outer in level
            for child in (outer.values() if isinstance(outer, dict) else cast(list[object], outer))
            if isinstance(child, dict | list)
        ]
        if not level:
            return False
    return True


def weight(kept: object) -> int:
    """What counts for what is kept as it came, to be sent back: its JSON, and ANSWER_ITEM for itself.

    Raises ValueError for what is too deep to be sure to be written again: the depth at which JSON
    can be written depends on who calls.
    """
    text = encode(kept).decode()
    if too_deep(kept, text):
        raise ValueError(f"nested too deeply: more than {ARGUMENTS_DEPTH} levels")
    return ANSWER_ITEM + json_size(text)


def json_size(text: str) -> int:
    """What `text`, a piece of JSON, counts for once it is read: see ANSWER_ELEMENT."""
    return len(text) + ANSWER_ELEMENT * (text.count(",") + text.count("[") + text.count("{"))


def tool_calls(parts: Iterable[Part]) -> list[Part]:
    """The parts of an answer, its calls with ids that are their own.

    By its id a result finds its call, and providers refuse a history where two have the same. A
    call that is the same in all (a server sent it twice) counts once; another call under an id that
    is taken gets a new one.
    """
    seen: dict[str, ToolCall] = {}
    out: list[Part] = []
    for part in parts:
        if isinstance(part, ToolCall):
            key = _OTHER.sub("_", part.id)
            first = seen.get(key)
            if first is not None:
                if (first.name, first.arguments, first.invalid) == (
                    part.name,
                    part.arguments,
                    part.invalid,
                ):
                    continue
                part = replace(part, id=f"call_{uuid4().hex[:24]}")
                key = part.id
            seen[key] = part
        out.append(part)
    return out


def sendable(text: str) -> str:
    """`text` without halves of characters, which no JSON, file or terminal takes."""
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


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
            size = f" at {part.url}" if part.url else f", {len(part.data or b''):,} bytes"
            return (
                f"[The file {part.name} ({part.media_type}{size}), which this model cannot read.]"
            )
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
