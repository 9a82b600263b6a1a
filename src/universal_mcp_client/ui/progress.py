"""Progress of calls, however often it is told: one rewritten line, or a line a second for each call."""

import asyncio
import time
from dataclasses import dataclass

from universal_mcp_client.ui.console import Console

_REWRITTEN, _PRINTED = 0.1, 1.0  # seconds between two lines


@dataclass(slots=True)
class _Line:
    """A line that is renewed at most once in `interval` seconds, and at last with the last text."""

    interval: float
    text: str = ""
    pending: bool = False
    next: float = 0.0
    later: asyncio.TimerHandle | None = None


class Progress:
    """Shows on a console what calls say of their progress."""

    def __init__(self, to: Console) -> None:
        self._to = to
        self._lines: dict[str, _Line] = {}

    def show(self, call: str, text: str) -> None:
        """`text` is the newest of this call."""
        interval = _REWRITTEN if self._to.rewrites else _PRINTED
        line = self._lines.setdefault(call, _Line(interval))
        line.text, line.pending = text, True
        if (wait := line.next - time.monotonic()) <= 0:
            self._draw(line)
        elif line.later is None:
            try:
                loop = asyncio.get_running_loop()
            except RuntimeError:  # a program that shows events outside of one
                return
            line.later = loop.call_later(wait, self._draw, line)

    def finish(self, call: str) -> None:
        """The call is over: its last word is shown where lines stay."""
        line = self._lines.pop(call, None)
        if line is not None and self._to.rewrites:
            _stop(line)
        elif line is not None:
            self._draw(line)

    def clear(self) -> None:
        """No call is running any more."""
        for line in self._lines.values():
            _stop(line)
        self._lines.clear()

    def _draw(self, line: _Line) -> None:
        pending = line.pending
        _stop(line)
        if pending:
            line.next = time.monotonic() + line.interval
            if not self._to.status(line.text):
                self._to.tell(line.text, "dim")


def _stop(line: _Line) -> None:
    line.pending = False
    if line.later is not None:
        line.later.cancel()
        line.later = None
