"""The questions that a run may have to ask a person, and those that servers have; the front end, or
functions of the program, answer them."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from os import PathLike
from typing import Any, Literal, Protocol, TypeAlias

from universal_mcp_client.types.messages import Message, ToolCall
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


SAMPLING = "sampling/createMessage"
"""The name by which rules of asking, and `Interaction.approve`, know that a server asks a model:
`server:sampling/createMessage`, as if it were a tool."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleRequest:
    """What a server asks a model (MCP sampling): `messages` with the roles user, assistant and tool,
    `hints` parts of models' names, the most wanted first."""

    messages: tuple[Message, ...]
    max_tokens: int
    system_prompt: str = ""
    tools: Sequence[ToolSpec] = ()
    tool_choice: Literal["auto", "required", "none"] = "auto"
    temperature: float | None = None
    stop: tuple[str, ...] = ()
    hints: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What `server` asks for: data of the form `schema` (flat, MCP's subset), a visit to `url`, or a
    model's answer to `sample`.

    `run` and `call` say for which call of which run, where that is told: always in MCP 2026-07-28, on
    the call's own stream over HTTP in 2025-11-25. Else `call` is None, and `candidates` are the calls
    that were under way when it came; it may be for none of them.
    """

    server: str
    kind: Literal["form", "url", "sampling"]
    message: str = ""
    schema: JSONSchema | None = None
    url: str | None = None
    sample: SampleRequest | None = None
    run: str = ""
    call: ToolCall | None = None
    candidates: tuple[ToolCall, ...] = ()


ElicitAnswer: TypeAlias = Elicited | Mapping[str, Any] | bool | None
"""A mapping is the form filled in, True a yes, None and False a no."""

Elicit: TypeAlias = Callable[[Question], ElicitAnswer | Awaitable[ElicitAnswer]]
"""Answers what a server wants to know; a function or an async one."""

SampleAnswer: TypeAlias = str | Message | None
"""What the model said, with the tool calls that it asks for; None refuses."""

Sample: TypeAlias = Callable[[Question], SampleAnswer | Awaitable[SampleAnswer]]
"""Answers in a model's place; a function or an async one."""

Folder: TypeAlias = str | PathLike[str]

Roots: TypeAlias = Sequence[Folder] | Callable[[], Sequence[Folder] | Awaitable[Sequence[Folder]]]
"""Folders that servers may work in, or what says which at each time that it is asked."""


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
