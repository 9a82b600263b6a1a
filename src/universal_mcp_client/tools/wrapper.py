"""A toolset around a toolset; each feature overrides the half it changes."""

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Any, Self, cast

from universal_mcp_client.tools.base import CallContext, Catalogue, Toolset, left_out
from universal_mcp_client.tools.wrapping import Wrappable
from universal_mcp_client.types.messages import ToolCall, ToolResult
from universal_mcp_client.types.tools import ToolSpec


@dataclass(kw_only=True)
class WrapperToolset(Wrappable):
    wrapped: Toolset
    _catalogue: Catalogue = field(default_factory=Catalogue, init=False, repr=False)

    @property
    def left_out(self) -> Sequence[str]:
        return left_out(self.wrapped)

    async def list_tools(self) -> Sequence[ToolSpec]:
        return await self.wrapped.list_tools()

    async def call_tool(self, call: ToolCall, context: CallContext) -> ToolResult:
        return await self.wrapped.call_tool(call, context)

    async def find(self, name: str) -> ToolSpec | None:
        """The tool of that name, if there is one now."""
        return self._catalogue(await self.wrapped.list_tools()).get(name)

    async def __aenter__(self) -> Self:
        if hasattr(self.wrapped, "__aenter__"):
            await cast(AbstractAsyncContextManager[Any], self.wrapped).__aenter__()
        return self

    async def __aexit__(self, *exc: Any) -> None:
        if hasattr(self.wrapped, "__aexit__"):
            await cast(AbstractAsyncContextManager[Any], self.wrapped).__aexit__(*exc)
