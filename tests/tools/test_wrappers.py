"""What stands around a toolset: checks, approval, budgets, filters; and Python functions."""

import json
from typing import Annotated, Any

import pytest
from pydantic import Field

from universal_mcp_client import Agent, Text, ToolCall
from universal_mcp_client.testing import ScriptedModel, call
from universal_mcp_client.tools.base import CallContext
from universal_mcp_client.tools.budgeted import BudgetedToolset, paginate
from universal_mcp_client.tools.checked import CheckedToolset
from universal_mcp_client.tools.derived import FilteredToolset
from universal_mcp_client.tools.functions import FunctionToolset
from universal_mcp_client.tools.tokens import estimate_tokens
from universal_mcp_client.types.errors import ConfigError
from universal_mcp_client.types.interaction import Elicited, Verdict
from universal_mcp_client.types.messages import ToolResult
from universal_mcp_client.types.tools import Annotations, JSONSchema, ToolSpec


class One:
    """A toolset of one tool, which notes what it was called with."""

    def __init__(
        self,
        schema: JSONSchema,
        answer: str = "ok",
        annotations: Annotations = Annotations(),  # noqa: B008 - immutable
    ) -> None:
        self.spec = ToolSpec(
            name="one", description="", input_schema=schema, annotations=annotations, server="s"
        )
        self.answer = answer
        self.calls: list[dict[str, Any]] = []

    async def list_tools(self) -> list[ToolSpec]:
        return [self.spec]

    async def call_tool(self, call: ToolCall, context: CallContext) -> ToolResult:
        self.calls.append(dict(call.arguments))
        return ToolResult(call_id=call.id, content=(Text(text=self.answer),))


async def tried(tools: Any, arguments: dict[str, Any], name: str = "one") -> ToolResult:
    result: ToolResult = await tools.call_tool(
        ToolCall(id="1", name=name, arguments=arguments), CallContext()
    )
    return result


TREE: JSONSchema = {
    "type": "object",
    "properties": {"tree": {"$ref": "#/$defs/node"}},
    "required": ["tree"],
    "$defs": {
        "node": {
            "type": "object",
            "properties": {
                "value": {"type": "integer"},
                "children": {"type": "array", "items": {"$ref": "#/$defs/node"}},
            },
            "required": ["value"],
        }
    },
}


@pytest.mark.parametrize(
    ("schema", "arguments", "says"),
    [
        (
            {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]},
            {},
            "'n' is a required property",
        ),
        ({"type": "object", "properties": {"n": {"type": "integer"}}}, {"n": "five"}, "integer"),
        ({"type": "object", "properties": {"n": {"enum": ["a", "b"]}}}, {"n": "c"}, "'a', 'b'"),
        (TREE, {"tree": {"value": 1, "children": [{"value": "x"}]}}, "children"),
        (
            {"$schema": "http://json-schema.org/draft-07/schema#", "type": "object",
             "properties": {"pair": {"type": "array", "items": [{"type": "string"}]}}},
            {"pair": [1]},
            "string",
        ),
    ],
)  # fmt: skip
async def test_arguments_that_do_not_fit_are_told_exactly(
    schema: JSONSchema, arguments: dict[str, Any], says: str
) -> None:
    inner = One(schema)
    result = await tried(CheckedToolset(wrapped=inner), arguments)
    assert result.is_error
    assert says in result.text
    assert inner.calls == []


async def test_arguments_that_fit_go_through() -> None:
    inner = One(TREE)
    given = {"tree": {"value": 1, "children": [{"value": 2, "children": []}]}}
    assert not (await tried(CheckedToolset(wrapped=inner), given)).is_error
    assert inner.calls == [given]


async def test_a_schema_that_points_elsewhere_is_never_fetched(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import socket

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a connection was opened")

    monkeypatch.setattr(socket, "create_connection", refuse)
    monkeypatch.setattr(socket.socket, "connect", refuse)
    inner = One({"type": "object", "properties": {"n": {"$ref": "http://127.0.0.1:9/n.json"}}})
    await tried(CheckedToolset(wrapped=inner), {"n": 1})
    assert inner.calls == [{"n": 1}]


async def test_a_schema_that_is_broken_does_not_stop_the_call() -> None:
    inner = One({"type": "object", "properties": {"n": {"type": "no such type"}}})
    await tried(CheckedToolset(wrapped=inner), {"n": 1})
    assert inner.calls == [{"n": 1}]


async def test_a_long_result_is_cut_and_can_be_read_page_by_page() -> None:
    text = "\n".join(f"line {n} of a long report" for n in range(4_000))
    tools = BudgetedToolset(wrapped=One({"type": "object"}, text), budget=1_000)
    assert [t.name for t in await tools.list_tools()] == ["one"]
    cut = await tried(tools, {})
    assert estimate_tokens(cut.text) < 1_300
    assert [t.name for t in await tools.list_tools()] == ["one", "read_result"]
    read, page = cut.text.rpartition("\n[Cut")[0], 2
    while True:
        more = await tried(tools, {"id": "r1", "page": page}, name="read_result")
        if more.is_error:
            break
        read += more.text.rpartition("\n[Page")[0]
        page += 1
    assert read == text
    assert f"pages 1 to {page - 1}" in more.text


def test_pages_joined_are_the_text() -> None:
    text = "word " * 500 + "x" * 3_000 + "\n" * 50
    pages = paginate(text, 400)
    assert "".join(pages) == text
    assert max(map(len, pages)) <= 400


class Person:
    def __init__(self, allowed: bool) -> None:
        self.allowed = allowed
        self.asked: list[str] = []

    async def approve(self, call: ToolCall, spec: ToolSpec) -> Verdict:
        self.asked.append(call.name)
        return Verdict(allowed=self.allowed, reason="not today")

    async def elicit(self, *_: Any, **__: Any) -> Elicited:
        return Elicited(action="cancel")


@pytest.mark.parametrize("allowed", [True, False])
async def test_a_destructive_tool_is_asked_for_first(allowed: bool) -> None:
    inner = One({"type": "object"}, annotations=Annotations(destructive=True))
    person = Person(allowed)
    agent = Agent(ScriptedModel(call("one"), "done"), tools=[inner], interaction=person)
    result = await agent.run("destroy")
    assert person.asked == ["one"]
    assert bool(inner.calls) is allowed
    assert result.tool_calls[0].result.is_error is not allowed
    if not allowed:
        assert "not today" in result.tool_calls[0].result.text


async def test_a_harmless_tool_is_not_asked_for() -> None:
    person = Person(False)
    inner = One({"type": "object"}, annotations=Annotations(read_only=True))
    await Agent(ScriptedModel(call("one"), "x"), tools=[inner], interaction=person).run("look")
    assert (person.asked, len(inner.calls)) == ([], 1)


async def test_a_filter_hides_and_refuses() -> None:
    tools = FilteredToolset(wrapped=One({"type": "object"}), allow=[], deny=["o*"])
    assert list(await tools.list_tools()) == []
    assert (await tried(tools, {})).is_error


def weather(city: Annotated[str, Field(description="A city")], days: int = 1) -> dict[str, Any]:
    """The weather to come."""
    if city == "Atlantis":
        raise LookupError("no such city")
    return {"city": city, "days": days}


async def test_a_function_is_a_tool() -> None:
    tools = FunctionToolset([weather])
    (spec,) = await tools.list_tools()
    assert (spec.name, spec.description) == ("weather", "The weather to come.")
    assert spec.input_schema["properties"]["city"]["description"] == "A city"
    assert spec.input_schema["required"] == ["city"]
    assert json.loads((await tried(tools, {"city": "Oslo"}, "weather")).text)["city"] == "Oslo"
    failed = await tried(tools, {"city": "Atlantis"}, "weather")
    assert failed.is_error and failed.text == "LookupError: no such city"
    wrong = await tried(tools, {"days": "many"}, "weather")
    assert wrong.is_error and "city" in wrong.text and "days" in wrong.text


def test_a_function_without_names_for_its_parameters_is_refused() -> None:
    def positional(a: int, /) -> int:
        return a

    with pytest.raises(ConfigError, match="positional"):
        FunctionToolset([positional])
    with pytest.raises(ConfigError, match="same name"):
        FunctionToolset([weather, weather])


@pytest.mark.parametrize("budget", [0, -1, "5", None])
def test_a_budget_is_a_number_of_tokens(budget: Any) -> None:
    with pytest.raises(ConfigError, match="give a number of tokens"):
        BudgetedToolset(wrapped=One({}), budget=budget)
