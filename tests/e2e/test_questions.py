"""Questions at a real terminal (a pty): Ctrl-C takes them back, and only what is typed after them answers."""

import os
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.support.llm_server import Call, LLMServer
from tests.support.terminal import Terminal

SERVER = '''
from fastmcp import FastMCP
server = FastMCP("shell")

@server.tool
def run_shell(command: str) -> str:
    """Run it."""
    return f"ran {command}"

server.run(show_banner=False)
'''


@pytest.fixture
def start(llm: LLMServer, tmp_path: Path) -> Iterator[Callable[..., Terminal]]:
    (tmp_path / "shell.py").write_text(SERVER)
    opened: list[Terminal] = []

    def begin(*arguments: str, server: str = "") -> Terminal:
        environment = {"OPENAI_BASE_URL": f"{llm.url}/v1", "OPENAI_API_KEY": "k"}
        server = server or f"shell={sys.executable} {tmp_path / 'shell.py'}"
        opened.append(
            Terminal(
                [*arguments, "--model", "openai:any", "--server", server], environment, tmp_path
            )
        )
        return opened[-1]

    yield begin
    for each in opened:
        each.close()


SHELL = Call("run_shell", {"command": "rm -f x"})


def test_a_question_ends_with_ctrl_c_and_the_chat_goes_on(
    llm: LLMServer, start: Callable[..., Terminal]
) -> None:
    llm.script = [[SHELL], [SHELL], "I see."]
    chat = start("chat")
    chat.until("›")
    chat.type("remove x\r")
    chat.until("say why not: ")
    os.killpg(chat.process.pid, signal.SIGINT)
    chat.until("interrupted")
    chat.until("›")
    chat.type("again\r")
    chat.until("say why not: ")
    chat.type("only on Mondays\r")
    chat.until(r"I see\.")
    assert "only on Mondays" in llm.requests[-1]["messages"][-1]["content"]
    chat.until("›")
    chat.type("\x04")
    assert chat.process.wait(20) == 0


def test_a_run_that_is_asked_ends_at_once_with_two_ctrl_c(
    llm: LLMServer, start: Callable[..., Terminal]
) -> None:
    llm.script = [[SHELL]]
    run = start("run", "remove x")
    run.until("say why not: ")
    os.killpg(run.process.pid, signal.SIGINT)
    os.killpg(run.process.pid, signal.SIGINT)
    assert run.process.wait(10) == 130


def test_what_was_typed_before_a_question_does_not_answer_it(
    llm: LLMServer, start: Callable[..., Terminal]
) -> None:
    llm.script = [[SHELL], "done"]
    run = start("run", "remove x")
    run.type("yes\n")
    run.until("say why not: ")
    run.type("\n")
    run.until("did not allow")
    assert run.process.wait(20) == 0


def test_always_is_said_once_for_calls_side_by_side(
    llm: LLMServer, start: Callable[..., Terminal]
) -> None:
    llm.script = [[SHELL, SHELL], [SHELL], "All done."]
    run = start("run", "remove x")
    run.until("say why not: ")
    run.type("a\n")
    seen = run.until(r"All done\.")
    assert "Allow shell" not in seen
    assert "--allow shell:run_shell" in seen


# Its form speaks of a PIN, so that the first question is whether to answer it at all.
ELICIT = Call("trigger-elicitation-request")


def test_what_a_server_asks_waits_for_the_questions_before_it_and_ends_with_ctrl_c(
    llm: LLMServer, start: Callable[..., Terminal], everything_server: str
) -> None:
    llm.script = [[ELICIT, ELICIT], [ELICIT], "It was declined."]
    chat = start("chat", server=everything_server)
    chat.until("›")
    chat.type("ask me\r")
    for _ in range(2):  # both calls are asked for, before the first of the server's questions
        seen = chat.until("Allow everything/") + chat.until("say why not: ")
        assert "asks:" not in seen
        chat.type("y\n")
    seen = chat.until(r"Answer it all the same\? .*: ")
    assert seen.count("asks:") == 1 and "Allow" not in seen
    os.killpg(chat.process.pid, signal.SIGINT)
    seen = chat.until("interrupted")
    assert "asks:" not in seen  # that of the second call went with it
    chat.until("›")
    chat.type("again\r")
    seen = chat.until("say why not: ")
    assert "asks:" not in seen
    chat.type("y\n")
    seen = chat.until(r"Answer it all the same\? .*: ")
    assert seen.count("asks:") == 1
    chat.type("\n")
    chat.until(r"It was declined\.")
    assert "decline" in llm.requests[-1]["messages"][-1]["content"]
    chat.until("›")
    chat.type("\x04")
    assert chat.process.wait(20) == 0
