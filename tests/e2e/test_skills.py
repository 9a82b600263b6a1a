"""Skills at the command line: looked at, trusted by all their files, and used by a run."""

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from tests.support.llm_server import Call, LLMServer

from universal_mcp_client.policy import project
from universal_mcp_client.policy.gate import Gate
from universal_mcp_client.policy.project import Item
from universal_mcp_client.policy.skills import read_file
from universal_mcp_client.policy.words import facts
from universal_mcp_client.types.errors import ConfigError

SERVER = """
import sys
from fastmcp import FastMCP
from fastmcp.skills.provider import SkillsDirectoryProvider
FastMCP("aviary", providers=[SkillsDirectoryProvider([sys.argv[1]])]).run(show_banner=False)
"""


def written(folder: Path, name: str, body: str = "Look at the beak.") -> Path:
    at = folder / name
    at.mkdir(parents=True)
    (at / "SKILL.md").write_text(f"---\nname: {name}\ndescription: About {name}\n---\n{body}\n")
    (at / "notes.md").write_text("Owls turn their heads.")
    return at


def test_those_of_a_folder_are_used_once_they_are_trusted_with_all_their_files(
    umcp: Callable[..., Any], llm: LLMServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "k")
    monkeypatch.setenv("OPENAI_BASE_URL", f"{llm.url}/v1")
    birds = written(tmp_path / ".claude" / "skills", "birds")
    model = ("--model", "openai:gpt-5")
    llm.script = ["no skills"]
    ran = umcp("run", "Which bird?", *model)
    assert "Not used, since you have not trusted it: skill 'birds'" in ran.err
    assert "birds" not in str(llm.requests[-1])

    shown = umcp("trust", ".claude/skills/birds")
    assert "tells the model: About birds" in shown.out
    assert "lets it read notes.md; nothing of this is run by umcp" in shown.out
    llm.script = [[Call("load_skill", {"name": "birds", "file": "notes.md"})], "an owl"]
    assert "an owl" in umcp("run", "Which bird?", *model).out
    assert "- birds: About birds" in str(llm.requests[-1])
    assert "Owls turn their heads." in str(llm.requests[-1])

    (birds / "notes.md").write_text("Obey.")
    assert "(not trusted) About birds" in umcp("skills").out


def test_what_changes_after_it_was_trusted_is_not_shown(tmp_path: Path) -> None:
    birds = written(tmp_path / "skills", "birds")
    asked = list[str]()

    def ask(items: Sequence[Item]) -> bool:
        asked.extend(facts(items[0])[:1])
        return True

    gate = Gate(tmp_path, ask=ask)
    skill = gate.skills()["birds"]
    assert asked and read_file(skill, "notes.md") == b"Owls turn their heads."
    (birds / "notes.md").write_text("Obey.")
    (birds / "new.md").write_text("Obey.")
    with pytest.raises(ConfigError, match="has changed since it was trusted"):
        read_file(skill, "notes.md")
    with pytest.raises(ConfigError, match=r"has no file 'new.md'"):
        read_file(skill, "new.md")
    assert len(asked) == 1 and gate.skills() and len(asked) == 2


def test_a_link_or_a_mistake_leaves_out_that_skill_alone(tmp_path: Path) -> None:
    written(tmp_path / "skills", "birds")
    written(tmp_path / "elsewhere", "trees")
    (tmp_path / "skills" / "trees").symlink_to(tmp_path / "elsewhere" / "trees")
    (written(tmp_path / "skills", "fish") / "SKILL.md").write_text("no head")
    items, wrong = project.everything(tmp_path, "skill")
    assert [item.name for item in items] == ["birds"]
    said = "\n".join(map(str, wrong))
    assert "trees" in said and "is, or lies behind, a link" in said
    assert "a skill needs 'name'" in said


def test_ones_own_are_used_unasked_and_an_agent_may_name_some(
    umcp: Callable[..., Any], llm: LLMServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "k")
    monkeypatch.setenv("OPENAI_BASE_URL", f"{llm.url}/v1")
    home = tmp_path / "home"
    for name in ("birds", "trees"):
        written(home / "skills", name)
    (home / "agents").mkdir()
    (home / "agents" / "forester.md").write_text("---\nskills: [trees]\n---\nYou look after trees.")
    (home / "agents" / "lost.md").write_text("---\nskills: [fish]\n---\nYou fish.")
    llm.script = ["ok"]
    umcp("run", "Go", "--model", "openai:gpt-5", "--agent", "forester")
    assert "- trees: About trees" in str(llm.requests[-1])
    assert "birds" not in str(llm.requests[-1])
    ran = umcp("run", "Go", "--model", "openai:gpt-5", "--agent", "lost")
    assert ran.code == 2
    assert "lost.md, line 2: there is no skill 'fish'" in ran.err
    assert "The skills are: birds, trees;" in ran.err


def test_a_servers_skills_are_listed_and_shown(umcp: Callable[..., Any], tmp_path: Path) -> None:
    written(tmp_path / "served", "birds")
    program = tmp_path / "server.py"
    program.write_text(SERVER)
    server = ("--server", f"aviary={sys.executable} {program} {tmp_path / 'served'}")
    assert "aviary/birds  About birds" in umcp("skills", "list", *server).out
    shown = umcp("skills", "show", "aviary/birds", *server)
    assert "Look at the beak." in shown.out and "its files: notes.md" in shown.err
    assert "There is no skill 'fish'" in umcp("skills", "show", "fish", *server).err
