"""The command line in a real terminal (a pty)."""

import os
import re
import select
import subprocess
import sys
import time
from pathlib import Path

import pytest


class Terminal:
    """`umcp` in a terminal of its own."""

    def __init__(self, arguments: list[str], environment: dict[str, str], cwd: Path) -> None:
        pty = pytest.importorskip("pty")  # Windows has none
        self.master, slave = pty.openpty()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "universal_mcp_client", *arguments],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            cwd=cwd,
            env=os.environ | environment | {"TERM": "xterm", "PROMPT_TOOLKIT_NO_CPR": "1"},
            start_new_session=True,
        )
        os.close(slave)
        self.fresh = ""
        self.raw = b""  # everything, with its escapes

    def until(self, pattern: str) -> str:
        """Read on until the pattern is there; what was read after it is kept for the next call."""
        deadline = time.monotonic() + 60
        while not (found := re.search(pattern, self.fresh)):
            assert time.monotonic() < deadline, f"no {pattern!r} in {self.fresh!r}"
            if select.select([self.master], [], [], 0.2)[0]:
                try:
                    read = os.read(self.master, 65536)
                except OSError:  # the other side is closed
                    read = b""
                self.raw += read
                data = read.decode(errors="replace")
                self.fresh += re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", data)
            elif self.process.poll() is not None:
                raise AssertionError(f"umcp ended: {self.fresh!r}")
        seen, self.fresh = self.fresh[: found.end()], self.fresh[found.end() :]
        return seen

    def type(self, text: str) -> None:
        os.write(self.master, text.encode())

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self.master)
