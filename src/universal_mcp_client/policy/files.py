"""Reading what may be anybody's: regular files of a bounded size, and no links where none belong."""

import errno
import os
import stat
from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import Literal

from universal_mcp_client.types.errors import ConfigError

LARGEST = 262_144  # bytes of a config file
LONGEST = 65_536  # bytes of an agent or a prompt of a project
MOST = 200  # of which at most so many are shown

_LOOKED_THROUGH = 10_000  # names of a folder

_NOFOLLOW = getattr(os, "O_NOFOLLOW", 0)
_NONBLOCK = getattr(os, "O_NONBLOCK", 0)  # opening a pipe does not wait for its writer
_BINARY = getattr(os, "O_BINARY", 0)
_BY_DESCRIPTOR = os.open in os.supports_dir_fd and os.scandir in os.supports_fd


def read_text(path: Path, *, largest: int = LARGEST, links: bool = True) -> str:
    """The text of a regular file of at most `largest` bytes. Without `links`, the last name of the
    path must not be a link.

    Raises ConfigError that says which of this fails.
    """
    try:
        if not links:
            _no_link(path)
        return _decoded(_content(_open(path, links=links), path, largest), path)
    except OSError as error:
        raise _unreadable(path, error) from error


def read_below(folder: Path, *parts: str, largest: int = LONGEST) -> str:
    """The text of the regular file `parts` below `folder`, none of which is a link.

    Raises ConfigError where it is a link, no regular file, larger than `largest` or not UTF-8.
    """
    return _decoded(bytes_below(folder, *parts, largest=largest), folder.joinpath(*parts))


def bytes_below(folder: Path, *parts: str, largest: int) -> bytes:
    """The content of such a file."""
    path = folder.joinpath(*parts)
    *between, last = parts
    try:
        descriptor = _folder(folder, between)
        try:
            return _content(_open(path, last, descriptor, links=False), path, largest)
        finally:
            _close(descriptor)
    except OSError as error:
        raise _unreadable(path, error) from error


def names_below(folder: Path, *parts: str, suffix: str) -> list[str]:
    """The names in the folder `parts` below `folder` which end in `suffix`; none where it is not
    there. Raises ConfigError where a part of the path is a link."""
    return sorted(name for name in kinds_below(folder, *parts) if name.endswith(suffix))


def kinds_below(folder: Path, *parts: str) -> dict[str, Literal["file", "folder", "other"]]:
    """What there is in such a folder, by name; a link is "other"."""
    path = folder.joinpath(*parts)
    try:
        descriptor = _folder(folder, parts)
    except FileNotFoundError:
        return {}
    except NotADirectoryError as error:
        if any(at.is_symlink() for at in (path, *path.parents[: len(parts) - 1])):
            raise _link(path) from error
        return {}
    except OSError as error:
        raise _unreadable(path, error) from error
    try:
        with os.scandir(path if descriptor is None else descriptor) as entries:
            return {entry.name: _kind(entry) for entry in islice(entries, _LOOKED_THROUGH)}
    except FileNotFoundError:
        return {}
    finally:
        _close(descriptor)


def _kind(entry: "os.DirEntry[str]") -> Literal["file", "folder", "other"]:
    try:
        if entry.is_dir(follow_symlinks=False):
            return "folder"
        return "file" if entry.is_file(follow_symlinks=False) else "other"
    except OSError:  # gone meanwhile
        return "other"


def is_there(path: Path) -> bool:
    """Something of that name is there, be it a link that leads nowhere."""
    return os.path.lexists(path)


def _folder(folder: Path, parts: Sequence[str]) -> int | None:
    """A descriptor of the folder; None where the system opens nothing relative to one."""
    if not _BY_DESCRIPTOR:
        at = folder
        for part in parts:
            at = at / part
            _no_link(at)
            if at.exists() and not at.is_dir():
                raise NotADirectoryError(errno.ENOTDIR, "it is no folder", str(at))
        return None
    flags = os.O_RDONLY | os.O_DIRECTORY
    opened = os.open(folder, flags)
    for part in parts:
        try:
            inner = os.open(part, flags | _NOFOLLOW, dir_fd=opened)
        finally:
            os.close(opened)
        opened = inner
    return opened


def _open(path: Path, name: str = "", folder: int | None = None, *, links: bool) -> int:
    flags = os.O_RDONLY | _NONBLOCK | _BINARY | (0 if links else _NOFOLLOW)
    if folder is not None:
        return os.open(name, flags, dir_fd=folder)
    if not links:
        _no_link(path)
    return os.open(path, flags)


def _content(descriptor: int, path: Path, largest: int) -> bytes:
    with os.fdopen(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise ConfigError(f"{path} is no regular file, so it is not read.")
        content = file.read(largest + 1)
    if len(content) > largest:
        raise ConfigError(f"{path} has more than {largest:,} bytes, so it is not read.")
    return content


def _decoded(content: bytes, path: Path) -> str:
    try:
        return content.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path} is not UTF-8: {error.reason} at byte {error.start}.") from error


def _no_link(path: Path) -> None:
    is_junction = getattr(path, "is_junction", None)  # Windows; Python 3.12
    if path.is_symlink() or (is_junction is not None and is_junction()):
        raise _link(path)


def _close(descriptor: int | None) -> None:
    if descriptor is not None:
        os.close(descriptor)


def _link(path: Path) -> ConfigError:
    return ConfigError(f"{path} is, or lies behind, a link; a project's files are read in place.")


def _unreadable(path: Path, error: OSError) -> ConfigError:
    if error.errno in (errno.ELOOP, errno.ENOTDIR):
        return _link(path)
    return ConfigError(f"Cannot read {path}: {error.strerror or error}.")
