"""What is left of a run that does not come to its end, and runs that meet on one session."""

import asyncio
import copy
import pickle
from collections.abc import AsyncGenerator
from typing import Any

import anyio
import pytest

from universal_mcp_client import (
    Agent,
    Completion,
    ConfigError,
    Fatal,
    LimitExceeded,
    Limits,
    Message,
    ModelError,
    ModelRequest,
    Profile,
    RunContext,
    RunError,
    Session,
    Text,
    TextDelta,
    ToolCall,
    ToolResult,
    ToolSpec,
)
from universal_mcp_client.testing import ScriptedModel, call
from universal_mcp_client.tools.base import current_run
from universal_mcp_client.types.errors import RateLimited, ServerUnavailable, StreamInterrupted

pytestmark = pytest.mark.anyio


class Halting:
    """A model that says half a sentence, and then whatever `then` does."""

    name, profile = "test:halting", Profile()

    def __init__(self, then: Any) -> None:
        self.then = then
        self.halted = anyio.Event()

    async def stream(self, request: ModelRequest) -> AsyncGenerator[Any]:
        yield TextDelta(text="The answer ")
        yield TextDelta(text="is")
        self.halted.set()
        await self.then()
        yield Completion(message=Message(role="assistant", parts=(Text(text="The answer is 3."),)))

    async def aclose(self) -> None:
        return None


def ok() -> str:
    return "ok"


async def test_an_error_in_a_later_turn_keeps_what_was_done_and_its_cause() -> None:
    cause = OSError("reset")
    error = RateLimited("too many requests", model="test")
    error.__cause__ = cause
    with pytest.raises(RateLimited) as caught:
        await Agent(ScriptedModel(call("ok"), error), tools=[ok]).run("?")
    result = caught.value.result
    assert [record.tool for record in result.tool_calls] == ["ok"]
    assert (result.turns, len(result.messages)) == (1, 3)
    assert caught.value.__cause__ is cause


async def test_errors_of_others_carry_what_was_done_too() -> None:
    async def fail() -> None:
        raise ZeroDivisionError

    model = ScriptedModel(call("ok"), "never")
    broken = Halting(fail).stream

    async def stream(request: ModelRequest, proceed: Any) -> AsyncGenerator[Any]:
        async for event in broken(request) if model.requests else proceed(request):
            yield event

    with pytest.raises(ZeroDivisionError) as caught:
        await Agent(model.intercepted(stream), tools=[ok]).run("?")
    result: Any = vars(caught.value)["result"]
    assert [record.tool for record in result.tool_calls] == ["ok"]


async def test_an_error_goes_to_another_process_with_what_it_has() -> None:
    with pytest.raises(LimitExceeded) as caught:
        await Agent(ScriptedModel(call("ok")), tools=[ok], limits=Limits(turns=1)).run("?")
    error = pickle.loads(pickle.dumps(caught.value))
    assert (str(error), error.result.limit) == (str(caught.value), "turns")
    error = pickle.loads(pickle.dumps(RateLimited("slow", model="m", retry_after=3)))
    assert (str(error), error.model, error.retry_after) == ("slow", "m", 3)


async def test_what_ends_a_run_from_inside_of_an_inner_one_carries_the_outer_one() -> None:
    def stop() -> str:
        raise Fatal("no more")

    inner = Agent(ScriptedModel(call("stop")), tools=[stop], name="inner")
    outer = Agent(ScriptedModel(call("inner", prompt="go")), tools=[inner], name="outer")
    with pytest.raises(Fatal) as caught:
        await outer.run("?")
    assert caught.value.result.agent == "outer"
    (record,) = caught.value.result.tool_calls
    assert record.result.text == "It ended the run: no more"


async def test_what_had_been_said_when_an_answer_broke_off_is_kept_and_marked() -> None:
    async def break_off() -> None:
        raise StreamInterrupted("broke off", model="test")

    session = Session()
    with pytest.raises(ModelError):
        await Agent(Halting(break_off)).run("How many?", history=session)
    assert [(m.role, m.text, m.interrupted) for m in session.messages] == [
        ("user", "How many?", False),
        ("assistant", "The answer is", True),
    ]
    model = ScriptedModel("3")
    assert (await Agent(model).run("Go on.", history=session)).output == "3"
    assert [m.role for m in model.requests[0].messages] == ["user", "assistant", "user"]


async def test_what_had_been_said_when_a_run_was_cancelled_is_kept_too() -> None:
    session, model = Session(), Halting(anyio.sleep_forever)
    async with anyio.create_task_group() as group:

        async def run() -> None:
            await Agent(model).run("?", history=session)

        group.start_soon(run)
        await model.halted.wait()
        group.cancel_scope.cancel()
    assert session.messages[-1].text == "The answer is" and session.messages[-1].interrupted


async def test_a_time_limit_that_is_reached_when_the_answer_is_asked_for_again_is_one() -> None:
    class Slow(ScriptedModel):
        async def stream(self, request: ModelRequest) -> AsyncGenerator[Any]:
            if self.requests:
                await anyio.sleep_forever()
            async for event in super().stream(request):
                yield event

    with pytest.raises(LimitExceeded) as caught:
        await Agent(Slow("no JSON"), output_type=int, limits=Limits(seconds=0.05)).run("?")
    assert caught.value.result.limit == "seconds"


class Opening:
    """A toolset that does `opening` before it is there."""

    def __init__(self, opening: Any) -> None:
        self.opening = opening

    async def __aenter__(self) -> "Opening":
        await self.opening()
        return self

    async def __aexit__(self, *exc: object) -> None:
        return None

    async def list_tools(self) -> tuple[ToolSpec, ...]:
        return ()

    async def call_tool(self, call: ToolCall, context: RunContext) -> ToolResult:
        raise NotImplementedError


async def test_a_server_that_cannot_be_opened_ends_the_run_as_other_errors_do() -> None:
    async def fail() -> None:
        raise ServerUnavailable("It does not start.", server="x")

    session = Session()
    with pytest.raises(ServerUnavailable) as caught:
        await Agent(ScriptedModel("never"), tools=[Opening(fail)]).run("hello", history=session)
    assert [m.text for m in caught.value.result.messages] == ["hello"]
    assert [m.text for m in session.messages] == ["hello"]


async def test_opening_counts_for_the_time_limit() -> None:
    agent = Agent(
        ScriptedModel("never"), tools=[Opening(anyio.sleep_forever)], limits=Limits(seconds=0.05)
    )
    with pytest.raises(LimitExceeded) as caught, anyio.fail_after(5):
        await agent.run("?")
    assert (caught.value.result.limit, caught.value.result.messages[0].text) == ("seconds", "?")


async def test_connections_belong_to_no_run() -> None:
    opened_in: list[object] = []

    async def look() -> None:
        opened_in.append(current_run.get())

    await Agent(ScriptedModel("ok"), tools=[Opening(look)]).run("?")
    assert opened_in == [None]


class Meeting:
    """A tool that waits until it is let go."""

    def __init__(self) -> None:
        self.reached, self.go_on = anyio.Event(), anyio.Event()

    async def list_tools(self) -> tuple[ToolSpec, ...]:
        return _SPECS

    async def call_tool(self, call: ToolCall, context: RunContext) -> ToolResult:
        self.reached.set()
        await self.go_on.wait()
        return ToolResult(call_id=call.id)


_SPECS = (ToolSpec(name="meet"),)


async def test_runs_on_one_session_follow_each_other() -> None:
    session, tool = Session(), Meeting()
    first = Agent(ScriptedModel(call("meet"), "first"), tools=[tool], name="first")
    second = Agent(ScriptedModel("second"), name="second")
    async with anyio.create_task_group() as group:

        async def run(agent: Agent, prompt: str) -> None:
            await agent.run(prompt, history=session)

        group.start_soon(run, first, "one")
        await tool.reached.wait()
        with anyio.fail_after(5), pytest.raises(RunError, match="in use by another run"):
            await second.run("two", history=session, wait=False)
        group.start_soon(run, second, "two")
        await anyio.wait_all_tasks_blocked()
        assert [m.role for m in session.messages] == ["user", "assistant"]
        tool.go_on.set()
    assert [m.text for m in session.messages if m.role != "tool"] == [
        "one", "", "first", "two", "second",
    ]  # fmt: skip


async def test_runs_of_other_threads_wait_for_their_turn_on_a_session_too() -> None:
    session, tool = Session(), Meeting()
    first, second = Agent(ScriptedModel(call("meet"), "first"), tools=[tool]), ScriptedModel("two")
    async with anyio.create_task_group() as group:

        async def run() -> None:
            await first.run("one", history=session)

        group.start_soon(run)
        await tool.reached.wait()
        there = asyncio.create_task(
            asyncio.to_thread(Agent(second, name="b").run_sync, "two", history=session)
        )
        while len(session._turns) < 2:
            await asyncio.sleep(0.001)
        assert not second.requests
        tool.go_on.set()
    with anyio.fail_after(5):
        assert (await there).output == "two"
    assert [m.role for m in session.messages[-2:]] == ["user", "assistant"]


async def test_who_gives_up_waiting_for_a_session_lets_the_next_one_in() -> None:
    session, tool = Session(), Meeting()
    first = Agent(ScriptedModel(call("meet"), "first"), tools=[tool], name="first")
    async with anyio.create_task_group() as group:

        async def run(agent: Agent) -> None:
            await agent.run("?", history=session)

        group.start_soon(run, first)
        await tool.reached.wait()
        given_up = asyncio.create_task(Agent(ScriptedModel("?")).run("?", history=session))
        await anyio.wait_all_tasks_blocked()
        group.start_soon(run, Agent(ScriptedModel("third")))
        await anyio.wait_all_tasks_blocked()
        given_up.cancel()
        tool.go_on.set()
    assert session.messages[-1].text == "third"


async def test_a_run_inside_of_a_run_on_its_session_is_refused_instead_of_waiting_for_ever() -> (
    None
):
    session, errors = Session(), list[str]()

    async def again() -> str:
        with pytest.raises(ConfigError) as caught:
            await Agent(ScriptedModel("never")).run("inner", history=session)
        errors.append(str(caught.value))
        return "ok"

    await Agent(ScriptedModel(call("again"), "done"), tools=[again]).run("outer", history=session)
    assert "session of its own" in errors[0]


async def test_so_is_one_in_the_body_that_reads_the_events_of_the_run() -> None:
    session = Session()
    async with Agent(ScriptedModel("hi")).stream("?", history=session) as run:
        async for _ in run:
            with pytest.raises(ConfigError, match="session of its own"):
                await Agent(ScriptedModel("never")).run("inner", history=session)
            break
    await Agent(ScriptedModel("now")).run("?", history=session)


async def test_what_a_tool_started_may_use_the_session_when_the_run_is_over() -> None:
    session, tasks, over = Session(), list["asyncio.Task[Any]"](), asyncio.Event()

    async def later() -> None:
        async def job() -> Any:
            await over.wait()
            return await Agent(ScriptedModel("later")).run("?", history=session)

        tasks.append(asyncio.create_task(job()))

    await Agent(ScriptedModel(call("later"), "ok"), tools=[later]).run("?", history=session)
    over.set()
    assert (await tasks[0]).output == "later"


async def test_a_tool_may_ask_beside_in_a_copy_of_the_conversation() -> None:
    async def fork(ctx: RunContext) -> str:
        side = copy.deepcopy(ctx.session)
        return (await Agent(ScriptedModel("beside")).run("?", history=side or ())).output

    result = await Agent(ScriptedModel(call("fork"), "ok"), tools=[fork]).run("?")
    assert result.tool_calls[0].result.text == "beside"


@pytest.mark.parametrize(
    ("history", "says"),
    [
        ("hello", "not str"),
        (7, "not int"),
        ([{"role": "user", "content": [{"type": "text"}]}], r"history\[0\]"),
        ([{"role": "tool", "content": "x", "tool_call_id": "1"}], r"history\[0\]"),
    ],
)
async def test_what_is_no_history_is_said(history: Any, says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        await Agent(ScriptedModel("hi")).run("?", history=history)


async def test_plain_messages_of_other_hosts_are_taken() -> None:
    model = ScriptedModel("hi")
    told = [{"role": "user", "content": "I am Ada."}, {"role": "assistant", "content": "Hello."}]
    await Agent(model).run("Who am I?", history=told)
    assert [m.text for m in model.requests[0].messages] == ["I am Ada.", "Hello.", "Who am I?"]
