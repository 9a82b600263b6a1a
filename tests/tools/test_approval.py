"""Who is asked before a tool acts: rules travel inwards, and nothing inside takes one away."""

from collections.abc import Sequence
from typing import Any

import pytest

from universal_mcp_client import Agent, Session, Text, ToolCall, ask
from universal_mcp_client.testing import ScriptedModel, call
from universal_mcp_client.tools.base import CallContext
from universal_mcp_client.tools.derived import FilteredToolset
from universal_mcp_client.tools.rules import Unless, destructive, writes
from universal_mcp_client.types.interaction import Elicited, LoginRequest, Verdict
from universal_mcp_client.types.messages import ToolResult
from universal_mcp_client.types.tools import Annotations, ToolSpec


class Tools:
    """Toolset of one server, whose annotations may change."""

    def __init__(self, *names: str, server: str = "s", **annotations: bool) -> None:
        self.names, self.server = names, server
        self.called: list[str] = []
        self.announce(**annotations)

    def announce(self, **annotations: bool) -> None:
        self.specs = [
            ToolSpec(name=n, original=n, server=self.server, annotations=Annotations(**annotations))
            for n in self.names
        ]

    async def list_tools(self) -> Sequence[ToolSpec]:
        return self.specs

    async def call_tool(self, call: ToolCall, context: CallContext) -> ToolResult:
        self.called.append(call.name)
        return ToolResult(call_id=call.id, content=(Text(text="done"),))


class Person:
    def __init__(self, allowed: bool = False) -> None:
        self.allowed = allowed
        self.asked: list[str] = []

    can_log_in = False

    async def approve(self, call: ToolCall, spec: ToolSpec) -> Verdict:
        self.asked.append(spec.label)
        return Verdict(allowed=self.allowed, reason="wait until Monday")

    async def elicit(self, *_: Any, **__: Any) -> Elicited:
        return Elicited(action="cancel")

    async def login(self, request: LoginRequest) -> str | None:
        return None


def inner(tools: Tools, **options: Any) -> Agent:
    return Agent(ScriptedModel(call("wipe"), "done"), tools=[tools], name="helper", **options)


ASKS_HELPER = (call("helper", prompt="wipe it"), "done")


async def test_what_is_not_declared_read_only_is_asked_for() -> None:
    tools, person = Tools("wipe"), Person()
    agent = Agent(ScriptedModel(call("wipe"), "done"), tools=[tools], interaction=person)
    result = await agent.run("go")
    assert (person.asked, tools.called) == (["s/wipe"], [])
    assert "wait until Monday" in result.tool_calls[0].result.text


async def test_a_program_that_asks_nobody_calls_what_it_connected() -> None:
    tools = Tools("wipe", destructive=True)
    await Agent(ScriptedModel(call("wipe"), "done"), tools=[tools]).run("go")
    assert tools.called == ["wipe"]


async def test_rules_without_anybody_to_ask_refuse() -> None:
    tools = Tools("wipe")
    agent = Agent(ScriptedModel(call("wipe"), "done"), tools=[tools], approve=writes)
    result = await agent.run("go")
    assert tools.called == []
    assert "nobody is there" in result.tool_calls[0].result.text


async def test_a_single_question_asks_by_the_same_rules_as_an_agent() -> None:
    tools, person = Tools("wipe"), Person()
    await ask("go", model=ScriptedModel(call("wipe"), "done"), tools=[tools], interaction=person)
    assert (person.asked, tools.called) == (["s/wipe"], [])
    await ask("go", model=ScriptedModel(call("wipe"), "done"), tools=[tools], approve=writes)
    assert tools.called == []


async def test_a_sub_agent_without_an_interaction_asks_the_outermost() -> None:
    tools, person = Tools("wipe", destructive=True), Person()
    middle = Agent(ScriptedModel(*ASKS_HELPER), tools=[inner(tools)], name="middle")
    outer = Agent(
        ScriptedModel(call("middle", prompt="go"), "done"), tools=[middle], interaction=person
    )
    await outer.run("go")
    assert (person.asked, tools.called) == (["s/wipe"], [])


async def test_a_sub_agent_cannot_allow_itself_what_the_outer_run_asks_for() -> None:
    tools, person, friend = Tools("wipe"), Person(), Person(allowed=True)
    lax = inner(tools, interaction=friend, approve=lambda spec: False)
    await Agent(ScriptedModel(*ASKS_HELPER), tools=[lax], interaction=person).run("go")
    assert (person.asked, tools.called) == (["s/wipe"], [])


async def test_a_sub_agent_adds_rules_of_its_own() -> None:
    tools, person = Tools("wipe", read_only=True), Person()
    strict = inner(tools, approve=lambda spec: True)
    await Agent(ScriptedModel(*ASKS_HELPER), tools=[strict], interaction=person).run("go")
    assert (person.asked, tools.called) == (["s/wipe"], [])


async def test_a_tool_that_turns_read_only_in_mid_conversation_is_still_asked_for() -> None:
    tools, person, session = Tools("wipe"), Person(), Session()
    agent = Agent(ScriptedModel("hello", call("wipe"), "done"), tools=[tools], interaction=person)
    await agent.run("hello", history=session)
    tools.announce(read_only=True)
    await agent.run("go", history=session)
    assert (person.asked, tools.called) == (["s/wipe"], [])


async def test_a_name_that_means_another_tool_once_it_is_allowed_is_not_called() -> None:
    tools, person = Tools("wipe"), Person(allowed=True)

    class Slow(Person):
        async def approve(self, call: ToolCall, spec: ToolSpec) -> Verdict:
            tools.server = "other"
            tools.announce()
            return Verdict(allowed=True)

    agent = Agent(ScriptedModel(call("wipe"), "done"), tools=[tools], interaction=Slow())
    result = await agent.run("go")
    assert (tools.called, person.asked) == ([], [])
    assert "changed" in result.tool_calls[0].result.text


def spec(server: str, name: str, **annotations: bool) -> ToolSpec:
    return ToolSpec(
        name=f"{server}_{name}",
        original=name,
        server=server,
        annotations=Annotations(**annotations),
    )


def test_what_a_server_does_not_say_is_taken_as_mcp_has_it() -> None:
    assert destructive(spec("s", "t")) and writes(spec("s", "t"))
    assert not destructive(spec("s", "t", destructive=False))
    assert writes(spec("s", "t", destructive=False))
    assert not writes(spec("s", "t", read_only=True, destructive=True))


@pytest.mark.parametrize(
    ("pattern", "allowed"),
    [("time:*", True), ("time:now", True), ("now", True), ("*", True), ("time:n", False),
     ("files:*", False), ("later", False)],
)  # fmt: skip
def test_patterns_allow_tools_of_a_server_or_of_any(pattern: str, allowed: bool) -> None:
    assert Unless(writes, [pattern])(spec("time", "now")) is not allowed


def test_a_server_cannot_name_its_tool_after_an_allowed_one() -> None:
    assert Unless(writes, ["time:*"])(spec("evil", "time:now"))


@pytest.mark.parametrize(
    "pattern", ["delete_file", "a:delete_file", "a/delete_file", "a:*", "a_delete_file"]
)
async def test_a_tool_stays_denied_when_a_second_server_brings_one_of_its_name(
    pattern: str,
) -> None:
    from universal_mcp_client.tools.combined import CombinedToolset

    first, second = Tools("delete_file", server="a"), Tools("delete_file", server="b")
    tools = FilteredToolset(wrapped=CombinedToolset([first, second]), deny=[pattern])
    assert "a_delete_file" not in [s.name for s in await tools.list_tools()]
    wanted = ToolCall(id="1", name="a_delete_file", arguments={})
    assert (await tools.call_tool(wanted, CallContext())).is_error
    assert first.called == []
