"""What a server writes on its standard output: messages, what should have been one, and noise."""

import json
import re
from typing import Any

import mcp_types
from mcp.shared.message import SessionMessage
from pydantic import ValidationError

_ID = re.compile(rb'"id"\s*:\s*(\d{1,18}|"[^"\\]{1,200}")')
_SHOWN, _KEPT = 200, 4_000  # characters of what cannot be read: in messages, and before


class Unreadable(ValueError):
    """What was meant as a message and is none: `why`, and its beginning as `text`. `request` is the id
    that it answers, where that can be told; `noise` says that it was not even meant as one."""

    def __init__(self, why: str, text: str, request: Any = None, *, noise: bool = False) -> None:
        super().__init__(why)
        self.why = why
        self.text = text[:_KEPT]
        self.request = request
        self.noise = noise


def message_of(line: bytes) -> SessionMessage | Unreadable | None:
    """A line as what it is; None for an empty one. What is not UTF-8 is replaced by U+FFFD."""
    line = line.strip()
    if not line:
        return None
    text = line.decode("utf-8", "replace")
    if not line.startswith((b"{", b"[")) and b'"jsonrpc"' not in line:
        return Unreadable("it is no JSON", text, noise=True)
    try:
        return SessionMessage(mcp_types.jsonrpc_message_adapter.validate_json(text, by_name=False))
    except ValidationError as error:
        why = error.errors(include_url=False, include_context=False, include_input=False)[0]["msg"]
        return Unreadable(why, text, request_of(line))


def request_of(line: bytes) -> Any:
    """The id of the request that an unreadable answer belongs to, as far as one is to be seen."""
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        match = _ID.search(line[:4_000]) or _ID.search(line[-4_000:])
        return json.loads(match[1]) if match else None
    if not isinstance(found, dict) or "method" in found:
        return None
    return found.get("id")


def shown(text: str) -> str:
    return text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"
