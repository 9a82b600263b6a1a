"""What was typed in `umcp chat`, kept as prompt_toolkit's FileHistory keeps it, but for its user alone."""

import datetime
from collections.abc import Iterable
from pathlib import Path

from prompt_toolkit.history import History, InMemoryHistory

from universal_mcp_client.config.state import append_private, read_private, write_private
from universal_mcp_client.types.errors import ConfigError
from universal_mcp_client.ui.console import console

_LARGEST = 2_000_000  # characters; of a longer history, the newer half stays


def history(path: Path) -> History:
    """The history in that file, or one of this conversation alone where it is not to be believed."""
    try:
        text = read_private(path) or ""
        if len(text) > _LARGEST:
            text = text[text.index("\n# ", -_LARGEST // 2) :]
            write_private(path, text)
    except (ConfigError, ValueError) as error:
        console.tell(f"umcp: warning: what you type is not kept: {error}")
        return InMemoryHistory()
    return _File(path, text)


class _File(History):
    def __init__(self, path: Path, text: str) -> None:
        super().__init__()
        self._path = path
        self._text = text

    def load_history_strings(self) -> Iterable[str]:
        """The newest first."""
        found: list[list[str]] = [[]]
        for line in self._text.split("\n"):
            if line.startswith("+"):
                found[-1].append(line[1:])
            elif found[-1]:
                found.append([])
        self._text = ""
        return ["\n".join(lines) for lines in reversed(found) if lines]

    def store_string(self, string: str) -> None:
        lines = "".join(f"+{line}\n" for line in string.split("\n"))
        try:
            append_private(self._path, f"\n# {datetime.datetime.now()}\n{lines}")
        except ConfigError as error:
            console.tell(f"umcp: warning: this was not kept: {error}")
