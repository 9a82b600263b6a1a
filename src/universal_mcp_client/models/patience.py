"""How long a model server is waited for, from the request to the end of its answer."""

import asyncio
from collections.abc import Awaitable
from typing import Any, NoReturn, TypeVar

from universal_mcp_client.models.base import ModelSettings

T = TypeVar("T")

GRACE = 5.0
"""Seconds that a stream may take to end once the answer in it is complete. Then it is closed."""


class Patience:
    """Ends a wait by TimeoutError when the server has been silent for too long.

    An answer may take `timeout` seconds to begin: with its head, and with its first content. Then
    it may be silent for `stall_timeout` seconds; events that are new, but bring no content, are
    signs of life for `timeout` seconds at most.

    Time runs only while the server is waited for, not while somebody works on what it said. There
    is one timer for a stream, which looks at the clock when it goes off, and an event that brings
    content costs one look at the clock: `asyncio.timeout` around every event would cost a tenth of
    what an event costs. `fresh` says that the last event brought content, so that the next one that
    does changes nothing.
    """

    def __init__(self, settings: ModelSettings) -> None:
        self.waiting = False
        self.fresh = False
        self._first, self._between = settings.timeout, settings.stall_timeout
        self._limit: float | None = self._first
        self._begun = self._finished = False
        self._spent = 0.0  # waiting, since the last sign of life
        self._barren = 0.0  # waiting, from the last content to that sign
        self._silent = 0.0
        self._since = 0.0
        self._fired = False
        loop = asyncio.get_running_loop()
        self._task: asyncio.Task[Any] | None = None
        self._cancels = 0
        self._clock, self._later = loop.time, loop.call_later
        self._timer: asyncio.TimerHandle | None = None
        self._arm(self._first)

    @property
    def complaint(self) -> str:
        if not self._begun:
            return f"did not begin to answer within {self._first:g} s"
        return f"stopped in the middle of its answer for {self._silent:g} s"

    def waits(self) -> None:
        """From now on it is the server's time, until `waiting` is unset."""
        # Who iterates may do so from a task of its own each time, as `asyncio.wait_for` does.
        task = self._task = asyncio.current_task()
        assert task is not None
        self._cancels = task.cancelling()
        self._since = self._clock()
        self.waiting = True

    def heard(self, new: bool) -> None:
        """What came was no part of the answer; `new`: it was not the same as before."""
        self.fresh = False
        self._spent += self._clock() - self._since
        if new and self._begun and not self._finished:
            self._barren += self._spent
            self._spent = 0.0

    def grew(self) -> None:
        """There is more of the answer."""
        if not self._begun or self._finished:  # some say in every event that they have finished
            self._begun, self._finished = True, False
            self._limit = self._between
            self._arm(self._between)
        self._spent = self._barren = 0.0
        self.fresh = True

    def finish(self) -> None:
        """The answer is complete; only its stream has not ended."""
        if not self._finished:
            self._finished = self._begun = True
            self.fresh = False
            self._limit = min(GRACE, self._between or GRACE)
            self._spent = self._barren = 0.0
            self._arm(self._limit)

    def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()

    async def wait(self, awaitable: Awaitable[T]) -> T:
        """What comes before the first event. Raises TimeoutError."""
        self.waits()
        try:
            return await awaitable
        except asyncio.CancelledError as error:
            self.explain(error)
        finally:
            self.waiting = False
            self._spent += self._clock() - self._since

    def explain(self, error: asyncio.CancelledError) -> NoReturn:
        """Raises TimeoutError for a wait that was ended from here, and `error` for another."""
        if self._fired and self._task is not None and self._task.uncancel() <= self._cancels:
            raise TimeoutError from None
        raise error

    def _arm(self, seconds: float | None) -> None:
        self.stop()
        self._timer = None if seconds is None else self._later(seconds, self._look)

    def _look(self) -> None:
        if self._limit is None:
            return
        waited = self._spent + (self._clock() - self._since if self.waiting else 0.0)
        longest = max(self._limit, self._first)
        left = min(self._limit, longest - self._barren) - waited
        if left > 0 or not self.waiting or self._task is None:
            self._arm(max(left, 0.01))
        else:
            self._silent = self._limit if waited >= self._limit else longest
            self._fired = True
            self._task.cancel()
