"""Only some of the tools: allow and deny patterns over their names."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from universal_mcp_client.tools.base import CallContext
from universal_mcp_client.tools.combined import unknown_tool
from universal_mcp_client.tools.wrapper import WrapperToolset
from universal_mcp_client.types.messages import ToolCall, ToolResult, failure
from universal_mcp_client.types.tools import ToolSpec


@dataclass(kw_only=True)
class FilteredToolset(WrapperToolset):
    """Shows and calls only tools that match an `allow` pattern (shell style, none means all)
    and no `deny` pattern."""

    allow: Sequence[str] = ()
    deny: Sequence[str] = ()
    _seen: Sequence[ToolSpec] | None = field(default=None, init=False, repr=False)
    _shown: Sequence[ToolSpec] = field(default=(), init=False, repr=False)

    def admits(self, name: str) -> bool:
        return (not self.allow or any(fnmatchcase(name, pattern) for pattern in self.allow)) and (
            not any(fnmatchcase(name, pattern) for pattern in self.deny)
        )

    async def list_tools(self) -> Sequence[ToolSpec]:
        listing = await self.wrapped.list_tools()
        if listing is not self._seen:
            self._seen = listing
            self._shown = tuple(spec for spec in listing if self.admits(spec.name))
        return self._shown

    async def call_tool(self, call: ToolCall, context: CallContext) -> ToolResult:
        if not self.admits(call.name):
            return failure(call, unknown_tool(call.name, [s.name for s in await self.list_tools()]))
        return await self.wrapped.call_tool(call, context)
