"""Whatever a command keeps is its user's alone."""

import json
import os
import stat
from pathlib import Path

import pytest

from universal_mcp_client.auth.hints import Hints
from universal_mcp_client.auth.records import Login
from universal_mcp_client.auth.stores import TokenStore
from universal_mcp_client.cli.main import main
from universal_mcp_client.ui.history import history


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home that an old version left open to all, under a umask that closes nothing."""
    from universal_mcp_client.cli import gate

    gate.gate.cache_clear()
    (tmp_path / "project").mkdir()
    monkeypatch.chdir(tmp_path / "project")
    before = os.umask(0)
    (tmp_path / "home").mkdir(mode=0o755)
    yield tmp_path / "home"
    os.umask(before)


def open_to_others(folder: Path) -> list[str]:
    return [
        f"{path.relative_to(folder)} {stat.S_IMODE(path.stat().st_mode):o}"
        for path in (folder, *folder.rglob("*"))
        if stat.S_IMODE(path.stat().st_mode) & 0o077
    ]


async def _tokens(where: Path) -> None:
    store = TokenStore(f"plain:{where}")
    async with store.lock("https://example.com"):
        await store.save(Login(server="https://example.com"))
    await store.aclose()


def test_everything_in_the_home_is_closed(home: Path) -> None:
    import asyncio

    (home / "mcp.json").write_text('{"mcpServers": {}}')
    (home / "mcp.json").chmod(0o644)
    add = [
        "servers",
        "add",
        "docs",
        "https://example.com/mcp",
        "--header",
        "Authorization=Bearer x",
    ]
    assert main(add) == 0
    assert main([*add, "--project"]) == 0  # trusts it, too
    kept = history(home / "history")
    kept.append_string("a secret\nof two lines")
    kept.append_string("another")
    Hints().set("https://example.com", True)
    asyncio.run(_tokens(home / "tokens"))
    asyncio.run(_tokens(home / "deep" / "er" / "tokens"))
    names = {path.name for path in home.iterdir()}
    assert names >= {"mcp.json", "trusted.json", "history", "logins.json", "tokens"}
    assert not [name for name in names if "new" in name]
    assert open_to_others(home) == []
    assert list(history(home / "history").load_history_strings()) == [
        "another",
        "a secret\nof two lines",
    ]


def test_a_projects_file_keeps_its_mode_and_a_secret_in_it_is_warned_of(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "project" / ".mcp.json"
    file.write_text('{"mcpServers": {}}')
    file.chmod(0o640)
    url = "https://example.com/mcp"
    assert (
        main(["servers", "add", "a", url, "--header", "Authorization=Bearer ${T}", "--project"])
        == 0
    )
    assert "warning" not in capsys.readouterr().err
    assert main(["servers", "add", "b", url, "--header", "X-Key=abcdef", "--project"]) == 0
    assert "looks like a secret" in capsys.readouterr().err
    assert stat.S_IMODE(file.stat().st_mode) == 0o640
    assert len(json.loads(file.read_text())["mcpServers"]) == 2


@pytest.mark.parametrize("name", ["mcp.json", "..mcp.json.new", ".mcp.json.new"])
def test_no_link_is_written_through(home: Path, tmp_path: Path, name: str) -> None:
    victim = tmp_path / "victim"
    victim.write_text('{"mcpServers": {}}')
    (home / name).symlink_to(victim)
    (tmp_path / "project" / name).symlink_to(victim)
    main(["servers", "add", "a", "https://example.com/mcp"])
    main(["servers", "add", "a", "https://example.com/mcp", "--project"])
    assert victim.read_text() == '{"mcpServers": {}}'


@pytest.mark.parametrize(
    ("file", "command"),
    [("mcp.json", ["servers"]), ("config.toml", ["models"])],
)
def test_what_others_can_write_decides_nothing(
    home: Path, file: str, command: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    (home / file).write_text("" if file.endswith("toml") else '{"mcpServers": {}}')
    (home / file).chmod(0o646)
    assert main(command) == 2
    assert f"{file} can be written by other users" in capsys.readouterr().err
    (home / file).chmod(0o644)
    assert main(command) == 0


def test_a_history_that_is_a_link_is_not_used(home: Path, tmp_path: Path) -> None:
    (tmp_path / "victim").write_text("+stolen\n")
    (home / "history").symlink_to(tmp_path / "victim")
    kept = history(home / "history")
    kept.append_string("typed")
    assert (tmp_path / "victim").read_text() == "+stolen\n"


def test_a_long_history_is_cut_at_an_entry(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("universal_mcp_client.ui.history._LARGEST", 2000)
    kept = history(home / "history")
    for number in range(100):
        kept.append_string(f"line {number}")
    strings = list(history(home / "history").load_history_strings())
    assert strings[0] == "line 99" and 5 < len(strings) < 60
    assert (home / "history").stat().st_size < 2000
