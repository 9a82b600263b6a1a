"""Files of agents: what their heads may say, Claude Code's as they are, and what a mistake is told."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from tests.conftest import ROOT

from universal_mcp_client.config.agent_file import AgentDefinition, parse_agent, schema
from universal_mcp_client.policy import project
from universal_mcp_client.policy.words import facts
from universal_mcp_client.types.errors import ConfigError

CLAUDE = """---
name: code-reviewer
description: Use this agent after a change. Examples: <example>user: "It's done"</example>
tools: Read, Bash(git diff, git log), mcp__files__read_file, mcp__github
disallowedTools: Write, mcp__github__delete_repo
model: inherit
permissionMode: plan
maxTurns: 7
effort: high
color: blue
mcpServers:
  - github
hooks:
  PreToolUse:
    - matcher: Bash
---
You review changes.
"""
WHOLE = """---
description: Answers from the handbook.
model: anthropic:claude-sonnet-5
servers: [library, "uvx mcp-server-time"]
tools: ["read_*", "!delete_*"]
agents: [clerk]
context: ["library:guide://introductions", ../STYLE.md]
prompts: ["summarize path=README.md"]
skills: [writing]
output:
  type: object
  properties: {answer: {type: string}}
approve: always
limits: {turns: 3, cost: 0.5}
settings: {temperature: 0}
resources: true
server_instructions: false
---
Answer.
"""


def parsed(text: str, name: str = "reviewer") -> AgentDefinition:
    return parse_agent(text, name, Path("/p/agents/reviewer.md"))


def test_a_file_of_claude_code_is_read_as_it_is() -> None:
    agent = parsed(CLAUDE)
    assert agent.name == "code-reviewer"
    assert agent.description.endswith('<example>user: "It\'s done"</example>')
    assert agent.tools == (
        *("Read", "Bash(git diff, git log)", "files:read_file", "github:*"),
        *("!Write", "!github:delete_repo"),
    )
    assert agent.model is None  # the caller's
    assert agent.bounds == {"turns": 7}
    assert agent.settings == {"reasoning": "high"}
    assert agent.instructions == "You review changes."


def test_what_of_claude_code_has_no_effect_is_noted_with_its_line() -> None:
    noted = dict(note.split(": ", 1) for note in parsed(CLAUDE).notes)
    at = "/p/agents/reviewer.md, line"
    assert set(noted) == {f"{at} {n}" for n in (4, 7, 10, 11, 13)}
    assert "'permissionMode'" in noted[f"{at} 7"]
    assert noted[f"{at} 4"].startswith("Read, Bash: tools of Claude Code")


def test_our_own_keys_are_read_whole() -> None:
    agent = parsed(WHOLE)
    assert agent.servers == ("library", "uvx mcp-server-time")
    assert agent.context == ("library:guide://introductions", "../STYLE.md")
    assert agent.prompts == ("summarize path=README.md",)
    assert (agent.agents, agent.skills) == (("clerk",), ("writing",))
    assert agent.output == {"type": "object", "properties": {"answer": {"type": "string"}}}
    assert agent.bounds == {"turns": 3, "cost": 0.5}
    assert (agent.approve, agent.resources, agent.server_instructions) == ("always", True, False)
    assert not agent.notes


def test_nothing_is_not_the_same_as_not_said() -> None:
    assert parsed("Hi.").tools is None
    none = parsed("---\ntools: []\nservers: []\nskills: []\ndisallowedTools: Write\n---\nHi.")
    assert (none.tools, none.servers, none.skills) == ((), (), ())
    assert parsed("---\nservers:\ntools:\n---\nHi.").servers is None


def test_a_date_and_a_number_are_texts_where_a_text_is_wanted() -> None:
    agent = parsed("---\ndescription: 2026-01-01\nname: 7\n---\nHi.")
    assert (agent.description, agent.name) == ("2026-01-01", "7")


@pytest.mark.parametrize(
    ("head", "line", "says"),
    [
        ("name: x\ncontexts: [a]", 3, "Did you mean 'context'?"),
        ("nonsense: 1", 2, "Known keys: agents, "),
        ("limits:\n  turns: 3\n  trns: 3", 4, "Did you mean 'turns'?"),
        ("limits:\n  turns: 0", 3, "greater than 0"),
        ("name: x\nservers:\n  - {b: c}", 3, "list of strings"),
        ("approve: never", 2, "'always', 'writes' or 'destructive'"),
        ("resources: maybe", 2, "'resources'"),
        ("output: [a]", 2, "a JSON Schema, or"),
        ("name: x\nname: y", 3, "there twice"),
        ("settings:\n  1: x", 3, "put it in quotes"),
        ("settings:\n  a: !!binary aGk=", 3, "put it in quotes"),
        ("servers: [a", 3, "expected"),
        ("agents: [clerk, reviewer]", 2, "names itself"),
    ],
)
def test_a_mistake_is_told_with_its_line(head: str, line: int, says: str) -> None:
    with pytest.raises(ConfigError) as raised:
        parsed(f"---\n{head}\n---\nHi.")
    assert f"/p/agents/reviewer.md, line {line}" in str(raised.value)
    assert says in str(raised.value)


def test_all_mistakes_are_told_at_once() -> None:
    with pytest.raises(ConfigError) as raised:
        parsed("---\nmaxTurns: no\ncolour: x\nresources: 7\n---\nHi.")
    lines = str(raised.value).splitlines()
    assert [f"line {n}" in line for n, line in zip((2, 4, 3), lines, strict=True)] == [True] * 3


def test_the_published_schema_is_that_of_the_table() -> None:
    published = json.loads((ROOT / "docs" / "agent.schema.json").read_text())
    assert published == schema(), "run: umcp agents schema > docs/agent.schema.json"
    check = jsonschema.Draft202012Validator(published)
    for text in (CLAUDE.replace('user: "It\'s done"', ""), WHOLE):
        head = text.split("---")[1].replace("Examples: ", "")
        assert list(check.iter_errors(yaml.safe_load(head))) == []
    for wrong in ({"limits": {"turns": 0}}, {"approve": "never"}, {"nonsense": 1}):
        assert not check.is_valid(wrong)


def test_what_a_projects_agent_would_do_is_told(tmp_path: Path) -> None:
    (tmp_path / "agents").mkdir()
    (tmp_path / "agents" / "whole.md").write_text(WHOLE)
    item = project.agent(tmp_path, "whole")
    assert item is not None
    told = "\n".join(facts(item))
    for said in (
        *("asks the agents clerk", "library:guide://introductions, ../STYLE.md", "summarize path"),
        *("skills writing", '"answer"', "asks you besides: always", "turns=3", "list and read all"),
    ):
        assert said in told


@pytest.fixture
def agents(tmp_path: Path) -> Callable[..., Path]:
    """Writes files of agents into the current folder."""

    def write(**files: str) -> Path:
        folder = tmp_path / "agents"
        folder.mkdir(exist_ok=True)
        for name, text in files.items():
            (folder / f"{name}.md").write_text(text)
        return folder

    return write


def test_check_tells_all_that_is_wrong_and_starts_nothing(
    agents: Callable[..., Path], umcp: Callable[..., Any], tmp_path: Path
) -> None:
    (tmp_path / ".mcp.json").write_text(
        json.dumps({"mcpServers": {"docs": {"command": "touch", "args": ["started"]}}})
    )
    head = (
        "model: nobody:x\nservers: [docs, dcos]\ncontext: [nope:file:///a, ./gone.md, ../../a]\n"
        "agents: [b, nobody]\nsettings: {temprature: 1}\noutput: ./gone.json\n"
    )
    agents(a=f"---\n{head}---\nHi.", b="---\nagents: [a]\n---\nHi.", c="---\nx: 1\n---\nHi.")
    ran = umcp("agents", "check", "agents/a.md", "b", "agents/c.md", "--json")
    assert ran.code == 2
    a, b, c = ran.json
    assert [error["line"] for error in a["errors"]] == [2, 6, 7, 3, 4, 4, 4, 5, 5]
    said = "\n".join(error["message"] for error in a["errors"])
    for words in (
        *(
            "nobody:x",
            "temprature",
            "gone.json",
            "no server 'dcos'",
            "no server 'nope'",
            "gone.md",
            "is not in",
        ),
        *("a → b → a", "no agent 'nobody'"),
    ):
        assert words in said
    assert "b → a → b" in b["errors"][0]["message"]
    assert (c["errors"][0]["line"], c["file"]) == (2, "agents/c.md")
    assert not (tmp_path / "started").exists()
    assert umcp("agents", "check").code == 2


def test_what_new_makes_is_right(umcp: Callable[..., Any], tmp_path: Path) -> None:
    assert umcp("agents", "new", "mine").code == 0
    made = (tmp_path / "agents" / "mine.md").read_text()
    assert "# yaml-language-server: $schema=agent.schema.json" in made
    assert json.loads((tmp_path / "agents" / "agent.schema.json").read_text()) == schema()
    ran = umcp("agents", "check", "agents/mine.md")
    assert (ran.code, "right" in ran.out) == (0, True), ran.err
    assert umcp("agents", "check").code == 0
    every = "\n".join(line.removeprefix("# ") for line in made.splitlines() if "$" not in line)
    assert parsed(every.replace("[researcher]", "[clerk]")).approve == "always"


def test_show_says_what_has_no_effect(
    agents: Callable[..., Path], umcp: Callable[..., Any]
) -> None:
    agents(reviewer=CLAUDE)
    ran = umcp("agents", "show", "reviewer")
    assert "line 10: 'color' is Claude Code's" in ran.err
    shown = umcp("agents", "show", "reviewer", "--json").json
    assert shown["limits"] == {"turns": 7} and len(shown["notes"]) == 5
