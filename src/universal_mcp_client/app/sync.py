"""Async work for programs that are not async: one event loop in the background, for all threads.

It is a plain loop and no portal of anyio's, whose tasks end all others with them when one raises
`SystemExit`, and lose what a cancelled one still had to do.
"""

import asyncio
import atexit
import os
import threading
from collections.abc import Awaitable, Callable, Generator
from concurrent.futures import FIRST_COMPLETED, Future, wait
from contextlib import AbstractAsyncContextManager, contextmanager, suppress
from contextvars import Context
from typing import Any, Generic, TypeVar, cast

from universal_mcp_client.core.run import Run
from universal_mcp_client.types.errors import ConfigError, RunError
from universal_mcp_client.types.events import Event, Output, RunResult

T = TypeVar("T")

_POLL = 0.1 if os.name == "nt" else None  # seconds: on Windows Ctrl-C does not end a wait
_GRACE = 3.0  # seconds for what is under way when the program ends


class _Background(threading.Thread):
    """A loop in a thread; started by who needs it first, and ended with the program."""

    def __init__(self) -> None:
        super().__init__(name="umcp-sync", daemon=True)
        self._ended, self._pid, self._starting = False, os.getpid(), threading.Lock()

    def loop(self) -> asyncio.AbstractEventLoop:
        with self._starting:
            if self._ended:
                raise RunError("The program is ending; nothing can be run any more.")
            if self.ident is None:
                self._loop = asyncio.new_event_loop()
                # In a context of its own, which is nobody's even where threads inherit one.
                Context().run(self.start)
                atexit.register(self._end)
        if threading.current_thread() is self:
            raise ConfigError(
                "This is the event loop that runs things for callers who are not async: waiting here "
                "would wait for ever. In async functions, `await agent.run(…)`."
            )
        return self._loop

    def run(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.get_loop()  # whose tasks it cancels in the end
            while not self._ended:
                with suppress(SystemExit, KeyboardInterrupt):  # of a task: its caller gets it too
                    self._loop.run_forever()

    def _end(self) -> None:
        if self._pid == os.getpid():
            self._ended = True
            self._loop.call_soon_threadsafe(self._loop.stop)
            self.join(_GRACE)  # what blocks it longer goes with the process


# By process: a forked child has none of its parent's threads. Its parent's loop is kept, unused, as
# closing it would close what the parent waits on.
_backgrounds: dict[int, _Background] = {}


class _Work(Generic[T]):
    """A coroutine function at work in the background, in a copy of the caller's context."""

    def __init__(self, function: Callable[[], Awaitable[T]]) -> None:
        self.loop = _backgrounds.setdefault(os.getpid(), _Background()).loop()
        self.future: Future[T] = Future()
        self._task = asyncio.run_coroutine_threadsafe(self._run(function), self.loop)

    async def _run(self, function: Callable[[], Awaitable[T]]) -> None:
        try:
            self.future.set_result(await function())
        except BaseException as error:  # noqa: BLE001 - raised where it is waited for
            self.future.set_exception(error)

    def result(self, *, or_until: "Future[Any] | None" = None) -> T | None:
        """What it came to; None if `or_until` was there first. Ctrl-C cancels it, and waits for its
        end; a second one does not."""
        try:
            _wait(self.future, or_until or self.future)
        except BaseException:
            self._task.cancel()
            _wait(self.future)
            raise
        return self.future.result() if self.future.done() else None


def _wait(*futures: "Future[Any]") -> None:
    while not wait(futures, _POLL, FIRST_COMPLETED).done:
        pass


def run_blocking(function: Callable[[], Awaitable[T]]) -> T:
    """Await `function()` in the background, in a copy of the caller's context.

    For any thread, one with a running loop too (which stands still meanwhile). Raises ConfigError in
    the background's own loop.
    """
    return cast(T, _Work(function).result())


class Held(Generic[T]):
    """An async context manager as a plain one, entered and left by one task in the background."""

    def __init__(self, opening: Callable[[], AbstractAsyncContextManager[T]]) -> None:
        self._opening = opening
        self._leaving = asyncio.Event()
        self._inside: Future[T] = Future()

    async def _live(self) -> None:
        async with self._opening() as value:
            self._inside.set_result(value)
            await self._leaving.wait()

    def __enter__(self) -> T:
        self._work = _Work(self._live)
        self._work.result(or_until=self._inside)
        return self._inside.result()

    def __exit__(self, *_exc: object) -> None:
        self._work.loop.call_soon_threadsafe(self._leaving.set)
        self._work.result()


class SyncRun(Generic[Output]):
    """The events of a run under way, for a plain `for`. `result` is there once it has ended."""

    def __init__(self, run: Run[Output]) -> None:
        self._run = run

    def __iter__(self) -> "SyncRun[Output]":
        return self

    def __next__(self) -> Event:
        event = run_blocking(lambda: anext(self._run, None))
        if event is None:
            raise StopIteration
        return event

    @property
    def result(self) -> RunResult[Output]:
        """What the run came to. Raises RunError while it is still going on."""
        return self._run.result


@contextmanager
def stream_blocking(
    open_stream: Callable[[], AbstractAsyncContextManager[Run[Output]]],
) -> Generator[SyncRun[Output]]:
    """The events of `open_stream()`, one at a time; leaving early cancels the run."""
    with Held(open_stream) as run:
        yield SyncRun(run)
