"""Messages and their parts: pure, immutable values.

A part may carry `provider_data`: what one provider wants back verbatim (a thinking block's
signature, an encrypted reasoning item). Nobody but the adapter that made it looks inside.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from os import PathLike
from pathlib import Path
from typing import Any, Literal, Self, TypeAlias, cast
from urllib.parse import urlsplit

from universal_mcp_client.types.bounds import FILE_BYTES

ProviderData: TypeAlias = Mapping[str, Any]
Role: TypeAlias = Literal["system", "user", "assistant", "tool"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    text: str
    provider_data: ProviderData | None = None


def _config_error(text: str) -> Exception:
    from universal_mcp_client.types.errors import ConfigError  # it knows messages

    return ConfigError(text)


def _guess(name: str) -> str:
    import mimetypes

    return mimetypes.guess_type(name, strict=False)[0] or "application/octet-stream"


class _OnDisk:
    __slots__ = ()

    @classmethod
    def from_file(cls, path: str | PathLike[str], *, media_type: str = "") -> Self:
        """What is at `path`, its type by its name unless it is given.

        Raises ConfigError where there is no such file, and for one of another kind or over 20 MB."""
        try:
            place = Path(path).expanduser()
        except (TypeError, RuntimeError) as error:  # no path, or the home of nobody
            raise _config_error(f"from_file({path!r}): {error}") from error
        media_type = media_type or _guess(place.name)
        kind = {"Image": "image", "Audio": "audio"}.get(cls.__name__, "")
        if not media_type.startswith(kind):
            raise _config_error(
                f"{place}: this is no {kind} by its name, but {media_type}. Say what it is: "
                f'from_file(path, media_type="{kind}/…"); for other files there is File.from_file.'
            )
        try:
            if not place.is_file():  # nor a pipe or a device, which have no end
                raise _config_error(f"{place}: there is no such file.")
            with place.open("rb") as file:
                data = file.read(FILE_BYTES + 1)
        except OSError as error:
            raise _config_error(f"{place} cannot be read: {error.strerror or error}.") from error
        if len(data) > FILE_BYTES:
            raise _config_error(
                f"{place} is too large: over {FILE_BYTES:,} bytes, which no provider takes in a "
                "request. Make it smaller, or give its address: url=…."
            )
        named = {} if kind else {"name": place.name}
        return cast(Any, cls)(media_type=media_type, data=data, **named)  # type: ignore[no-any-return]


@dataclass(frozen=True, slots=True, kw_only=True)
class Image(_OnDisk):
    """An image, by `data` (the raw bytes) or by `url`; exactly one of the two is set."""

    media_type: str = "image/png"
    data: bytes | None = None
    url: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Audio(_OnDisk):
    media_type: str
    data: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class File(_OnDisk):
    """A file such as a PDF or an embedded MCP resource, by `data` (the raw bytes) or by `url`,
    which the provider fetches; exactly one of the two. `media_type` is guessed from the URL, or the
    name, where it is not given."""

    media_type: str = ""
    data: bytes | None = None
    name: str = "file"
    url: str | None = None

    def __post_init__(self) -> None:
        if (self.data is None) == (self.url is None):
            raise _config_error("File: give data=, the raw bytes, or url=; one of the two.")
        if not self.media_type:
            guess = _guess(urlsplit(self.url).path if self.url else self.name)
            object.__setattr__(self, "media_type", guess)


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


@dataclass(frozen=True, slots=True, kw_only=True)
class RenderedPrompt:
    """A prompt that was filled in: messages, as a run's history takes them."""

    messages: tuple[Message, ...]
    description: str = ""

    @property
    def text(self) -> str:
        """The text of all messages, joined by blank lines."""
        return "\n\n".join(message.text for message in self.messages if message.text)


UserContent: TypeAlias = str | Part | Sequence[str | Part] | RenderedPrompt


def user(content: UserContent) -> Message:
    """A user's message from a string, a part, or a mix of both; also from what was read of a server
    (`ResourceContents`). Raises ConfigError for anything else.

    >>> user("hello").text
    'hello'
    """
    lone = isinstance(content, str | bytes | bytearray) or not isinstance(content, Sequence)
    items = cast(Sequence[object], (content,) if lone else content)
    return Message(role="user", parts=tuple(map(_part, items)))


def messages_of(prompt: UserContent) -> tuple[Message, ...]:
    """The messages that a prompt is: one of the user's, or those of a prompt that was filled in, in
    their order and with their roles. Raises ConfigError for what is no prompt."""
    return prompt.messages if isinstance(prompt, RenderedPrompt) else (user(prompt),)


def _part(item: object) -> Part:
    from universal_mcp_client.types.resources import ResourceContents  # it knows messages

    match item:
        case str():
            return Text(text=item)
        case ResourceContents():
            if item.text is not None:
                return Text(text=f"[{item.uri}]\n{item.text}")
            kind, data = item.media_type or "", item.data or b""
            if kind.startswith("image/"):
                return Image(media_type=kind, data=data)
            name = urlsplit(item.uri).path.rstrip("/").rsplit("/", 1)[-1]
            return File(media_type=kind, data=data, name=name or "file")
        case _ if isinstance(item, Part):
            return item
        case bytes() | bytearray():
            said = "say what they are: Image(data=…), Audio(data=…), File(data=…)"
        case PathLike():
            said = "read it: Image.from_file(path), Audio.from_file(path), File.from_file(path)"
        case _:
            said = (
                "give text, Text, Image, Audio, File, or a list; earlier messages go into history="
            )
    raise _config_error(f"A prompt cannot be made of {type(item).__name__}: {said}.")


def assistant(text: str) -> Message:
    """An assistant's message of plain text."""
    return Message(role="assistant", parts=(Text(text=text),))


def failure(call: ToolCall, text: str) -> ToolResult:
    """The answer to a call which failed. `text` is read by the model: say how to recover."""
    return ToolResult(call_id=call.id, content=(Text(text=text),), is_error=True)
