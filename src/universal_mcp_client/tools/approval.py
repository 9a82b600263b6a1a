"""Ask a person before a tool acts."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from universal_mcp_client.tools.base import CallContext
from universal_mcp_client.tools.combined import changed_tool, is_meant, unknown_tool
from universal_mcp_client.tools.program import awaited
from universal_mcp_client.tools.rules import Approval, Needs, writes
from universal_mcp_client.tools.wrapping import WrapperToolset
from universal_mcp_client.types.errors import ConfigError
from universal_mcp_client.types.interaction import Interaction, Verdict
from universal_mcp_client.types.messages import ToolCall, ToolResult, failure
from universal_mcp_client.types.tools import ToolSpec


@dataclass(kw_only=True)
class ApprovalToolset(WrapperToolset):
    """Calls which the rules of `approval` ask for run only when they are allowed. What is called
    gets the rules in its context."""

    approval: Approval
    _noted: Sequence[ToolSpec] | None = field(default=None, init=False, repr=False)

    async def list_tools(self) -> Sequence[ToolSpec]:
        listing = await self.wrapped.list_tools()
        if listing is not self._noted:
            self._noted = listing
            self.approval.seen.note(listing)
        return listing

    async def call_tool(self, call: ToolCall, context: CallContext) -> ToolResult:
        return await called(self, call, context, self.approval, self.approval)


@dataclass(kw_only=True)
class ApprovedToolset(WrapperToolset):
    """Calls are asked for by a rule of this toolset's own, after those of the run around it: those
    for which `needs` holds, by default all that are not read-only. `interaction` decides, by default
    the run's. Whoever was asked for the call already is not asked again. What is called gets the
    rule too, among the others."""

    needs: Needs | None = None
    interaction: Interaction | None = None

    async def call_tool(self, call: ToolCall, context: CallContext) -> ToolResult:
        around = context.approval
        own = replace(around, rules=()).narrowed(self.interaction, self.needs or writes)
        within = around.narrowed(self.interaction, self.needs or writes)
        return await called(self, call, context, own, within)


async def called(
    tools: WrapperToolset, call: ToolCall, context: CallContext, rules: Approval, within: Approval
) -> ToolResult:
    """Make a call of what `tools` wraps if all whom `rules` ask allow it; it gets `within`."""
    asked, spec = list(context.approval.asked), context.tool
    if rules.rules:
        spec = await tools.find(call.name)
        if spec is None:  # what may be there again when it is called has not been asked for
            return failure(
                call, unknown_tool(call.name, [s.name for s in await tools.list_tools()])
            )
        if not is_meant(spec, call, context):
            return failure(call, changed_tool(call.name))
        for interaction in (asking := rules.asks(spec)):
            if interaction is None:
                told = "This call needs a person's permission, and nobody is there to give it."
                return failure(call, told)
            if any(
                context.call is about and own == spec.own and interaction is who
                for about, own, who in asked
            ):
                continue
            verdict: object = await awaited(interaction.approve(call, spec))
            if not isinstance(verdict, Verdict):
                raise ConfigError(
                    f"{type(interaction).__name__}.approve() returned {verdict!r}: it gives a "
                    "Verdict(allowed=…)."
                )
            if not verdict.allowed:
                reason = f" Reason: {verdict.reason}" if verdict.reason else ""
                return failure(call, f"The user did not allow this call.{reason}")
            if context.call is not None:
                asked.append((context.call, spec.own, interaction))
        if asking and not _same(spec, await tools.find(call.name)):
            return failure(call, changed_tool(call.name))
    approval = replace(within, asked=tuple(asked))
    return await tools.wrapped.call_tool(call, replace(context, approval=approval, tool=spec))


def _same(asked: ToolSpec, now: ToolSpec | None) -> bool:
    """A name still stands for the tool which was asked for."""
    return now is not None and (
        (now.own, now.description, now.input_schema)
        == (asked.own, asked.description, asked.input_schema)
    )
