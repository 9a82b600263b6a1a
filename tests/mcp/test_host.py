"""Connections to real servers: processes, in-memory, broken ones."""

import asyncio
import sys
from pathlib import Path

import psutil
import pytest
from fastmcp import FastMCP

from universal_mcp_client import Agent, Host, ServerUnavailable, ToolCall
from universal_mcp_client.testing import ScriptedModel, call
from universal_mcp_client.types.errors import ConfigError

pytestmark = pytest.mark.anyio


def children() -> list[psutil.Process]:
    return psutil.Process().children(recursive=True)


async def test_a_stdio_server_lists_and_answers(time_server: str) -> None:
    async with Host(time_server) as host:
        assert "get_current_time" in [tool.name for tool in await host.list_tools()]
        call = ToolCall(id="1", name="get_current_time", arguments={"timezone": "Asia/Tokyo"})
        result = await host.call_tool(call)
    assert result.structured_content is not None
    assert result.structured_content["timezone"] == "Asia/Tokyo"


async def test_closing_leaves_no_child_and_no_task(time_server: str) -> None:
    tasks = asyncio.all_tasks()
    before = {child.pid for child in children()}
    async with Host(time_server):
        assert {child.pid for child in children()} - before
    assert {child.pid for child in children()} - before == set()
    assert asyncio.all_tasks() == tasks


async def test_a_server_that_fails_costs_the_others_nothing(time_server: str) -> None:
    broken = f"broken={sys.executable} -c 'import sys; sys.exit(\"no database here\")'"
    async with Host(time_server, broken, "missing=no-such-command --flag") as host:
        assert len(await host.list_tools()) == 2
        assert "no database here" in str(host.failures["broken"])
        assert "there is no command 'no-such-command'" in str(host.failures["missing"])
        assert host.failures["missing"].server == "missing"


async def test_a_server_that_hangs_is_given_up_after_its_own_timeout(time_server: str) -> None:
    hangs = {
        "mcpServers": {
            "hangs": {
                "command": sys.executable,
                "args": ["-c", "import time; time.sleep(60)"],
                "connectTimeout": 0.3,
            }
        }
    }
    async with Host(time_server, hangs) as host:
        assert "did not answer within 0.3 s" in str(host.failures["hangs"])
        assert len(await host.list_tools()) == 2


async def test_a_required_server_that_fails_is_fatal(time_server: str) -> None:
    required = {"mcpServers": {"must": {"command": "no-such-command", "required": True}}}
    before = {child.pid for child in children()}
    with pytest.raises(ServerUnavailable, match="must"):
        async with Host(time_server, required):
            pass
    assert {child.pid for child in children()} - before == set()


async def test_a_server_that_prints_garbage_is_told_by_what_it_printed() -> None:
    garbage = f"chatty={sys.executable} -c 'print(\"Welcome to my server!\"); input(); input()'"
    async with Host(garbage) as host:
        assert "Welcome to my server!" in str(host.failures["chatty"])


async def test_a_url_that_refuses_is_told_by_its_address() -> None:
    async with Host("gone=http://127.0.0.1:9/mcp") as host:
        assert "http://127.0.0.1:9/mcp" in str(host.failures["gone"])


async def test_a_server_in_this_process_needs_no_transport() -> None:
    server = FastMCP("inner")

    @server.tool
    def double(n: int) -> int:
        return n * 2

    async with Host(server) as host:
        result = await host.call_tool(ToolCall(id="1", name="double", arguments={"n": 4}))
    assert result.text == "8"


async def test_opening_in_one_task_and_closing_in_another_is_safe(time_server: str) -> None:
    host = Host(time_server)
    await asyncio.create_task(host.__aenter__())
    assert await asyncio.create_task(host.list_tools())
    await asyncio.create_task(host.__aexit__(None, None, None))
    assert children() == [] or all(
        "mcp_server_time" not in " ".join(c.cmdline()) for c in children()
    )


async def test_a_host_that_is_entered_twice_closes_with_the_last(time_server: str) -> None:
    host = Host(time_server)
    async with host:
        async with host:
            pass
        assert host["time"].state == "connected"
    assert host["time"].state == "closed"


async def test_an_error_in_user_code_closes_the_servers(time_server: str) -> None:
    host = Host(time_server)
    with pytest.raises(KeyError):
        async with host:
            raise KeyError("mine")
    assert host["time"].state == "closed"


async def test_cancelling_while_a_server_connects_leaves_no_child() -> None:
    before = {child.pid for child in children()}
    hangs = f"hangs={sys.executable} -c 'import time; time.sleep(60)'"
    opening = asyncio.create_task(Host(hangs).__aenter__())
    while not {child.pid for child in children()} - before:
        await asyncio.sleep(0.01)
    opening.cancel()
    with pytest.raises(asyncio.CancelledError):
        await opening
    assert {child.pid for child in children()} - before == set()


async def test_two_servers_with_the_same_tool_name_both_work(time_server: str) -> None:
    other = time_server.replace("time=", "clock=", 1)
    async with Host(time_server, other) as host:
        names = [tool.name for tool in await host.list_tools()]
        assert sorted(names) == [
            "clock_convert_time", "clock_get_current_time",
            "time_convert_time", "time_get_current_time",
        ]  # fmt: skip
        call = ToolCall(id="1", name="clock_get_current_time", arguments={"timezone": "UTC"})
        assert not (await host.call_tool(call)).is_error


async def test_a_catalogue_that_changes_is_read_again() -> None:
    server = FastMCP("changing")

    @server.tool
    def first() -> str:
        return "1"

    async with Host(server) as host:
        assert [t.name for t in await host.list_tools()] == ["first"]
        listing = await host.list_tools()
        assert await host.list_tools() is listing


async def test_the_deny_list_hides_and_refuses(time_server: str) -> None:
    command, *args = time_server.removeprefix("time=").split()
    config = {"mcpServers": {"time": {"command": command, "args": args, "tools": ["!convert_*"]}}}
    async with Host(config) as host:
        assert [t.name for t in await host.list_tools()] == ["get_current_time"]
        result = await host.call_tool(ToolCall(id="1", name="convert_time"))
        assert result.is_error


async def test_what_is_no_server_is_refused_with_words() -> None:
    with pytest.raises(ConfigError, match="no MCP server"):
        Host(42)
    with pytest.raises(ConfigError, match="There is no file"):
        Host(Path("nowhere.py"))


async def test_leaving_a_run_cancels_the_call_at_the_server() -> None:
    started, cancelled = asyncio.Event(), asyncio.Event()
    server = FastMCP("slow")

    @server.tool
    async def wait() -> str:
        started.set()
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            cancelled.set()
            raise
        return "never"

    agent = Agent(ScriptedModel(call("wait")), servers=[server])
    async with agent:
        task = asyncio.create_task(agent.run("go"))
        await asyncio.wait_for(started.wait(), 10)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await asyncio.wait_for(cancelled.wait(), 10)


async def test_a_server_that_dies_is_told_and_the_others_go_on(
    time_server: str, desk_server: str
) -> None:
    async with Host(time_server, desk_server) as host:
        await host.list_tools()
        desk = next(c for c in children() if any("desk_server" in a for a in c.cmdline()))
        desk.kill()
        desk.wait()
        add = ToolCall(id="1", name="add", arguments={"a": 1, "b": 2})
        result = await asyncio.wait_for(host.call_tool(add), 20)
        assert not result.is_error or "desk" in result.text
        now = ToolCall(id="2", name="get_current_time", arguments={"timezone": "UTC"})
        assert not (await host.call_tool(now)).is_error
