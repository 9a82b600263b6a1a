"""Folders that servers are told to work in (MCP roots)."""

import os
from collections.abc import Iterable
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import url2pathname

from universal_mcp_client.types.errors import ConfigError
from universal_mcp_client.types.interaction import Folder


def root_uris(folders: Iterable[Folder]) -> list[str]:
    """The `file://` URIs of folders, given as paths or such URIs, each once.

    Raises ConfigError for what is no folder, and for one that has the whole home in it: servers take
    roots for what is theirs to read and to change."""
    if isinstance(folders, str | os.PathLike):
        raise ConfigError(f"roots takes a list of folders: [{os.fspath(folders)!r}].")
    return list(dict.fromkeys(_folder(each).as_uri() for each in folders))


def _folder(given: Folder) -> Path:
    text = os.fspath(given)
    if "://" in text:
        parts = urlsplit(text)
        if parts.scheme != "file" or parts.netloc not in ("", "localhost"):
            raise ConfigError(f"The root {text} is no folder of this machine: give a path.")
        text = url2pathname(parts.path)
    try:
        path = Path(text).expanduser().resolve()
        found = path.is_dir()
    except (OSError, ValueError, RuntimeError) as error:
        raise ConfigError(f"The root {text!r} is no folder: {error}.") from error
    if not found:
        raise ConfigError(f"The root {text!r} is no folder.")
    if Path.home().resolve().is_relative_to(path):
        raise ConfigError(
            f"The root {text!r} has your whole home in it, with all keys and logins. Name the folder "
            "that servers are to work in."
        )
    return path
