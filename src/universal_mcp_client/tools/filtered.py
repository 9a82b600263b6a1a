"""Only some of the tools: allow and deny patterns over all their names."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from universal_mcp_client.tools.derived import DerivedToolset
from universal_mcp_client.tools.rules import mentions
from universal_mcp_client.types.tools import ToolSpec


@dataclass(kw_only=True)
class FilteredToolset(DerivedToolset):
    """Shows and calls only tools that match an `allow` pattern (shell style, none means all)
    and no `deny` pattern. A pattern is held against a tool's public name, its own name, and
    `server:tool` or `server/tool`, so that it means the same whatever else is connected."""

    allow: Sequence[str] = ()
    deny: Sequence[str] = ()

    def admits(self, spec: ToolSpec) -> bool:
        return (not self.allow or mentions(self.allow, spec)) and not mentions(self.deny, spec)

    def derive(self, listing: Sequence[ToolSpec]) -> Iterator[tuple[ToolSpec, ToolSpec]]:
        return ((spec, spec) for spec in listing if self.admits(spec))
