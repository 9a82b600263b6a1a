"""What a server offers besides tools: resources, prompts, skills, and what it says in its log."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from universal_mcp_client.types.messages import RenderedPrompt as RenderedPrompt


@dataclass(frozen=True, slots=True, kw_only=True)
class ResourceAnnotations:
    """For whom something is, and how much it matters (MCP 2025-11-25, schema `Annotations`).

    `audience` is empty where the server does not say, `priority` from 0 (optional) to 1 (required),
    `last_modified` an ISO 8601 time.
    """

    audience: tuple[Literal["user", "assistant"], ...] = ()
    priority: float | None = None
    last_modified: str | None = None

    @property
    def for_the_model(self) -> bool:
        return not self.audience or "assistant" in self.audience


@dataclass(frozen=True, slots=True, kw_only=True)
class Icon:
    """A picture of something, by its URL. Nothing fetches it (SEP-973)."""

    src: str
    media_type: str | None = None
    sizes: tuple[str, ...] = ()
    theme: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    """Something to read at `server`. `size` is in bytes, where the server says it; `meta` is the
    server's own `_meta`."""

    uri: str
    name: str
    title: str | None = None
    description: str = ""
    media_type: str | None = None
    size: int | None = None
    server: str = ""
    annotations: ResourceAnnotations = ResourceAnnotations()
    icons: tuple[Icon, ...] = ()
    meta: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ResourceTemplate:
    """A family of resources; `uri_template` is one of RFC 6570."""

    uri_template: str
    name: str
    title: str | None = None
    description: str = ""
    media_type: str | None = None
    server: str = ""
    annotations: ResourceAnnotations = ResourceAnnotations()
    icons: tuple[Icon, ...] = ()
    meta: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ResourceContents:
    """What was read at `uri`: `text` or `data`; the other one is None. `name` is the resource's, where
    it was listed."""

    uri: str
    media_type: str | None = None
    text: str | None = None
    data: bytes | None = None
    server: str = ""
    name: str = ""
    annotations: ResourceAnnotations = ResourceAnnotations()
    meta: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptArgument:
    """`default` and `choices` are those of a prompt's file; MCP has none."""

    name: str
    description: str = ""
    required: bool = False
    title: str | None = None
    default: str | None = None
    choices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    """A prompt of `server`, to be filled in with `arguments`; `original` is its name there."""

    name: str
    title: str | None = None
    description: str = ""
    arguments: Sequence[PromptArgument] = ()
    server: str = ""
    original: str = ""
    icons: tuple[Icon, ...] = ()
    meta: Mapping[str, Any] | None = None


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
