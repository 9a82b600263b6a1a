"""A child process's stderr: read all the time, its last lines kept."""

import asyncio
import os
from collections import deque
from collections.abc import Callable
from typing import TextIO

_KEPT_LINES = 50
_CHUNK = 65_536


class StderrTail:
    """A pipe whose write end, `file`, is given to the child. `lines` are its newest.

    Must be made and closed on the event loop that reads it.
    """

    def __init__(self, on_line: Callable[[str], None] | None = None) -> None:
        self.lines: deque[str] = deque(maxlen=_KEPT_LINES)
        self._on_line = on_line
        self._rest = b""
        self._read, write = os.pipe()
        os.set_blocking(self._read, False)
        self.file: TextIO = os.fdopen(write, "w")
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._read, self._pump)
        self._reading = True

    def _pump(self) -> None:
        try:
            data = os.read(self._read, _CHUNK)
        except BlockingIOError:
            return
        if not data:
            self._stop()
            return
        *lines, self._rest = (self._rest + data).split(b"\n")
        self._rest = self._rest[-_CHUNK:]
        for line in lines:
            self._add(line)

    def _add(self, raw: bytes) -> None:
        line = raw.decode("utf-8", "replace").rstrip()
        if line:
            self.lines.append(line)
            if self._on_line is not None:
                self._on_line(line)

    def spawned(self) -> None:
        """The child has its copy of the write end: drop ours, so that its end is seen."""
        self.file.close()

    def tail(self, count: int = 5) -> list[str]:
        """The last `count` lines, with what the pipe still holds."""
        if self._reading:
            self._pump()
        if self._rest:
            rest, self._rest = self._rest, b""
            self._add(rest)
        return list(self.lines)[-count:]

    def _stop(self) -> None:
        if self._reading:
            self._reading = False
            self._loop.remove_reader(self._read)

    def close(self) -> None:
        self.file.close()
        self._stop()
        if self._read >= 0:
            os.close(self._read)
            self._read = -1
