"""A run as lines on a terminal: the answer on stdout, everything else on stderr."""

import json

from universal_mcp_client.policy.text import printable
from universal_mcp_client.types.events import (
    Completion,
    Event,
    HandedOff,
    Nested,
    PartialOutput,
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
from universal_mcp_client.ui.console import Console, Style, console
from universal_mcp_client.ui.progress import Progress

_WIDTH = 80


class PlainRenderer:
    """Prints events as they come. With `stream`, the answer's text too, while it is written."""

    def __init__(self, *, stream: bool, to: Console = console) -> None:
        self._to = to
        self._stream = stream
        self._progress = Progress(to)

    def show(self, event: Event) -> None:
        match event:
            case TextDelta():
                if self._stream:
                    self._to.answer(event.text, end="")
            case ToolStarted():
                self.note(f"→ {_label(event.call, event.spec)} {_arguments(event.call)}")
            case ToolProgress():
                self._progressed(event)
            case ToolFinished():
                self._progress.finish(event.call.id)
                text = event.result.text or f"{len(event.result.content)} parts"
                failed = event.result.is_error
                mark = "✗" if failed else "←"
                self.note(
                    f"{mark} {_one_line(text)} ({event.seconds:.2f} s)", "red" if failed else "dim"
                )
            case Retrying():
                self.note(f"! {event.error} Trying again in {event.delay:.1f} s.", "red")
            case Completion() | RunFinished():
                self.end_line()
            case HandedOff():
                self.note(f"→ {printable(event.agent, lines=False)} goes on")
            case Nested():
                self._nested(event)
            case ThinkingDelta() | PartialOutput():
                pass

    def _nested(self, event: Nested) -> None:
        """Of an agent that was called: which tools it calls, not what it says."""
        match event.event:
            case TextDelta() | Completion() | RunFinished():
                pass
            case inner:
                self.show(inner)

    def note(self, text: str, style: Style = "dim") -> None:
        """A line on stderr."""
        self._to.tell(text, style)

    def end_line(self) -> None:
        self._progress.clear()
        self._to.end_line()

    def _progressed(self, event: ToolProgress) -> None:
        of = f"/{event.total:g}" if event.total else ""
        message = f" {_one_line(event.message)}" if event.message else ""
        label = _label(event.call, None)
        self._progress.show(event.call.id, f"  … {label}: {event.progress:g}{of}{message}")


def _label(call: ToolCall, spec: ToolSpec | None) -> str:
    return printable(spec.label if spec else call.name, lines=False)


def _arguments(call: ToolCall) -> str:
    given = (
        call.invalid
        if call.invalid is not None
        else json.dumps(dict(call.arguments), ensure_ascii=False)
    )
    return _one_line(given)


def _one_line(text: str) -> str:
    line = " ".join(text[: _WIDTH * 20].split())
    return line if len(line) <= _WIDTH else line[: _WIDTH - 1] + "…"
