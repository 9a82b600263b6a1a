"""The line editor of `umcp chat`: history, completion and several lines, by prompt_toolkit."""

import sys
from collections.abc import AsyncGenerator, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from universal_mcp_client.config.paths import home
from universal_mcp_client.ui import questions
from universal_mcp_client.ui.console import cell

if TYPE_CHECKING:
    from prompt_toolkit import PromptSession
    from prompt_toolkit.completion import Completer


async def typed_lines(commands: Mapping[str, str], folder: Path) -> AsyncGenerator[str]:
    """What a person types, line by line, until Ctrl-D. Without a terminal, the lines of stdin.

    `commands` are completed after a slash, with their explanations; paths below `folder` after
    an @. Alt-Enter begins a new line within the text. Ctrl-C clears what was typed.
    """
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        for line in sys.stdin:
            yield line
        return
    session = _session(commands, folder)
    while True:
        try:
            async with questions.turn():  # a question that is just withdrawn has the terminal yet
                line = await session.prompt_async("› ")
        except KeyboardInterrupt:
            continue
        except EOFError:
            return
        yield line


def _session(commands: Mapping[str, str], folder: Path) -> "PromptSession[str]":
    from prompt_toolkit import PromptSession
    from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent

    from universal_mcp_client.ui.history import history

    keys = KeyBindings()

    @keys.add("escape", "enter")
    def _new_line(event: KeyPressEvent) -> None:
        event.current_buffer.insert_text("\n")

    return PromptSession(
        history=history(home() / "history"),
        completer=_completer(commands, folder),
        complete_while_typing=True,
        key_bindings=keys,
        prompt_continuation="· ",
    )


def _completer(commands: Mapping[str, str], folder: Path) -> "Completer":
    from prompt_toolkit.completion import CompleteEvent, Completer, Completion
    from prompt_toolkit.document import Document

    class Words(Completer):
        def get_completions(
            self, document: Document, complete_event: CompleteEvent
        ) -> Iterator[Completion]:
            text = document.text_before_cursor
            if text.startswith("/") and " " not in text:
                for name, about in commands.items():
                    if name.startswith(text[1:]):
                        yield Completion(f"/{name}", -len(text), display_meta=cell(about))
                return
            word = text.rsplit(None, 1)[-1] if text and not text[-1].isspace() else ""
            if word.startswith("@"):
                for path in _paths(folder, word[1:]):
                    yield Completion(f"@{path}", -len(word), display=cell(f"@{path}"))

    return Words()


def _paths(folder: Path, begun: str) -> list[str]:
    """The entries below `folder` whose paths continue what was begun; hidden ones when asked for."""
    parent, _, start = begun.rpartition("/")
    place = folder / parent
    if not place.is_dir():
        return []
    found = [
        entry
        for entry in place.iterdir()
        if entry.name.startswith(start) and (start or not entry.name.startswith("."))
    ]
    before = f"{parent}/" if parent else ""
    return sorted(f"{before}{entry.name}{'/' if entry.is_dir() else ''}" for entry in found)[:50]
