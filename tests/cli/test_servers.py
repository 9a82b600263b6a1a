"""`umcp servers`, `agents`, `models`, `doctor`."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.support.llm_server import serving


def written(tmp_path: Path) -> dict[str, Any]:
    data: dict[str, Any] = json.loads((tmp_path / "home" / "mcp.json").read_text())
    return data["mcpServers"]


def test_a_server_is_added_listed_tested_and_removed(
    umcp: Callable[..., Any], desk_server: str, tmp_path: Path
) -> None:
    command = desk_server.partition("=")[2]
    assert umcp("servers", "add", "desk", command).code == 0
    assert written(tmp_path)["desk"]["args"][-1].endswith("desk_server.py")
    listed = umcp("servers", "list", "--json")
    assert [s["name"] for s in listed.json] == ["desk"]
    tested = umcp("servers", "test", "desk")
    assert tested.code == 0, tested.err
    assert "5 tools" in tested.out
    assert umcp("servers", "remove", "desk").code == 0
    assert written(tmp_path) == {}
    again = umcp("servers", "remove", "desk")
    assert again.code == 2 and "desk" in again.err


def test_what_others_wrote_into_the_file_stays(umcp: Callable[..., Any], tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    kept = {"url": "https://example.com/${NOT_SET}", "alwaysAllow": ["x"]}
    (home / "mcp.json").write_text(json.dumps({"mcpServers": {"a": kept}, "other": 1}))
    added = umcp("servers", "add", "docs", "https://docs.example.com/mcp", "--header", "X=${Y:-1}")
    assert added.code == 0, added.err
    data = json.loads((home / "mcp.json").read_text())
    assert data["other"] == 1
    assert data["mcpServers"]["a"] == kept
    assert data["mcpServers"]["docs"]["headers"] == {"X": "${Y:-1}"}


def test_adding_to_a_projects_file_does_not_trust_what_others_wrote(
    umcp: Callable[..., Any], tmp_path: Path
) -> None:
    file = tmp_path / ".mcp.json"
    file.write_text(json.dumps({"mcpServers": {"theirs": {"command": "evil"}}}))
    assert umcp("servers", "add", "mine", "no-such-command", "--project").code == 0
    listed = umcp("servers", "list", "--json").json
    assert {s["name"]: s["trusted"] for s in listed} == {"theirs": False, "mine": True}
    ran = umcp("tools")
    assert ran.code == 1 and "no-such-command" in ran.err  # trusted, and tried
    assert "'theirs'" in ran.err and "umcp trust" in ran.err
    assert umcp("servers", "trust").code == 0  # the older name
    assert "evil" in umcp("tools").err


def test_a_list_shows_variables_and_not_their_values(
    umcp: Callable[..., Any], tmp_path: Path
) -> None:
    (tmp_path / "mcp.json").write_text('{"mcpServers": {"a": {"url": "https://x/${SECRET}"}}}')
    ran = umcp("servers", "list", "--config", "mcp.json", SECRET="s3cret")
    assert "${SECRET}" in ran.out and "s3cret" not in ran.out


def test_servers_are_taken_over_from_a_file(umcp: Callable[..., Any], tmp_path: Path) -> None:
    other = tmp_path / "claude.json"
    other.write_text(json.dumps({"mcpServers": {"t": {"command": "uvx", "args": ["x"]}}}))
    ran = umcp("servers", "import", str(other))
    assert ran.code == 0, ran.err
    assert written(tmp_path)["t"]["command"] == "uvx"


def test_a_server_that_fails_its_test_is_told_with_its_cause(umcp: Callable[..., Any]) -> None:
    umcp("servers", "add", "broken", "no-such-command --flag")
    ran = umcp("servers", "test")
    assert ran.code == 1
    assert "no-such-command" in ran.out + ran.err


def test_agents_are_made_and_shown(umcp: Callable[..., Any], tmp_path: Path) -> None:
    assert {a["name"] for a in umcp("agents", "list", "--json").json} >= {"assistant", "files"}
    assert umcp("agents", "new", "mine").code == 0
    assert (tmp_path / "agents" / "mine.md").is_file()
    assert "mine" in umcp("agents", "show", "mine").out
    assert umcp("agents", "new", "mine").code == 2  # never overwritten


def test_doctor_says_what_works(umcp: Callable[..., Any], desk_server: str) -> None:
    umcp("servers", "add", "desk", desk_server.partition("=")[2])
    ran = umcp("doctor")
    assert "desk" in ran.out + ran.err
    assert ran.code in (0, 1)


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["run", "x", "--model", "gpt-5"], 2, "write openai:gpt-5"),
        (["run", "x", "--model", "opnai:gpt-5"], 2, "opnai"),
        (["run", "x", "--model", "local:nope"], 1, "nope"),
        (["run", "x", "--agent", "nobody", "--model", "openai:x"], 2, "umcp agents new"),
        (["run"], 2, "--help"),
        (["run", "x", "--max-turns", "0", "--model", "openai:x"], 2, "1 or more"),
        (["run", "x", "--model", "openai:x", "--output-schema", "none.json"], 2, "none.json"),
        (["run", "x", "--model", "openai:x"], 3, "OPENAI_API_KEY"),
        (["models", "pull", "nope"], 2, "smollm2-135m"),
    ],
)
def test_a_mistake_is_one_clear_line(
    arguments: list[str], code: int, says: str, umcp: Callable[..., Any]
) -> None:
    ran = umcp(*arguments)
    assert ran.code == code, ran.err
    assert says in ran.err


def test_a_server_that_wants_a_login_ends_with_3(umcp: Callable[..., Any]) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            await send({"type": "http.response.start", "status": 401, "headers": []})
            await send({"type": "http.response.body", "body": b""})

    for url in serving(app):
        ran = umcp("tools", "--server", f"secret={url}/mcp")
        assert ran.code == 3, ran.err
        assert "secret" in ran.err and "login" in ran.err
