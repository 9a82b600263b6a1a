"""Ask a person before a tool acts."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from universal_mcp_client.tools.base import CallContext
from universal_mcp_client.tools.rules import Approval
from universal_mcp_client.tools.wrapper import WrapperToolset
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

    async def find(self, name: str) -> ToolSpec | None:
        return self._catalogue(await self.list_tools()).get(name)

    async def call_tool(self, call: ToolCall, context: CallContext) -> ToolResult:
        if self.approval.rules and (spec := await self.find(call.name)) is not None:
            refusal = await self._refusal(call, spec)
            if refusal is not None:
                return failure(call, refusal)
        return await self.wrapped.call_tool(call, replace(context, approval=self.approval))

    async def _refusal(self, call: ToolCall, spec: ToolSpec) -> str | None:
        """Why the call may not go ahead, for the model."""
        asked = self.approval.asks(spec)
        for interaction in asked:
            if interaction is None:
                return "This call needs a person's permission, and nobody is there to give it."
            verdict = await interaction.approve(call, spec)
            if not verdict.allowed:
                reason = f" Reason: {verdict.reason}" if verdict.reason else ""
                return f"The user did not allow this call.{reason}"
        if asked and not _same(spec, await self.find(call.name)):
            return f"The tool {call.name!r} changed while the user was asked. Not called."
        return None


def _same(asked: ToolSpec, now: ToolSpec | None) -> bool:
    """A name still stands for the tool which was asked for."""
    return now is not None and (
        (now.server, now.original, now.description, now.input_schema)
        == (asked.server, asked.original, asked.description, asked.input_schema)
    )
