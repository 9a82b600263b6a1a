"""Which tools a model sees this turn."""

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

from universal_mcp_client.tools.base import CallContext, RunContext, current_run
from universal_mcp_client.tools.combined import unknown_tool
from universal_mcp_client.tools.program import awaited
from universal_mcp_client.tools.wrapping import Prepare, WrapperToolset
from universal_mcp_client.types.errors import ConfigError
from universal_mcp_client.types.messages import ToolCall, ToolResult, failure
from universal_mcp_client.types.tools import ToolSpec

_ALIKE = 8  # results that are the very same object whenever they come again
_RUNS = 1_000  # whose turn is remembered; for more at once, `prepare` is asked again

Turn: TypeAlias = tuple[Sequence[ToolSpec], Sequence[ToolSpec]]
"""A listing, and what was shown of it."""


@dataclass(kw_only=True)
class PreparedToolset(WrapperToolset):
    """Shows the tools that `prepare(ctx, specs)` returns when a turn begins, and calls no others in
    that turn. They are some of `specs`, in any order, with another description or schema where it
    likes; what tells rules about a tool (its server, own name and annotations) stays.

    Raises ConfigError where `prepare` returns something else, and what `prepare` raises.
    """

    prepare: Prepare
    _turns: OrderedDict[str, Turn] = field(
        default_factory=OrderedDict[str, Turn], init=False, repr=False
    )
    _alike: list[Sequence[ToolSpec]] = field(
        default_factory=list[Sequence[ToolSpec]], init=False, repr=False
    )

    async def list_tools(self) -> Sequence[ToolSpec]:
        run = current_run.get() or RunContext[Any]()
        listing = await self.wrapped.list_tools()
        before, shown = self._turns.get(run.run_id, ((), ()))
        if run.call is None or run.run_id not in self._turns:
            shown = await self._prepared(run, listing)
            if run.run_id:
                self._turns[run.run_id] = listing, shown
                self._turns.move_to_end(run.run_id)
                if len(self._turns) > _RUNS:
                    self._turns.popitem(last=False)
        elif listing is not before:
            # What is called is what there is now, of that which the model was shown.
            known = {spec.name for spec in shown}
            return [s for s in await self._prepared(run, listing) if s.name in known]
        return shown

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
    if spec is known:
        return spec
    return replace(
        spec, server=known.server, original=known.original, annotations=known.annotations
    )
