"""Connections for programs without a model, to real servers: processes, HTTP, in memory."""

import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastmcp import Context, FastMCP
from fastmcp.prompts import Message
from tests.support.llm_server import serving

from universal_mcp_client import (
    Client,
    ConfigError,
    LogMessage,
    MCPError,
    OAuth,
    ServerUnavailable,
    ToolError,
)


def library() -> FastMCP:
    server = FastMCP("library", instructions="Ask for books.")

    @server.tool
    def add(a: int, b: int) -> int:
        return a + b

    @server.tool
    def fail() -> str:
        raise ValueError("the shelf is empty")

    @server.tool
    async def slow(context: Context) -> str:
        await context.info("looking")
        await context.report_progress(1, 2, "half")
        return "done"

    @server.resource("books://list", mime_type="text/plain")
    def books() -> str:
        """All books."""
        return "Emma\nUlysses"

    @server.resource("books://cover", mime_type="image/png")
    def cover() -> bytes:
        return b"\x89PNG"

    @server.resource("books://{title}/summary")
    def summary(title: str) -> str:
        return f"{title}, in short"

    @server.prompt
    def review(title: str, stars: int = 3) -> list[Message]:
        """Review a book."""
        return [Message(f"Review {title}: {stars}"), Message("I will.", role="assistant")]

    return server


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    for base in serving(library().http_app()):
        yield f"{base}/mcp"


async def test_resources_and_prompts(url: str) -> None:
    for source in (library(), url):
        async with Client(source) as client:
            assert client.is_connected()
            await client.ping()
            resources = {r.uri: r for r in await client.list_resources()}
            assert resources["books://list"].media_type == "text/plain"
            assert resources["books://list"].description == "All books."
            (text,) = await client.read_resource("books://list")
            assert text.text == "Emma\nUlysses" and text.data is None
            (image,) = await client.read_resource("books://cover")
            assert image.data == b"\x89PNG" and image.text is None
            (template,) = await client.list_resource_templates()
            assert template.uri_template == "books://{title}/summary"
            (made,) = await client.read_resource("books://Emma/summary")
            assert made.text == "Emma, in short"
            (prompt,) = await client.list_prompts()
            assert [(a.name, a.required) for a in prompt.arguments] == [
                ("title", True),
                ("stars", False),
            ]
            filled = await client.get_prompt("review", {"title": "Emma", "stars": 5})
            assert [m.role for m in filled.messages] == ["user", "assistant"]
            assert filled.text == "Review Emma: 5\n\nI will."
            assert client.servers[prompt.server].instructions == "Ask for books."
        assert not client.is_connected()


async def test_a_server_of_the_older_protocol(everything_server: str) -> None:
    async with Client(everything_server) as client:
        (server,) = client.servers.values()
        assert server.protocol_version == "2025-11-25"
        await client.ping()
        resources = await client.list_resources()
        (first, *_) = await client.read_resource(resources[0].uri)
        assert first.text or first.data
        prompts = {prompt.name for prompt in await client.list_prompts()}
        assert (await client.get_prompt("simple-prompt")).text and "simple-prompt" in prompts
        assert await client.servers[server.name].list_skills() == ()


async def test_results_and_failures() -> None:
    async with Client(library()) as client:
        result = await client.call_tool("add", {"a": 5, "b": 3})
        assert (result.data, result.text) == (8, "8")
        with pytest.raises(ToolError, match="the shelf is empty") as caught:
            await client.call_tool("fail")
        assert caught.value.result.is_error and caught.value.server == "library"
        assert (await client.call_tool("fail", raise_on_error=False)).is_error
        with pytest.raises(ConfigError, match="Did you mean 'add'"):
            await client.call_tool("ad")
        with pytest.raises(MCPError) as refused:
            await client.read_resource("books://nothing/here/at/all")
        assert refused.value.code
        with pytest.raises(ConfigError, match="no URI"):
            await client.read_resource("list")
        with pytest.raises(MCPError, match="title"):
            await client.get_prompt("review")
    with pytest.raises(ServerUnavailable, match="not connected"):
        await client.list_tools()


@pytest.mark.filterwarnings("ignore:The logging capability")  # MCP 2026-07-28 is to lose it
async def test_logs_and_progress() -> None:
    logged: list[LogMessage] = []
    reported: list[Any] = []

    async def progress(done: float, total: float | None, message: str | None) -> None:
        reported.append((done, total, message))

    async with Client(library(), log_handler=logged.append, progress_handler=progress) as client:
        await client.call_tool("slow")
    (line,) = logged
    assert (line.server, line.level) == ("library", "info") and "looking" in str(line.data)
    assert reported == [(1, 2, "half")]


async def test_several_servers_have_prefixes(url: str) -> None:
    config = {
        "mcpServers": {
            "near": {"url": url},
            "far": {"url": url, "tools": ["add"]},
            "gone": {"command": "no-such-command"},
        }
    }
    async with Client(config) as client:
        names = [tool.name for tool in await client.list_tools()]
        assert names == ["near_add", "near_fail", "near_slow", "far_add"]
        assert (await client.call_tool("far_add", {"a": 1, "b": 1})).data == 2
        with pytest.raises(ConfigError):
            await client.call_tool("far_fail")
        assert "far_review" in [prompt.name for prompt in await client.list_prompts()]
        assert "Emma" in (await client.get_prompt("far_review", {"title": "Emma"})).text
        with pytest.raises(ConfigError, match="'near' and 'far'"):
            await client.read_resource("books://list")
        assert (await client.read_resource("books://list", server="far"))[0].text
        assert not client.is_connected()
        with pytest.raises(ServerUnavailable, match="no-such-command"):
            await client.call_tool("gone_tool")
        with pytest.raises(ServerUnavailable, match="no-such-command"):
            await client.ping()


async def test_opening_by_hand_and_again() -> None:
    client = Client(library(), auto_initialize=False)
    async with client:
        assert not client.is_connected()
        await client.initialize(timeout=10)
        async with client:
            assert client.is_connected()
        assert client.is_connected()  # the outer block still uses it
        await client.close()
        assert not client.is_connected()
    async with client:
        await client.initialize()
        assert (await client.call_tool("add", {"a": 1, "b": 1})).data == 2


async def test_the_environment_of_a_process(tmp_path: Path) -> None:
    (tmp_path / "my_server.py").write_text(
        textwrap.dedent(
            """
            import os
            from fastmcp import FastMCP

            server = FastMCP("mine")

            @server.tool
            def key() -> str:
                return os.environ["API_KEY"]

            server.run(show_banner=False)
            """
        )
    )
    async with Client(tmp_path / "my_server.py", env={"API_KEY": "secret"}) as client:
        assert (await client.call_tool("key")).data == "secret"


async def test_what_hangs_is_given_up() -> None:
    hangs = f"{sys.executable} -c 'import time; time.sleep(60)'"
    client = Client(hangs, auto_initialize=False)
    with pytest.raises(ServerUnavailable, match=r"did not answer within 0\.2 s"):
        await client.initialize(timeout=0.2)
    assert not client.is_connected()


def test_what_does_not_fit_is_told_at_once() -> None:
    with pytest.raises(ConfigError, match="only servers behind a URL take auth"):
        Client("my-command", auth=OAuth())
    with pytest.raises(ConfigError, match="only servers that are processes take env"):
        Client("https://mcp.example.com/mcp", env={"A": "b"})
    with pytest.raises(ConfigError, match="Authorization"):
        Client("https://mcp.example.com/mcp", auth="sk-123")  # type: ignore[arg-type]
