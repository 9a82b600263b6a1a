"""What servers ask, at a real terminal (a pty) with the reference server from npm."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.conftest import Ran
from tests.support.llm_server import Call, LLMServer
from tests.support.terminal import Terminal


@pytest.fixture
def chat(llm: LLMServer, tmp_path: Path, everything_server: str) -> Iterator[Terminal]:
    name, command = everything_server.split("=", 1)
    entry = {"command": command.split()[0], "args": ["stdio"], "sampling": True}
    config = tmp_path / "servers.json"
    config.write_text(json.dumps({"mcpServers": {name: entry}}))
    environment = {"OPENAI_BASE_URL": f"{llm.url}/v1", "OPENAI_API_KEY": "k"}
    options = ["chat", "--model", "openai:any", "--config", str(config)]
    terminal = Terminal([*options, "--allow", "everything:trigger-*"], environment, tmp_path)
    yield terminal
    terminal.close()


def test_a_sampling_is_shown_before_it_is_made(llm: LLMServer, chat: Terminal) -> None:
    llm.script = [[Call("trigger-sampling-request", {"prompt": "owls"})], "Hoot.", "It hoots."]
    chat.until("›")
    chat.type("ask\r")
    seen = chat.until("Server 'everything' asks your model") + chat.until("say why not: ")
    assert "You are a helpful test server." in seen and "owls" in seen
    assert len(llm.requests) == 1
    chat.type("y\n")
    chat.until(r"It hoots\.")
    assert "owls" in str(llm.requests[1]["messages"]) and "Hoot." in str(llm.requests[2])


def test_a_form_with_all_kinds_of_fields_is_filled_in(llm: LLMServer, chat: Terminal) -> None:
    llm.script = [[Call("trigger-elicitation-request")], "Thank you."]
    chat.until("›")
    chat.type("ask\r")
    chat.until("Answer it all the same.*: ")
    chat.type("y\n")
    for about, wrong, typed in [
        ("legal name", "", "Ann"),
        ("terms and conditions", "perhaps", "yes"),
        ("first line", "", ""),
        ("email", "ann", "ann@example.com"),
        ("website", "no uri", "https://a.example"),
        ("birth", "yesterday", "2001-02-03"),
        ("integer", "1000", "7"),
        ("number", "-1", "2.5"),
        ("friend", "Gunther", "Joey"),
        ("instruments", "Kazoo", "Piano, Drums"),
        ("hero", "Batman", "green lantern"),
        ("fish", "Eel", "Tuna, Trout"),
        ("pet", "Cow", ""),
    ]:
        chat.until(f"{about}.*: ")
        if wrong:
            chat.type(f"{wrong}\n")
            chat.until(f"{about}.*: ")
        chat.type(f"{typed}\n")
    chat.until(r"Thank you\.")
    told = str(llm.requests[1]["messages"][-1]["content"])
    sent, _ = json.JSONDecoder().raw_decode(told.split("Raw result: ")[1])
    assert sent == {
        "action": "accept",
        "content": {
            "name": "Ann",
            "check": True,
            "firstLine": "It was a dark and stormy night.",
            "email": "ann@example.com",
            "homepage": "https://a.example",
            "birthdate": "2001-02-03",
            "integer": 7,
            "number": 2.5,
            "untitledSingleSelectEnum": "Joey",
            "untitledMultipleSelectEnum": ["Piano", "Drums"],
            "titledSingleSelectEnum": "hero-2",
            "titledMultipleSelectEnum": ["fish-1", "fish-3"],
            "legacyTitledEnum": "pet-1",
        },
    }


def test_a_call_that_needs_a_visit_shows_the_whole_host_first(
    llm: LLMServer, chat: Terminal
) -> None:
    url = {"url": "https://раураl.example/pay", "errorPath": True}  # Cyrillic, but for its l
    llm.script = [[Call("trigger-url-elicitation", url)], "Paid."]
    chat.until("›")
    chat.type("ask\r")
    chat.until("at the host modelcontextprotocol.io")  # that of the error
    chat.until(r"\[d\]one / \[N\]o: ")
    chat.type("d\n")
    seen = chat.until(r"\[d\]one / \[N\]o: ")  # the second call asks for another one
    assert "other alphabets" in seen
    assert "https://xn--" in seen and "раураl" not in seen.split("at the host")[1]
    chat.type("d\n")
    chat.until(r"Paid\.")
    assert "completed the URL elicitation" in str(llm.requests[1]["messages"][-1])


def test_a_server_is_told_of_the_roots_of_the_command_line(
    umcp: Callable[..., Ran], everything_server: str, tmp_path: Path
) -> None:
    call = ["call", everything_server, "get-roots-list"]
    assert tmp_path.as_uri() in umcp(*call, "--root", str(tmp_path)).out
    refused = umcp(*call, "--root", "/")
    assert refused.code == 2 and "whole home" in refused.err
