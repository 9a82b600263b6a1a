"""What a program has already: connections, transports, configs and servers as sources."""

import asyncio
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anyio
import fastmcp
import httpx2
import mcp_types
import psutil
import pytest
from fastmcp.client.elicitation import ElicitResult
from fastmcp.client.transports import (
    FastMCPTransport,
    SSETransport,
    StdioTransport,
    StreamableHttpTransport,
)
from fastmcp.mcp_config import MCPConfig
from fastmcp.server.dependencies import get_http_headers
from mcp.server.lowlevel import Server as LowLevel
from mcp.server.mcpserver import MCPServer
from tests.conftest import ROOT
from tests.support.llm_server import serving

from universal_mcp_client import (
    Agent,
    Client,
    ConfigError,
    Host,
    ServerError,
    ServerUnavailable,
    ToolCall,
)
from universal_mcp_client.config.servers import ServerConfig
from universal_mcp_client.config.sources import is_source, server_configs
from universal_mcp_client.testing import ScriptedModel, call
from universal_mcp_client.tools.base import RunContext

pytestmark = pytest.mark.anyio

NOSY = ROOT / "tests" / "support" / "nosy_server.py"
RAW = ROOT / "tests" / "support" / "raw_server.py"


def calculator(name: str = "calculator") -> fastmcp.FastMCP[Any]:
    server: fastmcp.FastMCP[Any] = fastmcp.FastMCP(name)

    @server.tool
    def add(a: int, b: int) -> int:
        return a + b

    return server


class Raw(StdioTransport):
    """A server over stdio of 2025-11-25, and which processes of it were started."""

    def __init__(self, log: Path) -> None:
        super().__init__(sys.executable, [str(RAW), str(log)], keep_alive=False)
        self.log = log

    @property
    def started(self) -> int:
        return self.log.read_text().count("started")


@pytest.fixture
def raw(tmp_path: Path) -> Iterator[Raw]:
    """Its processes have ended when all is done, whoever started them."""
    before = children()
    yield Raw(tmp_path / "log")
    assert children() == before


def children() -> set[int]:
    return {child.pid for child in psutil.Process().children(recursive=True)}


async def called(host: Host, tool: str, **arguments: Any) -> Any:
    return await host.call_tool(ToolCall(id="1", name=tool, arguments=arguments))


async def tools_of(*sources: Any) -> list[str]:
    async with Host(*sources) as host:
        assert host.failures == {}
        return [tool.name for tool in await host.list_tools()]


# What is a source


async def test_an_object_is_told_by_its_class_whether_it_stands_for_servers() -> None:
    app = calculator()
    host = Host(app)
    for source in (
        app, MCPServer("sdk"), LowLevel("low"), fastmcp.Client(app), FastMCPTransport(app),
        StdioTransport("true", []), MCPConfig.from_dict({"mcpServers": {"a": {"url": "http://a"}}}),
        host, host["calculator"], Client(app),
        ServerConfig(name="a", transport="http", url="http://a"),
    ):  # fmt: skip
        assert is_source(source), source
    others: list[object] = ["uvx a", Path("a.py"), {"mcpServers": {}}, 7, None, fastmcp.FastMCP]
    for other in others:
        assert not is_source(other), other


async def test_to_tell_imports_nothing() -> None:
    code = (
        "import sys; from universal_mcp_client.config.sources import is_source, server_configs;"
        "is_source(object()); server_configs(['uvx a', 'http://a/mcp']);"
        "from universal_mcp_client import Agent; Agent('openai:a', servers=['uvx a', 'http://a/mcp']);"
        "print([m for m in ('fastmcp', 'mcp', 'pydantic') if m in sys.modules])"
    )
    process = await anyio.run_process([sys.executable, "-c", code])
    assert process.stdout.strip() == b"[]"


async def test_a_lone_source_is_a_list_of_one() -> None:
    assert [c.name for c in server_configs("uvx mcp-server-time")] == ["time"]
    assert [c.name for c in server_configs({"mcpServers": {"a": {"command": "x"}}})] == ["a"]
    assert [c.name for c in server_configs(calculator())] == ["calculator"]


@pytest.mark.parametrize("other", [b"uvx a", 7, None, print, ["uvx a"]])
async def test_what_is_no_source_is_named(other: object) -> None:
    with pytest.raises(ConfigError) as raised:
        server_configs([other])
    assert repr(other) in str(raised.value)
    with pytest.raises(ConfigError) as raised:
        Host(ServerConfig(name="a", transport="memory", instance=other))
    assert repr(other) in str(raised.value)


async def test_a_host_that_is_not_open_says_so() -> None:
    host = Host(calculator())
    for question in (host.list_tools(), called(host, "add", a=1, b=2)):
        with pytest.raises(ServerUnavailable, match="async with host"):
            await question


# Servers in this process


def lowlevel() -> "LowLevel[Any]":
    async def listed(*_: Any) -> mcp_types.ListToolsResult:
        tool = mcp_types.Tool(name="add", input_schema={"type": "object"})
        return mcp_types.ListToolsResult(tools=[tool])

    async def add(_: Any, params: mcp_types.CallToolRequestParams) -> mcp_types.CallToolResult:
        text = str(sum((params.arguments or {}).values()))
        return mcp_types.CallToolResult(content=[mcp_types.TextContent(type="text", text=text)])

    return LowLevel("low", on_list_tools=listed, on_call_tool=add)


def sdk() -> "MCPServer[Any]":
    server: MCPServer[Any] = MCPServer("sdk")

    @server.tool()
    def add(a: int, b: int) -> int:
        return a + b

    return server


@pytest.mark.parametrize("make", [calculator, sdk, lowlevel])
async def test_every_server_object_is_a_server(make: Any) -> None:
    server = make()
    for source in (server, server):  # again and again
        async with Host(source) as host:
            assert list(host.servers) == [server.name]
            assert (await called(host, "add", a=2, b=3)).text == "5"


# Transports, configs, and clients that are not connected


async def test_a_client_that_is_not_connected_lends_its_transport() -> None:
    client = fastmcp.Client(calculator())
    assert await tools_of(client) == await tools_of(client) == ["add"]
    assert not client.is_connected()
    assert await tools_of(FastMCPTransport(calculator())) == ["add"]


async def test_over_stdio_a_process_of_our_own_is_started(raw: Raw) -> None:
    client = fastmcp.Client(raw)
    async with Host(client) as host:
        assert list(host.servers) == ["raw"] and not client.is_connected()
        async with client:  # not before, or it would be the one that is used
            assert raw.started == 2
            await called(host, "die")
            assert (await called(host, "effect")).text == "done"  # opened again
            assert await client.ping() and raw.started == 3
        assert (await called(host, "effect")).text == "done"


@pytest.fixture(scope="module")
def guarded() -> Iterator[str]:
    server: fastmcp.FastMCP[Any] = fastmcp.FastMCP("guarded")

    @server.tool
    def whoami() -> str:
        return get_http_headers().get("x-name", "nobody")

    inner = server.http_app()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        headers = dict(scope.get("headers", ()))
        if scope["type"] == "http" and headers.get(b"authorization") != b"Bearer right":
            await send({"type": "http.response.start", "status": 401, "headers": []})
            await send({"type": "http.response.body", "body": b""})
            return
        await inner(scope, receive, send)

    for url in serving(app):
        yield f"{url}/mcp"


async def test_over_http_its_login_and_headers_come_with_it(guarded: str) -> None:
    made = StreamableHttpTransport(guarded, headers={"X-Name": "ada"}, auth="right")
    made_here: list[httpx2.AsyncClient] = []

    def own(**options: Any) -> httpx2.AsyncClient:
        made_here.append(httpx2.AsyncClient(**options))
        return made_here[-1]

    own_way = StreamableHttpTransport(
        guarded, headers={"X-Name": "bob"}, auth="right", httpx_client_factory=own
    )
    async with Host(fastmcp.Client(made, name="a"), fastmcp.Client(own_way, name="b")) as host:
        assert host.failures == {}
        for name, expected in ("a", "ada"), ("b", "bob"):
            result = await host[name].request_tool(ToolCall(id="1", name="whoami"))
            assert result.text == expected
    assert len(made_here) == 1
    async with Host(StreamableHttpTransport(guarded, auth="wrong")) as host:
        assert "refuses the request (HTTP 401)" in str(host.failures["http"])


async def test_headers_of_a_config_go_over_those_of_its_transport(guarded: str) -> None:
    def lent(given: Any, **more: Any) -> ServerConfig:
        return ServerConfig(name="lent", transport="memory", instance=given, **more)

    async def name_of(config: ServerConfig, deps: Any = None) -> str:
        async with Host(config) as host:
            call = ToolCall(id="1", name="whoami")
            return (await host["lent"].request_tool(call, RunContext(deps=deps))).text

    bare = StreamableHttpTransport(guarded, auth="right")
    named = StreamableHttpTransport(guarded, auth="right", headers={"X-Name": "ada"})
    assert await name_of(lent(named, headers={"X-Name": "ben"})) == "ben"
    assert await name_of(lent(bare, headers=lambda ctx: {"X-Name": ctx.deps or "-"}), "cy") == "cy"


@pytest.mark.parametrize("headers", [{"X-Name": "ben"}, lambda context: {"X-Name": context.deps}])
async def test_headers_that_would_reach_no_request_are_refused(headers: Any, raw: Raw) -> None:
    def own(**options: Any) -> httpx2.AsyncClient:
        return httpx2.AsyncClient(**options)

    async with fastmcp.Client(calculator()) as connected:
        for given in (
            connected,
            fastmcp.Client(calculator()),
            calculator(),
            raw,
            StreamableHttpTransport("http://127.0.0.1:9/mcp", httpx_client_factory=own),
        ):
            config = ServerConfig(name="a", transport="memory", instance=given, headers=headers)
            with pytest.raises(ConfigError, match="headers cannot be put into the requests"):
                async with Host(config):
                    pass


async def test_sse_too(everything_sse: str) -> None:
    async with Host(SSETransport(everything_sse)) as host:
        assert "hello" in (await called(host, "echo", message="hello")).text


async def test_the_servers_of_a_config_are_as_many_servers(raw: Raw) -> None:
    entry = {"command": raw.command, "args": raw.args}
    config = MCPConfig.from_dict({"mcpServers": {"a": {**entry, "timeout": 1500}, "b c": entry}})
    async with Host(config) as host:
        assert host.failures == {}
        assert [(s.name, s.config.timeout) for s in host] == [("a", 1.5), ("b_c", 60.0)]
        assert len(await host.list_tools()) == 2 * 8


async def test_a_client_of_many_servers_is_one_server(raw: Raw) -> None:
    entry = {"command": raw.command, "args": raw.args}
    client = fastmcp.Client({"mcpServers": {"a": entry, "b": entry}})
    assert "a_effect" in await tools_of(client)
    async with client:
        assert "b_effect" in await tools_of(client)
    modern = {**entry, "args": [*raw.args, "2026"]}
    async with Host(fastmcp.Client({"mcpServers": {"a": modern, "b": modern}})) as host:
        assert host["servers"].protocol_version == "2026-07-28"
    alone = fastmcp.Client({"mcpServers": {"a": entry}})
    async with Host(alone) as host:
        assert list(host.servers) == ["a"] and host["a"].config.transport == "stdio"


# Clients that are connected


async def test_a_connected_client_is_used_and_not_closed(raw: Raw) -> None:
    async with fastmcp.Client(raw) as client:
        async with Host(client) as one, Host(client, client) as two:
            assert list(two.servers) == ["raw"]  # given twice, it is one
            found = await asyncio.gather(called(one, "effect"), called(two, "effect"))
            assert [result.text for result in found] == ["done", "done"]
        assert await client.ping() and raw.started == 1


async def test_an_agent_borrows_it_run_after_run() -> None:
    async with fastmcp.Client(calculator()) as client:
        for _ in range(2):
            model = ScriptedModel(call("add", a=2, b=3), "5")
            result = await Agent(model, servers=[client]).run("2 + 3?")
            assert [m.role for m in result.messages] == ["user", "assistant", "tool", "assistant"]
            assert client.is_connected()


async def test_its_own_handlers_answer() -> None:
    asked: list[str] = []

    async def answer(message: str, *_: Any) -> ElicitResult[Any]:
        asked.append(message)
        return ElicitResult(action="accept", content={"name": "Ann"})

    transport = StdioTransport(sys.executable, [str(NOSY)], keep_alive=False)
    client = fastmcp.Client(transport, elicitation_handler=answer)
    async with client, Host(client) as host:
        assert (await called(host, "survey", questions=2)).text == "accept accept"
    assert asked == ["Question 1?", "Question 2?"]


async def test_its_owner_may_close_it_and_open_it_again(raw: Raw) -> None:
    client: Any = fastmcp.Client(raw)
    await client.__aenter__()
    async with Host(client) as host:
        waiting = asyncio.create_task(host["raw"].request_tool(ToolCall(id="1", name="silent")))
        await called(host, "effect")  # answered after the other was sent
        await client.close()
        with pytest.raises(ServerUnavailable, match="that was given was closed") as raised:
            await waiting
        assert not raised.value.unprocessed  # nobody knows what it has done
        with pytest.raises(ServerUnavailable, match="that was given was closed") as raised:
            await host["raw"].ping()
        assert raised.value.unprocessed and raw.started == 1
        async with client:
            assert (await called(host, "effect")).text == "done"
            await client.close()
            await client.__aenter__()  # another session, which is held as well
            assert not (await called(host, "effect")).is_error
            await client.__aexit__(None, None, None)
            assert not (await called(host, "effect")).is_error
    assert raw.started == 3


async def test_a_server_that_dies_under_it_costs_an_error_each_time(raw: Raw) -> None:
    async with fastmcp.Client(raw) as client, Host(client) as host:
        for _ in range(2):
            with pytest.raises(ServerError, match="'raw'"):
                await host["raw"].request_tool(ToolCall(id="1", name="die"))
    assert raw.started == 1


async def test_progress_keeps_a_call_alive_over_it_too(raw: Raw) -> None:
    async with fastmcp.Client(raw) as client:
        config = ServerConfig(name="raw", transport="memory", instance=client, timeout=0.3)
        async with Host(config) as host:
            assert (await called(host, "progress", steps=8, every=0.1)).text == "arrived"
            assert "within 0.3 s" in (await called(host, "silent")).text


async def test_what_its_own_handler_was_told_is_seen_after_a_while(
    raw: Raw, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with fastmcp.Client(raw) as client, Host(client) as host:
        assert len(await host.list_tools()) == 8
        await called(host, "list_as", listing={"tools": []})
        assert len(await host.list_tools()) == 8  # a minute is not over
        monkeypatch.setattr("universal_mcp_client.mcp.catalogue._UNTOLD", 0.0)
        monkeypatch.setattr("universal_mcp_client.mcp.catalogue._LEAST", 0.0)
        assert await host.list_tools() == ()


async def test_a_client_of_another_event_loop_is_refused_at_once() -> None:
    client = fastmcp.Client(calculator())

    def borrow() -> None:
        Agent(ScriptedModel("hello"), servers=[client]).run_sync("hello?")

    async with client:
        with pytest.raises(ConfigError, match="another event loop"):
            await asyncio.to_thread(borrow)


# Our own


async def test_a_host_lends_its_servers() -> None:
    lender = Host(calculator("one"), calculator("two"))
    async with Host(lender, calculator("two")) as host:
        assert list(host.servers) == ["one", "two", "two_2"]
        assert host["one"] is lender["one"]
        assert len(await host.list_tools()) == 3
        async with lender:
            pass
        assert all(server.connected for server in host)
    assert not any(server.connected for server in lender)


async def test_what_a_host_lends_is_closed_by_its_owner() -> None:
    async with Host(calculator("one")) as lender:
        async with Host(lender, Host(calculator("one"), lender)) as host:
            assert list(host.servers) == ["one", "one_2"]
            assert {t.server for t in await host.list_tools()} == {"one", "one_2"}
            async with Host(host["one_2"], host) as again:
                assert list(again.servers) == ["one_2", "one"]
                assert len(await again.list_tools()) == 2
        assert [t.name for t in await lender.list_tools()] == ["add"]
    borrower = Host(lender["one"], lender)
    assert list(borrower.servers) == ["one"]
    await lender.__aenter__()
    async with borrower:
        await lender.__aexit__()
        assert (await called(borrower, "add", a=1, b=2)).text == "3"


async def test_a_client_of_ours_is_a_source_and_takes_a_source() -> None:
    async with Client(calculator()) as client, Client(client) as again:
        assert (await again.call_tool("add", {"a": 1, "b": 2})).text == "3"
        async with Host(client, Client("broken=no-such-command")) as host:
            assert [t.name for t in await host.list_tools()] == ["add"]
            assert "broken" in host.failures  # costs the others nothing
        assert client.is_connected()


async def test_the_time_of_what_is_lent_is_its_owners_to_say() -> None:
    async with Host(calculator()) as host:
        with pytest.raises(ConfigError, match="'calculator' is a server of another Host"):
            Client(host, timeout=5.0)


async def test_a_host_and_its_servers_show_how_they_are() -> None:
    host = Host("a=uvx no-such-server", calculator("b"))
    assert repr(host) == "<Host: 'a' closed, 'b' closed>"
    async with Client(calculator("b")) as client:
        assert repr(client) == "<Client: 'b' connected>"
        assert repr(client.servers["b"]).startswith("<Server 'b': connected, MCP 202")
        with pytest.raises(ConfigError, match="are a mapping of names to values, not 'UTC'"):
            await client.call_tool("add", "UTC")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"transport": "htp", "url": "http://x"}, "no transport 'htp'; it is one of stdio, http"),
        ({"transport": "stdio"}, "needs its command="),
        ({"transport": "http"}, "needs its url="),
        ({"transport": "memory"}, "needs its instance="),
        ({"transport": "http", "url": None}, "needs its url="),
        ({"transport": "stdio", "command": "a", "env": {"A": None}}, "its env must be strings"),
        ({"transport": "stdio", "command": "a", "args": "-v"}, "its args must be a tuple of texts"),
        ({"transport": "stdio", "command": "a", "args": (1,)}, "its args must be a tuple of texts"),
        ({"transport": "stdio", "command": "a", "allow": "get_*"}, "its allow must be a tuple"),
        ({"transport": "stdio", "command": "a", "timeout": "2"}, "its timeout must be a number"),
        ({"transport": "stdio", "command": "uvx a"}, r"write command='uvx', args=\('a',\)"),
    ],
)
def test_a_config_that_leads_nowhere_is_refused_where_it_is_made(given: Any, says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        ServerConfig(name="x", **given)


async def test_what_nobody_foresaw_keeps_nobody_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError("unforeseen")

    monkeypatch.setattr("universal_mcp_client.mcp.connection.connect_error", broken)
    async with asyncio.timeout(10), Host("a=no-such-command-anywhere") as host:
        assert "cannot be opened: ZeroDivisionError('unforeseen')" in str(host.failures["a"])


async def test_a_file_that_makes_a_server_and_does_not_run_it_is_told_so(tmp_path: Path) -> None:
    file = tmp_path / "made.py"
    file.write_text("from fastmcp import FastMCP\nserver = FastMCP('made')\n")
    async with Host(file) as host:
        assert "does the program run its server, as in `mcp.run()`?" in str(host.failures["made"])


async def test_agents_take_them_as_tools_too() -> None:
    lender = Host(calculator("one"))
    for source in (calculator("one"), fastmcp.Client(calculator("one")), lender, lender["one"]):
        model = ScriptedModel(call("add", a=2, b=3), "5")
        async with Agent(model, tools=[source]) as agent:
            assert [t.name for t in await agent.list_tools()] == ["add"]
            (result,) = (await agent.run("2 + 3?")).messages[2].tool_results
            assert result.text == "5"


async def test_what_cannot_be_opened_or_is_cancelled_leaves_what_was_lent() -> None:
    lender = Host(calculator("one"))
    needed = ServerConfig(name="gone", transport="stdio", command="no-such", required=True)
    with pytest.raises(ServerUnavailable, match="no-such"):
        await Host(lender, Host(needed)).__aenter__()
    assert not lender["one"].connected
    silent = f"{sys.executable} -c 'import time; time.sleep(60)'"
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.3):
            await Host(lender, silent).__aenter__()
    assert not lender["one"].connected
