"""Programs without an event loop, with several, and with one after the other."""

import asyncio
import os
import subprocess
import sys
import threading
from collections.abc import AsyncGenerator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest
from fastmcp import FastMCP
from tests.support.llm_server import Call, LLMServer

from universal_mcp_client import Agent, ConfigError, Host, RunFinished, TextDelta, ToolStarted
from universal_mcp_client.testing import ScriptedModel, call
from universal_mcp_client.types.errors import BadModelRequest

WIRES = ("openai", "openai-responses", "anthropic")


class Server:
    """A server with one tool, which notes how often it was opened, and how often it was closed."""

    def __init__(self) -> None:
        self.opened = self.closed = 0
        self.mcp = FastMCP("sums", lifespan=self.live)

        @self.mcp.tool
        def add(a: int, b: int) -> int:
            return a + b

    @asynccontextmanager
    async def live(self, _server: Any) -> AsyncGenerator[None]:
        self.opened += 1
        yield
        self.closed += 1


def sums(request: Any) -> Any:
    """Calls `add`, and answers with what came of it."""
    last = request.messages[-1]
    return last.tool_results[0].text if last.tool_results else call("add", a=20, b=3)


def scripted(*replies: Any, **recipe: Any) -> Agent:
    return Agent(ScriptedModel(*(replies or [sums] * 100)), **recipe)


@pytest.fixture
def provider(llm: LLMServer, monkeypatch: pytest.MonkeyPatch) -> LLMServer:
    """A provider over HTTP, which keeps connections open; its model does as `sums` does."""

    def answer(request: dict[str, Any]) -> Any:
        last = str((request.get("messages") or request.get("input"))[-1])
        called = any(word in last for word in ("'tool'", "tool_result", "call_output"))
        return "23" if called else [Call("add", {"a": 20, "b": 3})]

    llm.answer = answer
    monkeypatch.setenv("OPENAI_BASE_URL", f"{llm.url}/v1")
    monkeypatch.setenv("ANTHROPIC_BASE_URL", llm.url)
    return llm


# One agent, from wherever


@pytest.mark.parametrize("wire", WIRES)
def test_run_sync_again_and_again(wire: str, provider: LLMServer) -> None:
    agent = Agent(f"{wire}:any", servers=[Server().mcp])
    assert [agent.run_sync("20 + 3?").output for _ in range(3)] == ["23"] * 3


@pytest.mark.parametrize("threads", [3, 8])
def test_threads_at_once(threads: int, provider: LLMServer) -> None:
    agent = Agent("openai:any", servers=[Server().mcp])
    together = threading.Barrier(threads)

    def ask() -> str:
        together.wait()
        return agent.run_sync("20 + 3?").output

    with ThreadPoolExecutor(threads) as pool:
        answers = [pool.submit(ask) for _ in range(threads)]
        assert [answer.result(timeout=60) for answer in answers] == ["23"] * threads


def test_the_views_of_a_server_with_threads_share_what_a_block_opens() -> None:
    server = Server()
    agent = scripted(servers=[server.mcp])

    class View(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            answer = agent.run_sync(self.path).output.encode()
            self.send_response(200)
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: Any) -> None: ...

    with agent, ThreadingHTTPServer(("127.0.0.1", 0), View) as site:
        serving = threading.Thread(target=site.serve_forever)
        serving.start()
        url = f"http://127.0.0.1:{site.server_address[1]}/"
        with ThreadPoolExecutor(8) as visitors:
            pages = [visitors.submit(lambda: urlopen(url).read()) for _ in range(24)]
            assert {page.result(timeout=60) for page in pages} == {b"23"}
        site.shutdown()
        serving.join()
        assert (server.opened, server.closed) == (1, 0)
    assert (server.opened, server.closed) == (1, 1)


async def test_the_cell_of_a_notebook_whose_loop_runs_already() -> None:
    assert scripted(servers=[Server().mcp]).run_sync("20 + 3?").output == "23"


@pytest.mark.parametrize("wire", WIRES)
def test_asyncio_run_again_and_again(wire: str, provider: LLMServer) -> None:
    server = Server()
    agent = Agent(f"{wire}:any", servers=[server.mcp])

    async def some() -> set[str]:
        runs = [agent.run("20 + 3?") for _ in range(3)]
        async with agent:
            results = await asyncio.gather(*[agent.run("20 + 3?") for _ in range(3)])
        return {result.output for result in [*results, *await asyncio.gather(*runs)]}

    assert [asyncio.run(some()) for _ in range(3)] == [{"23"}] * 3
    assert agent.run_sync("20 + 3?").output == "23"
    assert server.opened == server.closed


def test_what_a_loop_that_is_gone_had_opened_is_opened_again() -> None:
    agent = scripted(servers=[(server := Server()).mcp])

    async def leaves_it_open() -> None:
        await agent.__aenter__()

    asyncio.run(leaves_it_open())
    assert asyncio.run(agent.run("20 + 3?")).output == "23"
    assert server.opened == server.closed == 2


async def test_a_host_is_of_one_loop_at_a_time() -> None:
    async with Host(Server().mcp) as host:
        with pytest.raises(ConfigError, match="is open in another event loop"):
            scripted(tools=[host]).run_sync("20 + 3?")
        assert await host.list_tools()
    assert scripted(tools=[host]).run_sync("20 + 3?").output == "23"


def test_run_sync_inside_of_a_run_says_what_to_do() -> None:
    inner = scripted("never")

    async def consult() -> str:
        return inner.run_sync("?").output

    def consult_in_a_thread() -> str:
        return scripted("inside").run_sync("?").output

    waits = scripted(call("consult"), "x", tools=[consult]).run_sync("?")
    assert "`await agent.run(…)`" in waits.tool_calls[0].result.text
    works = scripted(call("consult_in_a_thread"), "x", tools=[consult_in_a_thread]).run_sync("?")
    assert works.tool_calls[0].result.text == "inside"


# A block, a stream, a context


def test_stream_sync_gives_events_as_they_come() -> None:
    seen: list[object] = []
    with scripted("one two").stream_sync("?") as run:
        for event in run:
            seen.append(event)
        assert list(run) == []
    assert "".join(e.text for e in seen if isinstance(e, TextDelta)) == "one two"
    assert isinstance(seen[-1], RunFinished)
    assert run.result.output == "one two"


def test_leaving_stream_sync_early_cancels() -> None:
    began, ended = threading.Event(), threading.Event()

    async def forever() -> None:
        began.set()
        try:
            await asyncio.sleep(3600)
        finally:
            ended.set()

    with scripted(call("forever"), tools=[forever]).stream_sync("?") as run:
        assert any(isinstance(event, ToolStarted) for event in run)
        assert began.wait(30)
    assert ended.is_set()


def test_what_ends_a_streamed_run_is_raised_where_it_is_read() -> None:
    broken = scripted(BadModelRequest("No more.", model="m"))
    with pytest.raises(BadModelRequest, match="No more"), broken.stream_sync("?") as run:
        for _ in run:
            pass
        pytest.fail("the loop has ended as if all were well")


async def test_a_stream_may_be_left_in_another_task_and_its_error_is_the_readers() -> None:
    begun = scripted("one two").stream("?")
    run = await begun.__aenter__()
    assert await anext(run)
    await asyncio.create_task(begun.__aexit__(None, None, None))  # as web servers do

    async with scripted(BadModelRequest("No more.", model="m")).stream("?") as run:
        with pytest.raises(BadModelRequest, match="No more"):
            [event async for event in run]
        with pytest.raises(BadModelRequest, match="No more"):
            _ = run.result  # and the block is left as if nothing had been


def test_override_holds_for_sync_callers() -> None:
    agent = scripted("real")
    with agent.override(model=ScriptedModel("one", "two", "three")):
        assert agent.run_sync("?").output == "one"
        with agent.stream_sync("?") as run:
            list(run)
        with agent:
            assert (run.result.output, agent.run_sync("?").output) == ("two", "three")
    assert agent.run_sync("?").output == "real"


def test_a_tool_that_exits_ends_its_own_run_alone() -> None:
    async def leave() -> None:
        raise SystemExit(3)

    together = threading.Barrier(2)

    async def stay() -> None:
        await asyncio.to_thread(together.wait)
        await asyncio.sleep(0.1)

    def exits() -> None:
        with pytest.raises(SystemExit, match="3"):
            together.wait()
            scripted(call("leave"), tools=[leave]).run_sync("?")

    with ThreadPoolExecutor(2) as pool:
        stays = pool.submit(scripted(call("stay"), "still here", tools=[stay]).run_sync, "?")
        pool.submit(exits).result(timeout=30)
        assert stays.result(timeout=30).output == "still here"


# The process

PROGRAM = """
import asyncio, os, signal, sys, threading, time
from universal_mcp_client import Agent, Session
from universal_mcp_client.testing import ScriptedModel, call

def agent(*replies, **recipe):
    return Agent(ScriptedModel(*replies), **recipe)
"""


def run(program: str, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", PROGRAM + program, *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        cwd=folder,
        env=os.environ | {"UMCP_HOME": str(folder)},
    )


@pytest.mark.skipif(os.name == "nt", reason="Windows has no signal for one process")
def test_ctrl_c_cancels_the_run_and_keeps_its_history(tmp_path: Path) -> None:
    program = """
async def slow():
    try:
        threading.Timer(0.1, os.kill, [os.getpid(), signal.SIGINT]).start()
        await asyncio.sleep(3600)
    finally:
        print("cancelled")

session = Session()
try:
    agent(call("slow"), tools=[slow]).run_sync("?", history=session)
except KeyboardInterrupt:
    print(session.messages[-1].tool_results[0].text)
print(agent("again").run_sync("?", history=session).output)
"""
    ran = run(program, tmp_path)
    assert ran.returncode == 0, ran.stderr
    assert [line.split()[0] for line in ran.stdout.splitlines()] == [
        "cancelled",
        "Cancelled.",
        "again",
    ]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="Windows has no fork")
def test_a_forked_child_has_a_loop_of_its_own(tmp_path: Path) -> None:
    program = """
import warnings
warnings.simplefilter("ignore", DeprecationWarning)
print(agent("parent").run_sync("?").output, flush=True)
if (child := os.fork()) == 0:
    print(agent("child").run_sync("?").output, flush=True)
    sys.exit(0)
assert os.waitpid(child, 0)[1] == 0
print(agent("parent").run_sync("?").output)
"""
    ran = run(program, tmp_path)
    assert (ran.returncode, ran.stdout.split()) == (0, ["parent", "child", "parent"]), ran.stderr


@pytest.mark.parametrize("how", ["open", "blocked", "busy"])
def test_the_program_ends_whatever_is_under_way(how: str, tmp_path: Path, time_server: str) -> None:
    program = f"""
how = sys.argv[1]
if how == "open":
    agent("x", servers=[{time_server!r}]).__enter__()
started = threading.Event()
async def slow():
    started.set()
    if how == "blocked":
        time.sleep(3600)
    await asyncio.sleep(3600)
if how != "open":
    run = agent(call("slow"), tools=[slow]).run_sync
    threading.Thread(target=run, args=["?"], daemon=True).start()
    started.wait()
print("done")
"""
    ran = run(program, tmp_path, how)
    assert (ran.returncode, ran.stdout) == (0, "done\n"), ran.stderr
