"""What a tool is to a model, and what it is known by."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal, TypeAlias

from universal_mcp_client.types.resources import Icon

JSONSchema: TypeAlias = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Annotations:
    """A server's hints about a tool; untrusted unless the server is trusted.

    Source: MCP 2025-11-25, schema `ToolAnnotations`. None is "the server does not say".
    """

    title: str | None = None
    read_only: bool | None = None
    destructive: bool | None = None
    idempotent: bool | None = None
    open_world: bool | None = None


@dataclass(frozen=True, slots=True, weakref_slot=True, kw_only=True)
class ToolSpec:
    """A tool as it is shown to a model.

    `name` is what the model calls; `original` is the name at `server`, which may differ where
    providers accept no such name or two servers share it. Schemas are never mutated. `strict` asks
    for a provider's strict mode, or against it; None leaves it to the model's profile. `retries` is
    how often in one run a model may call it wrongly before the run ends; None is no limit. `icons` and
    `meta` are what the server says of it besides (`Icon`s, `_meta`); no model sees them. `task_support`
    says whether a call of it has to be, or may be, a task (MCP 2025-11-25, `execution.taskSupport`).
    """

    name: str
    description: str = ""
    input_schema: JSONSchema = field(default_factory=lambda: {"type": "object"})
    output_schema: JSONSchema | None = None
    annotations: Annotations = Annotations()
    server: str = ""
    original: str = ""
    icons: tuple[Icon, ...] = field(default=(), repr=False)
    meta: Mapping[str, Any] | None = field(default=None, repr=False)
    task_support: Literal["optional", "required"] | None = field(default=None, repr=False)
    strict: bool | None = field(default=None, repr=False)
    retries: int | None = field(default=None, repr=False)

    def under(self, name: str) -> "ToolSpec":
        """The tool by another name; what it was first called stays in `original`."""
        if name == self.name:
            return self
        return replace(self, name=name, original=self.original or self.name)

    @property
    def own(self) -> tuple[str, str]:
        """The server and the tool's own name there, whatever it is called here."""
        return self.server, self.original or self.name

    @property
    def label(self) -> str:
        """How people are told of it: `server/tool`, or the bare name without a server."""
        return f"{self.server}/{self.original or self.name}" if self.server else self.name
