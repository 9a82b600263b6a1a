"""What type checkers know of the public API. Never run: test_typing.py gives it to mypy and pyright.

`# type: ignore` marks what must be an error, `# is …` what `reveal_type` must say.
"""
# pyright: strict, reportUnnecessaryTypeIgnoreComment=true

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, assert_type, reveal_type

from pydantic import BaseModel

from universal_mcp_client import (
    Agent,
    Event,
    Host,
    Limits,
    Message,
    ModelSettings,
    Run,
    RunContext,
    RunResult,
    SyncRun,
    ToolResult,
    ToolSpec,
    Usage,
    ask,
)


class City(BaseModel):
    name: str
    inhabitants: int


class Refusal(BaseModel):
    why: str


@dataclass(frozen=True)
class Deps:
    user: int


MODEL = "openai:gpt-5"
SCHEMA: Mapping[str, Any] = {"type": "object", "properties": {"name": {"type": "string"}}}

# What an agent answers

plain = Agent(MODEL)
assert_type(plain, Agent[str, None])
assert_type(Agent(), Agent[str, None])
assert_type(Agent(MODEL, "Be brief."), Agent[str, None])
cities = Agent(MODEL, output_type=City)
assert_type(cities, Agent[City, None])
assert_type(Agent(MODEL, output_type=list[City]), Agent[list[City], None])
assert_type(Agent(MODEL, output_type=City | Refusal), Agent[City | Refusal, None])
assert_type(Agent(MODEL, output_type=str | City), Agent[str | City, None])
assert_type(Agent(MODEL, output_type=dict[str, int]), Agent[dict[str, int], None])
assert_type(Agent(MODEL, output_type=SCHEMA), Agent[Any, None])
assert_type(Agent(MODEL, output_type={"type": "object"}), Agent[Any, None])
assert_type(Agent(MODEL, output_type=SCHEMA, deps_type=Deps), Agent[Any, Deps])
Agent(MODEL, temperature=0)  # type: ignore
Agent(MODEL, limits={"turns": 3})  # type: ignore
Agent(model=3)  # type: ignore
Agent(MODEL, output_type=[City, Refusal])  # type: ignore
not_cities: Agent[City] = Agent(MODEL)  # type: ignore


async def runs(session: Sequence[Message]) -> None:
    assert_type(await plain.run("?"), RunResult[str])
    assert_type(await cities.ask("?"), RunResult[City])
    result = await cities.run("?", history=session)
    assert_type(result, RunResult[City])
    reveal_type(result.output)  # is City
    assert_type(result.output.inhabitants, int)
    _ = result.output.nmae  # type: ignore
    assert_type(result.usage, Usage)
    assert_type(result.messages, tuple[Message, ...])
    assert_type(await plain.run("?", output_type=City), RunResult[City])
    assert_type(await cities.run("?", output_type=list[str]), RunResult[list[str]])
    assert_type(await cities.run("?", output_type=City | Refusal), RunResult[City | Refusal])
    assert_type(await cities.run("?", output_type=SCHEMA), RunResult[Any])
    await plain.run("?", model="other")  # type: ignore
    await plain.run(3)  # type: ignore

    async with cities.stream("?") as run:
        assert_type(run, Run[City])
        async for event in run:
            assert_type(event, Event)
    reveal_type(run.result)  # is RunResult[City]
    async with plain.stream("?", output_type=list[City]) as other:
        assert_type(other.result.output, list[City])
    async with cities as opened:
        assert_type(opened, Agent[City, None])

    assert_type(await ask("?"), str)
    assert_type(await ask("?", output_type=City, model=MODEL), City)
    assert_type(await ask("?", output_type=City | Refusal), City | Refusal)
    assert_type(await ask("?", output_type=SCHEMA), Any)


def in_sync() -> None:
    assert_type(plain.run_sync("?").output, str)
    assert_type(cities.run_sync("?"), RunResult[City])
    assert_type(plain.run_sync("?", output_type=bool).output, bool)
    with cities.stream_sync("?") as run:
        assert_type(run, SyncRun[City])
        for event in run:
            assert_type(event, Event)
    reveal_type(run.result.output)  # is City
    with cities as opened:
        assert_type(opened.run_sync("?").output, City)


# Other recipes

assert_type(cities.replace(model="other", limits=Limits(turns=3)), Agent[City, None])
assert_type(cities.replace(output_type=list[City]), Agent[list[City], None])
assert_type(cities.replace(output_type=City | Refusal), Agent[City | Refusal, None])
cities.replace(modell="other")  # type: ignore
with cities.override(model="test", settings=ModelSettings(temperature=0)) as overridden:
    assert_type(overridden, Agent[City, None])
chief = Agent(MODEL, tools=[cities, cities.as_tool("geographer")], handoffs=[plain])
assert_type(chief, Agent[str, None])

# What surrounds a run


def orders(ctx: RunContext[Deps], limit: int = 5) -> str:
    assert_type(ctx.deps, Deps)
    reveal_type(ctx.deps.user)  # is int
    _ = ctx.deps.usr  # type: ignore
    assert_type(ctx.messages, Sequence[Message])
    return ""


def whose(ctx: RunContext[Deps]) -> str:
    return f"You help user {ctx.deps.user}."


def whose_other(ctx: RunContext[int]) -> str:
    return ""


def big(ctx: RunContext[Deps], city: City) -> City:
    return city


def name_of(city: City) -> str:
    return city.name


async def later(city: City) -> None:
    return None


shop = Agent(MODEL, whose, deps_type=Deps, tools=[orders])
assert_type(shop, Agent[str, Deps])
assert_type(Agent(MODEL, deps_type=Deps, output_type=City, validate=big), Agent[City, Deps])
assert_type(Agent(MODEL, validate=lambda text: text.strip()), Agent[str, None])
assert_type(Agent(MODEL, output_type=City, validate=later), Agent[City, None])
Agent(MODEL, output_type=City, validate=name_of)  # type: ignore
Agent(MODEL, validate=big, deps_type=Deps)  # type: ignore
cities.as_tool().prefixed("x_")
assert_type(Agent[City, Deps](MODEL, output_type=City), Agent[City, Deps])
Agent(MODEL, whose_other, deps_type=Deps)  # type: ignore


async def given() -> None:
    assert_type((await shop.run("?", deps=Deps(user=1))).output, str)
    await shop.run("?", deps=1)  # type: ignore
    async with Host("uvx mcp-server-time") as host:
        assert_type(await host.list_tools(), Sequence[ToolSpec])
        assert_type(await host.call_tool({"name": "now"}), ToolResult)
