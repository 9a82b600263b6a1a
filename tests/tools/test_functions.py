"""Functions as tools: what a model is told of them, what they get, and how a call of one ends."""

from __future__ import annotations

import asyncio
import inspect
import subprocess
import sys
import threading
import time
from collections.abc import AsyncGenerator, Callable
from contextvars import ContextVar
from dataclasses import dataclass, replace
from datetime import date
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, TypedDict

import anyio
import pytest
from anyio import from_thread
from anyio.from_thread import check_cancelled
from pydantic import BaseModel, ConfigDict, Field
from tests.support.llm_server import Call, LLMServer

from universal_mcp_client import (
    Agent,
    Bridge,
    CallContext,
    ConfigError,
    Fatal,
    File,
    FunctionToolset,
    LimitExceeded,
    Limits,
    Retry,
    RunContext,
    Text,
    Tool,
    ToolCall,
    ToolResult,
    ToolSpec,
    tool,
)
from universal_mcp_client.testing import ScriptedModel, call
from universal_mcp_client.tools import threads
from universal_mcp_client.types.tools import Annotations

if TYPE_CHECKING:

    class Unknown:
        """Known to type checkers alone."""


pytestmark = pytest.mark.anyio


@dataclass
class Deps:
    user: str


class Trip(BaseModel):
    model_config = ConfigDict(strict=True)
    day: date
    city: str


async def called(
    function: Any, *, context: CallContext | None = None, **arguments: Any
) -> ToolResult:
    tools = function if isinstance(function, FunctionToolset) else FunctionToolset([function])
    (spec, *_) = await tools.list_tools()
    wanted = ToolCall(id="1", name=spec.name, arguments=arguments)
    return await tools.call_tool(wanted, context or CallContext())


async def spec_of(function: Any) -> ToolSpec:
    (spec,) = await FunctionToolset([function]).list_tools()
    return spec


async def run(*tools: Any, turns: list[Any], **options: Any) -> Any:
    return await Agent(ScriptedModel(*turns, "done"), tools=tools, **options).run(
        "go", deps=Deps("ada")
    )


# The context


def first(ctx: RunContext[Deps], limit: int = 5) -> str:
    return f"{ctx.deps.user} {limit} {ctx.call.name if ctx.call else ''}"


async def last(limit: int = 5, *, where: CallContext[Deps] | None = None) -> str:
    assert where is not None
    return first(where, limit)


def ahead(ctx: RunContext[Unknown], /, limit: int = 5) -> str:
    """Its deps are known to type checkers alone."""
    return first(ctx, limit)


class Shop:
    def orders(self, ctx: RunContext[Deps], limit: int = 5) -> str:
        return first(ctx, limit)

    async def __call__(self, ctx: RunContext[Deps], limit: int = 5) -> str:
        return first(ctx, limit)

    @tool
    def marked(self, limit: int, ctx: RunContext[Deps]) -> str:
        return first(ctx, limit)


def for_user(user: str, limit: int, ctx: RunContext[Deps]) -> str:
    return first(ctx, limit)


def with_opaque(where: Unknown, limit: int, ctx: RunContext[Deps]) -> str:
    return first(ctx, limit)


@pytest.mark.parametrize(
    ("function", "name"),
    [
        (first, "first"),
        (last, "last"),
        (ahead, "ahead"),
        (Shop().orders, "orders"),
        (Shop(), "Shop"),
        (Shop().marked, "marked"),
        (partial(for_user, user="eve"), "for_user"),
        (partial(partial(for_user, "eve"), limit=2), "for_user"),
        (partial(with_opaque, where=None), "with_opaque"),
    ],
    ids=[
        "first",
        "last",
        "ahead",
        "method",
        "object",
        "tool-in-class",
        "partial",
        "partials",
        "partial-of-unknown",
    ],
)
async def test_a_function_gets_the_context_and_no_model_sees_it(
    function: Callable[..., Any], name: str
) -> None:
    arguments = {} if name == "for_user" and "limit" in function.keywords else {"limit": 2}  # type: ignore[attr-defined]
    spec = await spec_of(function)
    assert spec.name == name
    assert set(spec.input_schema["properties"]) == set(arguments)
    result = await run(function, turns=[call(name, **arguments)])
    assert result.tool_calls[0].result.text == f"ada 2 {name}"
    made_up = await called(function, **arguments, user="mallory", ctx="mine", where="mine")
    assert made_up.is_error and "ctx" in made_up.text


# What a model is told


def google(city: str, days: Annotated[int, Field(description="Mine")] = 1) -> str:
    """The weather to come.

    Only for Europe.

    Args:
        city: The city, in English
            or its own language.
        days (int): Theirs.

    Note:
        Not at night.

    Returns:
        A line a day.

    Raises:
        ValueError: never told.
    """
    return city


def numpy(city: str, days: int = 1) -> str:
    """The weather to come.

    Parameters
    ----------
    city : str
        The city, in English
        or its own language.
    days : int, optional
        Mine
    """
    return city


def sphinx(city: str, days: int = 1) -> str:
    """The weather to come.

    :param city: The city, in English
        or its own language.
    :param int days: Mine
    :raises ValueError: never told.
    """
    return city


@pytest.mark.parametrize("function", [google, numpy, sphinx])
async def test_a_docstring_describes_the_parameters(
    function: Callable[..., Any], caplog: pytest.LogCaptureFixture
) -> None:
    spec = await spec_of(function)
    told = {name: one.get("description") for name, one in spec.input_schema["properties"].items()}
    assert told == {"city": "The city, in English\nor its own language.", "days": "Mine"}
    assert spec.description.startswith("The weather to come.")
    assert "own language" not in spec.description and "never told" not in spec.description
    if function is google:
        assert spec.description.split("\n\n")[1:] == [
            "Only for Europe.", "Note: Not at night.", "Returns: A line a day.",
        ]  # fmt: skip
    assert not caplog.records


async def test_a_tool_says_more_and_is_still_the_function() -> None:
    @tool(
        name="look_up",
        description="Looks up.",
        strict=True,
        annotations=Annotations(read_only=True),
    )
    def search(query: str) -> str:
        """Mine."""
        return query.upper()

    spec = await spec_of(search)
    assert (spec.name, spec.description, spec.strict) == ("look_up", "Looks up.", True)
    assert spec.annotations.read_only
    assert search("a") == search(query="a") == "A"
    assert list(inspect.signature(search).parameters) == ["query"] and search.__doc__ == "Mine."
    assert (await spec_of(replace(search, name="other"))).name == "other"
    assert (await spec_of(Tool(search))).name == "search"  # what it is a tool of
    assert (await spec_of(Tool(lambda x: x, name="same"))).name == "same"


class Opaque:
    pass


class Options(TypedDict):
    """One of `typing`, which pydantic takes from Python 3.12 on."""

    name: str


def no_json(city: str, where: Opaque) -> None: ...
def no_json_inside(city: str, where: list[Opaque]) -> None: ...
def no_function_in_json(then: Callable[[], None]) -> None: ...
def unknown(city: str, where: Unknown) -> None: ...
def typed(options: Options) -> None: ...
def no_type(ctx, city: str) -> None: ...  # type: ignore[no-untyped-def]
def positional(a: int, /) -> None: ...
def any_number(*numbers: int) -> None: ...
async def yielding(a: int) -> AsyncGenerator[int]:
    yield a


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (no_json, ["no_json()", "'where'", "Opaque"]),
        (no_json_inside, ["no_json_inside()", "'where'", "Opaque"]),
        (no_function_in_json, ["'then'", "Callable"]),
        (unknown, ["unknown()", "'where'", "Unknown", "not known"]),
        (no_type, ["'ctx' has no type", "ctx: RunContext"]),
        (Shop.orders, ["orders()", "method of no object"]),
        (positional, ["positional()", "'a'", "positional-only"]),
        (any_number, ["any_number()", "'numbers'"]),
        (yielding, ["yielding()", "yields"]),
        (lambda x: x, ["lambda", "name="]),
        (print, ["print()", "'args'"]),
        (Opaque, ["Opaque", "cannot be a tool"]),
        ("text", ["'text'", "cannot be a tool"]),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_what_cannot_be_a_tool_is_refused_by_name(given: Any, words: list[str]) -> None:
    with pytest.raises(ConfigError) as error:
        FunctionToolset([given])
    assert [word for word in words if word not in str(error.value)] == []


@pytest.mark.skipif(sys.version_info >= (3, 12), reason="pydantic takes it")
def test_what_pydantic_advises_is_passed_on() -> None:
    with pytest.raises(ConfigError, match=r"'options'.* use `typing_extensions.TypedDict`"):
        FunctionToolset([typed])


@pytest.mark.parametrize("given", [first, "first", None])
def test_functions_come_in_a_list(given: Any) -> None:
    with pytest.raises(ConfigError, match=r"FunctionToolset\(\[…\]\) takes a list of functions"):
        FunctionToolset(given)


@pytest.mark.parametrize("wrong", [{"timeout": -1}, {"timeout": "5"}, {"retries": -1}])
def test_a_time_and_a_number_of_retries_are_numbers(wrong: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=next(iter(wrong))):
        Tool(first, **wrong)


async def test_defaults_and_strict_types_are_the_functions_own() -> None:
    missing = object()

    def book(trip: Trip, note: Annotated[object, Field()] = missing, **more: int) -> Any:
        return {"day": trip.day.year, "note": note is missing, **more}

    book.__annotations__.update(trip=Trip, more=int, note=Any)
    result = await called(book, trip={"day": "2026-11-26", "city": "Oslo"}, rooms="2")
    assert result.data == {"day": 2026, "note": True, "rooms": 2}


async def test_a_tool_is_listed_and_called_while_it_is_enabled() -> None:
    async def of_ada(ctx: RunContext[Any]) -> bool:
        return ctx.deps is not None and ctx.deps.user == "ada"

    switch = [True]
    tools = FunctionToolset([
        Tool(first, name="always"), Tool(first, name="never", enabled=False),
        Tool(first, name="hers", enabled=of_ada), Tool(first, name="now", enabled=lambda: switch[0]),
    ])  # fmt: skip

    async def names() -> list[str]:
        return [spec.name for spec in await tools.list_tools()]

    assert await names() == ["always", "now"]
    before = await tools.list_tools()
    switch[0] = False
    assert await names() == ["always"]
    switch[0] = True
    assert await tools.list_tools() is before
    for name, deps, refused in [
        ("never", "ada", True),
        ("hers", "eve", True),
        ("hers", "ada", False),
    ]:
        context = CallContext(deps=Deps(deps))
        result = await tools.call_tool(ToolCall(id="1", name=name), context)
        assert result.is_error is refused, result.text
    seen = await run(tools, turns=[call("hers")])
    assert seen.tool_calls[0].result.text.startswith("ada")


@pytest.mark.parametrize("wire", ["openai", "openai-responses"])
async def test_strict_is_said_to_the_provider_and_its_nulls_are_not_arguments(
    wire: str, llm: LLMServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", f"{llm.url}/v1")
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test")

    def weather(city: str, days: int = 3) -> str:
        return f"{city}, {days} days"

    tools = [Tool(weather, strict=True), Tool(weather, name="loose", strict=False)]
    llm.script = [[Call("weather", {"city": "Oslo", "days": None})], "done"]
    async with Agent(f"{wire}:gpt-5", tools=tools) as agent:
        result = await agent.run("go")
    assert result.tool_calls[0].result.text == "Oslo, 3 days"
    strict, loose = (tool.get("function", tool) for tool in llm.requests[0]["tools"])
    assert strict["strict"] and strict["parameters"]["required"] == ["city", "days"]
    assert not loose.get("strict") and loose["parameters"]["required"] == ["city"]


async def test_a_strict_tool_of_a_bridge_is_called_without_nulls() -> None:
    def weather(city: str, days: int = 3) -> str:
        return f"{city}, {days} days"

    async with Bridge(tools=[Tool(weather, strict=True)], wire="openai") as bridge:
        (spec,) = await bridge.tools()
        assert spec["function"]["strict"]
        asked = {"name": "weather", "arguments": '{"city": "Oslo", "days": null}'}
        (answer,) = await bridge.answer([{"id": "1", "type": "function", "function": asked}])
    assert answer["content"] == "Oslo, 3 days"


# How a call ends


async def test_retry_goes_to_the_model_fatal_to_the_caller() -> None:
    def stock(item: str) -> str:
        if item == "all":
            raise Retry("One item at a time.")
        if item == "gone":
            raise Fatal("The warehouse burnt down.")
        raise LookupError("no password for db.internal")

    result = await run(stock, turns=[[call("stock", item="all"), call("stock", item="x")]])
    again, other = (record.result for record in result.tool_calls)
    assert (again.is_error, again.text) == (True, "One item at a time.")
    assert (other.is_error, other.text) == (True, "LookupError: no password for db.internal")
    gone = call("stock", item="gone")
    for turn in (gone, [gone, gone]):
        with pytest.raises(Fatal, match="burnt down") as error:
            await run(stock, turns=[call("stock", item="all"), turn])
        assert error.value.result.tool_calls[0].result.text == "One item at a time."


async def test_what_a_task_group_of_a_tool_raises_is_what_was_raised_in_it() -> None:
    async def stock(item: str) -> None:
        async def look(error: Exception) -> None:
            raise error

        async with anyio.create_task_group() as group:
            group.start_soon(look, LookupError(item))
            if item == "all":
                group.start_soon(look, Retry("One item at a time."))
            if item == "gone":
                group.start_soon(look, Fatal("The warehouse burnt down."))

    assert (await called(stock, item="pen")).text == "LookupError: pen"
    assert (await called(stock, item="all")).text == "One item at a time."
    with pytest.raises(Fatal, match="burnt down"):
        await run(stock, turns=[call("stock", item="gone")])


@pytest.mark.parametrize("hidden_by", ["tool", "toolset"])
async def test_the_text_of_errors_can_be_kept_from_the_model(hidden_by: str) -> None:
    def stock() -> str:
        raise LookupError("no password for db.internal")

    tools = FunctionToolset(
        [Tool(stock, show_errors=hidden_by != "tool")], show_errors=hidden_by != "toolset"
    )
    result = await called(tools)
    assert (result.is_error, result.text) == (True, "stock failed.")


async def test_after_its_retries_a_tool_ends_the_run() -> None:
    @tool(retries=2)
    def pick(number: int) -> str:
        if number > 3:
            raise Retry("At most 3.")
        return "picked"

    wrong: list[Any] = [call("pick", number=9), call("pick", number="nine"), call("pick")]
    two = await run(pick, turns=[*wrong[:2], call("pick", number=1)])
    assert two.tool_calls[-1].result.text == "picked"
    with pytest.raises(Fatal, match=r"'pick' .* 3 times, and has 2 retries"):
        await run(pick, turns=wrong)
    assert (await run(pick, turns=wrong[:2])).output == "done"  # each run has its own


async def test_retries_are_counted_for_what_the_model_called_whatever_was_wrong() -> None:
    def search(number: int) -> str:
        return "ok"

    def one(prefix: str) -> Any:
        return FunctionToolset([Tool(search, retries=1)]).prefixed(prefix)

    turns = [call("a_search", number="x"), call("b_search", number="x")]
    assert (await run(one("a_"), one("b_"), turns=turns)).output == "done"
    broken = ToolCall(id="1", name="a_search", invalid="{")
    with pytest.raises(Fatal, match="'a_search' was called wrongly 2 times"):
        await run(one("a_"), turns=[broken, replace(broken, id="2")])


@pytest.mark.parametrize("by", ["run", "tool"])
async def test_a_sync_function_is_not_waited_for_beyond_its_time_and_is_told(by: str) -> None:
    told, seen = threading.Event(), ContextVar("seen", default="nothing")
    noticed = list[str]()

    def slow() -> str:
        noticed.append(seen.get())
        try:
            while True:
                check_cancelled()
                time.sleep(0.005)
        finally:
            told.set()

    await called(first)  # what is imported first is not of the time
    seen.set("context variables")
    started = time.monotonic()
    if by == "run":
        with pytest.raises(LimitExceeded):
            await run(slow, turns=[call("slow")], limits=Limits(seconds=0.5))
    else:
        result = await called(Tool(slow, timeout=0.1))
        assert (
            result.is_error and "0.1 seconds" in result.text and "may have been done" in result.text
        )
    assert time.monotonic() - started < 2
    assert told.wait(5) and noticed == ["context variables"]


async def test_an_async_function_is_cancelled_at_its_time() -> None:
    ended = list[str]()

    async def slow() -> None:
        try:
            await anyio.sleep_forever()
        finally:
            ended.append("cleaned up")

    assert "0.05 seconds" in (await called(Tool(slow, timeout=0.05))).text
    assert ended == ["cleaned up"]


async def test_without_anyios_private_names_functions_run_all_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delattr("anyio._core._eventloop.claim_worker_thread")
    assert await threads.Threads().run(lambda: 3) == 3


async def test_threads_that_were_given_up_are_few_and_cost_nobody_else(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(threads, "THREADS", 2)
    go_on, running = threading.Event(), threading.Semaphore(0)

    def stuck() -> None:
        running.release()
        go_on.wait(10)

    tools = FunctionToolset([Tool(stuck, timeout=0.3)])
    texts = list[str]()

    async def one() -> None:
        texts.append((await called(tools)).text)

    try:
        async with anyio.create_task_group() as group:
            for _ in range(5):  # three of them never get a thread
                group.start_soon(one)
        assert ["given up" in text for text in texts] == [True] * 5
        assert "still running" in (await called(tools)).text
        assert await anyio.to_thread.run_sync(lambda: "free") == "free"
        assert anyio.to_thread.current_default_thread_limiter().borrowed_tokens == 0
    finally:
        go_on.set()
    with anyio.fail_after(5):
        while "Done" not in (await called(tools)).text:
            await anyio.sleep(0.005)


def test_a_program_ends_while_a_function_that_it_gave_up_goes_on() -> None:
    program = """
import asyncio, threading
from universal_mcp_client import CallContext, FunctionToolset, Tool, ToolCall

def stuck():
    threading.Event().wait()

tools = FunctionToolset([Tool(stuck, timeout=0.05)])
call = ToolCall(id="1", name="stuck")
print(asyncio.run(tools.call_tool(call, CallContext())).text)
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True
    )
    assert "stuck was given up" in done.stdout and done.stderr == ""


async def test_a_sync_function_may_report_run_a_loop_and_raise_anything() -> None:
    reports = list[float]()

    async def progress(done: float, total: float | None, message: str | None) -> None:
        reports.append(done)

    def counting(ctx: CallContext) -> int:
        from_thread.run(ctx.progress, 1.0, None, None)
        return asyncio.run(one()) + anyio.run(one)

    async def one() -> int:
        return 1

    assert (await called(counting, context=CallContext(progress=progress))).text == "2"
    assert reports == [1.0]
    assert "StopIteration" in (await called(Tool(lambda: next(iter([])), name="f"))).text


# What a function returns


@pytest.mark.parametrize(
    ("value", "text", "data"),
    [
        (None, "Done.", None),
        ("as it is", "as it is", None),
        (Deps("ada"), '{"user": "ada"}', {"user": "ada"}),
        ({"ö": 1}, '{"ö": 1}', {"ö": 1}),
        ([1, 2], "[1, 2]", None),
        (Text(text="part"), "part", None),
        (ToolResult(call_id="old", content=(Text(text="mine"),), is_error=True), "mine", None),
    ],
)
async def test_what_is_returned_is_text_and_json(value: Any, text: str, data: Any) -> None:
    async def awaited() -> Any:
        return value

    for function in (lambda: value, awaited, lambda: awaited()):
        result = await called(Tool(function, name="f"))
        assert (result.call_id, result.text, result.structured_content) == ("1", text, data)
        assert result.is_error is (text == "mine")


async def test_bytes_are_no_answer_but_a_file_is() -> None:
    refused = await called(Tool(lambda: b"%PDF", name="report"))
    assert refused.is_error and "report returned bytes" in refused.text and "File(" in refused.text
    part = File(data=b"%PDF", name="report.pdf")
    assert (await called(Tool(lambda: part, name="report"))).content == (part,)


async def test_an_error_of_the_functions_own_models_is_not_one_of_the_arguments() -> None:
    def parse(text: str) -> Any:
        return Trip.model_validate_json(text)

    result = await called(parse, text="{}")
    assert result.is_error and result.text.startswith("ValidationError: ")
