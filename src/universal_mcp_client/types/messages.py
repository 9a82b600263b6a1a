"""Messages and their parts: pure, immutable values.

A part may carry `provider_data`: what one provider wants back verbatim (a thinking block's
signature, an encrypted reasoning item). Nobody but the adapter that made it looks inside.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

ProviderData: TypeAlias = Mapping[str, Any]
Role: TypeAlias = Literal["system", "user", "assistant", "tool"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    text: str
    provider_data: ProviderData | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """An image, by `data` (the raw bytes) or by `url`; exactly one of the two is set."""

    media_type: str = "image/png"
    data: bytes | None = None
    url: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Audio:
    media_type: str
    data: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """A file's bytes, such as a PDF or an embedded MCP resource with a blob."""

    media_type: str
    data: bytes
    name: str = "file"


@dataclass(frozen=True, slots=True, kw_only=True)
class ResourceLink:
    """A pointer to an MCP resource which the server did not embed."""

    uri: str
    name: str = ""
    description: str = ""
    media_type: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Thinking:
    """What the model thought before it answered. `text` may be empty where it is encrypted."""

    text: str
    provider_data: ProviderData | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolCall:
    """The model asks for a tool.

    `invalid` holds the model's own words where they are no JSON object; `arguments` is then empty.
    """

    id: str
    name: str
    arguments: Mapping[str, Any] = field(default_factory=dict[str, Any])
    invalid: str | None = None
    provider_data: ProviderData | None = None


ResultPart: TypeAlias = Text | Image | Audio | File | ResourceLink


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolResult:
    """A tool's answer to the call `call_id`.

    `structured_content` is the server's own JSON, for programs; models read `content`.
    """

    call_id: str
    content: tuple[ResultPart, ...] = ()
    structured_content: Mapping[str, Any] | None = None
    is_error: bool = False

    @property
    def text(self) -> str:
        """The text parts, joined by line breaks."""
        return "\n".join(part.text for part in self.content if isinstance(part, Text))

    @property
    def data(self) -> Any:
        """The structured content. A lone value, which servers wrap as `{"result": value}` since MCP
        wants an object, comes without its wrapping; None where there is no structured content."""
        found = self.structured_content
        return found["result"] if found is not None and list(found) == ["result"] else found


Part: TypeAlias = Text | Image | Audio | File | ResourceLink | Thinking | ToolCall | ToolResult


@dataclass(frozen=True, slots=True, weakref_slot=True, kw_only=True)
class Message:
    """`interrupted` marks an answer that was cut off: what the model had said until then."""

    role: Role
    parts: tuple[Part, ...] = ()
    interrupted: bool = False

    @property
    def text(self) -> str:
        """The text parts, joined without a separator."""
        return "".join(part.text for part in self.parts if isinstance(part, Text))

    @property
    def tool_calls(self) -> tuple[ToolCall, ...]:
        return tuple(part for part in self.parts if isinstance(part, ToolCall))

    @property
    def tool_results(self) -> tuple[ToolResult, ...]:
        return tuple(part for part in self.parts if isinstance(part, ToolResult))


UserContent: TypeAlias = str | Part | Sequence[str | Part]


def user(content: UserContent) -> Message:
    """A user's message from a string, a part, or a mix of both.

    >>> user("hello").text
    'hello'
    """
    items = [content] if isinstance(content, str) or not isinstance(content, Sequence) else content
    parts = tuple(Text(text=item) if isinstance(item, str) else item for item in items)
    return Message(role="user", parts=parts)


def assistant(text: str) -> Message:
    """An assistant's message of plain text."""
    return Message(role="assistant", parts=(Text(text=text),))


def failure(call: ToolCall, text: str) -> ToolResult:
    """The answer to a call which failed. `text` is read by the model: say how to recover."""
    return ToolResult(call_id=call.id, content=(Text(text=text),), is_error=True)
