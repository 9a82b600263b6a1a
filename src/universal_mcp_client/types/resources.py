"""What a server offers besides tools: resources, prompts, skills, and what it says in its log."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from universal_mcp_client.types.messages import Message


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    """Something to read at `server`. `size` is in bytes, where the server says it."""

    uri: str
    name: str
    title: str | None = None
    description: str = ""
    media_type: str | None = None
    size: int | None = None
    server: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ResourceTemplate:
    """A family of resources; `uri_template` is one of RFC 6570."""

    uri_template: str
    name: str
    title: str | None = None
    description: str = ""
    media_type: str | None = None
    server: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ResourceContents:
    """What was read at `uri`: `text` or `data`; the other one is None."""

    uri: str
    media_type: str | None = None
    text: str | None = None
    data: bytes | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptArgument:
    name: str
    description: str = ""
    required: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    """A prompt of `server`, to be filled in with `arguments`; `original` is its name there."""

    name: str
    title: str | None = None
    description: str = ""
    arguments: Sequence[PromptArgument] = ()
    server: str = ""
    original: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RenderedPrompt:
    """A prompt that was filled in: messages, as a run's history takes them."""

    messages: tuple[Message, ...]
    description: str = ""

    @property
    def text(self) -> str:
        """The text of all messages, joined by blank lines."""
        return "\n\n".join(message.text for message in self.messages if message.text)


@dataclass(frozen=True, slots=True, kw_only=True)
class SkillFile:
    """A file of a skill: `digest` is `sha256:` and 64 hex digits, `size` is in bytes."""

    uri: str
    digest: str
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Skill:
    """Instructions for a kind of work, with their files (SEP-2640).

    `uri` is that of its SKILL.md. `files` is None where the server makes them as they are asked
    for, so that nothing can be checked.
    """

    uri: str
    name: str
    description: str
    frontmatter: Mapping[str, Any] = field(default_factory=dict[str, Any])
    files: Sequence[SkillFile] | None = None
    server: str = ""


LogLevel: TypeAlias = Literal[
    "debug", "info", "notice", "warning", "error", "critical", "alert", "emergency"
]


@dataclass(frozen=True, slots=True, kw_only=True)
class LogMessage:
    """A line of a server's own log (MCP `notifications/message`); `data` is any JSON."""

    server: str
    level: LogLevel
    data: Any
    logger: str | None = None


LogHandler: TypeAlias = Callable[[LogMessage], Awaitable[None] | None]
"""Takes a server's log, line by line; a function or an async one."""
