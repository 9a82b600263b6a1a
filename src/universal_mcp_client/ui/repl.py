"""The line editor of `umcp chat`: history, completion and several lines, by prompt_toolkit."""

import sys
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from universal_mcp_client.config.paths import home
from universal_mcp_client.ui import questions
from universal_mcp_client.ui.console import cell

if TYPE_CHECKING:
    from prompt_toolkit import PromptSession
    from prompt_toolkit.completion import Completer

Words: TypeAlias = Callable[[str], Awaitable[Iterable[str]]]
"""What may be meant by what has been typed of a word."""
Found: TypeAlias = tuple[str, str, str]
"""A word, what has been typed of it, and what it is for."""


class Editor:
    """What a person types, line by line. Without a terminal, the lines of stdin.

    `commands` are completed after a slash, with their explanations; after an @ paths below `folder`,
    and what `mentions` says of the word. Alt-Enter begins a new line within the text. Ctrl-C clears
    what was typed.
    """

    def __init__(self, commands: Mapping[str, str], folder: Path, mentions: Words) -> None:
        self._completer = _completer(commands, folder, mentions)
        self._terminal = sys.stdin.isatty() and sys.stdout.isatty()
        self._session = _session(self._completer) if self._terminal else None

    async def line(self, begun: str = "") -> str | None:
        """The next line, None at the end (Ctrl-D). `begun` stands there to be edited."""
        if self._session is None:
            return next(sys.stdin, None)
        while True:
            try:
                async with (
                    questions.turn()
                ):  # a question that is just withdrawn has the terminal yet
                    return await self._session.prompt_async("› ", default=begun)
            except KeyboardInterrupt:
                begun = ""
            except EOFError:
                return None

    async def value(self, question: str, suggest: Words) -> str | None:
        """A value that is asked for, with suggestions while it is typed; None for Ctrl-C, Ctrl-D, and
        where there is no terminal."""
        if self._session is None:
            return None
        from prompt_toolkit import PromptSession

        asking: PromptSession[str] = PromptSession(
            completer=_suggesting(suggest), complete_while_typing=True
        )
        try:
            async with questions.turn():
                return await asking.prompt_async(f"{cell(question)}: ")
        except (KeyboardInterrupt, EOFError):
            return None


def _session(completer: "Completer") -> "PromptSession[str]":
    from prompt_toolkit import PromptSession
    from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent

    from universal_mcp_client.ui.history import history

    keys = KeyBindings()

    @keys.add("escape", "enter")
    def _new_line(event: KeyPressEvent) -> None:
        event.current_buffer.insert_text("\n")

    return PromptSession(
        history=history(home() / "history"),
        completer=completer,
        complete_while_typing=True,
        key_bindings=keys,
        prompt_continuation="· ",
    )


def _completer(commands: Mapping[str, str], folder: Path, mentions: Words) -> "Completer":
    async def found(text: str) -> AsyncGenerator[Found]:
        if text.startswith("/") and " " not in text:
            for name, about in commands.items():
                if name.startswith(text[1:]) or f":{text[1:]}" in name:
                    yield f"/{name}", text, about
            return
        word = text.rsplit(None, 1)[-1] if text and not text[-1].isspace() else ""
        if word.startswith("@"):
            for each in (*_paths(folder, word[1:]), *await mentions(word[1:])):
                yield f"@{each}", word, ""

    return _completing(found)


def _suggesting(suggest: Words) -> "Completer":
    async def found(text: str) -> AsyncGenerator[Found]:
        for each in await suggest(text):
            yield each, text, ""

    return _completing(found)


def _completing(found: Callable[[str], AsyncGenerator[Found]]) -> "Completer":
    """A completer by what `found` says of the text before the cursor."""
    from prompt_toolkit.completion import CompleteEvent, Completer, Completion
    from prompt_toolkit.document import Document

    class Typed(Completer):
        def get_completions(
            self, document: Document, complete_event: CompleteEvent
        ) -> Iterable[Completion]:
            return ()

        async def get_completions_async(
            self, document: Document, complete_event: CompleteEvent
        ) -> AsyncGenerator[Completion, None]:
            async for text, begun, about in found(document.text_before_cursor):
                yield Completion(text, -len(begun), display=cell(text), display_meta=cell(about))

    return Typed()


def _paths(folder: Path, begun: str) -> Sequence[str]:
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
