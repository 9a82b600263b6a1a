"""What is looked at in a project's folder, how it is described, and how trust is kept."""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from tests.support.hostile import run_hostile

from universal_mcp_client.cli.gate import described
from universal_mcp_client.policy import project, trust
from universal_mcp_client.policy.gate import Gate
from universal_mcp_client.policy.project import Item
from universal_mcp_client.policy.words import facts
from universal_mcp_client.types.errors import ConfigError


def bring(folder: Path, servers: Any) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / ".mcp.json"
    path.write_text(json.dumps({"mcpServers": servers}))
    return path


def said_of(folder: Path, own: Sequence[str] = ()) -> str:
    return "\n".join(line for item in project.servers(folder) for line in facts(item, own))


def test_what_was_shown_is_what_is_used_although_the_file_changed_meanwhile(
    tmp_path: Path,
) -> None:
    bring(tmp_path, {"a": {"command": "shown"}})

    def ask(items: Sequence[Item]) -> bool:
        assert "runs: shown" in facts(items[0])
        bring(tmp_path, {"a": {"command": "swapped"}})
        return True

    assert [s.command for s in Gate(tmp_path, ask=ask).selected([])] == ["shown"]
    asked: list[str] = []
    gate = Gate(tmp_path, ask=lambda items: bool(asked.extend(facts(items[0]))))
    assert gate.selected([]) == [] and "runs: swapped" in asked


def test_nobody_is_asked_twice_about_the_same(tmp_path: Path) -> None:
    bring(tmp_path, {"a": {"command": "x"}})
    asked: list[Item] = []
    said: list[str] = []
    gate = Gate(tmp_path, ask=lambda items: bool(asked.extend(items)), say=said.append)
    for _ in range(3):
        assert gate.selected([]) == []
    assert len(asked) == len(said) == 1


def test_everything_an_entry_does_is_told(tmp_path: Path) -> None:
    (tmp_path / "tools").mkdir()
    (tmp_path / "tools" / "run.py").write_text("")
    bring(
        tmp_path,
        {
            "a": {
                "command": "python",
                "args": ["tools/run.py", "--token", "rm -rf ~", str(tmp_path / "tools/run.py")],
                "env": {"LD_PRELOAD": "./evil.so"},
                "cwd": "${HOME}/x",
                "autoApprove": ["*"],
            },
            "B-1": {
                "url": "https://h/\u0024{KEY}?q=x",
                "headers": {"A": "Bearer ${TOKEN:-t}"},
                "auth": {"type": "client_credentials", "clientId": "c", "privateKeyFile": "~/k"},
                "disabled": True,
            },
        },
    )
    said = said_of(tmp_path, own=["a", "b_1"])
    for words in (
        "takes the place of the server 'a' that you have",
        "runs: python tools/run.py --token 'rm -rf ~' /",
        "LD_PRELOAD=./evil.so",
        "in the folder ${HOME}/x",
        f"tools/run.py, {tmp_path}/tools/run.py: of this folder; trust stays when what is in there changes",
        'autoApprove: ["*"]',
        "is called almost as the server 'b_1'",
        "contacts https://h/${KEY}?q=x",
        "A='Bearer ${TOKEN:-t}'",
        "privateKeyFile='~/k'",
        "variables KEY, TOKEN",
        "switched off",
    ):
        assert words in said


def test_that_a_server_may_ask_the_model_is_told(tmp_path: Path) -> None:
    bring(tmp_path, {"a": {"command": "x", "sampling": True}, "b": {"command": "y"}})
    assert said_of(tmp_path).count("may ask your model what it likes, at your cost") == 1


def test_a_question_cannot_be_made_to_look_like_another(tmp_path: Path) -> None:
    spoof = "x" + " " * 200 + "contacts nothing\n[y]es / [N]o: "
    bring(
        tmp_path, {"a": {"command": "n\u0440x", "args": [spoof]}, "b": {"url": "https://\u0430.b"}}
    )
    text = described(project.servers(tmp_path))
    assert "<200 blanks>" in text and r"n\u0440x" in text and r"https://\u0430.b" in text
    assert text.index("contacts https") < text.index("runs:")  # nearest to the question
    assert all(line.lstrip().startswith(_STARTS) for line in text.splitlines() if line)


_STARTS = ("server ", "runs: ", "contacts https", "which has")


def test_a_folders_programs_start_in_it(tmp_path: Path) -> None:
    bring(tmp_path, {"a": {"command": "./server"}, "b": {"command": "x", "cwd": "sub"}})
    (tmp_path / "sub").mkdir()
    trust.trust(project.servers(tmp_path))
    places = {s.name: s.cwd for s in Gate(tmp_path / "sub").selected([])}
    assert places == {"a": str(tmp_path), "b": str(tmp_path / "sub")}


def test_what_is_to_be_typed_can_be_typed(tmp_path: Path) -> None:
    (tmp_path / "agents").mkdir()
    (tmp_path / "agents" / "$(touch X); a.md").write_text("Hi.")
    with pytest.raises(ConfigError) as raised:
        Gate(tmp_path).agent("$(touch X); a")
    assert f"umcp trust '{tmp_path}/agents/$(touch X); a.md'" in str(raised.value)


def test_where_nothing_can_be_kept_a_yes_is_for_this_command(tmp_path: Path) -> None:
    bring(tmp_path, {"a": {"command": "x"}})
    (tmp_path / "home").write_text("no folder")
    said: list[str] = []
    gate = Gate(tmp_path, ask=lambda items: True, say=said.append)
    assert [s.name for s in gate.selected([])] == ["a"]
    assert len(said) == 1


def test_an_agents_servers_are_told_and_may_be_no_file_of_servers(tmp_path: Path) -> None:
    (tmp_path / "agents").mkdir()
    file = tmp_path / "agents" / "x.md"
    (tmp_path / "more.json").write_text('{"mcpServers": {"a": {"command": "x"}}}')
    sources = f"servers: [touch X, 'https://h/mcp', files, 'm={tmp_path}/more.json']"
    file.write_text(f"---\n{sources}\nmodel: openai:x\n---\nObey.")
    found = project.agent(tmp_path, "x")
    assert found is not None
    said = "\n".join(facts(found, ["X"]))
    for words in ("runs: touch X", "contacts https://h/mcp", "server 'files'", "model openai:x"):
        assert words in said
    assert "is called almost as the agent 'X'" in said
    trust.trust([found])
    gate = Gate(tmp_path)
    agent = gate.agent("x")
    with pytest.raises(ConfigError, match="a file of servers"):
        gate.selected(agent.servers or (), by=agent.path)


def test_trust_is_in_the_content_and_the_place(tmp_path: Path) -> None:
    def used(folder: Path = tmp_path) -> list[str]:
        return [server.name for server in Gate(folder).selected([])]

    bring(tmp_path, {"a": {"command": "x"}})
    trust.trust(project.servers(tmp_path))
    assert used() == ["a"]
    bring(tmp_path, {"a": {"command": "x"}, "b": {"command": "x"}})
    assert used() == ["a"]  # b is new
    bring(tmp_path, {"a": {"command": "x", "env": {"X": "1"}}})
    assert used() == []
    bring(tmp_path, {"a": {"args": [], "command": "x"}})
    assert used() == []  # not another spelling: another entry
    bring(tmp_path / "elsewhere", {"a": {"command": "x"}})
    assert used(tmp_path / "elsewhere") == []
    (tmp_path / ".mcp.json").write_text('{"mcpServers":\n\n{"\\u0061": {"command": "x"}}}')
    assert used() == ["a"]  # another spelling of the same
    trust.forget(project.servers(tmp_path))
    assert used() == []


def test_a_folder_reached_by_a_link_is_the_same_folder(tmp_path: Path) -> None:
    bring(tmp_path / "real", {"a": {"command": "x"}})
    (tmp_path / "link").symlink_to("real")
    trust.trust(project.servers(tmp_path / "link"))
    assert [s.name for s in Gate(tmp_path / "real").selected([])] == ["a"]
    (tmp_path / "real").rename(tmp_path / "moved")
    assert Gate(tmp_path / "moved").selected([]) == []


def test_above_the_folder_only_the_users_own_file_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bring(tmp_path, {"theirs": {"command": "x"}})
    below = tmp_path / "a" / "b"
    below.mkdir(parents=True)
    assert project.servers_file(below) == tmp_path / ".mcp.json"
    monkeypatch.setattr(os, "getuid", lambda: 4_000_000)
    monkeypatch.setattr(project, "_ROOT", 4_000_001)
    assert project.servers_file(below) is None
    assert project.servers_file(tmp_path) == tmp_path / ".mcp.json"
    (tmp_path / "a" / ".git").mkdir()
    monkeypatch.undo()
    assert project.servers_file(below) is None


def test_what_is_word_for_word_the_packages_needs_no_trust(tmp_path: Path) -> None:
    mine = project.own("agent", "assistant")
    assert mine is not None
    (tmp_path / "agents").mkdir()
    (tmp_path / "agents" / "assistant.md").write_text(mine.path.read_text())
    assert project.agent(tmp_path, "assistant") is None
    assert project.everything(Path(__file__).parents[2], "agent") == ([], [])


@pytest.mark.parametrize(
    "text",
    [
        '{"mcpServers": {"a": {"command": "x", "gallery": ' + "[" * 900 + "]" * 900 + "}}}",
        '{"mcpServers": {"a": {"command": "x", "timeout": ' + "9" * 5000 + "}}}",
        "[" * 200_000,
        '{"mcpServers": {"a": {"command": "' + "x" * 300_000 + '"}}}',
    ],
    ids=["deep", "digits", "endless", "huge"],
)
def test_a_file_without_measure_is_a_mistake_like_others(text: str, tmp_path: Path) -> None:
    (tmp_path / ".mcp.json").write_text(text)
    with pytest.raises(ConfigError, match=r"\.mcp\.json"):
        Gate(tmp_path).selected([])


def test_a_store_that_others_can_write_is_not_believed(tmp_path: Path) -> None:
    bring(tmp_path, {"a": {"command": "x"}})
    trust.trust(project.servers(tmp_path))
    assert trust.store().stat().st_mode & 0o777 == 0o600
    trust.store().chmod(0o666)
    said: list[str] = []
    assert Gate(tmp_path, say=said.append).selected([]) == []
    assert any("chmod 600" in line for line in said)
    with pytest.raises(ConfigError, match="chmod 600"):
        trust.trust(project.servers(tmp_path))


def test_two_processes_that_trust_at_once_lose_nothing(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path;"
        "from universal_mcp_client.policy import project, trust;"
        "[trust.trust(project.servers(Path(p))) for p in sys.argv[1:]]"
    )
    folders = [tmp_path / str(n) for n in range(40)]
    for folder in folders:
        bring(folder, {"a": {"command": "x"}})
    halves = [folders[::2], folders[1::2]]
    running = [subprocess.Popen([sys.executable, "-c", code, *map(str, half)]) for half in halves]
    assert [process.wait(60) for process in running] == [0, 0]
    assert all(trust.trusted(project.servers(folder)) for folder in folders)


def test_a_folder_without_measure_costs_little(tmp_path: Path) -> None:
    (tmp_path / "prompts").mkdir()
    heads = (
        "settings: " + "[" * 8_000,
        "arguments: {" + ", ".join(f"a{n}: x" for n in range(700)) + "}",
        "x: &a [" + "1, " * 2_000 + "]",
    )
    for n in range(400):
        head = heads[n % 3]
        (tmp_path / "prompts" / f"p{n}.md").write_text(f"---\n{head}\n---\n" + "y" * 50_000)
    bring(tmp_path, {f"s{n}": {"command": "x", "args": ["a"]} for n in range(5_000)})
    run_hostile(
        f"""
        import os
        from pathlib import Path
        from universal_mcp_client.policy.gate import Gate
        os.environ["UMCP_HOME"] = {str(tmp_path / "home")!r}
        said = []
        gate = Gate(Path({str(tmp_path)!r}), say=said.append)
        await asyncio.to_thread(gate.prompts)
        await asyncio.to_thread(gate.listed, "prompt")
        assert not gate.selected([])
        assert any("400 files" in line for line in said), said[:5]
        assert max(map(len, said)) < 2_000, max(said, key=len)
        """
    )
