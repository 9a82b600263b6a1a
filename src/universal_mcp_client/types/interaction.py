"""The questions that a run may have to ask a person; the front end answers them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from universal_mcp_client.types.messages import ToolCall
from universal_mcp_client.types.tools import JSONSchema, ToolSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """Whether a tool call may go ahead; `reason` is told to the model where it may not."""

    allowed: bool
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Elicited:
    """A person's answer to a server's question (MCP elicitation)."""

    action: Literal["accept", "decline", "cancel"]
    content: Mapping[str, Any] = field(default_factory=dict[str, Any])


@dataclass(frozen=True, slots=True, kw_only=True)
class LoginRequest:
    """What a person has to visit so that this program may use `server`.

    With `code` (RFC 8628), they type that code at `url`, on any device. Without, the browser comes
    back to this machine by itself; where it cannot, its last address can be pasted.
    """

    server: str
    url: str
    code: str = ""


class Interaction(Protocol):
    @property
    def can_log_in(self) -> bool:
        """Whether a person is there who could log in."""
        ...

    async def approve(self, call: ToolCall, spec: ToolSpec) -> Verdict:
        """May this call run?"""
        ...

    async def elicit(
        self, server: str, message: str, schema: JSONSchema | None, url: str | None = None
    ) -> Elicited:
        """A server asks for data of the form `schema` (flat, MCP's subset), or to visit `url`."""
        ...

    async def login(self, request: LoginRequest) -> str | None:
        """Show a person where to log in, as soon as it is called. Returns the address to which the
        browser was sent where it was pasted, or None to go on waiting for the browser.

        Cancelled once the login is done. Raises AuthenticationError where nobody is there.
        """
        ...
