"""Which tools a model sees this turn."""

from collections.abc import Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, TypeAlias

from universal_mcp_client.tools.base import CallContext, RunContext, current_run
from universal_mcp_client.tools.combined import unknown_tool
from universal_mcp_client.tools.program import awaited
from universal_mcp_client.tools.wrapper import WrapperToolset
from universal_mcp_client.tools.wrapping import Prepare
from universal_mcp_client.types.errors import ConfigError
from universal_mcp_client.types.messages import ToolCall, ToolResult, failure
from universal_mcp_client.types.tools import ToolSpec

_ALIKE = 8  # results that are the very same object whenever they come again

# What was shown this turn, of which listing, by toolset and run: it ends with the run's task.
_Turn: TypeAlias = "tuple[PreparedToolset, Sequence[ToolSpec], Sequence[ToolSpec]]"
_NONE: Mapping[tuple[int, str], _Turn] = MappingProxyType({})
_turns: ContextVar[Mapping[tuple[int, str], _Turn]] = ContextVar("_turns", default=_NONE)


@dataclass(kw_only=True)
class PreparedToolset(WrapperToolset):
    """Shows the tools that `prepare(ctx, specs)` returns when a turn begins, and calls no others in
    that turn. They are some of `specs`, in any order, with another description or schema where it
    likes; what tells rules about a tool (its server, own name and annotations) stays.

    Raises ConfigError where `prepare` returns something else, and what `prepare` raises.
    """

    prepare: Prepare
    _alike: list[Sequence[ToolSpec]] = field(
        default_factory=list[Sequence[ToolSpec]], init=False, repr=False
    )

    async def list_tools(self) -> Sequence[ToolSpec]:
        run = current_run.get() or RunContext[Any]()
        listing = await self.wrapped.list_tools()
        turns, key = _turns.get(), (id(self), run.run_id)
        if run.call is None or key not in turns:
            shown = await self._prepared(run, listing)
            if run.run_id:
                _turns.set({**turns, key: (self, listing, shown)})
            return shown
        _, before, shown = turns[key]
        if listing is before:
            return shown
        # What is called is what there is now, of that which the model was shown.
        known = {spec.name for spec in shown}
        return [s for s in await self._prepared(run, listing) if s.name in known]

    async def _prepared(
        self, run: RunContext[Any], listing: Sequence[ToolSpec]
    ) -> Sequence[ToolSpec]:
        known = {spec.name: spec for spec in listing}
        found: Any = await awaited(self.prepare(run, listing))
        if not isinstance(found, Sequence) or not all(
            isinstance(spec, ToolSpec) and spec.name in known for spec in found
        ):
            raise ConfigError(
                f"prepared(): {self.prepare!r} returned {found!r:.200}; it returns a list of some of "
                "the tools that it was given, under the same names."
            )
        shown = tuple(_kept(spec, known[spec.name]) for spec in found)
        for before in (listing, *self._alike):
            if shown == tuple(before):
                return before
        self._alike = [shown, *self._alike[: _ALIKE - 1]]
        return shown

    async def call_tool(self, call: ToolCall, context: CallContext) -> ToolResult:
        shown = [spec.name for spec in await self.list_tools()]
        if call.name not in shown:
            return failure(call, unknown_tool(call.name, shown))
        return await self.wrapped.call_tool(call, context)


def _kept(spec: ToolSpec, known: ToolSpec) -> ToolSpec:
    """`spec` as rules know the tool."""
    told = (known.server, known.original, known.annotations)
    if (spec.server, spec.original, spec.annotations) == told:
        return spec
    return replace(spec, server=told[0], original=told[1], annotations=told[2])
