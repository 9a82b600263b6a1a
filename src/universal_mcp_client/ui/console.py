"""The one way to a person's terminal, and to the programs that read our output.

Nothing else in `cli` and `ui` prints. What comes here may hold names, results, errors and logs of
servers and models, so a terminal gets it as `policy.text.printable` shows it; the only escapes are the
colours and the rewriting of a line that are made here. What a program reads from a pipe as the answer
is passed as it is.
"""

import json
import os
import shutil
import sys
import unicodedata
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from typing import Literal, TextIO, TypeAlias

from universal_mcp_client.policy.text import escaped_json, printable

Style: TypeAlias = Literal["plain", "dim", "red"]
_CODES: Mapping[Style, str] = {"dim": "\x1b[2m", "red": "\x1b[31m", "plain": ""}
_RESET, _ERASE = "\x1b[0m", "\r\x1b[K"


class Console:
    """Writes to `out` and `err`, or to what standard output and error are at the time."""

    def __init__(self, out: TextIO | None = None, err: TextIO | None = None) -> None:
        self._given_out, self._given_err = out, err
        self._unended = False  # a line of the answer is on the screen, and another must not join it
        self._question = ""  # what the cursor stands behind, while somebody is asked
        self._status = False  # a line is on the screen that will be rewritten

    @property
    def _out(self) -> TextIO | None:
        return self._given_out or sys.stdout

    @property
    def _err(self) -> TextIO | None:
        return self._given_err or sys.stderr

    @property
    def answers_a_person(self) -> bool:
        return _is_terminal(self._out)

    @property
    def rewrites(self) -> bool:
        """A line on standard error can be replaced by the next."""
        return _is_terminal(self._err) and _obeys()

    def answer(self, text: str, *, end: str = "\n") -> None:
        """What was asked for, on standard output: exactly so where that is no terminal."""
        self._erase()
        shown = (printable(text) if self.answers_a_person else text) + end
        if shown:
            _write(self._out, shown)
            self._unended = not shown.endswith("\n")

    def data(self, data: bytes) -> None:
        """Bytes that were asked for, on standard output, which is no terminal."""
        self._erase()
        if (out := self._out) is not None:
            out.flush()
            out.buffer.write(data)
            out.buffer.flush()

    def row(self, text: str = "") -> None:
        """A line of a table or a list for people, on standard output."""
        self.end_line()
        with self._aside():
            _write(self._out, printable(text) + "\n")

    def json(self, value: object, *, indent: int | None = 2) -> None:
        """One JSON document on standard output. What a terminal would obey is escaped in it."""
        self._erase()
        with self._aside():
            document = json.dumps(value, ensure_ascii=False, indent=indent)
            _write(self._out, escaped_json(document) + "\n")

    def tell(self, text: str, style: Style = "plain") -> None:
        """A message, on standard error."""
        self.end_line()
        shown, code = printable(text), _CODES[style] if self._styled() else ""
        if code:
            shown = "\n".join(f"{code}{line}{_RESET}" if line else "" for line in shown.split("\n"))
        with self._aside():
            _write(self._err, shown + "\n")

    @contextmanager
    def asking(self, question: str) -> Generator[None]:
        """A question, on standard error; the cursor stays behind it while it is answered. A message
        that comes meanwhile is written above it, and progress is not shown."""
        self.end_line()
        _write(self._err, printable(question))
        self._question = printable(question).rpartition("\n")[2]
        try:
            yield
        finally:
            self._question = ""

    def status(self, text: str) -> bool:
        """A line that the next one replaces; False where the terminal cannot rewrite lines."""
        if not self.rewrites:
            return False
        if self._question:
            return True
        self.end_line()
        width = shutil.get_terminal_size((80, 24)).columns - 1
        line = _cut(printable(text, lines=False), width)
        code = _CODES["dim"] if self._styled() else ""
        _write(self._err, f"{_ERASE}{code}{line}{_RESET if code else ''}")
        self._status = True
        return True

    def end_line(self) -> None:
        """What is written next begins a line."""
        self._erase()
        if self._unended:
            self._unended = False
            _write(self._out, "\n")

    @contextmanager
    def _aside(self) -> Generator[None]:
        """While somebody is asked, what is written goes above the question."""
        asked = self._question and _is_terminal(self._err)
        if asked:
            _write(self._err, "\n")
        yield
        if asked:
            _write(self._err, self._question)

    def _erase(self) -> None:
        if self._status:
            self._status = False
            _write(self._err, _ERASE)

    def _styled(self) -> bool:
        """https://no-color.org, https://force-color.org, https://bixense.com/clicolors"""
        env = os.environ
        if env.get("NO_COLOR") or env.get("TERM") == "dumb":
            return False
        if env.get("FORCE_COLOR", "0") not in ("", "0") or env.get("CLICOLOR_FORCE", "0") != "0":
            return True
        return env.get("CLICOLOR") != "0" and _is_terminal(self._err) and _obeys()


def _is_terminal(stream: TextIO | None) -> bool:
    try:
        return stream is not None and stream.isatty()
    except ValueError:  # closed
        return False


def _obeys() -> bool:
    """The terminal knows escapes: not a dumb one, nor the old console of Windows."""
    if os.environ.get("TERM") == "dumb":
        return False
    return sys.platform != "win32" or any(
        n in os.environ for n in ("WT_SESSION", "TERM", "ANSICON")
    )


def _write(stream: TextIO | None, text: str) -> None:
    if stream is None:  # a windowed program has none
        return
    try:
        stream.write(text)
    except UnicodeEncodeError:  # a code page without ✓, or half of a surrogate pair
        encoding = stream.encoding or "utf-8"
        stream.write(text.encode(encoding, "backslashreplace").decode(encoding))
    stream.flush()


def _cut(text: str, width: int) -> str:
    """As much of the text as `width` columns show."""
    text, columns = text[: width + 1], 0
    for place, character in enumerate(text):
        columns += 2 if unicodedata.east_asian_width(character) in "WF" else 1
        if columns > width:
            return text[: max(0, place - 1)] + "…"
    return text


def cell(text: str) -> str:
    """Text of others within a line of ours: itself without line breaks."""
    return printable(text, lines=False)


console = Console()
