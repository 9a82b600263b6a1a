"""Ask a person before a tool acts."""

from collections.abc import Callable
from dataclasses import dataclass

import anyio

from universal_mcp_client.tools.base import CallContext
from universal_mcp_client.tools.wrapper import WrapperToolset
from universal_mcp_client.types.interaction import Interaction
from universal_mcp_client.types.messages import ToolCall, ToolResult, failure
from universal_mcp_client.types.tools import ToolSpec


def destructive(spec: ToolSpec) -> bool:
    """The server says of this tool that it may destroy something."""
    return spec.annotations.destructive is True and spec.annotations.read_only is not True


def everything(spec: ToolSpec) -> bool:
    """All but tools that the server declares to be read-only."""
    return spec.annotations.read_only is not True


@dataclass(kw_only=True)
class ApprovalToolset(WrapperToolset):
    """Calls for which `needs` holds run only when the front end's person allows them.

    Questions are asked one at a time, however many calls run in parallel.
    """

    interaction: Interaction
    needs: Callable[[ToolSpec], bool] = destructive

    def __post_init__(self) -> None:
        self._one_at_a_time = anyio.Lock()

    async def call_tool(self, call: ToolCall, context: CallContext) -> ToolResult:
        spec = await self.find(call.name)
        if spec is not None and self.needs(spec):
            async with self._one_at_a_time:
                verdict = await self.interaction.approve(call, spec)
            if not verdict.allowed:
                reason = f" Reason: {verdict.reason}" if verdict.reason else ""
                return failure(call, f"The user did not allow this call.{reason}")
        return await self.wrapped.call_tool(call, context)
