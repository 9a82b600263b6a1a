"""What a signal does while something runs: Ctrl-C ends an answer, and not the program."""

import asyncio
import signal
from collections.abc import Callable, Generator
from contextlib import contextmanager


@contextmanager
def on_signal(number: signal.Signals, callback: Callable[[], object]) -> Generator[None]:
    """Inside, the signal calls `callback` on the running loop; afterwards it does what it did before.

    For the main thread, as Python has it for all that handles signals: ValueError elsewhere. A loop
    has one callback for a signal: uses of the same signal do not stand inside each other.
    """
    loop = asyncio.get_running_loop()
    before = signal.getsignal(number)  # for SIGINT asyncio.run's own, which the loop would forget
    try:
        loop.add_signal_handler(number, callback)
    except NotImplementedError:  # a loop of Windows
        signal.signal(number, lambda *_: loop.call_soon_threadsafe(callback))
        remove = None
    else:
        remove = loop.remove_signal_handler
    try:
        yield
    finally:
        if remove is not None:
            remove(number)
        if before is not None:  # None is a handler of C's, which Python cannot put back
            signal.signal(number, before)
