"""A child process's stderr: read all the time, its last lines kept."""

import asyncio
import os
import threading
from collections import deque
from collections.abc import Callable
from typing import TextIO

_KEPT_LINES = 50
_CHUNK = 65_536
_LAST_WORDS = 0.2  # seconds that a thread has to read what a child which has ended left behind


class StderrTail:
    """A pipe whose write end, `file`, is given to the child. `lines` are its newest.

    Must be made and closed on the event loop that reads it. Where the loop watches no pipes, as on
    Windows, a thread reads, and `on_line` is called there. Where `heard` says that nobody takes
    lines, it is left out.
    """

    def __init__(
        self,
        on_line: Callable[[str], None] | None = None,
        heard: Callable[[], bool] = lambda: True,
    ) -> None:
        self.lines: deque[str] = deque(maxlen=_KEPT_LINES)
        self._on_line = on_line
        self._heard = heard
        self._rest = b""
        self._read, write = os.pipe()
        self.file: TextIO = os.fdopen(write, "w")
        self._loop = asyncio.get_running_loop()
        self._thread: threading.Thread | None = None
        self._reading = True
        try:
            self._loop.add_reader(self._read, self._pump)
        except NotImplementedError:
            self._thread = threading.Thread(
                target=self._read_to_the_end, args=(self._read,), name="umcp-stderr", daemon=True
            )
            self._thread.start()
        else:
            os.set_blocking(self._read, False)

    def _pump(self) -> None:
        try:
            data = os.read(self._read, _CHUNK)
        except BlockingIOError:
            return
        if data:
            self._take(data)
        else:
            self._stop()

    def _read_to_the_end(self, pipe: int) -> None:
        """In a thread, which alone may close the pipe: nobody else knows when it has read."""
        try:
            while self._reading and (data := os.read(pipe, _CHUNK)):
                self._take(data)
        finally:
            os.close(pipe)

    def _take(self, data: bytes) -> None:
        *lines, self._rest = (self._rest + data).split(b"\n")
        self._rest = self._rest[-_CHUNK:]
        if self._on_line is None or not self._heard():
            lines = lines[-_KEPT_LINES:]  # a flood costs no more than what is kept of it
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
        """The last `count` lines, with what the pipe still holds. Nothing more is written to it."""
        if self._thread is not None:
            self.file.close()  # a child that never started has no end but this one
            self._thread.join(_LAST_WORDS)
        elif self._reading:
            self._pump()
        if self._rest and not (self._thread and self._thread.is_alive()):
            rest, self._rest = self._rest, b""
            self._add(rest)
        return list(self.lines)[-count:]

    def _stop(self) -> None:
        if self._reading and self._thread is None:
            self._loop.remove_reader(self._read)
        self._reading = False

    def close(self) -> None:
        self.file.close()
        self._stop()
        if self._read >= 0 and self._thread is None:
            os.close(self._read)
        self._read = -1
