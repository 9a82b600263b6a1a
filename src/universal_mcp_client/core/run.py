"""One prompt's execution: a context manager and an iterator of events."""

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, Generic, Self, cast

import anyio
from anyio.streams.memory import MemoryObjectReceiveStream

from universal_mcp_client.types.errors import RunError, UniversalMCPError
from universal_mcp_client.types.events import Event, Output, RunFinished, RunResult


class Run(Generic[Output]):
    """The events of a run under way. `result` is there once it has ended."""

    def __init__(self, events: MemoryObjectReceiveStream[Event]) -> None:
        self._events = events
        self._result: RunResult[Output] | None = None

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Event:
        try:
            event = await self._events.receive()
        except anyio.EndOfStream:
            raise StopAsyncIteration from None
        if isinstance(event, RunFinished):
            self._result = event.result
        return event

    @property
    def result(self) -> RunResult[Output]:
        """What the run came to. Raises RunError while it is still going on."""
        if self._result is None:
            raise RunError("The run has not ended; read its events to the end first.")
        return self._result


@asynccontextmanager
async def running(
    drive: Callable[[Callable[[Event], Awaitable[None]]], Awaitable[None]],
) -> AsyncGenerator[Run[Any]]:
    """Run `drive(emit)` beside the body; leaving the body early cancels it.

    Events pass through a stream without capacity, so that a slow reader slows the run down rather
    than filling memory. Errors come out as they were raised, not in groups.
    """
    send, receive = anyio.create_memory_object_stream[Event](0)

    async def feed() -> None:
        async with send:
            await drive(send.send)

    try:
        async with receive, anyio.create_task_group() as group:
            group.start_soon(feed)
            try:
                yield Run[Any](receive)
            finally:
                group.cancel_scope.cancel()
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
