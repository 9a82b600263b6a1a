"""A function of the program around each call."""

from dataclasses import dataclass, replace

from universal_mcp_client.tools.approval import ApprovalToolset
from universal_mcp_client.tools.base import CallContext
from universal_mcp_client.tools.program import awaited, told
from universal_mcp_client.tools.wrapping import Intercept, WrapperToolset
from universal_mcp_client.types.errors import ConfigError
from universal_mcp_client.types.messages import ToolCall, ToolResult


@dataclass(kw_only=True)
class InterceptedToolset(WrapperToolset):
    """Every call goes to `intercept(call, ctx, proceed)`, and what it returns is the result.

    `await proceed(call)` makes the call that it is given: this one, another, more than one, or none.
    A call of another tool is asked for by the same rules as one of the model's. `Fatal` ends the
    run; what else it raises goes to the model as the tool's error. Raises ConfigError where it
    returns no ToolResult.
    """

    intercept: Intercept

    async def call_tool(self, call: ToolCall, context: CallContext) -> ToolResult:
        async def proceed(changed: ToolCall) -> ToolResult:
            if changed.name == call.name:
                return await self.wrapped.call_tool(changed, context)
            fresh = replace(context.approval, asked=())
            tools = ApprovalToolset(wrapped=self.wrapped, approval=fresh)
            return await tools.call_tool(changed, replace(context, approval=fresh))

        try:
            result = await awaited(self.intercept(call, context, proceed))
        except Exception as error:  # noqa: BLE001 - a program's function may raise anything
            return told(call, error)
        if not isinstance(result, ToolResult):
            raise ConfigError(
                f"intercepted(): {self.intercept!r} returned {result!r}, not a ToolResult such as "
                "`await proceed(call)` gives."
            )
        return result if result.call_id == call.id else replace(result, call_id=call.id)
