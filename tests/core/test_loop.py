"""The agent loop, read as a specification."""

from collections.abc import AsyncGenerator, Sequence
from typing import Any

import anyio
import pytest

from universal_mcp_client import Agent, LimitExceeded, Limits, ModelRequest, Session
from universal_mcp_client.testing import ScriptedModel, call
from universal_mcp_client.tools.base import CallContext
from universal_mcp_client.types.errors import ContentFiltered, RateLimited
from universal_mcp_client.types.events import (
    Completion,
    RunFinished,
    TextDelta,
    ToolFinished,
    ToolProgress,
    ToolStarted,
)
from universal_mcp_client.types.messages import Message, Text, ToolCall, ToolResult
from universal_mcp_client.types.tools import ToolSpec
from universal_mcp_client.types.usage import Price

pytestmark = pytest.mark.anyio


class Tools:
    """Tools whose names say what they do."""

    def __init__(self) -> None:
        self.listing: Sequence[ToolSpec] = tuple(
            ToolSpec(name=name) for name in ("ok", "slow", "first", "second", "bug", "progress")
        )
        self.met = anyio.Event()
        self.cancelled: list[str] = []

    async def list_tools(self) -> Sequence[ToolSpec]:
        return self.listing

    async def call_tool(self, call: ToolCall, context: CallContext) -> ToolResult:
        match call.name:
            case "slow":
                try:
                    await anyio.sleep_forever()
                except anyio.get_cancelled_exc_class():
                    self.cancelled.append(call.id)
                    raise
            case "first":  # ends only if "second" runs at the same time
                await self.met.wait()
            case "second":
                self.met.set()
            case "bug":
                raise ZeroDivisionError
            case "progress":
                await context.progress(1, 2, "half")
            case _:
                pass
        return ToolResult(call_id=call.id, content=(Text(text=f"{call.name} done"),))


def roles(session: Session) -> list[str]:
    return [message.role for message in session.messages]


async def test_a_run_calls_tools_until_the_model_is_done() -> None:
    model = ScriptedModel(call("ok"), "finished")
    result = await Agent(model, tools=[Tools()]).run("go")
    assert result.output == "finished"
    assert result.turns == 2
    assert result.usage.requests == 2
    assert [m.role for m in result.messages] == ["user", "assistant", "tool", "assistant"]
    assert [r.result.text for r in result.tool_calls] == ["ok done"]
    assert model.requests[1].messages[-1].tool_results[0].text == "ok done"


async def test_calls_of_one_turn_run_at_once_and_keep_their_order() -> None:
    model = ScriptedModel([call("first"), call("second")], "finished")
    with anyio.fail_after(5):
        result = await Agent(model, tools=[Tools()]).run("go")
    assert [r.text for r in result.messages[2].tool_results] == ["first done", "second done"]


async def test_events_tell_the_run_as_it_happens() -> None:
    agent = Agent(ScriptedModel(call("progress"), "all done"), tools=[Tools()])
    async with agent.stream("go") as run:
        seen = [event async for event in run]
    assert [type(e) for e in seen] == [
        Completion, ToolStarted, ToolProgress, ToolFinished, TextDelta, TextDelta, Completion, RunFinished,
    ]  # fmt: skip
    assert run.result.output == "all done"


async def test_leaving_early_cancels_the_calls_and_leaves_a_valid_history() -> None:
    tools, session = Tools(), Session()
    agent = Agent(ScriptedModel([call("slow"), call("slow")], "never"), tools=[tools])
    with anyio.fail_after(5):
        async with agent.stream("go", history=session) as run:
            async for event in run:
                if isinstance(event, ToolStarted):
                    break
    assert roles(session) == ["user", "assistant", "tool"]
    assert [r.is_error for r in session.messages[-1].tool_results] == [True, True]


async def test_who_leaves_at_the_whole_answer_has_it_in_the_history() -> None:
    session = Session()
    agent = Agent(ScriptedModel([Text(text="Look."), call("ok")], "never"), tools=[Tools()])
    async with agent.stream("go", history=session) as run:
        async for event in run:
            if isinstance(event, Completion):
                break
    answer, results = session.messages[1:]
    assert (answer.text, answer.interrupted, len(answer.tool_calls)) == ("Look.", False, 1)
    assert results.tool_results[0].text == "Cancelled."


async def test_what_stands_around_a_model_is_done_to_its_end() -> None:
    done: list[str] = []

    async def timed(request: ModelRequest, proceed: Any) -> AsyncGenerator[Any]:
        async for event in proceed(request):
            yield event
        done.append("after")

    assert (await Agent(ScriptedModel("hi").intercepted(timed)).run("go")).output == "hi"
    assert done == ["after"]


async def test_cancelling_the_task_cancels_the_calls() -> None:
    tools, session = Tools(), Session()
    agent = Agent(ScriptedModel(call("slow")), tools=[tools])
    async with anyio.create_task_group() as group:

        async def run() -> None:
            await agent.run("go", history=session)

        group.start_soon(run)
        while len(session.messages) < 2:
            await anyio.lowlevel.checkpoint()
        for _ in range(20):
            await anyio.lowlevel.checkpoint()
        group.cancel_scope.cancel()
    assert len(tools.cancelled) == 1
    assert roles(session) == ["user", "assistant", "tool"]


async def test_a_fault_in_a_toolset_surfaces_as_it_is_and_the_history_stays_valid() -> None:
    session = Session()
    with pytest.raises(ZeroDivisionError):
        await Agent(ScriptedModel(call("bug")), tools=[Tools()]).run("go", history=session)
    assert roles(session) == ["user", "assistant", "tool"]


async def test_the_callers_own_error_is_not_wrapped() -> None:
    agent = Agent(ScriptedModel(call("slow")), tools=[Tools()])
    with pytest.raises(KeyError):
        async with agent.stream("go") as run:
            async for _ in run:
                raise KeyError("mine")


@pytest.mark.parametrize(
    ("limits", "limit"),
    [
        (Limits(turns=2), "turns"),
        (Limits(tokens=20), "tokens"),
        (Limits(tool_calls=1), "tool_calls"),
        (Limits(cost=0.00001), "cost"),
    ],
)
async def test_a_limit_ends_the_run_and_keeps_everything_so_far(limits: Limits, limit: str) -> None:
    model = ScriptedModel(*[call("ok") for _ in range(9)])
    model.profile = type(model.profile)(price=Price(input=1, output=1))
    with pytest.raises(LimitExceeded, match="limit of") as caught:
        await Agent(model, tools=[Tools()], limits=limits).run("go")
    result = caught.value.result
    assert result.limit == limit
    assert result.messages[-1].role == "tool"
    assert len(result.tool_calls) >= 1


async def test_wall_time_ends_a_run_in_the_middle_of_a_call() -> None:
    agent = Agent(ScriptedModel(call("slow")), tools=[Tools()], limits=Limits(seconds=0.05))
    async with agent.stream("go") as run:
        async for _ in run:
            pass
    assert run.result.limit == "seconds"
    assert run.result.messages[-1].tool_results[0].text == "Cancelled."


async def test_a_session_remembers_what_was_said_before() -> None:
    session, model = Session(), ScriptedModel("one", "two")
    agent = Agent(model)
    await agent.run("first", history=session)
    result = await agent.run("second", history=session)
    assert [m.text for m in model.requests[1].messages] == ["first", "one", "second"]
    assert [m.text for m in result.new_messages] == ["second", "two"]
    assert result.session == session.id


async def test_history_given_as_messages_is_not_changed() -> None:
    before = [Message(role="user", parts=(Text(text="hi"),))]
    result = await Agent(ScriptedModel("ok")).run("next", history=before)
    assert len(before) == 1
    assert len(result.messages) == 3


async def test_errors_of_the_model_reach_the_caller() -> None:
    with pytest.raises(RateLimited):
        await Agent(ScriptedModel(RateLimited("slow down"))).run("go")


async def test_a_content_filter_is_an_error_with_what_had_arrived() -> None:
    message = Message(role="assistant", parts=(Text(text="I was about"),))
    model = ScriptedModel(Completion(message=message, stop_reason="content_filter"))
    with pytest.raises(ContentFiltered) as caught:
        await Agent(model).run("go")
    assert caught.value.partial == message


async def test_an_agent_can_be_the_tool_of_another() -> None:
    inner = Agent(ScriptedModel("42"), name="oracle", description="Knows the answer.")
    outer = Agent(ScriptedModel(call("oracle", prompt="what?"), "It said 42."), tools=[inner])
    result = await outer.run("ask the oracle")
    assert result.tool_calls[0].result.text == "42"
    assert result.usage.requests == 3  # the inner agent's request counts too


def test_run_sync_needs_no_event_loop() -> None:
    assert Agent(ScriptedModel("hello")).run_sync("hi").output == "hello"
