"""Servers that misbehave, over stdio: every one is a real process that does it on command."""

import asyncio
import logging
import subprocess
import sys
import textwrap
from collections import Counter
from pathlib import Path
from typing import Any

import psutil
import pytest

from universal_mcp_client import Host, ToolCall, ToolResult

pytestmark = pytest.mark.anyio

SCRIPT = Path(__file__).parent.parent / "support" / "raw_server.py"
LOSSES = 20  # 200 leave no more; they take a minute
DEEP = "[" * 3_000 + "]" * 3_000
UNREADABLE = {
    "glued to a byte that is no UTF-8": '$FF{"jsonrpc":"2.0","id":$ID,"result":{}}',
    "a lone surrogate": '{"jsonrpc":"2.0","id":$ID,"result":{"content":[{"text":"\\ud800"}]}}',
    "nested without end": f'{{"jsonrpc":"2.0","id":$ID,"result":{{"content":{DEEP}}}}}',
    "a number of 10,000 digits": '{"jsonrpc":"2.0","id":$ID,"result":{"n":' + "9" * 10_000 + "}}",
    "no result": '{"jsonrpc":"2.0","id":$ID,"result":null}',
    "no jsonrpc": '{"id":$ID,"result":{"content":[]}}',
    "cut off": '{"jsonrpc":"2.0","id":$ID,"result":{"content":[',
    "of nobody knows whom": '{"jsonrpc":"2.0","result":{"content":[]}}',
    "a batch": '[{"jsonrpc":"2.0","id":$ID,"result":{"content":[]}}]',
}


@pytest.fixture(params=["2025", "2026"])
def era(request: pytest.FixtureRequest) -> str:
    """Of the protocol: with a handshake and sessions, and without."""
    return str(request.param)


def config(tmp_path: Path, era: str = "2025", **more: Any) -> dict[str, Any]:
    arguments = [str(SCRIPT), str(tmp_path / "log"), era]
    return {"mcpServers": {"raw": {"command": sys.executable, "args": arguments, **more}}}


def log(tmp_path: Path) -> Counter[str]:
    return Counter(line.split()[0] for line in (tmp_path / "log").read_text().splitlines())


async def called(host: Host, name: str, **arguments: Any) -> ToolResult:
    async with asyncio.timeout(20):
        return await host.call_tool(ToolCall(id="1", name=name, arguments=arguments))


def process_of(tmp_path: Path) -> psutil.Process:
    return psutil.Process(int((tmp_path / "log").read_text().splitlines()[-1].split()[1]))


# What it lists


@pytest.mark.parametrize("listing", ["error", {"tools": None}, {"tools": 5}, {}])
async def test_a_list_that_can_no_longer_be_had_is_the_last_one(
    tmp_path: Path, listing: Any
) -> None:
    async with Host(config(tmp_path)) as host:
        before = await host.list_tools()
        await called(host, "list_as", listing=listing)
        assert await host.list_tools() is before or list(await host.list_tools()) == list(before)
        assert not (await called(host, "effect")).is_error
        assert host["raw"].state == "connected"


async def test_a_list_that_is_never_answered_costs_its_timeout_once(tmp_path: Path) -> None:
    async with Host(config(tmp_path, timeout=0.4)) as host:
        before = await host.list_tools()
        await called(host, "list_as", listing="silent")
        assert list(await host.list_tools()) == list(before)
        async with asyncio.timeout(0.2):
            assert list(await host.list_tools()) == list(before)
        assert not (await called(host, "effect")).is_error


async def test_a_malformed_tool_costs_only_itself(tmp_path: Path) -> None:
    schema = {"type": "object"}
    tools = [
        {"name": "effect", "inputSchema": schema},
        {"name": "broken", "inputSchema": "none"},
        7,
        {"inputSchema": schema},
        {"name": "say", "inputSchema": schema},
    ]
    async with Host(config(tmp_path)) as host:
        await called(host, "list_as", listing={"tools": tools})
        assert [tool.name for tool in await host.list_tools()] == ["effect", "say"]
        assert "'broken' is malformed: " in host["raw"].missing[0]
        assert len(host["raw"].missing) == 3


async def test_a_malformed_tool_of_2026_costs_only_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("universal_mcp_client.mcp.catalogue._UNTOLD", 0.0)
    monkeypatch.setattr("universal_mcp_client.mcp.catalogue._LEAST", 0.0)
    broken = {"name": "broken", "inputSchema": "none"}
    good = {"name": "effect", "inputSchema": {"type": "object"}}
    async with Host(config(tmp_path, "2026")) as host:
        assert host["raw"].protocol_version == "2026-07-28"
        await called(host, "list_as", listing={"tools": [broken, good]})
        assert [tool.name for tool in await host.list_tools()] == ["effect"]


async def test_a_list_without_an_end_is_cut(tmp_path: Path) -> None:
    async with Host(config(tmp_path)) as host:
        await called(host, "list_as", listing="endless")
        assert {tool.name for tool in await host.list_tools()} >= {"effect"}
        assert "does not end after 250 pages" in host["raw"].missing[0]


async def test_a_page_that_comes_back_ends_the_list(tmp_path: Path) -> None:
    again = {"tools": [{"name": "effect", "inputSchema": {"type": "object"}}], "nextCursor": "a"}
    async with Host(config(tmp_path)) as host:
        await called(host, "list_as", listing=again)
        assert {tool.name for tool in await host.list_tools()} >= {"effect"}
        assert "comes back to the page 'a'" in host["raw"].missing[0]


# What it answers


@pytest.mark.parametrize("line", UNREADABLE.values(), ids=UNREADABLE.keys())
async def test_an_answer_that_cannot_be_read_fails_its_call_at_once(
    tmp_path: Path, line: str
) -> None:
    async with Host(config(tmp_path)) as host:
        result = await called(host, "say", lines=[line])
        assert result.is_error
        assert "Server 'raw' answered with what is not MCP" in result.text
        assert not (await called(host, "effect")).is_error
        assert log(tmp_path)["started"] == 1


async def test_an_unreadable_answer_fails_no_other_call(tmp_path: Path, era: str) -> None:
    line = UNREADABLE["no result"]
    async with Host(config(tmp_path, era)) as host:
        waiting = asyncio.create_task(called(host, "silent"))
        await called(host, "say", lines=[line])
        assert not waiting.done()
        waiting.cancel()
        await asyncio.wait({waiting})


async def test_what_is_no_utf_8_within_an_answer_is_replaced(tmp_path: Path) -> None:
    line = '{"jsonrpc":"2.0","id":$ID,"result":{"content":[{"type":"text","text":"caf$FF"}]}}'
    async with Host(config(tmp_path)) as host:
        assert (await called(host, "say", lines=[line])).text == "caf\ufffd"


async def test_noise_on_standard_output_is_passed_over(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    good = '{"jsonrpc":"2.0","id":$ID,"result":{"content":[{"type":"text","text":"fine"}]}}'
    noise = ["loading the model", "", "$FF$FF", "50%|####", good]
    caplog.set_level(logging.DEBUG, "universal_mcp_client")
    async with Host(config(tmp_path)) as host:
        assert (await called(host, "say", lines=noise)).text == "fine"
    assert "loading the model" in caplog.text
    assert "Traceback" not in caplog.text


def test_a_program_sees_nothing_of_noise_on_its_standard_error(tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(
        textwrap.dedent(
            f"""
            import asyncio
            from universal_mcp_client import Host, ToolCall

            async def main():
                async with Host({config(tmp_path)!r}) as host:
                    lines = ["hello", '{{"jsonrpc": 1}}']
                    call = ToolCall(id="1", name="say", arguments={{"lines": lines}})
                    print((await host.call_tool(call)).is_error)

            asyncio.run(main())
            """
        )
    )
    done = subprocess.run([sys.executable, str(program)], capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("True\n", "")


@pytest.mark.parametrize("code", [-32000, -32700, -32603, -32001])
async def test_an_error_of_the_servers_is_no_closed_connection(tmp_path: Path, code: int) -> None:
    async with Host(config(tmp_path)) as host:
        result = await called(host, "fail", code=code, message="the printer is on fire")
        assert "the printer is on fire" in result.text and str(code) in result.text
        assert not (await called(host, "effect")).is_error
        assert log(tmp_path)["started"] == 1


# Time


async def test_silence_ends_by_itself_and_progress_goes_on(tmp_path: Path, era: str) -> None:
    async with Host(config(tmp_path, era, timeout=0.5)) as host:
        silent = await called(host, "silent")
        assert "did not answer within 0.5 s" in silent.text and "may or may not" in silent.text
        assert (await called(host, "progress", steps=8, every=0.12)).text == "arrived"


async def test_progress_without_end_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("universal_mcp_client.mcp.calls.LONGEST", 0.6)
    async with Host(config(tmp_path, timeout=0.3)) as host:
        assert (await called(host, "progress", steps=1_000, every=0.1)).is_error


async def test_floods_on_both_outputs_hold_nothing_up(tmp_path: Path) -> None:
    flood = (
        "import os, sys, threading\n"
        "def write(to):\n"
        "    while True: os.write(to, b'noise and more noise\\n' * 1000)\n"
        "threading.Thread(target=write, args=(2,), daemon=True).start()\n"
        f"sys.argv = ['raw', {str(tmp_path / 'log')!r}]\n"
        f"exec(open({str(SCRIPT)!r}).read())\n"
    )
    (tmp_path / "flood.py").write_text(flood)
    given = {
        "mcpServers": {"raw": {"command": sys.executable, "args": [str(tmp_path / "flood.py")]}}
    }
    good = '{"jsonrpc":"2.0","id":$ID,"result":{"content":[{"type":"text","text":"fine"}]}}'
    async with Host(given) as host:
        result = await called(host, "say", lines=["noise"] * 50_000 + [good])
        assert result.text == "fine"


def test_who_says_nothing_waits_a_minute() -> None:
    assert Host("x=true")["x"].config.timeout == 60.0


# Loss


async def test_a_call_after_kill_9_is_sent_to_a_new_process(tmp_path: Path, era: str) -> None:
    async with Host(config(tmp_path, era)) as host:
        await host.list_tools()
        for _ in range(3):  # the second and the third time too
            process = process_of(tmp_path)
            process.kill()
            process.wait()
            assert not (await called(host, "effect")).is_error
            assert host["raw"].connected
    assert log(tmp_path) == {"started": 4, "done": 3}


async def test_ten_calls_that_meet_the_loss_start_one_process(tmp_path: Path, era: str) -> None:
    async with Host(config(tmp_path, era)) as host:
        await host.list_tools()
        process = process_of(tmp_path)
        process.kill()
        process.wait()
        results = await asyncio.gather(*(called(host, "effect") for _ in range(10)))
        assert not any(result.is_error for result in results)
    assert log(tmp_path) == {"started": 2, "done": 10}


async def test_a_call_that_was_sent_is_never_sent_again(tmp_path: Path, era: str) -> None:
    async with Host(config(tmp_path, era)) as host:
        result = await called(host, "die")
        assert result.is_error and "may or may not have taken effect" in result.text
    assert log(tmp_path)["started"] == 1


async def test_the_state_is_that_of_the_process(tmp_path: Path) -> None:
    async with Host(config(tmp_path)) as host:
        process = process_of(tmp_path)
        process.kill()
        async with asyncio.timeout(10):
            while host["raw"].state == "connected":
                await asyncio.sleep(0.01)
        assert not host["raw"].connected
        assert "closed the connection" in str(host.failures["raw"])
        assert not (await called(host, "effect")).is_error
        assert host["raw"].state == "connected" and not host.failures


async def test_what_cannot_be_started_again_was_not_called(tmp_path: Path) -> None:
    script = tmp_path / "server.py"
    script.write_text(SCRIPT.read_text())
    given = config(tmp_path)
    given["mcpServers"]["raw"]["args"][0] = str(script)
    async with Host(given) as host:
        process = process_of(tmp_path)
        script.write_text("raise SystemExit(1)")
        process.kill()
        process.wait()
        for _ in range(2):
            result = await called(host, "effect")
            assert result.is_error and "The call was not made." in result.text
    assert log(tmp_path) == {"started": 1}


async def test_a_caller_who_leaves_while_it_is_started_again_leaves_nothing_behind(
    tmp_path: Path,
) -> None:
    async with Host(config(tmp_path)) as host:
        process = process_of(tmp_path)
        process.kill()
        process.wait()
        leaving = asyncio.create_task(called(host, "effect"))
        while host["raw"].state != "connecting":
            await asyncio.sleep(0)
        leaving.cancel()
        with pytest.raises(asyncio.CancelledError):
            await leaving
        assert not (await called(host, "effect", what="other")).is_error
    assert log(tmp_path) == {"started": 2, "other": 1}


async def test_losses_leave_no_task_and_no_file_open(tmp_path: Path) -> None:
    me = psutil.Process()
    async with Host(config(tmp_path)) as host:
        await called(host, "effect")
        tasks, files = len(asyncio.all_tasks()), me.num_fds()
        for _ in range(LOSSES):
            process = process_of(tmp_path)
            process.kill()
            process.wait()
            assert not (await called(host, "effect")).is_error
        assert len(asyncio.all_tasks()) <= tasks
        assert me.num_fds() <= files
