"""The agent loop: ask the model, run the tools it asks for, repeat."""

import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace

import anyio

from universal_mcp_client.core.limits import Meter
from universal_mcp_client.models.base import Model, ModelRequest
from universal_mcp_client.tools.base import CallContext, Catalogue, Toolset, left_out
from universal_mcp_client.types.errors import ContentFiltered, ModelUnavailable
from universal_mcp_client.types.events import (
    CallRecord,
    Completion,
    Event,
    Limit,
    StopReason,
    ToolFinished,
    ToolProgress,
    ToolStarted,
)
from universal_mcp_client.types.messages import Message, ToolCall, ToolResult, failure
from universal_mcp_client.types.tools import ToolSpec

Emit = Callable[[Event], Awaitable[None]]

# Without numbers and names: it stays as it is while the listing is cut in another place.
_INCOMPLETE = (
    "Not all tools of the connected servers could be listed. If one that the task needs is missing, "
    "say so."
)


@dataclass(slots=True, kw_only=True)
class Loop:
    """One run's loop. `history` grows in place and is valid at every moment."""

    model: Model
    tools: Toolset
    request: ModelRequest
    history: list[Message]
    meter: Meter
    emit: Emit
    records: list[CallRecord] = field(default_factory=list[CallRecord])
    _catalogue: Catalogue = field(default_factory=Catalogue)

    async def run(self) -> StopReason | Limit:
        """Until the model stops asking for tools, or a limit says stop."""
        while (limit := self.meter.reached()) is None:
            specs = await self.tools.list_tools()
            completion = await self._ask(specs)
            self.history.append(completion.message)
            calls = completion.message.tool_calls
            if calls:
                if limit := await self._answer(calls, specs):
                    return limit
            elif completion.stop_reason != "pause":
                return completion.stop_reason
        return limit

    async def _ask(self, specs: Sequence[ToolSpec]) -> Completion:
        request = replace(self.request, messages=tuple(self.history), tools=specs)
        if left_out(self.tools):
            told = "\n\n".join(filter(None, (request.instructions, _INCOMPLETE)))
            request = replace(request, instructions=told)
        async with aclosing(self.model.stream(request)) as events:
            async for event in events:
                await self.emit(event)
                if isinstance(event, Completion):
                    self.meter.turns += 1
                    self.meter.spend(event.usage)
                    if event.stop_reason == "content_filter":
                        raise ContentFiltered(
                            f"{self.model.name}: the provider's content filter ended the answer.",
                            model=self.model.name,
                            partial=event.message,
                        )
                    return event
        raise ModelUnavailable(f"{self.model.name} ended without an answer.", model=self.model.name)

    async def _answer(self, calls: Sequence[ToolCall], specs: Sequence[ToolSpec]) -> Limit | None:
        """Run all calls at once; their results keep the calls' order, and every call is answered,
        also when the run is cancelled half way."""
        limit = self.meter.reached(upcoming_calls=len(calls))
        reason = "Not called: the run's limit of tool calls is reached." if limit else "Cancelled."
        results = [failure(call, reason) for call in calls]
        by_name = self._catalogue(specs)
        try:
            if limit is None:
                self.meter.tool_calls += len(calls)
                async with anyio.create_task_group() as group:
                    for index, call in enumerate(calls):
                        group.start_soon(self._call, index, call, by_name.get(call.name), results)
        finally:
            self.history.append(Message(role="tool", parts=tuple(results)))
            for call, result in zip(calls, results, strict=True):
                spec = by_name.get(call.name)
                server, tool = (
                    (spec.server, spec.original or spec.name) if spec else ("", call.name)
                )
                self.records.append(CallRecord(call=call, result=result, server=server, tool=tool))
        return limit

    async def _call(
        self, index: int, call: ToolCall, spec: ToolSpec | None, results: list[ToolResult]
    ) -> None:
        async def report(progress: float, total: float | None, message: str | None) -> None:
            await self.emit(
                ToolProgress(call=call, progress=progress, total=total, message=message)
            )

        await self.emit(ToolStarted(call=call, spec=spec))
        started = time.monotonic()
        context = CallContext(progress=report, spent=self.meter.spend)
        results[index] = await self.tools.call_tool(call, context)
        seconds = time.monotonic() - started
        await self.emit(ToolFinished(call=call, result=results[index], seconds=seconds, spec=spec))
