"""An agent is a recipe: what it is made of, how it is varied, and what it says of mistakes."""

import dataclasses
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from fastmcp import FastMCP
from pydantic import BaseModel, field_validator

from universal_mcp_client import (
    Agent,
    ConfigError,
    Fatal,
    LimitExceeded,
    Limits,
    ModelSettings,
    Nested,
    PartialOutput,
    Price,
    Profile,
    RunContext,
    TextDelta,
    ToolFinished,
)
from universal_mcp_client.testing import ScriptedModel, call
from universal_mcp_client.types.errors import OutputInvalid
from universal_mcp_client.types.events import HandedOff

pytestmark = pytest.mark.anyio


class City(BaseModel):
    name: str
    inhabitants: int


OSLO = '{"name": "Oslo", "inhabitants": 717710}'


def counted_server() -> tuple[FastMCP, list[str]]:
    """A server which notes when it starts."""
    starts: list[str] = []

    @asynccontextmanager
    async def lifespan(_server: Any) -> AsyncGenerator[None]:
        starts.append("started")
        yield

    server = FastMCP("m", lifespan=lifespan)

    @server.tool
    def add(a: int, b: int) -> int:
        return a + b

    return server, starts


# Another recipe


@pytest.mark.parametrize("replaced", [Agent.replace, dataclasses.replace])
async def test_what_is_made_of_an_agent_shares_its_connections(replaced: Any) -> None:
    server, starts = counted_server()
    agent = Agent(ScriptedModel(), servers=[server])
    async with agent:
        model = ScriptedModel(call("add", a=1, b=2), "3")
        other = replaced(agent, model=model)
        assert (await other.run("1 + 2")).output == "3"
        assert [spec.name for spec in model.requests[0].tools] == ["add"]
        more = replaced(other, model=ScriptedModel("ok"), tools=[counted_server])
        assert [s.name for s in await more.list_tools()] == ["counted_server", "add"]
    assert starts == ["started"]


async def test_connections_among_the_tools_stay_open_when_a_function_comes_to_them() -> None:
    server, starts = counted_server()
    agent = Agent(ScriptedModel("one", "two"), tools=[server])
    async with agent:
        await agent.run("?")
        await agent.replace(tools=[*agent.tools, counted_server]).run("?")
    assert starts == ["started"]


GLOBAL = Agent("openai:gpt-5", instructions="Be brief.")


async def ask_the_global() -> str:
    return (await GLOBAL.replace(instructions="Be long.").run("?")).output


async def test_an_override_holds_for_a_global_agent_and_what_is_made_of_it() -> None:
    model = ScriptedModel("one", "two")
    with GLOBAL.override(model=model):
        assert (await GLOBAL.run("?")).output == "one"
        assert await ask_the_global() == "two"
    assert [r.instructions for r in model.requests] == ["Be brief.", "Be long."]
    assert GLOBAL.now() is GLOBAL


async def test_servers_of_an_override_are_opened_once_and_used_by_all_runs() -> None:
    server, starts = counted_server()
    agent = Agent(ScriptedModel(call("add", a=1, b=2), "3", "hi"))
    chief = Agent(ScriptedModel(call("agent", prompt="?"), "ok"), tools=[agent], name="chief")
    with agent.override(servers=[server]):
        assert agent.now() is agent.now()
        async with agent:
            assert (await agent.run("1 + 2")).tool_calls[0].result.text == "3"
            await chief.run("?")
    assert starts == ["started"]


async def test_overrides_within_one_another_hold_together() -> None:
    model = ScriptedModel("one")
    with GLOBAL.override(model=model), GLOBAL.override(name="inner") as inner:
        result = await inner.run("?")
    assert (result.agent, result.output) == ("inner", "one")


class Closable(ScriptedModel):
    closed = 0

    async def aclose(self) -> None:
        self.closed += 1


async def test_a_model_that_runs_still_use_is_not_closed_by_who_leaves_the_agent(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    model = Closable(call("leave"), "done")
    monkeypatch.setattr("universal_mcp_client.app.shared.resolve", lambda name: model)
    closed: list[int] = []

    async def leave() -> None:
        async with agent.replace(instructions="other"):
            pass
        closed.append(model.closed)

    agent = Agent("a:b", tools=[leave])
    await agent.run("?")
    assert (closed, model.closed) == ([0], 1)


# Instructions, validators, forms of the answer


async def test_instructions_may_be_functions_of_the_context() -> None:
    async def about(ctx: RunContext[str]) -> str:
        return f"The user is {ctx.deps}; {len(ctx.messages)} message."

    model = ScriptedModel("ok")
    agent = Agent(model, ["Be brief.", about, lambda: "Be kind."], deps_type=str)
    await agent.run("hello", deps="Ada")
    assert model.requests[0].instructions == "Be brief.\n\nThe user is Ada; 1 message.\n\nBe kind."


async def test_what_a_validator_raises_goes_back_to_the_model() -> None:
    def large(ctx: RunContext[int], city: City) -> None:
        assert city.inhabitants > ctx.deps, f"more than {ctx.deps} people must live there"

    model = ScriptedModel('{"name": "Å", "inhabitants": 3}', OSLO)
    agent = Agent(model, output_type=City, validate=large, deps_type=int)
    assert (await agent.run("?", deps=1_000)).output == City(name="Oslo", inhabitants=717_710)
    assert "more than 1000 people" in model.requests[1].messages[-1].text


async def test_a_validator_may_change_a_text_and_end_the_run() -> None:
    agent = Agent(ScriptedModel(" hello "), validate=lambda text: text.strip())
    assert (await agent.run("?")).output == "hello"

    def refuse(text: str) -> None:
        raise Fatal("no more")

    with pytest.raises(Fatal, match="no more") as caught:
        await Agent(ScriptedModel("hi"), validate=refuse).run("?")
    assert caught.value.result.messages[-1].text == "hi"


async def test_what_a_validator_returns_is_the_output_for_everybody() -> None:
    def loud(city: City) -> City:
        return city.model_copy(update={"name": city.name.upper()})

    agent = Agent(ScriptedModel(OSLO, OSLO), output_type=City, validate=loud)
    result = await agent.run("?")
    assert result.structured_output == {"name": "OSLO", "inhabitants": 717_710}
    chief = Agent(ScriptedModel(call("agent", prompt="?"), "ok"), tools=[agent])
    assert "OSLO" in (await chief.run("?")).tool_calls[0].result.text


async def test_an_answer_is_asked_for_again_as_often_as_the_agent_says() -> None:
    model = ScriptedModel("no", "no")
    with pytest.raises(OutputInvalid) as caught:
        await Agent(model, output_type=City, output_retries=1).run("?")
    assert len(model.requests) == 2
    assert caught.value.result.turns == 2


@pytest.mark.parametrize(
    ("said", "output"),
    [
        ("I do not know.", str),
        ("[Oslo](https://oslo.no) is the capital.", str),
        ("```\nprint(1)\n```", str),
        (OSLO, City),
        (f"```json\n{OSLO}\n```", City),
    ],
)
async def test_text_may_be_an_answer_beside_a_type(said: str, output: type) -> None:
    model = ScriptedModel(said)
    result = await Agent(model, output_type=str | City).run("?")
    assert isinstance(result.output, output)
    assert model.requests[0].output_schema is None


@pytest.mark.parametrize(
    ("form", "said", "output"),
    [
        (list[City], f"[{OSLO}]", [City(name="Oslo", inhabitants=717_710)]),
        (City | int, OSLO, City(name="Oslo", inhabitants=717_710)),
        (int, "3", 3),
        (int, '{"value": 3}', 3),
    ],
)
async def test_an_answer_may_come_without_the_object_that_providers_demand(
    form: Any, said: str, output: object
) -> None:
    assert (await Agent(ScriptedModel(said), output_type=form).run("?")).output == output


async def test_what_a_pydantic_validator_raises_goes_back_to_the_model() -> None:
    class Known(BaseModel):
        name: str

        @field_validator("name")
        @classmethod
        def known(cls, name: str) -> str:
            return {"oslo": "Oslo"}[name]

    model = ScriptedModel(['{"name": "?"}', call("look")], '{"name": "oslo"}')
    agent = Agent(model, output_type=Known, end_strategy="early")
    assert (await agent.run("?")).output.name == "Oslo"


async def test_a_validator_is_of_one_output_and_no_predicate() -> None:
    agent = Agent(ScriptedModel("a", OSLO), validate=lambda text: text)
    with pytest.raises(ConfigError, match=r"replace\(output_type=…, validate=…\)"):
        await agent.run("?", output_type=City)
    with pytest.raises(ConfigError, match="needs another one"):
        agent.replace(output_type=City)
    predicate: Any = bool
    with pytest.raises(ConfigError, match="returned True"):
        await agent.replace(validate=predicate).run("?")


async def test_a_list_of_types_is_refused_with_what_to_write() -> None:
    with pytest.raises(ConfigError, match=r"City \| int"):
        await Agent(ScriptedModel("1"), output_type=[City, int]).run("?")


async def test_a_structured_answer_is_seen_while_it_is_written() -> None:
    model = ScriptedModel('{"name": "Oslo, the capital of Norway", "inhabitants": 717710}')
    async with Agent(model, output_type=City).stream("?") as run:
        seen = [event.output async for event in run if isinstance(event, PartialOutput)]
    assert seen[0] == {}
    assert {"name": "Oslo, the capital"} in [
        {**one, "name": one.get("name", "").strip()} for one in seen
    ]
    assert run.result.output.inhabitants == 717_710


async def test_an_answer_that_is_given_again_is_seen_again_from_its_beginning() -> None:
    model = ScriptedModel('{"name": "Oslo"}', OSLO)
    async with Agent(model, output_type=City).stream("?") as run:
        seen = [event.output async for event in run if isinstance(event, PartialOutput)]
    assert [one for one in seen if one == {}] == [{}, {}]


@pytest.mark.parametrize(("strategy", "turns", "ran"), [("exhaustive", 2, 1), ("early", 1, 0)])
async def test_calls_beside_an_answer_are_made_or_not(strategy: Any, turns: int, ran: int) -> None:
    called: list[str] = []

    def note() -> None:
        called.append("note")

    model = ScriptedModel([OSLO, call("note")], OSLO)
    agent = Agent(model, tools=[note], output_type=City, end_strategy=strategy)
    result = await agent.run("?")
    assert (result.turns, len(called)) == (turns, ran)
    assert result.output.name == "Oslo"
    assert len(result.messages[-1 if ran == 0 else 2].tool_results) == 1


# Agents among the tools, and those who go on


def priced(*replies: Any, price: float) -> ScriptedModel:
    return ScriptedModel(*replies, profile=Profile(price=Price(input=price, output=price)))


async def test_an_agent_among_the_tools_has_the_callers_deps_limits_and_its_own_price() -> None:
    async def who(ctx: RunContext[str]) -> str:
        return f"For {ctx.deps}."

    inner_model = priced("inner", price=2_000.0)
    inner = Agent(inner_model, who, name="inner")
    chief = Agent(
        priced(call("inner", prompt="go"), "done", price=1.0), tools=[inner], deps_type=str
    )
    result = await chief.run("?", deps="Ada")
    assert inner_model.requests[0].instructions == "For Ada."
    assert result.cost == pytest.approx((15 * 2_000 + 30 * 1) / 1_000_000)
    assert result.usage.requests == 3

    many = ScriptedModel(*[call("missing") for _ in range(9)])
    greedy = Agent(many, name="greedy")
    model = ScriptedModel(call("greedy", prompt="go"), "never")
    with pytest.raises(LimitExceeded) as caught:
        await Agent(model, tools=[greedy], limits=Limits(tokens=40)).run("?")
    assert caught.value.result.limit == "tokens"
    assert len(many.requests) == 2  # 15 of the caller, 15 and 15 of its own

    many = ScriptedModel(*[call("missing") for _ in range(9)])
    greedy = Agent(many, name="greedy", limits=Limits(tokens=100))
    model = ScriptedModel(call("greedy", prompt="go"), "never")
    with pytest.raises(LimitExceeded) as caught:
        await Agent(model, tools=[greedy], limits=Limits(tokens=40)).run("?")
    told = caught.value.result.tool_calls[0].result.text
    assert "by the limit of tokens of the run around it" in told

    inner = Agent(ScriptedModel([call("x"), call("x")], "gave up"), name="inner")
    chief = Agent(
        ScriptedModel(call("inner", prompt="go"), "ok"), tools=[inner], limits=Limits(tool_calls=2)
    )
    result = await chief.run("?")
    said = result.tool_calls[0].result.text  # one of the two is the caller's own call
    assert "by the limit of tool calls of the run around it" in said


async def test_rules_of_the_caller_hold_for_an_agent_among_its_tools() -> None:
    done: list[str] = []

    def delete() -> None:
        done.append("deleted")

    inner = Agent(ScriptedModel(call("delete"), "ok"), tools=[delete], name="inner")
    model = ScriptedModel(call("inner", prompt="go"), "done")
    await Agent(model, tools=[inner], approve=lambda spec: spec.name == "delete").run("?")
    assert not done


async def test_what_is_left_of_limits_is_what_the_runs_around_leave() -> None:
    seen: list[Limits | None] = []

    def look(ctx: RunContext) -> None:
        seen.append(ctx.limits_left)

    limits = Limits(tokens=20, turns=5)
    inner = Agent(ScriptedModel(call("look"), "ok"), tools=[look], name="inner", limits=limits)
    model = ScriptedModel(call("inner", prompt="go"), "done")
    around = Limits(tokens=400, tool_calls=5, turns=1, seconds=60)
    with pytest.raises(LimitExceeded):
        await Agent(model, tools=[inner], limits=around).run("?")
    assert seen[0] is not None and 0 < (seen[0].seconds or 0) < 60
    assert dataclasses.replace(seen[0], seconds=None) == Limits(turns=4, tool_calls=3, tokens=5)


async def test_a_toolset_of_an_agent_among_the_tools_is_entered_once() -> None:
    class Own:
        entered = 0

        async def __aenter__(self) -> None:
            self.entered += 1

        async def __aexit__(self, *exc: object) -> None:
            return None

        async def list_tools(self) -> Any:
            return ()

        async def call_tool(self, call: Any, context: Any) -> Any:
            raise NotImplementedError

    own = Own()
    inner = Agent(ScriptedModel("one", "two"), tools=[own], name="inner")
    model = ScriptedModel(call("inner", prompt="a"), call("inner", prompt="b"), "done")
    await Agent(model, tools=[inner]).run("?")
    assert own.entered == 1


async def test_the_events_of_an_agent_among_the_tools_come_nested() -> None:
    inner = Agent(ScriptedModel("deep"), name="inner")
    chief = Agent(ScriptedModel(call("inner", prompt="go"), "done"), tools=[inner])
    async with chief.stream("?") as run:
        nested = [event async for event in run if isinstance(event, Nested)]
    assert [(n.agent, n.event.text) for n in nested if isinstance(n.event, TextDelta)] == [
        ("inner", "deep")
    ]


async def test_the_servers_of_an_agent_among_the_tools_are_opened_once() -> None:
    server, starts = counted_server()
    inner = Agent(ScriptedModel("one", "two"), servers=[server], name="inner")
    model = ScriptedModel(call("inner", prompt="a"), call("inner", prompt="b"), "done")
    await Agent(model, tools=[inner]).run("?")
    assert starts == ["started"]


async def test_an_agent_as_a_tool_takes_an_input_of_its_own() -> None:
    inner_model = ScriptedModel("big")
    tool = Agent(inner_model).as_tool("judge", "Judges cities.", input=City)
    model = ScriptedModel(
        call("judge", name="Oslo"), call("judge", name="Oslo", inhabitants=717_710), "done"
    )
    result = await Agent(model, tools=[tool]).run("?")
    assert model.requests[0].tools[0].description == "Judges cities."
    assert [record.result.is_error for record in result.tool_calls] == [True, False]
    assert inner_model.requests[0].messages[0].text == OSLO


async def test_an_input_has_the_defaults_of_its_type_and_keeps_to_its_validators() -> None:
    class Order(BaseModel):
        city: str
        number: int = 1

        @field_validator("city")
        @classmethod
        def known(cls, city: str) -> str:
            return {"oslo": "Oslo"}[city]

    inner = ScriptedModel("ok")
    tool = Agent(inner).as_tool("shop", input=Order)
    model = ScriptedModel(call("shop", city="?"), call("shop", city="oslo"), "done")
    result = await Agent(model, tools=[tool]).run("?")
    assert "KeyError" in result.tool_calls[0].result.text
    assert inner.requests[0].messages[0].text == '{"city": "Oslo", "number": 1}'


async def test_an_agent_hands_over_to_another_who_goes_on() -> None:
    expert_model = ScriptedModel("I am the expert.")
    expert = Agent(expert_model, "Be an expert.", name="expert", description="Knows.")
    desk = Agent(ScriptedModel(call("transfer_to_expert")), name="desk", handoffs=[expert])
    async with desk.stream("Help!") as run:
        handed = [event.agent async for event in run if isinstance(event, HandedOff)]
    assert handed == ["expert"]
    assert (run.result.output, run.result.agent, run.result.turns) == (
        "I am the expert.",
        "expert",
        2,
    )
    seen = expert_model.requests[0]
    assert seen.instructions == "Be an expert."
    assert [m.role for m in seen.messages] == ["user", "assistant", "tool"]


async def test_the_form_of_the_answer_is_the_first_agents_whoever_gives_it() -> None:
    seen: list[object] = []
    expert = Agent(ScriptedModel("no", OSLO), name="expert", validate=lambda text: text.upper())
    model = ScriptedModel(call("transfer_to_expert"))
    desk = Agent(model, output_type=City, validate=seen.append, handoffs=[expert])
    assert (await desk.run("?")).output == seen[0] == City(name="Oslo", inhabitants=717_710)


async def test_who_goes_on_is_opened_with_the_first_one_and_heard_by_its_own_observers() -> None:
    server, starts = counted_server()
    heard: list[str] = []
    expert = Agent(
        ScriptedModel("one", "two"),
        name="expert",
        servers=[server],
        observers=[lambda event: heard.append(type(event).__name__)],
    )
    transfers = [call("transfer_to_expert"), call("transfer_to_expert")]
    async with Agent(ScriptedModel(*transfers), handoffs=[expert]) as desk:
        for _ in range(2):
            await desk.run("?")
    assert starts == ["started"]
    assert heard[:3] == ["HandedOff", "TextDelta", "Completion"]


async def test_rules_of_the_first_agent_hold_for_the_one_who_goes_on() -> None:
    done: list[str] = []

    def delete() -> None:
        done.append("deleted")

    expert = Agent(ScriptedModel(call("delete"), "ok"), tools=[delete], name="expert")
    desk = Agent(
        ScriptedModel([call("transfer_to_expert"), call("transfer_to_expert")]),
        handoffs=[expert],
        approve=lambda spec: spec.name == "delete",
    )
    result = await desk.run("?")
    assert not done
    assert [r.result.is_error for r in result.tool_calls] == [False, True, True]


# Observers


async def test_observers_hear_everything_and_a_failing_one_costs_a_log_line(
    caplog: pytest.LogCaptureFixture,
) -> None:
    heard: list[str] = []

    async def slow(event: object) -> None:
        heard.append(type(event).__name__)

    def broken(event: object) -> None:
        raise ValueError("broken observer")

    agent = Agent(ScriptedModel("hi"), observers=[broken, slow])
    assert (await agent.run("?")).output == "hi"
    assert heard == ["TextDelta", "Completion", "RunFinished"]
    assert caplog.text.count("Traceback") == caplog.text.count("ValueError: broken observer") == 1


def test_an_agent_shows_what_was_said_of_it() -> None:
    agent = Agent("openai:gpt-5", "Be brief.", limits=Limits(turns=3))
    assert repr(agent).startswith("Agent(model='openai:gpt-5', instructions='Be brief.', limits=")
    assert repr(Agent()) == "Agent()"


# Mistakes


def ok() -> str:
    return "ok"


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"limits": {"turns": 3}}, r"Limits\(turns=10\)"),
        ({"settings": {"temperature": 0}}, r"ModelSettings\(temperature=0\)"),
        ({"tools": ["uvx mcp-server-time"]}, "servers="),
        ({"tools": [{"mcpServers": {}}]}, "is no tool"),
        ({"tools": [3]}, "3 is no tool"),
        ({"tools": "time"}, "takes a list"),
        ({"model": 7}, "not 7"),
        ({"model": ScriptedModel}, "or a Model"),
        ({"instructions": None}, "a text, a function"),
        ({"observers": print}, "a list of functions"),
        ({"observers": "x"}, "a list of functions"),
        ({"validate": True}, "a function of the output"),
        ({"approve": True}, "ask before every call"),
        ({"interaction": print}, "an Interaction"),
        ({"end_strategy": "Early"}, "'exhaustive' or 'early'"),
        ({"output_retries": "2"}, "a number from 0"),
        ({"name": ""}, "not empty"),
        ({"handoffs": Agent()}, "a list of agents"),
        ({"handoffs": [ok]}, "list of agents"),
        ({"handoffs": [Agent(name="a"), Agent(name="a")]}, "the same name"),
    ],
)
def test_what_makes_no_agent_is_said(given: dict[str, Any], says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        Agent(**{"model": ScriptedModel(), **given})


@pytest.mark.parametrize("given", [{"turns": "3"}, {"seconds": -1}, {"cost": float("nan")}])
def test_limits_are_numbers(given: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=rf"Limits\({next(iter(given))}="):
        Limits(**given)


@pytest.mark.parametrize("form", ["City", City(name="Oslo", inhabitants=1), {"type": "objekt"}])
async def test_what_describes_no_answer_is_refused_before_a_model_is_asked(form: Any) -> None:
    model = ScriptedModel(OSLO)
    with pytest.raises(ConfigError, match="no JSON Schema"):
        await Agent(model, output_type=form).run("?")
    assert not model.requests


async def test_a_wrong_argument_is_called_by_the_name_that_was_typed() -> None:
    with pytest.raises(TypeError, match=r"not max_turns=; .*agent\.replace\(max_turns="):
        await Agent(ScriptedModel("hi")).run("?", max_turns=3)
    with pytest.raises(TypeError, match=r"Agent\.__init__\(\) got .* 'modle'"):
        Agent(modle="x")


async def test_an_agent_whose_deps_are_forgotten_is_not_run() -> None:
    with pytest.raises(ConfigError, match=r"deps=City\("):
        await Agent(ScriptedModel("hi"), deps_type=City).run("?", deps=None)


async def test_an_agent_is_no_tool_of_itself() -> None:
    agent = Agent(ScriptedModel("hi"))
    with pytest.raises(ConfigError, match="tool of itself"), agent.override(tools=[agent]):
        pass


async def test_a_forced_tool_is_forced_once_and_must_be_there() -> None:
    def look() -> str:
        return "seen"

    model = ScriptedModel(call("look"), "done")
    await Agent(model, tools=[look], settings=ModelSettings(tool_choice="required")).run("?")
    assert [r.settings.tool_choice for r in model.requests] == ["required", "auto"]
    agent = Agent(ScriptedModel("?"), tools=[look], settings=ModelSettings(tool_choice="lok"))
    with pytest.raises(ConfigError, match="Did you mean 'look'"):
        await agent.run("?")


async def test_a_tool_result_is_seen_with_its_context() -> None:
    seen: list[RunContext[Any]] = []

    class Watching:
        async def list_tools(self) -> Any:
            from universal_mcp_client import ToolSpec

            self.listing = getattr(self, "listing", (ToolSpec(name="watch"),))
            return self.listing

        async def call_tool(self, call: Any, context: RunContext[Any]) -> Any:
            from universal_mcp_client import ToolResult

            seen.append(context)
            return ToolResult(call_id=call.id)

    model = ScriptedModel(call("watch"), "done")
    agent = Agent(model, tools=[Watching()], limits=Limits(turns=5), name="a")
    async with agent.stream("?", deps=None) as run:
        finished = [e async for e in run if isinstance(e, ToolFinished)]
    (context,) = seen
    assert context.call is finished[0].call
    assert (context.run_id, context.agent) == (run.result.run_id, "a")
    assert context.limits_left is not None and context.limits_left.turns == 3
    assert len(context.messages) == 4 and context.usage.requests == 2  # live, as of now
