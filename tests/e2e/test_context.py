"""Prompts and resources on the command line and in the chat."""

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.conftest import LIBRARY, Ran
from tests.support.llm_server import LLMServer
from tests.support.terminal import Terminal

SERVER = f"library={sys.executable} {LIBRARY} stdio"
HUNGER = "Hunger, by Knut Hamsun. It was during the time I wandered about."


@pytest.fixture
def run(umcp: Callable[..., Ran], llm: LLMServer) -> Callable[..., Ran]:
    def ran(*arguments: str, stdin: str = "") -> Ran:
        model = ["--model", "openai:any"] if arguments[0] in ("run", "chat") else []
        return umcp(
            *arguments,
            *model,
            "--server",
            SERVER,
            stdin=stdin,
            OPENAI_BASE_URL=f"{llm.url}/v1",
            OPENAI_API_KEY="k",
        )

    return ran


@pytest.fixture
def chat(llm: LLMServer, tmp_path: Path) -> Iterator[Terminal]:
    environment = {"OPENAI_BASE_URL": f"{llm.url}/v1", "OPENAI_API_KEY": "k"}
    arguments = ["chat", "--model", "openai:any", "--server", SERVER]
    terminal = Terminal(arguments, environment, tmp_path)
    terminal.until("›")
    yield terminal
    terminal.close()


def said(llm: LLMServer, place: int = -1) -> Any:
    """What the last request's message has in it, as text."""
    content = llm.requests[-1]["messages"][place]["content"]
    if isinstance(content, str):
        return content
    return "\n".join(part.get("text", part["type"]) for part in content)


# umcp prompts, umcp resources


def test_prompts_of_files_and_servers_are_listed(run: Callable[..., Ran]) -> None:
    rows = run("prompts").out.splitlines()
    assert "/summarize source=…  Summarize a file, a page or a text." in rows
    assert "/library:introduce country=… name=…  Introduce an author." in rows
    found = run("prompts", "library", "--json").json
    assert [(one["server"], one["name"]) for one in found] == [
        ("library", "introduce"),
        ("library", "talk"),
    ]
    assert found[0]["arguments"][0] == {
        "name": "country",
        "description": "where from",
        "required": True,
    }


def test_a_prompt_is_filled_in(run: Callable[..., Ran]) -> None:
    ran = run("prompts", "library", "introduce", "country=norway", "name=undset")
    assert ran.out == "user: Introduce undset of norway.\n"
    talk = run("prompts", "library", "talk", "--json").json["messages"]
    assert [message["role"] for message in talk] == ["user", "assistant", "user"]
    assert talk[2]["content"]["type"] == "image"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["library", "nothing"], "has no prompt 'nothing'; it has: introduce, talk"),
        (["library", "introduce", "country=x"], "needs 'name' (who): add name=…"),
        (["library", "introduce", "x"], "'x': write arguments as name=value"),
        (["library", "talk", "a=b"], "has no argument 'a'; it takes: none"),
        (["other"], "There is no server 'other'; --server gives: library"),
    ],
)
def test_what_is_wrong_with_a_prompt_is_said(
    run: Callable[..., Ran], arguments: list[str], said: str
) -> None:
    ran = run("prompts", *arguments)
    assert ran.code == 2
    assert said in ran.err


def test_resources_are_listed_and_read(run: Callable[..., Ran], tmp_path: Path) -> None:
    rows = run("resources").out.splitlines()
    assert "library:book://hunger  Hunger (text/plain)" in rows
    assert "library:cover://hunger  cover (image/png, 70 bytes)" in rows
    assert "library:author://{country}/{name}  author" in rows
    assert run("resources", "library", "book://hunger").out == f"{HUNGER}\n"
    ran = run("resources", "library", "cover://hunger", "--output", "cover.png")
    assert "cover.png: 70 bytes." in ran.err
    assert (tmp_path / "cover.png").read_bytes().startswith(b"\x89PNG")
    again = run("resources", "library", "cover://hunger", "--output", "cover.png")
    assert again.code == 2
    assert "cover.png is there already" in again.err


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["library", "book://nothing"], 1, "There is nothing at book://nothing"),
        (["library", "hunger"], 2, "'hunger' is no URI of a resource"),
        (["library", "author://{country}/{name}"], 2, "put values in the place of country, name"),
        (["--output", "x"], 2, "name a SERVER and a URI"),
    ],
)
def test_what_is_wrong_with_a_resource_is_said(
    run: Callable[..., Ran], arguments: list[str], code: int, said: str
) -> None:
    ran = run("resources", *arguments)
    assert (ran.code, ran.out) == (code, "")
    assert said in ran.err


# umcp run


def test_a_servers_prompt_is_run_with_its_messages(run: Callable[..., Ran], llm: LLMServer) -> None:
    llm.script = ["Undset wrote it.", "Indeed."]
    assert run("run", "/library:introduce country=norway name=undset").out == "Undset wrote it.\n"
    assert said(llm) == "Introduce undset of norway."
    run("run", "/talk")  # no other server has one of that name
    roles = [message["role"] for message in llm.requests[-1]["messages"]]
    assert roles[-3:] == ["user", "assistant", "user"]
    assert said(llm) == "image_url"


def test_a_mentioned_resource_goes_before_the_prompt(
    run: Callable[..., Ran], llm: LLMServer
) -> None:
    llm.script = ["By Hamsun."]
    run("run", "Who wrote @library:book://hunger?", stdin="and @library:till://today")
    text = said(llm)
    assert HUNGER in text
    assert "12 crowns" not in text  # what comes by a pipe puts nothing in
    assert text.index(HUNGER) < text.index("Who wrote") < text.index("and @library:till")


@pytest.mark.parametrize(
    ("prompt", "said"),
    [
        ("/library:nothing", "There is no prompt /library:nothing"),
        ("/introduc country=x", "Did you mean /library:introduce?"),
        ("/introduce country=norway", "Prompt 'introduce' needs 'name' (who)"),
        ("see @library:book://nothing", "There is nothing at book://nothing"),
        ("see @library:till://today", "till://today is not meant for models"),
    ],
)
def test_nothing_is_sent_where_a_prompt_or_a_resource_cannot_be_had(
    run: Callable[..., Ran], llm: LLMServer, prompt: str, said: str
) -> None:
    ran = run("run", prompt)
    assert ran.code in (1, 2)
    assert said in ran.err
    assert llm.requests == []


def test_a_path_is_no_prompt(run: Callable[..., Ran], llm: LLMServer) -> None:
    llm.script = ["A folder.", "Another."]
    run("run", "/tmp")
    run("run", "/no/such place is empty")
    assert said(llm) == "/no/such place is empty"


# umcp chat


def test_arguments_of_a_prompt_are_asked_for_with_the_servers_suggestions(
    chat: Terminal, llm: LLMServer
) -> None:
    llm.script = ["A Nobel laureate."]
    chat.type("/introduce\r")
    chat.until(r"country \(where from\):")
    chat.type("no")
    chat.until("norway")
    chat.type("\t\r")
    chat.until(r"name \(who\):")
    chat.type("u")
    chat.until("undset")  # of norway, which the server was told
    chat.type("\t\r")
    chat.until(r"A Nobel laureate\.")
    assert said(llm) == "Introduce undset of norway."


def test_resources_are_completed_up_to_the_variables_of_a_template(
    chat: Terminal, llm: LLMServer
) -> None:
    llm.script = ["A writer."]
    chat.type("Who is @lib")
    chat.until("@library:")
    chat.type("rary:auth")
    chat.until("@library:author://")
    chat.type("or://ice")
    chat.until("author://iceland")
    chat.type("land/l")
    chat.until("author://iceland/laxness")
    chat.type("axness\r")
    chat.until(r"A writer\.")
    assert "Laxness was an author." in said(llm)


def test_a_prompt_that_could_not_be_sent_stands_there_to_be_edited(
    chat: Terminal, llm: LLMServer
) -> None:
    llm.script = ["By Hamsun."]
    chat.type("Who wrote @library:book://hungr ?\r")
    chat.until("There is nothing at book://hungr")
    chat.until(r"› Who wrote @library:book://hungr \?")
    chat.type("\x1b[D\x1b[D\x1b[De")  # between the g and the r
    chat.type("\x1b[D\x1b[C\r")
    chat.until("Hamsun")
    assert HUNGER in said(llm)


def test_names_of_servers_are_no_escapes(umcp: Callable[..., Ran], tmp_path: Path) -> None:
    (tmp_path / "odd.py").write_text(
        "from fastmcp import FastMCP\n"
        "server = FastMCP('odd')\n"
        "@server.prompt(name='a\\x1b[31mb', description='red \\x07')\n"
        "def p() -> str: return 'x'\n"
        "@server.resource('odd://a', name='n\\x1b[0m', description='\\u202e')\n"
        "def r() -> str: return 'x'\n"
        "server.run(show_banner=False)\n"
    )
    for command in ("prompts", "resources"):
        ran = umcp(command, "--server", f"odd={sys.executable} {tmp_path / 'odd.py'}")
        assert ran.code == 0
        assert not set("\x1b\x07\u202e") & set(ran.out)
        assert json.dumps("odd:")[1:-1] in ran.out
