"""Calls that a server goes on with as tasks: MCP 2025-11-25, and the extension of 2026-07-28."""

import asyncio
import json
import signal
import sys
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import anyio
import pytest
from tests.conftest import LIBRARY
from tests.support.llm_server import Call, LLMServer
from tests.support.people import Person

from universal_mcp_client import (
    Agent,
    Client,
    ConfigError,
    Host,
    LimitExceeded,
    Limits,
    MCPError,
    RunContext,
    ServerConfig,
    ServerUnavailable,
    Session,
    TaskHandle,
    ToolCall,
    ToolProgress,
    resolve,
)
from universal_mcp_client.mcp import following, tasks

pytestmark = pytest.mark.anyio

WORKING = {"status": "working"}
ASKS = {
    "method": "elicitation/create",
    "params": {"message": "Sure?", "requestedSchema": {"type": "object", "properties": {}}},
}


@pytest.fixture
def desk(library: ServerConfig) -> ServerConfig:
    """The library, whose tools run as tasks where they may."""
    return replace(library, tasks=True)


def stdio(tmp_path: Path, protocol: Any = "2026") -> ServerConfig:
    return ServerConfig(
        name="library",
        transport="stdio",
        command=sys.executable,
        args=(LIBRARY, "stdio"),
        env={"LIBRARY": str(tmp_path / "library.json")},
        protocol=protocol,
        tasks=True,
    )


def bind(**arguments: Any) -> ToolCall:
    return ToolCall(id="c1", name="bind", arguments=arguments)


def says(*statuses: Mapping[str, Any]) -> ToolCall:
    return bind(says=json.dumps(statuses))


async def seen(host: Host, what: str) -> list[Any]:
    """What the server saw of that kind since it was asked last."""
    found = await host["library"].request_tool(ToolCall(id="s", name="seen"))
    return [value for kind, value in json.loads(found.text) if kind == what]


class Watching:
    """A run's context, which knows its progress."""

    def __init__(self, session: Session) -> None:
        self.session, self.told, self.handles = session, list[str | None](), list[TaskHandle]()
        self.began = asyncio.Event()
        self.context = RunContext(session=session, progress=self.tell)

    async def tell(self, progress: float, total: float | None, message: str | None) -> None:
        self.told.append(message)
        self.handles.extend(self.session.tasks.values())
        self.began.set()


async def test_a_long_call_shows_how_it_goes_and_may_take_longer_than_an_answer(
    desk: ServerConfig,
) -> None:
    watching = Watching(Session())
    async with Host(replace(desk, timeout=0.5)) as host:
        result = await host.call_tool(bind(seconds="1"), watching.context)
        again = await host.call_tool(bind(seconds="0.1"), watching.context)
    assert (result.text, result.is_error, result.call_id) == ("bound", False, "c1")
    assert again.text == "bound"
    assert "the glue dries" in watching.told
    handle = watching.handles[0]
    assert (handle.server, handle.tool, handle.call_id) == ("library", "bind", "c1")
    assert handle.protocol.startswith(desk.protocol)
    assert not watching.session.tasks and not host["library"]._tasks.waiting


async def test_a_model_gets_the_result_of_a_task_and_events_tell_of_it(
    desk: ServerConfig, llm: LLMServer
) -> None:
    llm.script = [[Call("bind", {"seconds": "0.3"})], "It is bound."]
    model = resolve("openai:any", base_url=f"{llm.url}/v1", api_key="k")
    async with Agent(model, servers=[desk]) as agent, agent.stream("Bind it.") as run:
        events = [event async for event in run]
    assert "the glue dries" in [e.message for e in events if isinstance(e, ToolProgress)]
    assert run.result.tool_calls[0].result.text == "bound"


async def test_its_questions_are_asked_like_all_others_and_once(desk: ServerConfig) -> None:
    person = Person()
    async with Host(desk, interaction=person) as host:
        result = await host.call_tool(bind(ask="1"))
    assert result.text.startswith("bound for {") and "'name': 'Ann'" in result.text
    assert person.asked == ["Which colour?"]


@pytest.mark.parametrize("how", ["native", "anyio"])
async def test_whoever_gives_up_cancels_the_task(desk: ServerConfig, how: str) -> None:
    watching = Watching(Session())
    async with Host(desk) as host:
        if how == "native":
            calling = asyncio.create_task(host.call_tool(bind(seconds="60"), watching.context))
            await watching.began.wait()
            began = time.monotonic()
            calling.cancel()
            with pytest.raises(asyncio.CancelledError):
                await calling
        else:
            async with anyio.create_task_group() as group:
                group.start_soon(host.call_tool, bind(seconds="60"), watching.context)
                await watching.began.wait()
                began = time.monotonic()
                group.cancel_scope.cancel()
        assert time.monotonic() - began < 2
        assert await seen(host, "cancelled") == [watching.handles[0].task_id]
    assert not watching.session.tasks


async def test_a_run_whose_time_is_over_cancels_its_tasks(tmp_path: Path, llm: LLMServer) -> None:
    llm.script = [[Call("bind", {"seconds": "60"})]]
    model = resolve("openai:any", base_url=f"{llm.url}/v1", api_key="k")
    async with Host(stdio(tmp_path)) as host:
        with pytest.raises(LimitExceeded):
            await Agent(model, servers=[host], limits=Limits(seconds=1.5)).run("Bind it.")
        assert len(await seen(host, "cancelled")) == 1


KILLED = """
import asyncio, sys
from universal_mcp_client import Host, RunContext, ServerConfig, Session, ToolCall

async def main():
    session = Session()
    async def tell(progress, total, message):
        print(session.tasks["c1"].to_json(), flush=True)
    config = ServerConfig(**eval(sys.argv[1]))
    async with Host(config) as host:
        call = ToolCall(id="c1", name="bind", arguments={"seconds": "2"})
        await host.call_tool(call, RunContext(session=session, progress=tell))

asyncio.run(main())
"""


async def test_a_task_is_taken_up_again_after_its_host_was_killed(desk: ServerConfig) -> None:
    given = {
        key: getattr(desk, key)
        for key in ("name", "transport", "command", "args", "env", "url", "protocol", "tasks")
    }
    killed = await asyncio.create_subprocess_exec(
        sys.executable, "-c", KILLED, repr(given), stdout=asyncio.subprocess.PIPE
    )
    assert killed.stdout is not None
    line = await killed.stdout.readline()
    killed.send_signal(signal.SIGKILL)
    await killed.wait()

    handle = TaskHandle.from_json(line.decode())
    async with Host(desk) as host:
        result = await host.resume_task(handle)
        assert (await seen(host, "call")).count("bind") <= 1  # it was not called again
    assert (result.text, result.call_id) == ("bound", "c1")


@pytest.mark.parametrize("protocol", ["2025", "2026"])
async def test_a_task_outlives_its_connection(tmp_path: Path, protocol: str) -> None:
    watching = Watching(Session())
    async with Host(stdio(tmp_path, protocol)) as host:
        calling = asyncio.create_task(host.call_tool(bind(seconds="1"), watching.context))
        await watching.began.wait()
        await host.call_tool(ToolCall(id="d", name="die"))
        result = await calling
    assert result.text == "bound"


async def test_one_that_cannot_be_reached_is_left_to_be_taken_up_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(following, "_LOST", 0.3)
    watching = Watching(Session())
    async with Host(stdio(tmp_path)) as host:
        calling = asyncio.create_task(host.call_tool(bind(seconds="5"), watching.context))
        await watching.began.wait()
        broken = replace(host["library"].config, command=str(tmp_path / "gone"))
        host["library"]._given = host["library"].config = broken
        await host.call_tool(ToolCall(id="d", name="die"))
        result = await calling
    assert result.is_error and "`resume_task` takes it up again" in result.text
    assert "may or may not have taken effect" in result.text
    assert watching.session.tasks == {"c1": watching.handles[0]}


async def test_tools_of_sessions_are_tasks_when_they_must_or_somebody_wants_it(
    library: ServerConfig,
) -> None:
    """A server of 2026-07-28 decides by itself."""
    async with Host(library) as host:
        at_once = await host.call_tool(bind())
        must = await host.call_tool(ToolCall(id="r", name="restore"))
        specs = {spec.name: spec.task_support for spec in await host.list_tools()}
    assert at_once.text == ("bound at once" if library.protocol == "2025" else "bound")
    assert must.text == "bound"
    assert (specs["bind"], specs["restore"], specs["find"]) in [
        ("optional", "required", None),
        (None, None, None),  # what the schema of 2026-07-28 leaves of it
    ]


@pytest.mark.parametrize(
    ("statuses", "told"),
    [
        ([{"status": "failed", "error": {"code": -32000, "message": "no glue"}}], "no glue"),
        ([{"status": "cancelled", "statusMessage": "a fire"}], "has cancelled the task"),
        ([{"status": "dozing"}], "status: Input should be 'working'"),
        ([WORKING | {"statusMessage": ["no", "text"]}], "statusMessage: "),
        ([WORKING | {"pollIntervalMs": "soon", "pollInterval": "soon"}], "pollInterval"),
    ],
)
async def test_what_becomes_of_a_task_is_said(
    statuses: list[Any], told: str, desk: ServerConfig
) -> None:
    session = Session()
    async with Host(desk) as host:
        result = await host.call_tool(says(*statuses), RunContext(session=session))
    assert result.is_error and told in result.text
    assert "library" in result.text or "bind" in result.text
    assert not session.tasks


async def test_results_and_questions_that_are_none_are_said(tmp_path: Path) -> None:
    asking = {"status": "input_required", "inputRequests": {"k": {"method": "tea/make"}}}
    sampling = {
        "method": "sampling/createMessage",
        "params": {"messages": [], "maxTokens": 5},
    }
    async with Host(stdio(tmp_path)) as host:
        none = await host.call_tool(says({"status": "completed"}))
        odd = await host.call_tool(says({"status": "completed", "result": {"content": "text"}}))
        unknown = await host.call_tool(says(WORKING, asking))
        refused = await host.call_tool(says(WORKING, asking | {"inputRequests": {"k": sampling}}))
        assert len(await seen(host, "cancelled")) == 2  # of the two which would still wait
    assert none.is_error and odd.is_error and "what is not MCP" in none.text
    assert "content" in odd.text
    assert "tea/make" in unknown.text or "what is not MCP" in unknown.text
    assert "sampling/createMessage" in refused.text


async def test_a_task_that_is_not_known_is_an_error_that_says_so(desk: ServerConfig) -> None:
    handle = TaskHandle(server="library", tool="bind", task_id="long-gone")
    async with Host(desk) as host:
        with pytest.raises(MCPError, match="long-gone of 'bind' is not known there") as raised:
            await host.resume_task(handle)
        with pytest.raises(ConfigError, match="no server 'shop'"):
            await host.resume_task(replace(handle, server="shop"))
    assert raised.value.code == -32602
    with pytest.raises(ServerUnavailable, match="not open"):
        await host.resume_task(handle)


async def test_an_endless_task_ends_and_is_asked_for_no_faster_than_is_fit(
    desk: ServerConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(following, "LONGEST", 1)
    async with Host(desk) as host:
        result = await host.call_tool(says(WORKING | {"pollIntervalMs": 0, "pollInterval": 0}))
        assert result.is_error and "not over after" in result.text
        assert len(await seen(host, "status")) < 15


@pytest.mark.parametrize(
    ("told", "seconds"),
    [(0, 0.1), (-5, 0.1), (86_400_000, 60), (None, 1), (float("inf"), 60), (float("nan"), 0.1)],
)
def test_the_server_says_how_often_it_is_asked_within_reason(
    told: float | None, seconds: float
) -> None:
    for key in ("pollIntervalMs", "pollInterval"):
        status = tasks.Status.model_validate({"taskId": "1", "status": "working", key: told})
        assert status.seconds == seconds


async def test_a_task_with_questions_without_end_is_cancelled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(following, "ROUNDS", 2)
    person = Person()
    rounds = [
        {"status": "input_required", "inputRequests": {f"k{i}": ASKS, f"k{i + 1}": ASKS}}
        for i in range(5)
    ]
    async with Host(stdio(tmp_path), interaction=person) as host:
        result = await host.call_tool(says(*rounds))
        assert len(await seen(host, "cancelled")) == 1
    assert result.is_error and "more than 2 questions" in result.text
    assert len(person.asked) == 2


async def test_questions_are_counted_over_the_whole_task(tmp_path: Path) -> None:
    person = Person()
    rounds = [
        {"status": "input_required", "inputRequests": {f"k{i}": ASKS}, "pollIntervalMs": 0}
        for i in range(12)
    ]
    done = {"status": "completed", "result": {"content": []}}
    async with Host(stdio(tmp_path), interaction=person) as host:
        result = await host.call_tool(says(*rounds, done, done))
    assert len(person.asked) == 10
    assert "declined unasked" in result.text


@pytest.mark.parametrize("library", ["stdio-2026", "http-2026"], indirect=True)
async def test_a_server_that_tells_of_a_task_is_heard_before_it_is_asked(
    library: ServerConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(following, "_FIRST", 30)
    slow = {"pollIntervalMs": 30_000}
    async with Host(library) as host:
        with anyio.fail_after(10):
            result = await host.call_tool(says(WORKING | slow, slow))
    assert result.text == "bound"


async def test_a_tool_for_user_interfaces_alone_is_not_shown_to_a_model(
    library: ServerConfig,
) -> None:
    async with Host(library) as host:
        assert "show_map" not in [spec.name for spec in await host.list_tools()]
        refused = await host.call_tool(ToolCall(id="1", name="show_map"))
        assert refused.is_error and "no tool named 'show_map'" in refused.text
    async with Client(library) as client:
        assert "show_map" in [spec.name for spec in await client.list_tools()]


async def test_the_reference_server_asks_in_a_task_of_a_session(everything_server: str) -> None:
    watching = Watching(Session())
    person = Person()
    async with Host(everything_server, interaction=person) as host:
        research = ToolCall(
            id="c1", name="simulate-research-query", arguments={"topic": "owls", "ambiguous": True}
        )
        result = await host.call_tool(research, watching.context)
    assert "Research Report: owls" in result.text
    assert [said.split()[0] for said in person.asked] == ["The"]
    assert "Gathering sources..." in watching.told


def test_a_handle_is_a_text_and_back() -> None:
    handle = TaskHandle(server="a", tool="b", task_id="c", call_id="d", protocol="e")
    assert TaskHandle.from_json(handle.to_json()) == handle
    for text in ("", "[]", "{}", '{"server": "a", "tool": "b", "task_id": 1}', "null"):
        with pytest.raises(ConfigError, match="no TaskHandle"):
            TaskHandle.from_json(text)
    with pytest.raises(ConfigError, match="no TaskHandle"):
        TaskHandle.from_json(json.dumps({**json.loads(handle.to_json()), "more": "x"}))
