"""One prompt's execution: a context manager and an iterator of events."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any, Generic, Self, cast

import anyio
from anyio.streams.memory import MemoryObjectReceiveStream

from universal_mcp_client.types.errors import Fatal, RunError, UniversalMCPError
from universal_mcp_client.types.events import Event, Output, RunFinished, RunResult
from universal_mcp_client.types.messages import ToolCall, ToolResult, failure


class Run(Generic[Output]):
    """The events of a run under way. `result` is there once it has ended."""

    def __init__(
        self, events: MemoryObjectReceiveStream[Event], driving: "asyncio.Task[None]"
    ) -> None:
        self._events, self._driving = events, driving
        self._result: RunResult[Output] | None = None

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Event:
        try:
            event = await self._events.receive()
        except anyio.EndOfStream:
            await self._driving  # raises what ended the run
            raise StopAsyncIteration from None
        if isinstance(event, RunFinished):
            self._result = event.result
        return event

    @property
    def result(self) -> RunResult[Output]:
        """What the run came to. Raises what ended it, and RunError while it is still going on."""
        if self._result is None:
            if self._driving.done() and not self._driving.cancelled():
                self._driving.result()
            raise RunError("The run has not ended; read its events to the end first.")
        return self._result


@asynccontextmanager
async def running(
    drive: Callable[[Callable[[Event], Awaitable[None]]], Awaitable[None]],
) -> AsyncGenerator[Run[Any]]:
    """Run `drive(emit)` beside the body, in a task of its own; leaving the body early cancels it.

    Events pass through a stream without capacity, so that a slow reader slows the run down rather
    than filling memory. What ends the run is raised where its events are read. The body may be left
    in another task than it was entered in, as web servers do with generators of those who went away.
    """
    send, receive = anyio.create_memory_object_stream[Event](0)

    async def feed() -> None:
        async with send:
            await drive(send.send)

    driving = asyncio.create_task(feed())
    try:
        async with receive:
            yield Run[Any](receive, driving)
    finally:
        driving.cancel()
        with anyio.CancelScope(shield=True):
            await asyncio.wait({driving})
        if not driving.cancelled():
            driving.exception()  # it need not have been read


async def make_calls(
    calls: Sequence[ToolCall],
    results: list[ToolResult],
    make: Callable[[int, ToolCall], Awaitable[None]],
) -> None:
    """Make all calls at once, each in a task of its own: `make(place, call)` puts the result into its
    place in `results` as soon as it is there. Raises what ends the run as it is, not as a group."""

    async def one(place: int, call: ToolCall) -> None:
        try:
            await make(place, call)
        except Fatal as error:
            results[place] = failure(call, f"It ended the run: {error}")
            raise

    try:
        async with anyio.create_task_group() as group:
            for place, call in enumerate(calls):
                group.start_soon(one, place, call)
    except BaseExceptionGroup as failures:
        error = sole_leaf(failures)
        raise error from error.__cause__


def sole_leaf(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """The one exception inside nested groups, or the first of several that are all ours; the group
    where it holds several others."""
    ours = all(isinstance(error, UniversalMCPError) for error in group.exceptions)
    if len(group.exceptions) > 1 and not ours:
        return group
    error = group.exceptions[0]
    if isinstance(error, BaseExceptionGroup):
        return sole_leaf(cast(BaseExceptionGroup[BaseException], error))
    return error
