"""Config files, definitions and settings: what is read, and what a mistake is told."""

import json
from pathlib import Path

import pytest

from universal_mcp_client.config.server_file import parse_servers, read_servers
from universal_mcp_client.config.settings import load_settings
from universal_mcp_client.config.sources import server_configs
from universal_mcp_client.policy import project
from universal_mcp_client.policy.gate import Gate
from universal_mcp_client.policy.trust import trust
from universal_mcp_client.types.errors import ConfigError


def test_the_shared_form_is_read_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOKEN", "s3cret")
    (tmp_path / "mcp.json").write_text(
        json.dumps(
            {
                "mcpServers": {
                    "files": {
                        "command": "npx",
                        "args": ["-y", "server", "${FOLDER:-/data}"],
                        "env": {"TOKEN": "${TOKEN}", "N": 3},
                        "timeout": 5,
                        "tools": ["read_*", "!read_secret"],
                    },
                    "docs": {
                        "type": "http",
                        "url": "https://example.com/mcp",
                        "headers": {"Authorization": "Bearer ${TOKEN}"},
                        "required": True,
                    },
                    "old": {"url": "https://example.com/${NOT_SET}/sse", "disabled": True},
                }
            }
        )
    )
    files, docs, old = read_servers(tmp_path / "mcp.json")
    assert files.args == ("-y", "server", "/data")
    assert files.env == {"TOKEN": "s3cret", "N": "3"}
    assert (files.timeout, files.allow, files.deny) == (5.0, ("read_*",), ("read_secret",))
    assert docs.headers == {"Authorization": "Bearer s3cret"}
    assert docs.required
    assert (old.transport, old.disabled) == ("sse", True)


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ('{\n "mcpServers": {\n  "a": {"command": "x",}\n }\n}', 3, "column"),
        ('{"mcpServer": {}}', 1, "mcpServer"),
        ('{"mcpServers": {\n "a": {\n  "comand": "x"}}}', 3, "'command'"),
        ('{"mcpServers": {\n "a": {}}}', 2, '"command"'),
        ('{"mcpServers": {\n "a": {"command": "x", "url": "http://y"}}}', 2, "keep one"),
        ('{"mcpServers": {\n "a": {"command": "x",\n "args": [1]}}}', 3, "strings"),
        ('{"mcpServers": {\n "a": {"command": "x",\n "timeout": -1}}}', 3, "seconds"),
        ('{"mcpServers": {\n "a": {"command": "${NOT_SET_AT_ALL}"}}}', 2, "NOT_SET_AT_ALL"),
        ('{"mcpServers": {\n "a b": {"command": "x"}}}', 2, "letters"),
    ],
)
def test_a_mistake_is_told_with_its_line(text: str, line: int, says: str, tmp_path: Path) -> None:
    (tmp_path / "mcp.json").write_text(text)
    with pytest.raises(ConfigError) as raised:
        read_servers(tmp_path / "mcp.json")
    assert f"mcp.json, line {line}" in str(raised.value)
    assert says in str(raised.value)


@pytest.mark.parametrize(
    ("source", "name", "transport", "target"),
    [
        ("https://docs.example.com/mcp", "docs", "http", "https://docs.example.com/mcp"),
        ("work=https://example.com/mcp", "work", "http", "https://example.com/mcp"),
        ("npx -y @scope/server-files /data", "files", "stdio", "npx -y @scope/server-files /data"),
        ("uvx mcp-server-time", "time", "stdio", "uvx mcp-server-time"),
        ("clock=python -m mcp_server_time", "clock", "stdio", "python -m mcp_server_time"),
    ],
)
def test_a_server_can_be_a_url_or_a_command_line(
    source: str, name: str, transport: str, target: str
) -> None:
    (server,) = server_configs([source])
    assert (server.name, server.transport, server.target) == (name, transport, target)


def test_a_file_is_run_by_what_runs_such_files(tmp_path: Path) -> None:
    (tmp_path / "shop_server.py").write_text("")
    (tmp_path / "other.js").write_text("")
    shop, other = server_configs([str(tmp_path / "shop_server.py"), str(tmp_path / "other.js")])
    assert shop.name == "shop" or shop.name == "shop_server"
    assert shop.args[-1].endswith("shop_server.py")
    assert other.command == "node"
    with pytest.raises(ConfigError, match=r"missing\.py"):
        server_configs(["./missing.py"])


def test_two_servers_of_one_name_are_told_apart() -> None:
    names = [s.name for s in server_configs(["uvx mcp-server-time", "npx mcp-server-time"])]
    assert len(set(names)) == 2


def test_the_projects_servers_win_over_the_users_once_they_are_trusted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    both = {"a": {"url": "https://user/mcp"}, "b": {"url": "https://user/b"}}
    (home / "mcp.json").write_text(json.dumps({"mcpServers": both}))
    mine = {"mcpServers": {"a": {"url": "https://project/mcp"}, "c": {"url": "https://c/mcp"}}}
    (tmp_path / ".mcp.json").write_text(json.dumps(mine))
    gate = Gate(tmp_path)
    assert {s.name: s.url for s in gate.selected([])} == {
        "a": "https://user/mcp",
        "b": "https://user/b",
    }
    with pytest.raises(ConfigError, match="umcp trust"):
        gate.selected(["c"])
    trust(project.servers(tmp_path))
    assert {s.name: s.url for s in Gate(tmp_path).selected([])} == {
        "a": "https://project/mcp",
        "b": "https://user/b",
        "c": "https://c/mcp",
    }
    with pytest.raises(ConfigError, match=r"a, b, c"):
        gate.selected(["d"])


def test_a_config_in_memory_is_checked_too() -> None:
    with pytest.raises(ConfigError, match="'url'"):
        parse_servers({"mcpServers": {"a": {"urll": "x"}}})


def test_settings_come_from_file_and_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "home" / "config.toml"
    file.parent.mkdir()
    file.write_text('model = "openai:gpt-5"\n[limits]\nturns = 7\n')
    assert (load_settings().model, load_settings().limits.turns) == ("openai:gpt-5", 7)
    monkeypatch.setenv("UMCP_LIMITS__TURNS", "9")
    assert load_settings().limits.turns == 9
    for broken, says in (
        ("model = \n", "line 1"),
        ('modell = "x"\n', "modell"),
        ('[limits]\ncost = "much"\n', r"limits\.cost"),
    ):
        file.write_text(broken)
        with pytest.raises(ConfigError, match=says):
            load_settings()


def test_every_shipped_definition_is_valid_and_says_what_it_is_for() -> None:
    gate = Gate(Path.cwd())
    agents = {name: gate.agent(name) for name, _ in gate.listed("agent")}
    prompts = gate.prompts()
    assert {"assistant", "files", "researcher"} <= agents.keys()
    assert {"summarize", "explain", "review"} <= prompts.keys()
    for description in (d.description for d in (*agents.values(), *prompts.values())):
        assert description.endswith(".")
    for prompt in prompts.values():
        text = prompt.render({a.name: f"<{a.name}>" for a in prompt.arguments})
        assert "{{" not in text
        assert all(f"<{a.name}>" in text for a in prompt.arguments)


def test_a_broken_definition_is_told_with_its_file(tmp_path: Path) -> None:
    (tmp_path / "agents").mkdir()
    file = tmp_path / "agents" / "mine.md"
    for text, says in (
        ("---\nmodell: x\n---\nHi", "'model'"),
        ("---\nservers: 5\n---\nHi", "list of strings"),
        ("---\nmodel: 5\n---\nHi", "string"),
        ("---\n- : :\n---\nHi", "line"),
        ("---\nlimits: {turns: " + "9" * 5000 + "}\n---\nHi", "head"),
        ("---\nlimits: " + "[" * 5000 + "\n---\nHi", "nest"),
        ("---\nlimits: &a [1]\ntools: *a\n---\nHi", "aliases"),
        ("---" + "\n" * 60_000 + "x\n---\nHi", "characters"),
    ):
        file.write_text(text)
        with pytest.raises(ConfigError, match=says) as raised:
            Gate(tmp_path).agent("mine")
        assert "mine.md" in str(raised.value)
    with pytest.raises(ConfigError, match="umcp agents new nobody"):
        Gate(tmp_path).agent("nobody")
