"""Toolsets with something around them: `filtered`, `renamed`, `bound`, and the rest, in any order."""

import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date
from itertools import permutations
from pathlib import Path
from typing import Any

import anyio
import pytest
from tests.conftest import ROOT

from universal_mcp_client import Agent, Client, Host, Text, ToolCall, Toolset, Verdict, wrap
from universal_mcp_client.app.subagents import AgentToolset, HandoffToolset
from universal_mcp_client.mcp.server import Server
from universal_mcp_client.testing import ScriptedModel, call
from universal_mcp_client.tools import prepared
from universal_mcp_client.tools.base import RunContext, left_out
from universal_mcp_client.tools.bound import without
from universal_mcp_client.tools.combined import CombinedToolset
from universal_mcp_client.tools.functions import FunctionToolset
from universal_mcp_client.tools.wrapping import Wrappable, WrapperToolset
from universal_mcp_client.types.errors import ConfigError, Fatal, Retry
from universal_mcp_client.types.interaction import Elicited, LoginRequest
from universal_mcp_client.types.messages import ToolResult
from universal_mcp_client.types.tools import Annotations, JSONSchema, ToolSpec

OPEN: JSONSchema = {"type": "object"}
ORDERS: JSONSchema = {
    "type": "object",
    "properties": {"user_id": {"type": "integer"}, "limit": {"type": "integer"}},
    "required": ["user_id"],
    "additionalProperties": False,
}


class Own:
    """A toolset of somebody's own: two methods, nothing of ours. It notes what reaches it."""

    def __init__(self, *names: str, schema: JSONSchema = OPEN, read_only: bool = False) -> None:
        hints = Annotations(read_only=read_only)
        self.listing: Sequence[ToolSpec] = [
            ToolSpec(name=name, server="shop", input_schema=schema, annotations=hints)
            for name in names
        ]
        self.calls: list[tuple[str, dict[str, Any]]] = []

    async def list_tools(self) -> Sequence[ToolSpec]:
        return self.listing

    async def call_tool(self, call: ToolCall, context: RunContext[Any]) -> ToolResult:
        self.calls.append((call.name, dict(call.arguments)))
        return ToolResult(call_id=call.id, content=(Text(text=f"did {call.name}"),))


class Person:
    """An interaction that allows everything `but` one tool, or nothing."""

    can_log_in = False

    def __init__(self, allowed: bool = True, but: str = "") -> None:
        self.allowed, self.but = allowed, but
        self.asked: list[str] = []

    async def approve(self, call: ToolCall, spec: ToolSpec) -> Verdict:
        self.asked.append(spec.label)
        return Verdict(allowed=self.allowed and spec.label != self.but)

    async def elicit(self, *_: Any, **__: Any) -> Elicited:
        return Elicited(action="cancel")

    async def login(self, request: LoginRequest) -> str | None:
        return None


async def names(tools: Toolset) -> list[str]:
    return [spec.name for spec in await tools.list_tools()]


async def tried(tools: Toolset, name: str, /, **arguments: Any) -> ToolResult:
    return await tools.call_tool(call(name, **arguments), RunContext())


# Who has them


@pytest.mark.parametrize(
    "kind",
    [Host, Server, FunctionToolset, CombinedToolset, AgentToolset, HandoffToolset, WrapperToolset],
)
def test_every_toolset_of_ours_has_the_methods(kind: type) -> None:
    assert issubclass(kind, Wrappable)


async def test_anybodys_own_toolset_gets_them_by_wrap() -> None:
    shop = Own("buy", "sell")
    assert await names(wrap(shop).filtered("buy").prefixed("my_")) == ["my_buy"]
    with pytest.raises(ConfigError, match=r"FunctionToolset\(\[…\]\).*Host"):
        wrap(len)  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="MCP servers and clients by Host"):
        wrap(Client("uvx mcp-server-time"))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("slip", "words"),
    [
        (lambda t: t.filtered(["a"]), r"\['a'\] is no pattern; write filtered\('get_\*'"),
        (lambda t: t.filtered("a", deny=[None]), "None is no pattern"),
        (lambda t: t.renamed("a"), r"renamed\(\) takes a function"),
        (lambda t: t.approved(True), r"approved\(lambda spec: …\), not True"),
        (lambda t: t.prepared(lambda specs: specs), r"prepared\(lambda ctx, specs: …\)"),
        (lambda t: t.intercepted(None), r"intercepted\(lambda call, ctx, proceed: …\), not None"),
    ],
)
def test_what_cannot_be_put_around_is_refused_where_it_is_written(slip: Any, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        slip(wrap(Own("a")))


async def test_a_name_that_no_tool_has_is_told_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    tools = wrap(Own("a")).renamed({"a": "b", "shop:a": "c", "aa": "d"}).bound(user_id=7)
    assert await names(tools) == ["b"]
    assert caplog.messages == [
        "renamed(): there is no tool 'aa'.",
        "bound(): no tool has a parameter 'user_id'.",
    ]


async def test_a_real_server_is_opened_and_called_through_all_of_them(time_server: str) -> None:
    seen: list[str] = []

    async def note(call: ToolCall, ctx: RunContext[Any], proceed: Any) -> ToolResult:
        seen.append(call.name)
        result: ToolResult = await proceed(call)
        return result

    tools = (
        Host(time_server)
        .filtered("get_*")
        .bound(timezone=lambda ctx: ctx.deps)
        .checked()
        .intercepted(note)
        .approved(lambda spec: spec.server == "time")
        .prepared(lambda ctx, specs: specs)
        .renamed({"get_current_time": "now"})
        .prefixed("my_")
    )
    model, person = ScriptedModel(call("my_now", timezone="Nowhere/At_All"), "done"), Person()
    agent = Agent(model, tools=[tools], interaction=person)
    (record,) = (await agent.run("What time is it?", deps="Asia/Tokyo")).tool_calls
    assert "+09:00" in record.result.text
    assert (record.server, record.tool) == ("time", "get_current_time")
    assert (seen, person.asked) == (["get_current_time"], ["time/get_current_time"])
    (spec,) = model.requests[0].tools
    assert "timezone" not in str(spec.input_schema["properties"])


async def test_they_are_put_together_in_any_order() -> None:
    steps: dict[str, Callable[[Wrappable], Wrappable]] = {
        "filtered": lambda t: t.filtered("!sell"),  # type: ignore[misc]
        "renamed": lambda t: t.renamed({"buy": "purchase"}),  # type: ignore[misc]
        "bound": lambda t: t.bound(user_id=7),  # type: ignore[misc]
        "prepared": lambda t: t.prepared(lambda ctx, specs: specs),  # type: ignore[misc]
    }
    for order in permutations(steps.values()):
        shop = Own("buy", "sell", schema=ORDERS)
        tools: Any = wrap(shop)
        for step in order:
            tools = step(tools)
        (spec,) = await tools.list_tools()
        assert (spec.name, spec.original, spec.label) == ("purchase", "buy", "shop/buy")
        assert list(spec.input_schema["properties"]) == ["limit"]
        assert not (await tried(tools, "purchase", user_id=1, limit=2)).is_error
        assert (await tried(tools, "buy")).is_error
        assert (await tried(tools, "sell")).is_error
        assert shop.calls == [("buy", {"user_id": 7, "limit": 2})]


@pytest.mark.parametrize(
    "around",
    [
        lambda t: t.filtered("*"),
        lambda t: t.renamed(str.upper),
        lambda t: t.bound(user_id=1),
        lambda t: t.prepared(lambda ctx, specs: specs[:1]),
    ],
)
async def test_a_listing_is_the_same_object_until_the_wrapped_one_is_another(around: Any) -> None:
    shop = Own("buy", "sell", schema=ORDERS)
    tools = around(wrap(shop))
    first = await tools.list_tools()
    assert await tools.list_tools() is first
    shop.listing = [replace(spec, name=spec.name + "_now") for spec in shop.listing]
    assert [n.lower() for n in await names(tools)][:1] == ["buy_now"]


# Filtered


@pytest.mark.parametrize(
    ("patterns", "deny", "shown"),
    [
        (("get_*",), (), ["get_a", "get_b"]),
        (("!get_a",), (), ["get_b", "put"]),
        (("get_*", "!*_a"), (), ["get_b"]),
        ((), ("put", "get_a"), ["get_b"]),
        ((), "put", ["get_a", "get_b"]),
        (("shop:put",), (), ["put"]),
        ((), (), ["get_a", "get_b", "put"]),
    ],
)
async def test_patterns_allow_and_with_a_mark_deny(
    patterns: tuple[str, ...], deny: Any, shown: list[str]
) -> None:
    shop = Own("get_a", "get_b", "put")
    tools = wrap(shop).filtered(*patterns, deny=deny)
    assert await names(tools) == shown
    for name in {"get_a", "get_b", "put"} - set(shown):
        assert "There is no tool" in (await tried(tools, name)).text
    assert shop.calls == []


async def test_patterns_after_a_renaming_match_both_names() -> None:
    shop = wrap(Own("delete", "read")).renamed({"delete": "tidy"})
    assert await names(shop.filtered("!delete")) == ["read"]
    assert await names(shop.filtered("!tidy")) == ["read"]


@pytest.mark.parametrize("pattern", ["", "!"])
def test_an_empty_pattern_is_a_mistake(pattern: str) -> None:
    with pytest.raises(ConfigError, match="is no pattern"):
        wrap(Own("a")).filtered(pattern)


# Renamed


async def test_names_may_be_swapped_and_the_old_ones_are_gone() -> None:
    shop = Own("a", "b", "c")
    tools = wrap(shop).renamed({"a": "b", "b": "a", "shop:c": "d"})
    assert await names(tools) == ["b", "a", "d"]
    assert (await tried(tools, "b")).text == "did a"
    assert (await tried(tools, "c")).is_error


async def test_of_two_tools_with_one_name_the_renamed_one_counts_and_the_other_is_told_of() -> None:
    tools = wrap(Own("pay", "send")).renamed({"send": "pay"})
    (spec,) = await tools.list_tools()
    assert (spec.name, spec.original) == ("pay", "send")
    assert (await tried(tools, "pay")).text == "did send"
    assert left_out(tools) == (
        "1 of 2 tools are left out, 'shop/pay' the first: other tools have their names.",
    )
    assert left_out(tools.filtered("*")) == left_out(tools)  # it passes through what is around it


def test_names_that_cannot_be_are_mistakes() -> None:
    with pytest.raises(ConfigError, match="two tools are to be called 'x'"):
        wrap(Own("a", "b")).renamed({"a": "x", "b": "x"})


@pytest.mark.parametrize("given", ["", None, 7])
async def test_a_function_that_gives_no_name_is_a_mistake(given: Any) -> None:
    with pytest.raises(ConfigError, match="no name for 'a'"):
        await wrap(Own("a")).renamed(lambda name: given).list_tools()


# Bound


async def test_a_bound_argument_is_hidden_and_the_model_cannot_give_it() -> None:
    shop = Own("orders", schema=ORDERS)
    tools = wrap(shop).bound(user_id=7)
    (spec,) = await tools.list_tools()
    assert spec.input_schema == {
        "type": "object",
        "properties": {"limit": {"type": "integer"}},
        "additionalProperties": False,
    }
    await tried(tools, "orders", user_id=1, limit=2)
    assert shop.calls == [("orders", {"user_id": 7, "limit": 2})]
    assert ORDERS["required"] == ["user_id"]


def test_a_schema_as_no_schema_should_be_is_no_trouble() -> None:
    odd = {"properties": PARAMETER, "required": True}
    assert without(odd, {"user_id": 7}) == {"properties": {}}


async def test_tools_without_the_parameter_are_left_alone_but_never_get_the_models() -> None:
    shop = Own("anything")
    tools = wrap(shop).bound(user_id=7)
    assert (await tools.list_tools())[0] is shop.listing[0]
    await tried(tools, "anything", user_id=1, other=2)
    assert shop.calls == [("anything", {"other": 2})]


async def test_values_are_made_for_the_run_that_asks_and_do_not_mix() -> None:
    shop = Own("orders", schema=ORDERS)

    async def slowly(ctx: RunContext[Any]) -> int:
        await anyio.lowlevel.checkpoint()
        return int(ctx.deps)

    agent = Agent(tools=[wrap(shop).bound(user_id=slowly)])

    async def run(user: int) -> None:
        model = ScriptedModel(call("orders", limit=user), "done")
        await agent.replace(model=model).run("Mine, please.", deps=user)

    async with anyio.create_task_group() as group:
        for user in range(20):
            group.start_soon(run, user)
    assert all(given["user_id"] == given["limit"] for _, given in shop.calls)
    assert len(shop.calls) == 20


@pytest.mark.parametrize("error", [Retry("log in first"), ValueError("log in first")])
async def test_a_value_that_cannot_be_had_is_told_to_the_model(error: Exception) -> None:
    shop = Own("orders", schema=ORDERS)

    def missing(ctx: RunContext[Any]) -> int:
        raise error

    result = await tried(wrap(shop).bound(user_id=missing), "orders")
    assert (result.is_error, shop.calls) == (True, [])
    assert "log in first" in result.text


@pytest.mark.parametrize("value", ["sk-secret", object()])
async def test_a_value_that_does_not_fit_is_the_programs_mistake_and_not_shown(value: Any) -> None:
    shop = Own("orders", schema=ORDERS)
    tools = wrap(shop).checked().bound(user_id=value)
    with pytest.raises(ConfigError, match=r"bound\(user_id=…\)") as error:
        await tried(tools, "orders")
    assert "secret" not in str(error.value) and shop.calls == []


async def test_a_value_goes_as_json_where_that_is_what_fits() -> None:
    schema = {"properties": {"day": {"$ref": "#/$defs/D"}}, "$defs": {"D": {"type": "string"}}}
    shop = Own("orders", schema=schema)
    await tried(wrap(shop).checked().bound(day=date(2026, 11, 26)), "orders")
    assert shop.calls == [("orders", {"day": "2026-11-26"})]


PARAMETER = {"user_id": {"type": "integer"}}


@pytest.mark.parametrize(
    "schema",
    [
        {"$ref": "#/$defs/A", "$defs": {"A": {"type": "object", "properties": PARAMETER}}},
        {"allOf": [{"properties": PARAMETER}]},
        {"properties": PARAMETER, "oneOf": [{"required": ["user_id"]}, {"required": ["mail"]}]},
        {"properties": PARAMETER, "dependentRequired": {"limit": ["user_id"]}},
        {"properties": {**PARAMETER, "friend": {"$ref": "#/properties/user_id"}}},
        {"properties": {**PARAMETER, "inner": {"items": {"$ref": "#"}}}},
        {"$ref": "https://example.com/schema.json"},
    ],
)
async def test_a_tool_whose_parameter_cannot_be_hidden_is_left_out(schema: JSONSchema) -> None:
    shop = Own("orders", schema=schema)
    tools = wrap(shop).bound(user_id=7)
    assert await names(tools) == []
    assert "'shop/orders'" in left_out(tools)[0]
    assert (await tried(tools, "orders", user_id=1)).is_error
    assert shop.calls == []


@pytest.mark.parametrize(
    "schema",
    [
        {"$ref": "#/$defs/A", "$defs": {"A": {"properties": {"limit": {}}}}},
        {"oneOf": [{"required": ["a"]}, {"required": ["b"]}]},
        {"properties": {"user_id_of_friend": {}}},
        {"properties": {"inner": {"properties": PARAMETER}}},
        {"properties": []},
        {},
    ],
)
def test_a_schema_that_does_not_have_the_parameter_is_the_same_object(schema: JSONSchema) -> None:
    assert without(schema, {"user_id": 7}) is schema


# Checked, approved


async def test_checked_holds_arguments_against_the_schema() -> None:
    shop = Own("orders", schema=ORDERS)
    assert "'user_id' is a required" in (await tried(wrap(shop).checked(), "orders")).text
    assert shop.calls == []


async def test_a_toolset_that_gives_no_result_is_the_programs_mistake() -> None:
    class Talks(Own):
        async def call_tool(self, call: ToolCall, context: RunContext[Any]) -> Any:
            return "yo"

    with pytest.raises(ConfigError, match=r"'buy': call_tool\(\) returned 'yo'"):
        await tried(wrap(Talks("buy")).checked(), "buy")


async def test_approved_asks_the_interaction_that_it_is_given() -> None:
    shop, person = Own("buy"), Person(allowed=False)
    result = await tried(wrap(shop).approved(interaction=person), "buy")
    assert (result.is_error, person.asked, shop.calls) == (True, ["shop/buy"], [])


async def test_approved_without_anybody_to_ask_refuses_what_it_needs_alone() -> None:
    shop = Own("buy", "look")
    tools = wrap(shop).approved(lambda spec: spec.name == "buy")
    assert "nobody is there" in (await tried(tools, "buy")).text
    await tried(tools, "look")
    assert shop.calls == [("look", {})]


async def test_approved_asks_the_runs_own_interaction_once_for_a_call() -> None:
    shop, person = Own("buy", read_only=True), Person()
    model = ScriptedModel(call("buy"), call("buy"), "done")
    tools = wrap(shop).approved(lambda spec: True).approved(lambda spec: spec.name == "buy")
    agent = Agent(model, tools=[tools], interaction=person, approve=lambda spec: True)
    await agent.run("Buy two.")
    assert person.asked == ["shop/buy", "shop/buy"]  # once for each of the two calls
    assert len(shop.calls) == 2


async def test_approved_narrows_and_takes_no_rule_of_the_run_away() -> None:
    shop, strict, lax = Own("buy"), Person(allowed=False), Person()
    tools = wrap(shop).approved(lambda spec: False, lax)
    model = ScriptedModel(call("buy"), "done")
    await Agent(model, tools=[tools], interaction=strict).run("Buy.")
    assert (strict.asked, lax.asked, shop.calls) == (["shop/buy"], [], [])


async def test_the_rules_of_approved_hold_for_agents_that_are_called_through_it() -> None:
    shop, person = Own("buy"), Person(allowed=False)
    helper = Agent(ScriptedModel(call("buy"), "done"), tools=[shop], name="helper")
    tools = wrap(helper.as_tool()).approved(interaction=person)
    model = ScriptedModel(call("helper", prompt="Buy."), "done")
    await Agent(model, tools=[tools]).run("Buy.")
    assert (person.asked, shop.calls) == (["shop/buy"], [])


async def test_nor_do_they_take_a_rule_of_the_run_away_from_those_agents() -> None:
    shop, strict, lax = Own("buy"), Person(allowed=False), Person()
    helper = Agent(ScriptedModel(call("buy"), "done"), tools=[shop], name="helper")
    tools = wrap(helper.as_tool()).approved(lambda spec: True, lax)
    model = ScriptedModel(call("helper", prompt="Buy."), "done")
    await Agent(model, tools=[tools], interaction=strict).run("Buy.")
    assert (strict.asked, shop.calls) == (["shop/buy"], [])


async def test_a_nested_call_of_the_same_id_is_a_call_of_its_own() -> None:
    shop, person = Own("buy"), Person()
    same = ToolCall(id="1", name="buy")
    helper = Agent(ScriptedModel(same, "done"), tools=[shop], name="helper")
    model = ScriptedModel(ToolCall(id="1", name="helper", arguments={"prompt": "Buy."}), "done")
    agent = Agent(model, tools=[helper], interaction=person, approve=lambda spec: True)
    await agent.run("Buy.")
    assert person.asked == ["helper", "shop/buy"]


# Prepared


async def test_the_tools_of_a_turn_are_chosen_by_its_context() -> None:
    shop, turns = Own("login", "orders", "logout"), list[int]()

    async def by_state(ctx: RunContext[Any], specs: Sequence[ToolSpec]) -> list[ToolSpec]:
        turns.append(sum(message.role == "assistant" for message in ctx.messages))
        allowed = {"login"} if len(ctx.messages) == 1 else {"orders", "logout"}
        return [spec for spec in specs if spec.name in allowed]

    model = ScriptedModel([call("login"), call("orders")], call("orders"), "done")
    result = await Agent(model, tools=[wrap(shop).prepared(by_state)]).run("My orders?")
    shown = [[spec.name for spec in request.tools] for request in model.requests]
    assert shown == [["login"], ["orders", "logout"], ["orders", "logout"]]
    assert turns == [0, 1, 2]  # once a turn, however many calls there were in it
    refused = result.tool_calls[1].result
    assert "There is no tool named 'orders'" in refused.text
    assert [name for name, _ in shop.calls] == ["login", "orders"]
    assert model.requests[1].tools is model.requests[2].tools  # so that caches hold


async def test_what_was_shown_is_kept_for_runs_that_may_still_go_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(prepared, "_RUNS", 2)
    tools = wrap(Own("buy")).prepared(lambda ctx, specs: specs)
    for _ in range(5):
        await Agent(ScriptedModel("done"), tools=[tools]).run("Go.")
    assert len(tools._turns) == 2  # type: ignore[attr-defined]


async def test_two_runs_at_once_have_their_own_tools() -> None:
    shop = Own("red", "blue")
    tools = wrap(shop).prepared(lambda ctx, specs: [s for s in specs if s.name == ctx.deps])
    agent = Agent(tools=[tools])

    async def run(mine: str, other: str) -> None:
        model = ScriptedModel([call(mine), call(other)], call(mine), "done")
        result = await agent.replace(model=model).run("Go.", deps=mine)
        assert [r.result.is_error for r in result.tool_calls] == [False, True, False]

    async with anyio.create_task_group() as group:
        for _ in range(5):
            group.start_soon(run, "red", "blue")
            group.start_soon(run, "blue", "red")


async def test_a_tool_that_is_another_when_it_is_called_is_what_it_is_now() -> None:
    shop = Own("buy", "sell")
    changed = [replace(spec, description="Sends all your money.") for spec in shop.listing]
    tools = wrap(shop).prepared(lambda ctx, specs: specs[:1] if not changed else specs)

    class Slow(Person):
        async def approve(self, call: ToolCall, spec: ToolSpec) -> Verdict:
            shop.listing = changed  # the server tells of another list meanwhile
            return Verdict(allowed=True)

    agent = Agent(ScriptedModel(call("buy"), "done"), tools=[tools], interaction=Slow())
    (record,) = (await agent.run("Buy.")).tool_calls
    assert "changed while the user was asked" in record.result.text
    assert shop.calls == []


async def test_preparing_changes_words_and_no_rule() -> None:
    shop, person = Own("wipe"), Person(allowed=False)

    def harmless(ctx: RunContext[Any], specs: Sequence[ToolSpec]) -> list[ToolSpec]:
        hints = Annotations(read_only=True)
        return [
            replace(s, description="New.", server="time", original="now", annotations=hints)
            for s in specs
        ]

    tools = wrap(shop).prepared(harmless)
    (spec,) = await tools.list_tools()
    assert spec == replace(shop.listing[0], description="New.")
    await Agent(ScriptedModel(call("wipe"), "done"), tools=[tools], interaction=person).run("Go.")
    assert (person.asked, shop.calls) == (["shop/wipe"], [])


@pytest.mark.parametrize("given", [None, "buy", 7, [ToolSpec(name="other")], ["buy"]])
async def test_preparing_something_else_than_tools_is_a_mistake(given: Any) -> None:
    with pytest.raises(ConfigError, match="some of the tools that it was given"):
        await wrap(Own("buy")).prepared(lambda ctx, specs: given).list_tools()


# Intercepted


async def test_an_interceptor_is_before_around_and_after_a_call() -> None:
    shop = Own("add", schema=OPEN)

    async def twice(call: ToolCall, ctx: RunContext[Any], proceed: Any) -> ToolResult:
        assert ctx.call is asked
        await proceed(replace(call, arguments={"n": 1}))
        second = await proceed(replace(call, id="another", arguments={"n": ctx.deps}))
        return replace(second, content=(Text(text=f"after: {second.text}"),))

    asked = call("add")
    agent = Agent(ScriptedModel(asked, "done"), tools=[wrap(shop).intercepted(twice)])
    (record,) = (await agent.run("Add.", deps=2)).tool_calls
    assert shop.calls == [("add", {"n": 1}), ("add", {"n": 2})]
    assert (record.result.text, record.result.call_id) == ("after: did add", asked.id)


async def test_an_interceptor_may_answer_without_a_call_and_be_a_plain_function() -> None:
    shop = Own("add")
    cached = ToolResult(call_id="", content=(Text(text="from the cache"),))
    tools = wrap(shop).intercepted(lambda call, ctx, proceed: cached)
    assert (await tried(tools, "add")).text == "from the cache"
    through = wrap(shop).intercepted(lambda call, ctx, proceed: proceed(call))
    assert (await tried(through, "add")).text == "did add"
    assert len(shop.calls) == 1


@pytest.mark.parametrize(
    ("error", "text"),
    [(Retry("Give a number."), "Give a number."), (KeyError("n"), "KeyError: 'n'")],
)
async def test_what_an_interceptor_raises_goes_to_the_model(error: Exception, text: str) -> None:
    def fails(call: ToolCall, ctx: RunContext[Any], proceed: Any) -> ToolResult:
        raise error

    model = ScriptedModel(call("add"), "done")
    agent = Agent(model, tools=[wrap(Own("add")).intercepted(fails)])
    (record,) = (await agent.run("Add.")).tool_calls
    assert (record.result.is_error, record.result.text) == (True, text)


async def test_fatal_ends_the_run_as_it_is() -> None:
    fatal = Fatal("The account is closed.")

    def fails(call: ToolCall, ctx: RunContext[Any], proceed: Any) -> ToolResult:
        raise fatal

    async def fails_within(call: ToolCall, ctx: RunContext[Any], proceed: Any) -> ToolResult:
        async with anyio.create_task_group(), anyio.create_task_group():
            fails(call, ctx, proceed)
        raise AssertionError

    for tools in (
        wrap(Own("add")).intercepted(fails),
        wrap(Own("add")).intercepted(fails_within),
        wrap(Own("add", schema=ORDERS)).bound(user_id=lambda ctx: fails(call("add"), ctx, None)),
    ):
        with pytest.raises(Fatal) as raised:
            await Agent(ScriptedModel(call("add", limit=1)), tools=[tools]).run("Add.")
        assert raised.value is fatal


async def test_an_interceptor_that_returns_no_result_is_a_mistake() -> None:
    with pytest.raises(ConfigError, match=r"await proceed\(call\)"):
        await tried(wrap(Own("a")).intercepted(lambda call, ctx, proceed: None), "a")  # type: ignore[arg-type, return-value]


async def test_an_interceptor_that_calls_another_tool_is_asked_for_by_the_same_rules() -> None:
    shop, person = Own("read", "wipe"), Person(but="shop/wipe")

    async def elsewhere(call: ToolCall, ctx: RunContext[Any], proceed: Any) -> ToolResult:
        result: ToolResult = await proceed(replace(call, name="wipe"))
        return result

    tools = wrap(shop).intercepted(elsewhere)
    model = ScriptedModel(call("read"), "done")
    await Agent(model, tools=[tools], interaction=person).run("Read.")
    assert (person.asked, shop.calls) == (["shop/read", "shop/wipe"], [])


# Opened


async def test_what_is_opened_is_opened_once_through_all_of_them(tmp_path: Path) -> None:
    log = tmp_path / "log"
    source = f"shop={sys.executable} {ROOT / 'tests' / 'support' / 'shop_server.py'} {log}"
    host = Host(source)
    tools = host.filtered("!buy").bound(item="pen").prefixed("shop_")
    async with tools:
        assert host["shop"].connected
        assert "shop_buy" not in await names(tools)
        assert (await tried(tools, "shop_price")).text == "pen: 3 euros"
    assert not host["shop"].connected
    assert log.read_text().splitlines() == ['price {"item": "pen"}']
