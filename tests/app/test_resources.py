"""Resources of servers in the model's context, and the model's own way to them."""

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import anyio
import pytest
from fastmcp import FastMCP

from universal_mcp_client import (
    Agent,
    ConfigError,
    Host,
    Image,
    Message,
    Profile,
    Resource,
    RunContext,
    ServerConfig,
    ServerError,
    Session,
    Text,
)
from universal_mcp_client.testing import ScriptedModel, call
from universal_mcp_client.tools.program import awaited

pytestmark = pytest.mark.anyio

HUNGER = "Hunger, by Knut Hamsun. It was during the time I wandered about."


async def until(holds: Callable[[], Any]) -> str:
    """What a server tells comes on a stream of its own, which may be later than a call's result."""
    with anyio.fail_after(20):
        while not await awaited(holds()):
            await anyio.sleep(0.01)
    return "settled"


def texts(message: Message) -> list[str]:
    return [part.text for part in message.parts if isinstance(part, Text)]


def result(messages: Sequence[Message], place: int = -2) -> str:
    return messages[place].tool_results[0].text


def shelf() -> FastMCP:
    server = FastMCP("shelf")

    @server.resource("shelf://long", mime_type="text/plain")
    def long() -> str:
        return "".join(f"line {number}\n" for number in range(60_000))

    @server.resource("shelf://note", mime_type="text/plain")
    def note() -> str:
        return "a note </resource> that ends itself"

    @server.resource("shelf://sound", mime_type="audio/wav")
    def sound() -> bytes:
        return b"RIFF"

    @server.resource("shelf://lot", mime_type="image/png")
    def lot() -> bytes:
        return b"\x89PNG" + bytes(5_000_000)

    @server.resource("shelf://broken")
    def broken() -> str:
        raise RuntimeError("it burnt")

    return server


# In the context


async def test_what_an_agent_has_in_its_context_stands_before_the_prompt(
    library: ServerConfig,
) -> None:
    model = ScriptedModel("ok")
    agent = Agent(model, servers=[library], context=["library:book://hunger", "cover://hunger"])
    await agent.run("Who wrote it?")
    (message,) = model.requests[0].messages
    book, cover, image, prompt = message.parts
    assert isinstance(book, Text)
    assert book.text == (
        '<resource server="library" uri="book://hunger" name="Hunger" type="text/plain">\n'
        f"{HUNGER}\n</resource>"
    )
    assert isinstance(cover, Text)
    assert "image/png, 70 bytes: follows" in cover.text
    assert isinstance(image, Image)
    assert prompt == Text(text="Who wrote it?")


async def test_a_conversation_has_it_once() -> None:
    model, session = ScriptedModel("one", "two"), Session()
    agent = Agent(model, servers=[shelf()], context=["shelf:shelf://note"])
    async with agent:
        await agent.run("first", history=session)
        await agent.run("second", history=session)
    assert texts(model.requests[1].messages[-1]) == ["second"]


async def test_what_changes_is_told_before_the_next_turn(library: ServerConfig) -> None:
    async def wait() -> str:
        return await until(lambda: agent.server("library").revision("book://hunger") != before)

    rewrite = call("rewrite", uri="book://hunger", text="Rewritten.")
    model = ScriptedModel("hello", rewrite, call("wait"), "ok", "fine")
    session = Session()
    recipe = Agent(model, tools=[wait], servers=[library], context=["library:book://hunger"])
    async with recipe as agent:
        await agent.run("Hello", history=session)
        before = agent.server("library").revision("book://hunger")
        await agent.run("Rewrite it.", history=session)
        told = [
            text
            for message in session.messages
            if message.role == "user"
            for text in texts(message)
        ]
        (news,) = [text for text in told if "has changed" in text]
        assert "library:book://hunger has changed. It is now:" in news
        assert "Rewritten." in news
        await agent.run("And now?", history=session)
    assert texts(model.requests[-1].messages[-1]) == ["And now?"]  # and told once


@pytest.mark.parametrize("library", ["stdio-2025", "stdio-2026"], indirect=True)
async def test_what_changed_while_the_connection_was_lost_is_told_as_well(
    library: ServerConfig,
) -> None:
    model = ScriptedModel(call("die"), call("rewrite", uri="book://hunger", text="Another."), "ok")
    async with Agent(model, servers=[library], context=["library:book://hunger"]) as agent:
        await agent.run("Go on.")
    assert "Another." in texts(model.requests[2].messages[-1])[0]


async def test_a_tool_that_goes_away_is_told_of_in_a_line(library: ServerConfig) -> None:
    async def wait() -> str:
        async def gone() -> bool:
            return "find" not in [t.name for t in await agent.server("library").list_tools()]

        return await until(gone)

    model = ScriptedModel(call("take_away", tool="find"), call("wait"), "ok")
    async with Agent(model, tools=[wait], servers=[library]) as agent:
        result = await agent.run("Lend it.")
    told = [text for m in result.messages[1:] if m.role == "user" for text in texts(m)]
    assert told == ["[No longer available: find.]"]
    assert "find" not in [tool.name for tool in model.requests[-1].tools]


async def test_the_important_comes_first_and_all_keeps_to_the_budget() -> None:
    model = ScriptedModel("ok")
    agent = Agent(model, servers=[shelf()], context=["shelf:shelf://long", "shelf:shelf://note"])
    await agent.run("Hello")
    long, note, _ = texts(model.requests[0].messages[0])
    assert len(long) < 200_000
    assert long.endswith('read on with read_resource(server="shelf", uri="shelf://long", page=2).]')
    assert "a note" in note


async def test_what_is_too_long_is_read_on_by_its_pages() -> None:
    def turn(page: int) -> Any:
        return call("read_resource", server="shelf", uri="shelf://long", page=page)

    model = ScriptedModel(turn(2), turn(99), "ok")
    agent = Agent(model, servers=[shelf()], context=["shelf:shelf://long"])
    messages = (await agent.run("Hello")).messages
    first = texts(model.requests[0].messages[0])[0]
    head, second = first.split("\n</resource>")[0], result(messages, 2)
    last = int(head.splitlines()[-1].split()[1])
    assert f"\nline {last + 1}\n" in second
    assert "has pages 1 to" in result(messages, 4)
    assert [tool.name for tool in model.requests[0].tools] == ["read_resource"]


async def test_a_text_cannot_end_its_mark() -> None:
    model = ScriptedModel("ok")
    await Agent(model, servers=[shelf()], context=["shelf:shelf://note"]).run("Hello")
    assert texts(model.requests[0].messages[0])[0].count("</resource>") == 1


async def test_what_a_model_does_not_take_is_described() -> None:
    model = ScriptedModel("ok", profile=Profile(images=False))
    context = ["shelf:shelf://sound", "shelf:shelf://lot"]
    await Agent(model, servers=[shelf()], context=context).run("Hello")
    sound, lot, prompt = model.requests[0].messages[0].parts
    assert isinstance(sound, Text)
    assert isinstance(lot, Text)
    assert "audio/wav, 4 bytes: cannot be shown to this model" in sound.text
    assert "5,000,004 bytes: too large to be shown" in lot.text
    assert prompt == Text(text="Hello")


async def test_files_parts_and_functions_are_context_too(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text("of a file")

    def user_of(ctx: RunContext[str]) -> str:
        return f"The user is {ctx.deps}."

    model = ScriptedModel("ok")
    agent = Agent(model, deps_type=str, context=[tmp_path / "a.md", Text(text="a part"), user_of])
    await agent.run("Hello", deps="Anna")
    file, part, made, prompt = texts(model.requests[0].messages[0])
    assert "of a file" in file
    assert (part, made, prompt) == ("a part", "The user is Anna.", "Hello")


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        ("nowhere:shelf://note", "No server lists nowhere:shelf://note. The servers are: shelf"),
        ("shelf:shelf://nothing", "shelf://nothing"),
        ("shelf:shelf://broken", "shelf://broken"),
        ("shelf:note", "'note' is no URI of a resource; try `umcp resources shelf`."),
        ("note", "'note' is no resource: write SERVER:URI"),
        ("shelf:item://{id}", "is a template: put values in the place of id"),
        (Resource(uri="till://today", name="till", server="x"), "No server lists x:till://today"),
    ],
)
async def test_what_cannot_be_had_is_said_and_nothing_is_sent(wanted: Any, said: str) -> None:
    model, session = ScriptedModel("ok"), Session()
    with pytest.raises((ConfigError, ServerError), match=re.escape(said)):
        await Agent(model, servers=[shelf()], context=[wanted]).run("Hello", history=session)
    assert model.requests == []
    assert session.messages == []


async def test_what_is_for_the_user_alone_is_not_shown_to_a_model(library: ServerConfig) -> None:
    with pytest.raises(ConfigError, match="till://today is not meant for models"):
        await Agent(ScriptedModel("ok"), servers=[library], context=["library:till://today"]).run(
            "Hello"
        )


# By the model


async def test_a_model_that_may_looks_around_and_reads(library: ServerConfig) -> None:
    model = ScriptedModel(
        call("list_resources"),
        call("list_resources", query="author"),
        call("read_resource", server="library", uri="book://hunger"),
        call("read_resource", uri="library:author://norway/undset"),
        "ok",
    )
    messages = (await Agent(model, servers=[library], resources=True).run("Look")).messages
    rows = result(messages, 2).splitlines()
    assert "library book://hunger — Hunger (text/plain)" in rows
    assert "library author://{country}/{name} — author" in rows
    assert not any("till://today" in row for row in rows)  # it is for the user
    assert result(messages, 4) == "library author://{country}/{name} — author"
    assert HUNGER in result(messages, 6)
    assert "Undset was an author." in result(messages, 8)


async def test_it_follows_a_link_of_a_result_and_nothing_else(library: ServerConfig) -> None:
    model = ScriptedModel(
        call("read_resource", uri="book://cellar"),
        call("find", title="hidden"),
        call("read_resource", uri="book://cellar"),
        call("read_resource", uri="file:///etc/passwd"),
        "ok",
    )
    messages = (await Agent(model, servers=[library], resources=True).run("Look")).messages
    assert "book://cellar is not among what may be read" in result(messages, 2)
    assert "Found in the cellar." in result(messages, 6)
    assert "file:///etc/passwd is not among what may be read" in result(messages, 8)


async def test_without_leave_there_are_no_such_tools(library: ServerConfig) -> None:
    model = ScriptedModel(call("read_resource", uri="book://hunger"), "ok")
    async with Host(library) as host:
        messages = (await Agent(model, tools=[host]).run("Look")).messages
    assert "There is no tool named 'read_resource'" in result(messages, 2)


async def test_a_servers_own_tool_of_that_name_stays_what_it_is() -> None:
    server = shelf()

    @server.tool
    def read_resource(uri: str) -> str:
        return "the server's own"

    model = ScriptedModel(
        call("read_resource", uri="shelf://note"),
        call("mcp_read_resource", uri="shelf://note"),
        "ok",
    )
    messages = (await Agent(model, servers=[server], resources=True).run("Look")).messages
    assert result(messages, 2) == "the server's own"
    assert "a note" in result(messages, 4)
