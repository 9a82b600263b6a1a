"""What the user trusted: `UMCP_HOME/trusted.json`, by the file's path and the content's hash.

A file that moves, or content that changes, is asked for again.
"""

import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TypeAlias, cast

from universal_mcp_client.config.paths import home
from universal_mcp_client.config.state import private_folder, read_private, write_private
from universal_mcp_client.policy.project import Item
from universal_mcp_client.types.errors import ConfigError

_Known: TypeAlias = dict[str, dict[str, str]]  # path → "server docs" → SHA-256
_MANY = 1_000  # files
_WAIT = 10.0  # seconds for another process that writes


def store() -> Path:
    return home() / "trusted.json"


def trusted(items: Iterable[Item]) -> list[Item]:
    """Those which the user trusted with just this content.

    Raises ConfigError where the store is not to be believed: a link, or another's to write.
    """
    items = list(items)
    known = _read() if items else {}
    return [i for i in items if known.get(str(i.path), {}).get(_key(i)) == i.digest]


def trust(items: Iterable[Item]) -> None:
    """Trust these as they were read. Raises ConfigError where the store cannot be written."""

    def with_them(known: _Known) -> None:
        for item in items:
            known.setdefault(str(item.path), {})[_key(item)] = item.digest

    _change(with_them)


def forget(items: Iterable[Item]) -> None:
    """Trust these no longer."""

    def without_them(known: _Known) -> None:
        for item in items:
            known.get(str(item.path), {}).pop(_key(item), None)

    _change(without_them)


def _key(item: Item) -> str:
    return f"{item.kind} {item.name}"


def _read() -> _Known:
    text = read_private(store())
    if text is None:
        return {}
    try:
        data: object = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"{store()} is broken ({error}); delete it, and trust anew.") from error
    files = cast(dict[str, object], data).get("files") if isinstance(data, dict) else None
    found: _Known = {}
    for path, entries in files.items() if isinstance(files, dict) else ():
        if isinstance(entries, dict):
            found[str(path)] = {str(key): str(digest) for key, digest in entries.items()}
    return found


def _change(change: Callable[[_Known], None]) -> None:
    """Under a lock: of two processes that trust at once, neither loses what the other wrote."""
    from filelock import FileLock, Timeout

    private_folder(home())
    try:
        with FileLock(f"{store()}.lock", timeout=_WAIT, mode=0o600):
            known = _read()
            change(known)
            many = len(known) > _MANY  # then those go which are no longer there
            files = {p: e for p, e in sorted(known.items()) if e and (not many or Path(p).exists())}
            write_private(store(), json.dumps({"version": 2, "files": files}, indent=2) + "\n")
    except Timeout as error:
        raise ConfigError(f"{store()} is locked by another process; try again.") from error
