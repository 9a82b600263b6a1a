"""Threads that can be given up: neither a call nor the end of the program waits for them."""

from collections.abc import Callable
from concurrent.futures import Future
from contextvars import copy_context
from threading import Thread
from typing import TYPE_CHECKING, Any, TypeVar
from weakref import WeakKeyDictionary

if TYPE_CHECKING:
    from anyio import CapacityLimiter

T = TypeVar("T")

THREADS = 40
"""How many run at once; and how many that were given up may go on."""


class Threads:
    """`anyio.to_thread.run_sync`, with threads that do not outlive the program: `anyio` waits for
    its own. `anyio.from_thread` works in them as it does there."""

    def __init__(self) -> None:
        self._limiters: WeakKeyDictionary[Any, CapacityLimiter] = WeakKeyDictionary()
        self._given_up = list[Thread]()

    async def run(self, function: Callable[[], T]) -> T:
        """Raises TimeoutError where too many that were given up are still running."""
        from asyncio import wrap_future

        from anyio import CancelScope, CapacityLimiter, to_thread
        from anyio.lowlevel import current_token

        try:
            from anyio._core._eventloop import (
                claim_worker_thread,
                set_current_async_library,
                threadlocals,
            )
        except ImportError:  # private, and may go; the program's end waits for all threads then
            return await to_thread.run_sync(function, abandon_on_cancel=True)

        self._given_up = [thread for thread in self._given_up if thread.is_alive()]
        if len(self._given_up) >= THREADS:
            raise TimeoutError(f"{THREADS} earlier calls that were given up are still running.")
        token, context, done = current_token(), copy_context(), Future[T]()
        context.run(set_current_async_library, None)
        done.set_running_or_notify_cancel()  # from now on nobody can cancel it

        def work() -> None:
            threadlocals.current_cancel_scope = scope
            with claim_worker_thread(token.backend_class, token.native_token):
                try:
                    done.set_result(context.run(function))
                except StopIteration as error:  # which no future can hold
                    done.set_exception(RuntimeError(repr(error)))
                except BaseException as error:  # noqa: BLE001 - raised where it is waited for
                    done.set_exception(error)

        # A limiter belongs to an event loop. It is ours, so that slow tools block nobody else.
        loop = token.native_token
        if loop not in self._limiters:
            self._limiters[loop] = CapacityLimiter(THREADS)
        async with self._limiters[loop]:
            thread = Thread(target=work, name="a function as a tool", daemon=True)
            with CancelScope() as scope:
                thread.start()
                try:
                    return await wrap_future(done)
                finally:
                    if not done.done():
                        self._given_up.append(thread)
        raise AssertionError  # nobody cancels the scope
