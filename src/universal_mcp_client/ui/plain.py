"""A run as lines on a terminal: the answer on stdout, everything else on stderr."""

import json
import sys
from typing import TextIO

from universal_mcp_client.types.events import (
    Completion,
    Event,
    Retrying,
    RunFinished,
    TextDelta,
    ThinkingDelta,
    ToolFinished,
    ToolProgress,
    ToolStarted,
)
from universal_mcp_client.types.messages import ToolCall
from universal_mcp_client.types.tools import ToolSpec

_WIDTH = 80
_DIM, _RED, _RESET = "\x1b[2m", "\x1b[31m", "\x1b[0m"


class PlainRenderer:
    """Prints events as they come. With `stream`, the answer's text too, while it is written."""

    def __init__(
        self, *, stream: bool, out: TextIO | None = None, err: TextIO | None = None
    ) -> None:
        self._out = out or sys.stdout
        self._err = err or sys.stderr
        self._stream = stream
        self._color = self._err.isatty()
        self._mid_line = False

    def show(self, event: Event) -> None:
        match event:
            case TextDelta():
                if self._stream:
                    print(event.text, end="", flush=True, file=self._out)
                    self._mid_line = not event.text.endswith("\n")
            case ToolStarted():
                self.note(f"→ {_label(event.call, event.spec)} {_arguments(event.call)}")
            case ToolProgress():
                of = f"/{event.total:g}" if event.total else ""
                message = f" {event.message}" if event.message else ""
                self.note(f"  … {_label(event.call, None)}: {event.progress:g}{of}{message}")
            case ToolFinished():
                text = event.result.text or f"{len(event.result.content)} parts"
                failed = event.result.is_error
                mark = "✗" if failed else "←"
                self.note(
                    f"{mark} {_one_line(text)} ({event.seconds:.2f} s)", _RED if failed else _DIM
                )
            case Retrying():
                self.note(f"! {event.error} Trying again in {event.delay:.1f} s.", _RED)
            case Completion() | RunFinished():
                self.end_line()
            case ThinkingDelta():
                pass

    def note(self, text: str, color: str = _DIM) -> None:
        """A line on stderr."""
        self.end_line()
        line = f"{color}{text}{_RESET}" if self._color else text
        print(line, file=self._err, flush=True)

    def end_line(self) -> None:
        if self._mid_line:
            print(file=self._out, flush=True)
            self._mid_line = False


def _label(call: ToolCall, spec: ToolSpec | None) -> str:
    return spec.label if spec else call.name


def _arguments(call: ToolCall) -> str:
    given = (
        call.invalid
        if call.invalid is not None
        else json.dumps(dict(call.arguments), ensure_ascii=False)
    )
    return _one_line(given)


def _one_line(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _WIDTH else line[: _WIDTH - 1] + "…"
