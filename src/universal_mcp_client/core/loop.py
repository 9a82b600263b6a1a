"""The agent loop: ask the model, run the tools it asks for, repeat."""

import logging
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from typing import Any, cast

from universal_mcp_client.core.limits import Meter
from universal_mcp_client.core.run import make_calls
from universal_mcp_client.models.base import Model, ModelRequest
from universal_mcp_client.tools.base import Catalogue, RunContext, Toolset, current_run, left_out
from universal_mcp_client.tools.combined import unknown_tool
from universal_mcp_client.types.errors import ConfigError, ContentFiltered, ModelUnavailable
from universal_mcp_client.types.events import (
    CallRecord,
    Completion,
    Event,
    Limit,
    StopReason,
    TextDelta,
    ToolFinished,
    ToolProgress,
    ToolStarted,
)
from universal_mcp_client.types.messages import Message, Part, Text, ToolCall, ToolResult, failure
from universal_mcp_client.types.tools import ToolSpec

logger = logging.getLogger(__name__)

Emit = Callable[[Event], Awaitable[None]]

# Without numbers and names: it stays as it is while the listing is cut in another place.
_INCOMPLETE = (
    "Not all tools of the connected servers could be listed. If one that the task needs is missing, "
    "say so."
)
_ANSWERED = "Not called: the answer had been given already."
_TOO_MANY = "Not called: the run's limit of tool calls is reached."


def add_to_user(history: list[Message], parts: Sequence[Part]) -> None:
    """Put parts after what the user said last, in the same message where nobody has spoken since:
    some models take no two of a role in a row."""
    if history and history[-1].role == "user":
        history[-1] = replace(history[-1], parts=(*history[-1].parts, *parts))
    else:
        history.append(Message(role="user", parts=tuple(parts)))


@dataclass(slots=True, kw_only=True)
class Loop:
    """The turns of one agent in a run. `history` grows in place and is valid at every moment.
    `answered` tells whether a message that asks for tools is the answer already, so that they need
    not be called; `news` is what the model should know before its next turn."""

    model: Model
    tools: Toolset
    request: ModelRequest
    history: list[Message]
    meter: Meter
    emit: Emit
    context: RunContext[Any] = RunContext()
    records: list[CallRecord] = field(default_factory=list[CallRecord])
    answered: Callable[[Message], bool] = lambda message: False
    news: Callable[[Sequence[ToolSpec]], Awaitable[Sequence[Part]]] | None = None
    _catalogue: Catalogue = field(default_factory=Catalogue)

    async def turn(self) -> StopReason | Limit | None:
        """An answer of the model, and the tools that it asks for: why that was the last turn, or None
        where it has to go on."""
        if limit := self.meter.reached():
            return limit
        specs = await self.tools.list_tools()
        if self.news is not None and (parts := await self.news(specs)):
            add_to_user(self.history, parts)
        completion = await self._ask(specs)
        message, calls = completion.message, completion.message.tool_calls
        results = [failure(call, "Cancelled.") for call in calls]
        by_name = self._catalogue(specs)
        self.history.append(message)
        try:
            await self.emit(completion)
            if not calls:
                return None if completion.stop_reason == "pause" else completion.stop_reason
            if self.answered(message):
                results = [failure(call, _ANSWERED) for call in calls]
                return "end_turn"
            if limit := self.meter.calls(len(calls)):
                results = [failure(call, _TOO_MANY) for call in calls]
                return limit

            async def make(place: int, call: ToolCall) -> None:
                await self._call(place, call, by_name.get(call.name), results)

            await make_calls(calls, results, make)
        finally:
            if calls:
                self._close(calls, results, by_name)
        if self.request.settings.tool_choice not in ("auto", "none"):  # it has been obeyed
            settings = replace(self.request.settings, tool_choice="auto")
            self.request = replace(self.request, settings=settings)
        return None

    async def _ask(self, specs: Sequence[ToolSpec]) -> Completion:
        request = replace(self.request, messages=tuple(self.history), tools=specs)
        if left_out(self.tools):
            told = "\n\n".join(filter(None, (request.instructions, _INCOMPLETE)))
            request = replace(request, instructions=told)
        choice = request.settings.tool_choice
        if choice not in ("auto", "required", "none") and choice not in self._catalogue(specs):
            raise ConfigError(f"tool_choice: {unknown_tool(choice, [s.name for s in specs])}")
        logger.debug(
            "Asking %s: %d messages, %d tools.", self.model.name, len(self.history), len(specs)
        )
        said, done = list[str](), cast(Completion | None, None)
        try:
            async with aclosing(self.model.stream(request)) as events:
                async for event in events:
                    if isinstance(event, Completion):
                        done = event  # and what an interceptor does afterwards is done
                        continue
                    await self.emit(event)
                    if isinstance(event, TextDelta):
                        said.append(event.text)
            if done is not None:
                return await self._counted(done)
        except BaseException:
            if said:  # so that the conversation can go on from what had been said
                parts = (Text(text="".join(said)),)
                self.history.append(Message(role="assistant", parts=parts, interrupted=True))
            raise
        raise ModelUnavailable(f"{self.model.name} ended without an answer.", model=self.model.name)

    async def _counted(self, completion: Completion) -> Completion:
        self.meter.turns += 1
        self.meter.spend(completion.usage, self.model, completion.model)
        logger.debug("%s: %s, %s.", self.model.name, completion.stop_reason, completion.usage)
        if completion.stop_reason == "content_filter":
            await self.emit(completion)
            raise ContentFiltered(
                f"{self.model.name}: the provider's content filter ended the answer.",
                model=self.model.name,
                partial=completion.message,
            )
        return completion

    def _close(
        self,
        calls: Sequence[ToolCall],
        results: Sequence[ToolResult],
        by_name: Mapping[str, ToolSpec],
    ) -> None:
        self.history.append(Message(role="tool", parts=tuple(results)))
        for call, result in zip(calls, results, strict=True):
            spec = by_name.get(call.name)
            server, tool = (spec.server, spec.original or spec.name) if spec else ("", call.name)
            self.records.append(CallRecord(call=call, result=result, server=server, tool=tool))

    async def _call(
        self, place: int, call: ToolCall, spec: ToolSpec | None, results: list[ToolResult]
    ) -> None:
        async def report(progress: float, total: float | None, message: str | None) -> None:
            await self.emit(
                ToolProgress(call=call, progress=progress, total=total, message=message)
            )

        await self.emit(ToolStarted(call=call, spec=spec))
        started = time.monotonic()
        context = replace(self.context, call=call, progress=report)
        current_run.set(context)  # of this task alone
        results[place] = result = await self.tools.call_tool(call, context)
        seconds = time.monotonic() - started
        logger.debug("%s: %.3f s, error: %s.", call.name, seconds, result.is_error)
        await self.emit(ToolFinished(call=call, result=result, seconds=seconds, spec=spec))
