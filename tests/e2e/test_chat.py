"""`umcp chat`: with a pipe, and in a real terminal (a pty)."""

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.support.llm_server import Call, Fault, LLMServer
from tests.support.terminal import Terminal


@pytest.fixture
def terminal(llm: LLMServer, tmp_path: Path) -> Iterator[Callable[..., Terminal]]:
    opened: list[Terminal] = []

    def start(*arguments: str) -> Terminal:
        environment = {"OPENAI_BASE_URL": f"{llm.url}/v1", "OPENAI_API_KEY": "k"}
        opened.append(Terminal(["chat", *arguments], environment, tmp_path))
        return opened[-1]

    yield start
    for each in opened:
        each.close()


def test_a_conversation_remembers_and_survives_errors(
    llm: LLMServer, umcp: Callable[..., Any], desk_server: str, tmp_path: Path
) -> None:
    (tmp_path / "a.txt").write_text("forty-two")
    llm.script = [
        [Call("add", {"a": 2, "b": 3})],
        "Five.",
        Fault(400, {"error": {"message": "bad request"}}),
        "Yes, five.",
    ]
    ran = umcp(
        *("chat", "--model", "openai:any", "--server", desk_server),
        stdin="2+3?\nthis fails\nreally? see @a.txt\n/usage\n/nope\n/exit\nnever sent\n",
        OPENAI_BASE_URL=f"{llm.url}/v1",
        OPENAI_API_KEY="k",
    )
    assert ran.code == 0, ran.err
    assert "Five." in ran.out and "Yes, five." in ran.out
    assert "bad request" in ran.err and "no command or prompt /nope" in ran.err
    assert "3 requests, 60 tokens" in ran.err
    said = [m["content"] for m in llm.requests[-1]["messages"] if m["role"] == "user"]
    assert said[0] == "2+3?"
    assert "this fails" not in said
    assert "forty-two" in said[1]
    assert len(llm.requests) == 4


def test_ctrl_c_interrupts_the_answer_and_the_conversation_goes_on(
    llm: LLMServer, terminal: Callable[..., Terminal], everything_server: str
) -> None:
    llm.script = [
        [Call("trigger-long-running-operation", {"duration": 60, "steps": 60})],
        "Still here.",
    ]
    chat = terminal("--model", "openai:any", "--server", everything_server)
    chat.until("›")
    chat.type("take your time\r")
    chat.until("60")
    os.killpg(chat.process.pid, signal.SIGINT)
    chat.until("interrupted")
    chat.until("›")
    chat.type("are you there?\r")
    chat.until(r"Still here\.")
    (asked, called, result, again) = llm.requests[1]["messages"][-4:]
    assert asked["content"] == "take your time"
    assert result["tool_call_id"] == called["tool_calls"][0]["id"]
    assert again["content"] == "are you there?"
    chat.until("›")
    chat.type("\x04")
    assert chat.process.wait(20) == 0


def test_slash_commands_are_completed(terminal: Callable[..., Terminal]) -> None:
    chat = terminal("--model", "openai:any")
    chat.until("›")
    chat.type("/us")
    chat.until("/usage")
    chat.type("age\r")
    chat.until("0 requests")
