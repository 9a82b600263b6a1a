"""A toolset whose listing is made of another's: some of it, under other names, with less to fill in."""

import logging
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from universal_mcp_client.tools.base import CallContext, left_out
from universal_mcp_client.tools.combined import unknown_tool
from universal_mcp_client.tools.wrapper import WrapperToolset
from universal_mcp_client.types.bounds import NAME_CHARACTERS
from universal_mcp_client.types.messages import ToolCall, ToolResult, failure
from universal_mcp_client.types.tools import ToolSpec

logger = logging.getLogger(__name__)


@dataclass(kw_only=True)
class DerivedToolset(WrapperToolset, ABC):
    """Shows what `derive` makes of the wrapped listing, made anew only when that is another object,
    and calls nothing else. `forward` makes the call of a tool that is shown."""

    _seen: Sequence[ToolSpec] | None = field(default=None, init=False, repr=False)
    _shown: Sequence[ToolSpec] = field(default=(), init=False, repr=False)
    _routes: Mapping[str, ToolSpec] = field(
        default_factory=dict[str, ToolSpec], init=False, repr=False
    )
    _lacking: list[ToolSpec] = field(default_factory=list[ToolSpec], init=False, repr=False)
    why = ""

    @abstractmethod
    def derive(self, listing: Sequence[ToolSpec]) -> Iterator[tuple[ToolSpec, ToolSpec]]:
        """What is shown, each with the wrapped tool that it stands for. What has to be left out goes to
        `_lacking`, and `why` says what for."""

    async def forward(self, call: ToolCall, spec: ToolSpec, context: CallContext) -> ToolResult:
        """Make the call of the wrapped tool `spec`, which has its name already."""
        return await self.wrapped.call_tool(call, context)

    @property
    def left_out(self) -> Sequence[str]:
        if not self._lacking:
            return left_out(self.wrapped)
        first = self._lacking[0].label[:NAME_CHARACTERS]
        number, of = len(self._lacking), len(self._lacking) + len(self._shown)
        told = f"{number:,} of {of:,} tools are left out, {first!r} the first: {self.why}"
        return (*left_out(self.wrapped), told)

    async def list_tools(self) -> Sequence[ToolSpec]:
        listing = await self.wrapped.list_tools()
        if listing is not self._seen:
            self._lacking.clear()
            pairs = tuple(self.derive(listing))
            self._shown = tuple(shown for shown, _ in pairs)
            self._routes = {shown.name: spec for shown, spec in pairs}
            self._seen = listing
            if self._lacking:
                logger.warning("%s", self.left_out[-1])
        return self._shown

    async def call_tool(self, call: ToolCall, context: CallContext) -> ToolResult:
        await self.list_tools()
        spec = self._routes.get(call.name)
        if spec is None:
            return failure(call, unknown_tool(call.name, list(self._routes)))
        own = call if call.name == spec.name else replace(call, name=spec.name)
        return await self.forward(own, spec, context)
