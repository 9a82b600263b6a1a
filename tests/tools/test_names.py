"""Names that every provider accepts: valid, unique, stable, reversible."""

import itertools
import re

import pytest

from universal_mcp_client import Agent, Text, ToolCall
from universal_mcp_client.testing import ScriptedModel, call
from universal_mcp_client.tools.base import CallContext
from universal_mcp_client.tools.combined import CombinedToolset
from universal_mcp_client.tools.names import public_names
from universal_mcp_client.types.messages import ToolResult
from universal_mcp_client.types.tools import ToolSpec


def spec(name: str, server: str = "") -> ToolSpec:
    return ToolSpec(name=name, description="", input_schema={"type": "object"}, server=server)


def test_a_name_that_is_accepted_stays() -> None:
    assert public_names([spec("get_time", "time"), spec("add-2", "desk")]) == ["get_time", "add-2"]


def test_the_same_name_on_two_servers_gets_the_servers_in_front() -> None:
    specs = [spec("search", "web"), spec("search", "mail"), spec("add", "desk")]
    assert public_names(specs) == ["web_search", "mail_search", "add"]


@pytest.mark.parametrize(
    "name", ["a.b", "a/b/c", "naïve tool", "查询天气", "x" * 200, " ", "🙂", "a_b"]
)
def test_any_name_becomes_one_that_providers_accept(name: str) -> None:
    (public,) = public_names([spec(name, "s")])
    assert re.fullmatch(r"[a-zA-Z0-9_-]{1,64}", public)


def test_names_are_unique_whatever_is_thrown_together() -> None:
    names = ["a.b", "a/b", "a_b", "x" * 200, "x" * 201, "查询", "天气", "s_a_b", "s.a.b"]
    specs = [spec(name, server) for name in names for server in ("s", "t", "s_a", "")]
    public = public_names(specs)
    assert len(set(public)) == len(specs)
    assert all(re.fullmatch(r"[a-zA-Z0-9_-]{1,64}", name) for name in public)


def test_names_do_not_depend_on_the_order_of_servers() -> None:
    specs = [spec("search", "web"), spec("search", "mail"), spec("a.b", "x"), spec("a/b", "y")]
    expected = dict(zip([id(s) for s in specs], public_names(specs), strict=True))
    for order in itertools.permutations(specs):
        assert public_names(order) == [expected[id(s)] for s in order]


@pytest.mark.parametrize(
    "specs",
    [
        [spec("", "s"), spec("", "t"), spec("", "")],
        [spec("same", "s"), spec("same", "s")],
        [spec("read_result"), spec("read_result", "s"), spec("s_read_result", "t")],
        [spec("agent"), spec("agent"), spec("agent_2")],
        [spec("агент"), spec("агент"), spec("агент", "s"), spec("\u202e"), spec("x" * 70)] * 2,
    ],
)
def test_names_are_valid_and_unique_and_not_ours(specs: list[ToolSpec]) -> None:
    public = public_names(specs)
    assert len(set(public)) == len(specs)
    assert all(re.fullmatch(r"[a-zA-Z0-9_-]{1,64}", name) for name in public)
    assert "read_result" not in public


class Echo:
    """A toolset which answers with the name that it was called by."""

    def __init__(self, *specs: ToolSpec) -> None:
        self.specs = specs

    async def list_tools(self) -> tuple[ToolSpec, ...]:
        return self.specs

    async def call_tool(self, call: ToolCall, context: CallContext) -> ToolResult:
        return ToolResult(
            call_id=call.id, content=(Text(text=f"{self.specs[0].server}:{call.name}"),)
        )


async def test_calls_reach_the_tool_whose_name_was_changed() -> None:
    tools = CombinedToolset(
        [Echo(spec("read_result", "a"), spec("read_result", "a"), spec("", "a")),
         Echo(spec("read_result", "b"), spec("查询", "b"))]
    )  # fmt: skip
    listed = await tools.list_tools()
    assert [s.name for s in listed][:1] == ["a_read_result"]
    answers = [
        (await tools.call_tool(ToolCall(id="1", name=s.name), CallContext())).text for s in listed
    ]
    assert answers == ["a:read_result", "a:", "b:read_result", "b:查询"]


async def test_two_agents_that_nobody_named_are_two_tools() -> None:
    model = ScriptedModel([call("agent", prompt="x"), call("agent_2", prompt="x")], "done")
    one, two = Agent(ScriptedModel("I am one")), Agent(ScriptedModel("I am two"))
    result = await Agent(model, tools=[one, two]).run("ask both")
    assert [record.result.text for record in result.tool_calls] == ["I am one", "I am two"]
