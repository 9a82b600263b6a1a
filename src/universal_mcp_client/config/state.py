"""What this program keeps on disk: in folders and files that belong to one user alone.

Trust, logins, history and servers lie there. Whoever could write them, or put a link in their place,
would decide what runs; whoever could read them would have the tokens. So folders are 0700, files
0600, a file is written beside its place and renamed, and what others own or may write is refused.
Windows has neither owners nor modes in this sense: a user's profile is closed by its own rules, and
only links are refused there.
"""

import errno
import os
import secrets
import stat
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from universal_mcp_client.config.paths import home
from universal_mcp_client.types.errors import ConfigError

_OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH
_TRIES, _PAUSE = 20, 0.01  # seconds; on Windows a scanner may hold a file for a moment


def private_folder(path: Path) -> Path:
    """`path` as a folder of ours, made with what is missing above it, closed to everybody else.

    A link is followed only where it and the folder behind it are the user's own (dotfiles).
    Raises ConfigError for a foreign owner, a link of somebody else, and what is no folder.
    """
    root = home()
    if path != root and path.is_relative_to(root):
        private_folder(path.parent)
    with _told("make", path):
        if not path.parent.is_dir():
            private_folder(path.parent)
        try:
            path.mkdir(mode=0o700)
        except FileExistsError:
            pass
        seen = path.lstat()
        if not path.is_dir():
            raise ConfigError(f"{path} must be a folder, and is none.")
        if (uid := _uid()) is None:
            if _is_link(path):
                raise ConfigError(f"{path} is a link; state is kept in a folder itself.")
            return path
        if seen.st_uid not in (uid, 0):
            raise _foreign(path, seen.st_uid)
        opened = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            found = os.fstat(opened)
            if found.st_uid != uid:
                raise _foreign(path, found.st_uid)
            if stat.S_IMODE(found.st_mode) != 0o700:
                if found.st_mode & stat.S_ISVTX or path.resolve() in (Path("/"), Path.home()):
                    raise ConfigError(
                        f"{path} is shared or holds other things; choose a folder for this alone."
                    )
                os.fchmod(opened, 0o700)
        finally:
            os.close(opened)
    return path


def read_private(path: Path) -> str | None:
    """The text of a file of ours; None where there is none.

    Raises ConfigError for a link, for what somebody else owns (root may) or could write, and for
    what is no UTF-8.
    """
    with _told("read", path):
        try:
            opened = _open(path, os.O_RDONLY)
        except FileNotFoundError:
            return None
        with os.fdopen(opened, "rb") as file:
            found = os.fstat(file.fileno())
            if (uid := _uid()) is not None:
                if found.st_uid not in (uid, 0):
                    raise _foreign(path, found.st_uid)
                if found.st_mode & _OTHERS_WRITE:
                    raise _written_by_others(path)
            data = file.read()
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path} is not UTF-8: {error.reason} at byte {error.start}.") from error


def write_private(path: Path, text: str) -> None:
    """Put `text` into a file of ours, 0600, all of it or nothing: readers see the old or the new.

    Raises ConfigError where the file is a link or somebody else's, and where it cannot be written.
    """
    private_folder(path.parent)
    with draft_of(path) as file:
        file.write(text.encode("utf-8", "backslashreplace"))


def write_shared(path: Path, text: str) -> None:
    """Put `text` into a file of a project, as `write_private` does, but with the mode that the file
    has, or that the user gives to new files. Raises ConfigError."""
    try:
        mode = stat.S_IMODE(path.lstat().st_mode)
    except FileNotFoundError:
        mode = None
    with draft_of(path, mode=mode) as file:
        file.write(text.encode("utf-8", "backslashreplace"))


@contextmanager
def draft_of(path: Path, *, mode: int | None = 0o600) -> Generator[BinaryIO]:
    """A new file beside `path`, which takes its place when all of it is written, and goes when
    something is raised. Without a `mode`, it is what the user gives to new files.

    Raises ConfigError where `path` is a link or somebody else's, and where it cannot be written.
    """
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    with _told("write", path):
        try:
            os.close(_open(path, os.O_RDONLY))
        except FileNotFoundError:
            pass
        try:
            opened = _open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode or 0o666)
            with os.fdopen(opened, "wb") as file:
                if mode is not None and _uid() is not None:
                    os.fchmod(opened, mode)
                yield file
                file.flush()
                os.fsync(file.fileno())
            _replace(draft, path)
        finally:
            draft.unlink(missing_ok=True)
        _sync_folder(path.parent)


def check_own(path: Path) -> None:
    """A file which the user writes by hand, and may have linked here: whoever else could write it
    would decide what runs.

    Raises ConfigError for a foreign owner (root may), and where other users could write it. A group
    that is the user's alone, as on many systems, is no other user.
    """
    if (uid := _uid()) is None:
        return
    try:
        link, found = path.lstat(), path.stat()
    except OSError:  # not there, or not to be read, which is told where it is read
        return
    for owner in (link.st_uid, found.st_uid):
        if owner not in (uid, 0):
            raise _foreign(path, owner)
    shared = found.st_mode & stat.S_IWGRP and not _is_private_group(found.st_gid, uid)
    if shared or found.st_mode & stat.S_IWOTH:
        raise _written_by_others(path)


def _is_private_group(group: int, uid: int) -> bool:
    """The group that bears its only member's name."""
    import grp
    import pwd

    try:
        name, found = pwd.getpwuid(uid).pw_name, grp.getgrgid(group)
    except KeyError:
        return False
    return found.gr_name == name and set(found.gr_mem) <= {name}


def append_private(path: Path, text: str) -> None:
    """Add `text` to the end of a file of ours, which is made 0600 where it is not there.

    Raises ConfigError as `write_private` does.
    """
    with _told("write", path):
        private_folder(path.parent)
        with os.fdopen(_open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT), "ab") as file:
            if _uid() is not None:
                os.fchmod(file.fileno(), 0o600)
            file.write(text.encode("utf-8", "backslashreplace"))


def _open(path: Path, flags: int, mode: int = 0o600) -> int:
    """A file's descriptor; its owner is ours (or root's), and it is no link, pipe or device."""
    if not hasattr(os, "O_NOFOLLOW") and _is_link(path):
        raise _link(path)
    extra = ("O_NOFOLLOW", "O_NONBLOCK", "O_CLOEXEC", "O_BINARY", "O_NOINHERIT")
    for name in extra:  # no system has all of them
        flags |= getattr(os, name, 0)
    try:
        opened = os.open(path, flags, mode)
    except OSError as error:
        if error.errno == errno.ELOOP or _is_link(path):
            raise _link(path) from error
        raise
    found = os.fstat(opened)
    if not stat.S_ISREG(found.st_mode):
        os.close(opened)
        raise ConfigError(f"{path} must be a file, and is none.")
    if (uid := _uid()) is not None and found.st_uid not in (uid, 0):
        os.close(opened)
        raise _foreign(path, found.st_uid)
    return opened


def _uid() -> int | None:
    """Whose process this is; None on systems without such numbers."""
    return os.getuid() if hasattr(os, "getuid") else None


def _is_link(path: Path) -> bool:
    junction = getattr(os.path, "isjunction", None)  # from Python 3.12 on
    return path.is_symlink() or bool(junction and junction(path))


def _replace(draft: Path, path: Path) -> None:
    for left in reversed(range(_TRIES)):
        try:
            draft.replace(path)
        except PermissionError:
            if sys.platform != "win32" or not left:
                raise
            time.sleep(_PAUSE)
        else:
            return


def _sync_folder(folder: Path) -> None:
    """So that the new name outlives a power cut, where a folder can be synced."""
    try:
        opened = os.open(folder, os.O_RDONLY)
    except OSError:  # Windows opens no folders
        return
    try:
        os.fsync(opened)
    except OSError:
        pass
    finally:
        os.close(opened)


@contextmanager
def _told(what: str, path: Path) -> Generator[None]:
    try:
        yield
    except OSError as error:
        raise ConfigError(f"Cannot {what} {path}: {error.strerror or error}.") from error


def _foreign(path: Path, owner: int) -> ConfigError:
    return ConfigError(
        f"{path} belongs to another user (number {owner}), so it is not used. "
        "Remove it, or set UMCP_HOME to a folder of your own."
    )


def _written_by_others(path: Path) -> ConfigError:
    return ConfigError(
        f"{path} can be written by other users, so it is not believed. "
        f"Look at it, then run: chmod 600 {path}"
    )


def _link(path: Path) -> ConfigError:
    return ConfigError(
        f"{path} is a link, so it is neither read nor written through. Put the file itself there."
    )
