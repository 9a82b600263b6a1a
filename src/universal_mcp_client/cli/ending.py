"""A command that is told to end, by SIGTERM or because its terminal was closed, ends in good order."""

import asyncio
import signal
import sys
from collections.abc import Coroutine
from contextlib import ExitStack
from functools import partial
from typing import Any, TypeVar

from universal_mcp_client.ui.signals import on_signal

Result = TypeVar("Result")

# SIGBREAK is what Windows sends where a console is closed.
_SIGNALS = ("SIGBREAK",) if sys.platform == "win32" else ("SIGTERM", "SIGHUP")


class ToldToEnd(BaseException):
    """Raised out of `ending` once everything is closed; `number` is the signal's."""

    def __init__(self, number: signal.Signals) -> None:
        super().__init__(number.name)
        self.number = number


def ending(main: Coroutine[Any, Any, Result]) -> Result:
    """`asyncio.run` for commands. At a signal to end, `main` is cancelled, so that servers which are
    busy are ended too; then ToldToEnd is raised. Signals that the process ignores stay ignored, as
    `nohup` wants it."""
    return asyncio.run(_until_told(main))


async def _until_told(main: Coroutine[Any, Any, Result]) -> Result:
    task = asyncio.current_task()
    told: list[signal.Signals] = []

    def end(number: signal.Signals) -> None:
        if not told and task is not None:  # more of them would only break the closing off
            task.cancel()
        told.append(number)

    with ExitStack() as stack:
        for name in _SIGNALS:
            number = signal.Signals[name]
            if signal.getsignal(number) is not signal.SIG_IGN:
                stack.enter_context(on_signal(number, partial(end, number)))
        try:
            return await main
        except BaseException:
            if told:
                raise ToldToEnd(told[0]) from None
            raise
