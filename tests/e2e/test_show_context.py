"""What fills the window: `umcp run --show-context`, `/context` and `Agent.context_report`."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.conftest import LIBRARY, ROOT, Ran
from tests.support.llm_server import LLMServer
from tests.support.terminal import Terminal

from universal_mcp_client import Agent, Image, ServerConfig, Session, user
from universal_mcp_client.testing import ScriptedModel

SERVER = f"library={sys.executable} {LIBRARY} stdio"
DESK = f"desk={sys.executable} {ROOT / 'examples' / 'desk_server.py'}"


def environment(llm: LLMServer) -> dict[str, str]:
    return {"OPENAI_BASE_URL": f"{llm.url}/v1", "OPENAI_API_KEY": "k"}


@pytest.fixture
def reader(tmp_path: Path) -> None:
    folder = tmp_path / "home" / "agents"
    folder.mkdir(mode=0o700, parents=True)
    (tmp_path / "home").chmod(0o700)
    (folder / "reader.md").write_text(
        '---\ncontext: ["library:book://hunger"]\noutput: {type: object, properties: {}}\n---\nRead.\n'
    )


def shown(umcp: Callable[..., Ran], llm: LLMServer, *more: str, model: str = "openai:gpt-5") -> Ran:
    return umcp(
        *("run", "What is it about?", "--agent", "reader", "--show-context", "--model", model),
        *("--server", SERVER, "--server", DESK, *more),
        **environment(llm),
    )


def test_each_part_has_its_line_and_nothing_is_sent(
    reader: None, umcp: Callable[..., Ran], llm: LLMServer
) -> None:
    ran = shown(umcp, llm, "--json")
    assert ran.code == 0, ran.err
    parts = [(s["kind"], s["name"]) for s in ran.json["sections"]]
    assert parts[0] == ("instructions", "reader")
    assert parts[1:] == [
        *(("server", "library"), ("server", "desk"), ("output", "reader")),
        *(("tools", "library"), ("tools", "desk")),
        *(("resource", "library:book://hunger"), ("history", "1 messages")),
    ]
    assert all(section["tokens"] > 0 for section in ran.json["sections"])
    assert ran.json["tokens"] == sum(s["tokens"] for s in ran.json["sections"])
    assert ran.json["window"] > 100_000
    assert not llm.requests


def test_the_table_tells_how_much_of_the_window_is_filled(
    reader: None, umcp: Callable[..., Ran], llm: LLMServer
) -> None:
    *rows, together, last = shown(umcp, llm).out.splitlines()
    assert rows[1].split()[:3] == ["server", "instructions", "library"]
    total = sum(int(row.split()[-1].replace(",", "")) for row in rows)
    assert together.split() == ["together", "openai:gpt-5", f"{total:,}"]
    assert "% of the" in last
    unknown = shown(umcp, llm, model="openai:nobody-knows").out
    assert unknown.splitlines()[-1].endswith("is not known")


def test_a_mentioned_resource_has_its_own_line(umcp: Callable[..., Ran], llm: LLMServer) -> None:
    ran = umcp(
        *("run", "What is @library:book://hunger about?", "--show-context", "--json"),
        *("--model", "openai:any", "--server", SERVER),
        **environment(llm),
    )
    kinds = {s["name"]: s["kind"] for s in ran.json["sections"]}
    assert kinds["library:book://hunger"] == "resource"


@pytest.fixture
def chat(llm: LLMServer, tmp_path: Path) -> Iterator[Terminal]:
    arguments = ["chat", "--model", "openai:gpt-5", "--server", DESK]
    terminal = Terminal(arguments, environment(llm), tmp_path)
    terminal.until("›")
    yield terminal
    terminal.close()


def test_the_chat_tells_of_the_conversation_so_far(chat: Terminal, llm: LLMServer) -> None:
    llm.script = ["Good day."]
    chat.type("Hello\r")
    chat.until("Good day")
    chat.until("›")
    chat.type("/context\r")
    seen = chat.until(r"tokens, estimated; [\d.]+% of the")
    for part in ("instructions", "server instructions", "tools", "history", "2 messages"):
        assert part in seen
    assert len(llm.requests) == 1


async def test_a_program_is_told_too_and_its_session_stays_as_it_is(library: ServerConfig) -> None:
    model = ScriptedModel("So it is.")
    session = Session()
    agent: Any = Agent(
        model, "Read.", servers=[library], context=["library:book://hunger"], resources=True
    )
    async with agent:
        before = await agent.context_report(session)
        assert not session.messages and not session.readings.told
        assert "wandered about" in next(s.text for s in before if s.kind == "resource")
        assert any("read_resource" in s.text for s in before if s.kind == "tools")
        await agent.run(["Look:", Image(media_type="image/png", data=b"x")], history=session)
        after = await agent.context_report(session)
    assert [s.name for s in after if s.kind == "resource"] == ["library:book://hunger"]
    said = next(s for s in after if s.kind == "history")
    assert said.others == 1_600 and said.text == "Look:\nSo it is."
    assert len(model.requests) == 1


async def test_messages_of_a_program_are_a_history() -> None:
    sections = await Agent(ScriptedModel()).context_report([user("Hello.")])
    assert [(s.kind, s.text) for s in sections] == [("history", "Hello.")]
