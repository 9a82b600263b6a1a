"""What is kept on disk belongs to its user alone."""

import os
import stat
import threading
from pathlib import Path

import pytest

from universal_mcp_client.config import state
from universal_mcp_client.config.state import (
    append_private,
    private_folder,
    read_private,
    write_private,
)
from universal_mcp_client.types.errors import ConfigError


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture(autouse=True)
def open_umask() -> object:
    before = os.umask(0)
    yield
    os.umask(before)


def test_folders_and_files_are_closed_whatever_the_umask(tmp_path: Path) -> None:
    write_private(tmp_path / "a" / "b" / "c.json", "{}")
    append_private(tmp_path / "a" / "log", "one\n")
    assert [mode(tmp_path / p) for p in ("a", "a/b", "a/b/c.json", "a/log")] == [
        0o700,
        0o700,
        0o600,
        0o600,
    ]
    assert read_private(tmp_path / "a/b/c.json") == "{}"
    assert read_private(tmp_path / "a/b/none") is None


def test_what_was_open_is_closed_when_it_is_used_again(tmp_path: Path) -> None:
    folder = tmp_path / "old"
    folder.mkdir(mode=0o755)
    (folder / "x").write_text("old")
    (folder / "x").chmod(0o644)
    write_private(folder / "x", "new")
    append_private(folder / "x", "er")
    assert (mode(folder), mode(folder / "x"), read_private(folder / "x")) == (
        0o700,
        0o600,
        "newer",
    )


def test_the_home_is_closed_with_a_folder_in_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UMCP_HOME", str(tmp_path / "home"))
    (tmp_path / "home").mkdir(mode=0o755)
    private_folder(tmp_path / "home" / "locks")
    assert mode(tmp_path / "home") == 0o700


def test_a_folder_that_all_share_is_not_closed_but_refused(tmp_path: Path) -> None:
    shared = tmp_path / "tmp"
    shared.mkdir()
    shared.chmod(0o1777)
    with pytest.raises(ConfigError, match="choose a folder for this alone"):
        private_folder(shared)
    assert mode(shared) == 0o1777


@pytest.mark.parametrize(
    "use", [read_private, lambda p: write_private(p, "x"), lambda p: append_private(p, "x")]
)
def test_a_link_is_neither_read_nor_written_through(tmp_path: Path, use: object) -> None:
    (tmp_path / "victim").write_text("untouched")
    (tmp_path / "trusted.json").symlink_to(tmp_path / "victim")
    with pytest.raises(ConfigError, match="is a link"):
        use(tmp_path / "trusted.json")  # type: ignore[operator]
    assert (tmp_path / "victim").read_text() == "untouched"
    (tmp_path / "dangling").symlink_to(tmp_path / "new")
    with pytest.raises(ConfigError, match="is a link"):
        use(tmp_path / "dangling")  # type: ignore[operator]
    assert not (tmp_path / "new").exists()


def test_a_pipe_in_the_place_of_a_file_blocks_nobody(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe", 0o600)
    with pytest.raises(ConfigError, match="must be a file"):
        read_private(tmp_path / "pipe")


def test_a_link_of_the_users_own_to_a_folder_of_his_own_is_followed(tmp_path: Path) -> None:
    (tmp_path / "dotfiles").mkdir(mode=0o755)
    (tmp_path / "home").symlink_to(tmp_path / "dotfiles")
    write_private(tmp_path / "home" / "x", "y")
    assert mode(tmp_path / "dotfiles") == 0o700
    assert read_private(tmp_path / "dotfiles" / "x") == "y"


@pytest.mark.parametrize("bits", [0o620, 0o602, 0o666])
def test_what_others_can_write_is_not_believed(tmp_path: Path, bits: int) -> None:
    file = tmp_path / "trusted.json"
    file.write_text("{}")
    file.chmod(bits)
    with pytest.raises(ConfigError, match="chmod 600"):
        read_private(file)


def test_what_belongs_to_another_user_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    private_folder(tmp_path / "folder")
    write_private(tmp_path / "folder" / "file", "x")
    found = os.fstat
    monkeypatch.setattr(
        os,
        "fstat",
        lambda fd: os.stat_result((*found(fd)[:4], 54_321, *found(fd)[5:10])),
    )
    for use in (
        lambda: private_folder(tmp_path / "folder"),
        lambda: read_private(tmp_path / "folder" / "file"),
        lambda: write_private(tmp_path / "folder" / "file", "y"),
        lambda: append_private(tmp_path / "folder" / "file", "y"),
    ):
        with pytest.raises(ConfigError, match="belongs to another user"):
            use()


def test_a_reader_sees_the_old_or_the_new_while_many_write(tmp_path: Path) -> None:
    texts = [str(n) * 200_000 for n in range(4)]
    write_private(tmp_path / "f", texts[0])
    writers = [
        threading.Thread(target=lambda t=t: [write_private(tmp_path / "f", t) for _ in range(5)])
        for t in texts
    ]
    for writer in writers:
        writer.start()
    while any(writer.is_alive() for writer in writers):
        assert read_private(tmp_path / "f") in texts
    assert [p.name for p in tmp_path.iterdir()] == ["f"]


def test_a_write_that_fails_leaves_the_old_and_no_draft(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_private(tmp_path / "f", "old")

    def full(_fd: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(ConfigError, match=r"Cannot write .*f: No space left on device"):
        write_private(tmp_path / "f", "new")
    monkeypatch.undo()
    assert (read_private(tmp_path / "f"), len(list(tmp_path.iterdir()))) == ("old", 1)


def test_windows_has_no_owners_and_no_flags_and_links_are_refused_there_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("getuid", "fchmod", "O_NOFOLLOW", "O_NONBLOCK", "O_CLOEXEC", "O_DIRECTORY"):
        monkeypatch.delattr(os, name)
    monkeypatch.setattr(state.sys, "platform", "win32")
    busy = iter([PermissionError(13, "used by another process")] * 3)
    replace = Path.replace

    def held(self: Path, target: Path) -> Path:
        if (error := next(busy, None)) is not None:
            raise error
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", held)
    write_private(tmp_path / "home" / "f", "x")
    append_private(tmp_path / "home" / "f", "y\n")
    assert read_private(tmp_path / "home" / "f") == "xy\n"
    (tmp_path / "home" / "link").symlink_to(tmp_path / "home" / "f")
    with pytest.raises(ConfigError, match="is a link"):
        read_private(tmp_path / "home" / "link")
    (tmp_path / "other").symlink_to(tmp_path / "home")
    with pytest.raises(ConfigError, match="is a link"):
        private_folder(tmp_path / "other")
