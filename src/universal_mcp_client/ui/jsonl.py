"""A run as JSON: one document at its end, or an event a line."""

import base64
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any, cast

from universal_mcp_client.types.events import Event, Nested, RunFinished, RunResult


def result_document(result: RunResult[Any]) -> dict[str, Any]:
    """What `umcp run --json` prints; docs/cli.md is its contract."""
    return {
        "output": result.output if isinstance(result.output, str) else None,
        "structured_output": result.structured_output,
        "stop_reason": f"limit:{result.limit}" if result.limit else result.stop_reason,
        "usage": plain(result.usage) | ({"cost": result.cost} if result.cost is not None else {}),
        "turns": result.turns,
        "tool_calls": [
            {
                "id": record.call.id,
                "server": record.server,
                "tool": record.tool,
                "name": record.call.name,
                "arguments": plain(record.call.arguments),
                "is_error": record.result.is_error,
                "result": record.result.text,
            }
            for record in result.tool_calls
        ],
        "session": result.session,
    }


def event_document(event: Event) -> dict[str, Any]:
    """An event as JSON: its `type` is the class's name in snake case."""
    document: dict[str, Any] = {"type": _snake(type(event).__name__), **plain(event)}
    match event:
        case RunFinished():
            document["result"]["cost"] = event.result.cost
        case Nested():
            document["event"] = event_document(event.event)
        case _:
            pass
    return document


def plain(value: Any) -> Any:
    """Our values as JSON's; bytes in base64."""
    if is_dataclass(value) and not isinstance(value, type):
        kind = {"type": _snake(type(value).__name__)} if hasattr(value, "provider_data") else {}
        return kind | {f.name: plain(getattr(value, f.name)) for f in fields(value) if f.repr}
    if isinstance(value, Mapping):
        return {str(k): plain(v) for k, v in cast(Mapping[object, object], value).items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in cast(list[object], value)]
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    return value


def _snake(name: str) -> str:
    return "".join(f"_{c.lower()}" if c.isupper() else c for c in name).lstrip("_")
