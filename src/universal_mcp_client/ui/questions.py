"""Questions at the terminal: one at a time over the whole process, each answered by what is typed
after it was shown, and withdrawn when whoever asked is cancelled."""

import asyncio
import os
import select
import sys
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from weakref import WeakKeyDictionary

from universal_mcp_client.ui.console import console

_queues: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Lock] = WeakKeyDictionary()

_LONGEST = 1_000_000  # bytes of one answer
_POLL = 0.03  # seconds between two looks at a console of Windows


@asynccontextmanager
async def turn() -> AsyncGenerator[None]:
    """Inside, nobody else asks, whatever runs in parallel."""
    loop = asyncio.get_running_loop()
    async with _queues.setdefault(loop, asyncio.Lock()):
        yield


async def answer(question: str) -> str | None:
    """Ask within a `turn`, and return the line that is typed, without blanks around it; None at its
    end (Ctrl-D). Cancelling it leaves the terminal as it was."""
    forget_what_was_typed()
    with console.asking(question):
        return await (_line_on_windows() if sys.platform == "win32" else _line())


def forget_what_was_typed() -> None:
    """What was typed before a question was shown is no answer to it."""
    if sys.platform == "win32":
        import msvcrt

        while msvcrt.kbhit():
            msvcrt.getwch()
    else:
        import termios

        termios.tcflush(sys.stdin, termios.TCIFLUSH)


async def _line() -> str | None:
    """A line of the terminal, which edits it itself. No thread waits for it, as none could be told
    to stop."""
    loop, descriptor = asyncio.get_running_loop(), sys.stdin.fileno()
    done: asyncio.Future[bytes] = loop.create_future()
    typed = bytearray()

    def read() -> None:
        if done.done() or not select.select([descriptor], [], [], 0)[0]:
            return
        try:
            data = os.read(descriptor, 65536)
        except OSError:  # the terminal is gone
            data = b""
        typed.extend(data)
        if not data or b"\n" in data or len(typed) > _LONGEST:
            done.set_result(bytes(typed))

    loop.add_reader(descriptor, read)
    try:
        line = await done
    finally:
        loop.remove_reader(descriptor)
    return line.decode(sys.stdin.encoding or "utf-8", "replace").strip() if line else None


async def _line_on_windows() -> str | None:
    if sys.platform == "win32":
        import msvcrt

        return await keys(msvcrt.kbhit, msvcrt.getwch, msvcrt.putwch)
    raise NotImplementedError


async def keys(
    pressed: Callable[[], bool], key: Callable[[], str], show: Callable[[str], object]
) -> str | None:
    """A line from a console that only tells of keys; what is typed is shown here."""
    typed = ""
    while True:
        while not pressed():  # noqa: ASYNC110 - the console tells nobody
            await asyncio.sleep(_POLL)
        match key():
            case "\r" | "\n":
                show("\n")
                return typed.strip()
            case "\x03":
                raise KeyboardInterrupt
            case "\x04" | "\x1a" if not typed:
                return None
            case "\b" | "\x7f":
                if typed:
                    typed = typed[:-1]
                    for each in "\b \b":
                        show(each)
            case "\x00" | "\xe0":  # the first half of an arrow or a function key
                key()
            case character if character.isprintable() and len(typed) < _LONGEST:
                typed += character
                show(character)
            case _:
                pass
