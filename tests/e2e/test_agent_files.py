"""Agents of files, as `umcp run` puts them together: other agents, context, form and rules."""

import json
import shlex
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.conftest import LIBRARY, ROOT, Ran
from tests.support.llm_server import Call, LLMServer

DESK = f"{sys.executable} {ROOT / 'examples' / 'desk_server.py'}"
FORM = "output: {type: object, properties: {sum: {type: integer}}, required: [sum]}"


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., None]:
    """Writes the user's own agents."""

    def written(**files: str) -> None:
        folder = tmp_path / "home" / "agents"
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        (tmp_path / "home").chmod(0o700)
        for name, head in files.items():
            (folder / f"{name}.md").write_text(f"---\n{head}\n---\nYou are {name}.\n")

    return written


@pytest.fixture
def run(umcp: Callable[..., Ran], llm: LLMServer) -> Callable[..., Ran]:
    def ran(agent: str, *arguments: str, **environment: str) -> Ran:
        return umcp(
            *("run", "Go.", "--agent", agent, "--json", *arguments),
            **{"OPENAI_BASE_URL": f"{llm.url}/v1", "OPENAI_API_KEY": "k"} | environment,
        )

    return ran


def tools(request: dict[str, Any]) -> list[str]:
    return [tool["function"]["name"] for tool in request.get("tools", [])]


def text(request: dict[str, Any], role: str) -> str:
    found = [m["content"] for m in request["messages"] if m["role"] == role]
    return json.dumps(found)


def test_an_agent_asks_another_whose_server_runs_once_for_both(
    write: Callable[..., None], run: Callable[..., Ran], llm: LLMServer, tmp_path: Path
) -> None:
    counted = tmp_path / "counted.py"
    counted.write_text(
        f"open({str(tmp_path / 'starts')!r}, 'a').write('x')\n"
        f"import runpy; runpy.run_path({str(ROOT / 'examples' / 'desk_server.py')!r}, "
        "run_name='__main__')\n"
    )
    server = json.dumps(f"desk={sys.executable} {counted}")
    write(
        boss=f"model: openai:big\nservers: [{server}]\ntools: [add]\nagents: [clerk]",
        clerk=f"description: Counts words.\nmodel: openai:small\nservers: [{server}]\n"
        "tools: [count_words]\nlimits: {turns: 5}",
    )
    llm.script = [
        [Call("clerk", {"prompt": "How many words: a b c?"})],
        [Call("count_words", {"text": "a b c"})],
        "Three.",
        "The clerk says three.",
    ]
    ran = run("boss")
    assert ran.code == 0, ran.err
    assert ran.json["output"] == "The clerk says three."
    assert [r["model"] for r in llm.requests] == ["big", "small", "small", "big"]
    assert tools(llm.requests[0]) == ["add", "clerk"]
    assert tools(llm.requests[1]) == ["count_words"]
    assert "You are clerk." in text(llm.requests[1], "system")
    assert "Three." in text(llm.requests[3], "tool")
    assert (tmp_path / "starts").read_text() == "x"


def test_an_agent_without_model_and_servers_has_its_callers(
    write: Callable[..., None], run: Callable[..., Ran], llm: LLMServer
) -> None:
    write(boss="agents: [clerk]\nservers: []", clerk="model: inherit")
    llm.script = [[Call("clerk", {"prompt": "x"})], "y", "z"]
    assert run("boss", "--model", "openai:any", "--server", f"desk={DESK}").code == 0
    assert llm.requests[1]["model"] == "any"
    assert "add" in tools(llm.requests[1])


def test_agents_that_ask_each_other_are_an_error_with_file_and_line(
    write: Callable[..., None], run: Callable[..., Ran], llm: LLMServer
) -> None:
    write(a="servers: []\nagents: [b]", b="agents:\n  - c", c="agents:\n  - a")
    ran = run("a", "--model", "openai:any")
    assert ran.code == 2
    assert "c.md, line 3" in ran.err and "a → b → c → a" in ran.err
    assert not llm.requests


def test_resources_files_and_prompts_are_in_its_context(
    write: Callable[..., None], run: Callable[..., Ran], llm: LLMServer, tmp_path: Path
) -> None:
    library = json.dumps(f"library={sys.executable} {LIBRARY} stdio")
    write(
        reader=f"model: openai:any\nservers: [{library}]\n"
        'context: ["library:book://hunger", ./style.txt]\n'
        'prompts: ["library:introduce name=Undset country=Norway"]'
    )
    (tmp_path / "home" / "agents" / "style.txt").write_text("Write short sentences.")
    ran = run("reader")
    assert ran.code == 0, ran.err
    said = text(llm.requests[0], "user")
    for part in ("I wandered about", "Write short sentences.", "Undset", "Go."):
        assert part in said
    assert said.index("Undset") < said.index("Go.")


def test_a_prompt_that_is_not_there_costs_no_request(
    write: Callable[..., None], run: Callable[..., Ran], llm: LLMServer
) -> None:
    write(reader='model: openai:any\nservers: []\nprompts:\n  - "nonsense"')
    ran = run("reader")
    assert ran.code == 2
    assert "reader.md, line 5" in ran.err and "nonsense" in ran.err
    assert not llm.requests


def test_its_form_is_that_of_the_answer(
    write: Callable[..., None], run: Callable[..., Ran], llm: LLMServer, tmp_path: Path
) -> None:
    write(inline=f"servers: []\n{FORM}", file="servers: []\noutput: ./sum.json")
    (tmp_path / "home" / "agents" / "sum.json").write_text(
        '{"type": "object", "properties": {"sum": {"type": "integer"}}}'
    )
    for agent in ("inline", "file"):
        llm.script = ['{"sum": 4}']
        assert run(agent, "--model", "openai:any").json["structured_output"] == {"sum": 4}


@pytest.mark.parametrize(
    ("approve", "settings", "options", "refused"),
    [
        ("always", "never", [], True),
        ("always", "writes", [], True),
        ("writes", "never", [], False),  # add is declared to be read-only
        ("always", "never", ["--allow", "desk:add"], False),
        ("always", "never", ["--yes"], False),
    ],
)
def test_a_file_may_ask_for_more_but_not_for_less(
    approve: str,
    settings: str,
    options: list[str],
    refused: bool,
    write: Callable[..., None],
    run: Callable[..., Ran],
    llm: LLMServer,
) -> None:
    write(careful=f"approve: {approve}\nmodel: openai:any\nservers: [{json.dumps('desk=' + DESK)}]")
    llm.script = [[Call("add", {"a": 2, "b": 3})], "5"]
    ran = run("careful", *options, UMCP_APPROVE=settings)
    assert [call["is_error"] for call in ran.json["tool_calls"]] == [refused]


def test_a_projects_agent_reads_files_of_its_project_alone(
    run: Callable[..., Ran], umcp: Callable[..., Ran], llm: LLMServer, tmp_path: Path
) -> None:
    (tmp_path / "agents").mkdir()
    (tmp_path / "STYLE.md").write_text("Be brief.")
    (tmp_path / "link.md").symlink_to("/etc/hostname")
    head = "---\nmodel: openai:any\nservers: []\ncontext:\n  - {}\n---\nHi.\n"
    for name, file in {"in": "../STYLE.md", "out": "../../x", "link": "../link.md"}.items():
        (tmp_path / "agents" / f"{name}.md").write_text(head.format(file))
    assert umcp("trust").code == 0
    assert run("in").code == 0
    assert "Be brief." in text(llm.requests[0], "user")
    for name in ("out", "link"):
        ran = run(name)
        assert ran.code == 2
        assert f"{name}.md, line 5" in ran.err
    assert len(llm.requests) == 1


def test_a_file_of_claude_code_runs_with_one_line_on_what_has_no_effect(
    run: Callable[..., Ran], llm: LLMServer, tmp_path: Path
) -> None:
    file = tmp_path / "reviewer.md"
    file.write_text(
        "---\nname: reviewer\nmodel: sonnet\ncolor: red\ntools: Read\n---\nYou review.\n"
    )
    assert "You have not trusted" in run(str(file)).err  # it names a model
    file.write_text(
        "---\nname: reviewer\nmodel: inherit\ncolor: red\ntools: Read\n---\nYou review.\n"
    )
    ran = run(str(file), "--model", "openai:any", "--server", f"desk={DESK}")
    assert ran.code == 0, ran.err
    assert f"umcp agents check {shlex.quote(str(file))}" in ran.err
    assert tools(llm.requests[0]) == []
