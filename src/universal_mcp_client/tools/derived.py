"""Toolsets whose listing is made of another's: some of it, under other names, with less to fill in."""

import logging
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias, cast

from universal_mcp_client.tools.base import CallContext, left_out
from universal_mcp_client.tools.combined import (
    changed_tool,
    is_meant,
    passed_on,
    told_left_out,
    unknown_tool,
)
from universal_mcp_client.tools.rules import admits, mentions
from universal_mcp_client.tools.wrapping import WrapperToolset
from universal_mcp_client.types.errors import ConfigError
from universal_mcp_client.types.messages import ToolCall, ToolResult, failure
from universal_mcp_client.types.tools import ToolSpec

logger = logging.getLogger(__name__)

Derived: TypeAlias = tuple[ToolSpec | None, ToolSpec]


@dataclass(kw_only=True)
class DerivedToolset(WrapperToolset, ABC):
    """Shows what `derive` makes of the wrapped listing, made anew only when that is another object,
    and calls nothing else."""

    _seen: Sequence[ToolSpec] | None = field(default=None, init=False, repr=False)
    _shown: Sequence[ToolSpec] = field(default=(), init=False, repr=False)
    _routes: Mapping[str, ToolSpec] = field(
        default_factory=dict[str, ToolSpec], init=False, repr=False
    )
    _lacking: Sequence[str] = field(default=(), init=False, repr=False)
    why = ""

    @abstractmethod
    def derive(self, listing: Sequence[ToolSpec]) -> Iterable[Derived]:
        """What is shown, each with the wrapped tool that it stands for. None stands for a tool that
        should be there and is not; `why` says what for."""

    async def forward(self, call: ToolCall, spec: ToolSpec, context: CallContext) -> ToolResult:
        """Make the call of the wrapped tool `spec`, which has its name already."""
        return await self.wrapped.call_tool(call, context)

    @property
    def left_out(self) -> Sequence[str]:
        return (*left_out(self.wrapped), *self._lacking)

    async def list_tools(self) -> Sequence[ToolSpec]:
        listing = await self.wrapped.list_tools()
        if listing is not self._seen:
            pairs = tuple(self.derive(listing))
            self._shown = tuple(shown for shown, _ in pairs if shown)
            self._routes = {shown.name: spec for shown, spec in pairs if shown}
            self._lacking = told_left_out([s for shown, s in pairs if not shown], pairs, self.why)
            self._seen = listing
        return self._shown

    async def call_tool(self, call: ToolCall, context: CallContext) -> ToolResult:
        await self.list_tools()
        spec = self._routes.get(call.name)
        if spec is None:
            return failure(call, unknown_tool(call.name, list(self._routes)))
        if not is_meant(spec, call, context):
            return failure(call, changed_tool(call.name))
        own, context = passed_on(call, spec, context)
        return await self.forward(own, spec, context)


def warn_of(unmet: Iterable[str], listing: Sequence[ToolSpec], told: str) -> None:
    """What a program named and no tool has: mostly a slip."""
    if listing and (names := sorted(unmet)):
        logger.warning("%s %s.", told, ", ".join(map(repr, names)))


@dataclass(kw_only=True)
class FilteredToolset(DerivedToolset):
    """Shows and calls only tools that match an `allow` pattern (shell style, none means all)
    and no `deny` pattern. A pattern is held against a tool's public name, its own name, and
    `server:tool` or `server/tool`, so that it means the same whatever else is connected. What names
    a server allows no other's tools."""

    allow: Sequence[str] = ()
    deny: Sequence[str] = ()

    def derive(self, listing: Sequence[ToolSpec]) -> Iterator[Derived]:
        servers = {spec.server for spec in listing}
        for spec in listing:
            allowed = not self.allow or admits(self.allow, spec, servers)
            if allowed and not mentions(self.deny, spec):
                yield spec, spec


@dataclass(kw_only=True)
class ForModels(DerivedToolset):
    """Shows and calls what is meant for models, not what only the user interfaces of a server may
    call: MCP Apps (SEP-1865), `_meta.ui.visibility`."""

    def derive(self, listing: Sequence[ToolSpec]) -> Iterable[Derived]:
        return ((spec, spec) for spec in listing if _for_models(spec))


def _for_models(spec: ToolSpec) -> bool:
    ui = (spec.meta or {}).get("ui")
    seen = cast(Mapping[str, object], ui).get("visibility") if isinstance(ui, Mapping) else None
    return not isinstance(seen, list) or "model" in seen or "app" not in seen


@dataclass(kw_only=True)
class RenamedToolset(DerivedToolset):
    """`names` has new names by old ones (by `server:tool` too), or makes one of the other. A tool
    keeps its `server` and its `original` name, by which patterns, rules and records know it.

    Where two would have one name, the one that was given it counts before the one that always had
    it, then the first; the other is left out, and `left_out` says so. Raises ConfigError where
    `names` itself gives a name twice, or makes what is no name.
    """

    names: Mapping[str, str] | Callable[[str], str]
    why = "other tools have their names."

    def __post_init__(self) -> None:
        if isinstance(self.names, Mapping):
            given = list(self.names.values())
            if twice := {name for name in given if given.count(name) > 1}:
                raise ConfigError(f"renamed(): two tools are to be called {min(twice)!r}.")

    def derive(self, listing: Sequence[ToolSpec]) -> Iterator[Derived]:
        new = [self._new(spec) for spec in listing]
        owners = dict[str, ToolSpec]()
        for name, spec in sorted(zip(new, listing, strict=True), key=lambda p: p[0] == p[1].name):
            owners.setdefault(name, spec)
        for name, spec in zip(new, listing, strict=True):
            yield spec.under(name) if owners[name] is spec else None, spec
        if isinstance(self.names, Mapping):
            known = {name for spec in listing for name in (spec.name, _own(spec))}
            warn_of(self.names.keys() - known, listing, "renamed(): there is no tool")

    def _new(self, spec: ToolSpec) -> str:
        if isinstance(self.names, Mapping):
            name = self.names.get(spec.name, self.names.get(_own(spec), spec.name))
        else:
            name = self.names(spec.name)
        if not (isinstance(name, str) and name):
            raise ConfigError(f"renamed(): {name!r} is no name for {spec.name!r}; give a text.")
        return name


def _own(spec: ToolSpec) -> str:
    return f"{spec.server}:{spec.original or spec.name}"
