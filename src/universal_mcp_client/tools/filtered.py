"""Only some of the tools: allow and deny patterns over all their names."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from universal_mcp_client.tools.base import CallContext
from universal_mcp_client.tools.combined import unknown_tool
from universal_mcp_client.tools.rules import mentions
from universal_mcp_client.tools.wrapper import WrapperToolset
from universal_mcp_client.types.messages import ToolCall, ToolResult, failure
from universal_mcp_client.types.tools import ToolSpec


@dataclass(kw_only=True)
class FilteredToolset(WrapperToolset):
    """Shows and calls only tools that match an `allow` pattern (shell style, none means all)
    and no `deny` pattern. A pattern is held against a tool's public name, its own name, and
    `server:tool` or `server/tool`, so that it means the same whatever else is connected."""

    allow: Sequence[str] = ()
    deny: Sequence[str] = ()
    _seen: Sequence[ToolSpec] | None = field(default=None, init=False, repr=False)
    _shown: Sequence[ToolSpec] = field(default=(), init=False, repr=False)

    def admits(self, spec: ToolSpec) -> bool:
        return (not self.allow or mentions(self.allow, spec)) and not mentions(self.deny, spec)

    async def list_tools(self) -> Sequence[ToolSpec]:
        listing = await self.wrapped.list_tools()
        if listing is not self._seen:
            self._seen = listing
            self._shown = tuple(spec for spec in listing if self.admits(spec))
        return self._shown

    async def call_tool(self, call: ToolCall, context: CallContext) -> ToolResult:
        spec = await self.find(call.name)
        if spec is None or not self.admits(spec):
            return failure(call, unknown_tool(call.name, [s.name for s in await self.list_tools()]))
        return await self.wrapped.call_tool(call, context)
