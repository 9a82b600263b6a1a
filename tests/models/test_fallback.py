"""Several models as one, models that are intercepted, and what a run costs."""

from collections.abc import AsyncGenerator
from dataclasses import replace
from typing import Any

import pytest

from universal_mcp_client import (
    Agent,
    ConfigError,
    LimitExceeded,
    Limits,
    Price,
    Profile,
    TextDelta,
)
from universal_mcp_client.models.fallback import Fallback
from universal_mcp_client.models.prices import context_window, listed_price
from universal_mcp_client.testing import ScriptedModel, call
from universal_mcp_client.types.errors import (
    BadModelRequest,
    ModelUnavailable,
    RateLimited,
    StreamInterrupted,
)
from universal_mcp_client.types.events import Completion, Retrying
from universal_mcp_client.types.usage import Usage

pytestmark = pytest.mark.anyio

BUSY = RateLimited("too many requests", model="first")


class Named(ScriptedModel):
    """A scripted model with a name and a price of its own."""

    def __init__(self, name: str, *replies: Any, price: float | None = None, **able: Any) -> None:
        given = None if price is None else Price(input=price, output=price)
        super().__init__(*replies, profile=Profile(price=given, **able))
        self.name = name

    async def stream(self, request: Any) -> AsyncGenerator[Any]:
        async for event in super().stream(request):
            yield replace(event, model=self.name) if hasattr(event, "model") else event


async def test_where_one_model_fails_the_next_is_asked_and_priced_as_itself() -> None:
    first, second = Named("a:first", BUSY, price=1.0), Named("b:second", "hello", price=1_000.0)
    async with Agent(Fallback(first, second)).stream("?") as run:
        told = [event.error async for event in run if isinstance(event, Retrying)]
    assert run.result.output == "hello"
    assert run.result.cost == pytest.approx(15 * 1_000 / 1_000_000)
    assert "a:first failed: too many requests b:second is asked instead." in told[0]


async def test_an_answer_is_priced_as_whoever_gave_it_whatever_it_says_of_that() -> None:
    class Silent(ScriptedModel):
        def __init__(self, name: str, price: float, *replies: Any) -> None:
            super().__init__(*replies, profile=Profile(price=Price(input=price, output=price)))
            self.name = name

        async def stream(self, request: Any) -> AsyncGenerator[Any]:
            async for event in super().stream(request):
                yield replace(event, model="") if isinstance(event, Completion) else event

    for dear in (1.0, 1_000.0):
        model = Fallback(Silent("a", 1_001.0 - dear, BUSY), Silent("b", dear, "hello"))
        assert (await Agent(model).run("?")).cost == pytest.approx(15 * dear / 1_000_000)
    with pytest.raises(ConfigError, match="Two models of a Fallback are a"):
        Fallback(Silent("a", 1.0), Silent("a", 2.0).intercepted(lambda request, go: go(request)))


@pytest.mark.parametrize("given", [["openai:a", "anthropic:b"], 1])
def test_a_list_is_no_model(given: Any) -> None:
    with pytest.raises(ConfigError, match=r"write Fallback\('openai:a', 'anthropic:b'\)"):
        Fallback(given)


async def test_the_last_error_is_raised_with_what_became_of_the_others() -> None:
    model = Fallback(Named("a:1", BUSY), Named("b:2", ModelUnavailable("down", model="b:2")))
    with pytest.raises(ModelUnavailable) as caught:
        await Agent(model).run("?")
    assert caught.value.__notes__ == ["Before: a:1: too many requests"]
    model = Fallback(Named("a:1", BUSY), Named("b:2", BadModelRequest("what?", model="b:2")))
    with pytest.raises(BadModelRequest) as refused:
        await Agent(model).run("?")
    assert refused.value.__notes__ == ["Before: a:1: too many requests"]


@pytest.mark.parametrize(
    "error", [BadModelRequest("malformed", model="a"), StreamInterrupted("broke", model="a")]
)
async def test_what_another_model_would_not_mend_is_raised(error: Exception) -> None:
    second = Named("b:2", "never")
    with pytest.raises(type(error)):
        await Agent(Fallback(Named("a:1", error), second)).run("?")
    assert not second.requests


async def test_a_model_that_failed_in_the_middle_of_its_answer_is_not_replaced() -> None:
    async def broken(request: Any, proceed: Any) -> AsyncGenerator[Any]:
        yield TextDelta(text="half")
        raise ModelUnavailable("gone", model="a:1")

    second = Named("b:2", "never")
    with pytest.raises(ModelUnavailable):
        await Agent(Fallback(Named("a:1").intercepted(broken), second)).run("?")
    assert not second.requests


async def test_it_closes_what_it_made_of_a_name_and_nothing_that_was_given(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    closed = list[str]()

    class Closing(Named):
        async def aclose(self) -> None:
            closed.append(self.name)

    monkeypatch.setattr("universal_mcp_client.models.fallback.resolve", Closing)
    model = Fallback("a:made", Closing("b:given"))
    await model.aclose()
    assert closed == ["a:made"]


def test_together_they_can_what_all_of_them_can() -> None:
    model = Fallback(Named("a:1", images=True, audio=True), Named("b:2", images=True, audio=False))
    assert (model.profile.images, model.profile.audio) == (True, False)
    with pytest.raises(ConfigError, match="at least one"):
        Fallback()


async def test_a_function_stands_around_the_answers_of_a_model() -> None:
    seen: list[str] = []

    async def shouting(request: Any, proceed: Any) -> AsyncGenerator[Any]:
        seen.append(request.messages[-1].text)
        async for event in proceed(request):
            yield TextDelta(text=event.text.upper()) if isinstance(event, TextDelta) else event

    model = ScriptedModel("hello").intercepted(shouting)
    async with Agent(model).stream("?") as run:
        assert [e.text async for e in run if isinstance(e, TextDelta)] == ["HELLO"]
    assert seen == ["?"]


async def test_what_an_interceptor_asks_again_counts() -> None:
    async def again(request: Any, proceed: Any) -> AsyncGenerator[Any]:
        assert [event async for event in proceed(request)]
        async for event in proceed(request):
            yield event

    result = await Agent(ScriptedModel("bad", "good").intercepted(again)).run("?")
    assert (result.output, result.usage.requests, result.usage.input_tokens) == ("good", 2, 20)


async def test_an_interceptor_may_return_any_async_iterator() -> None:
    class Through:
        def __init__(self, events: Any) -> None:
            self.events = events

        def __aiter__(self) -> Any:
            return self

        async def __anext__(self) -> Any:
            return await anext(self.events)

    model = ScriptedModel("hi").intercepted(lambda request, proceed: Through(proceed(request)))
    assert (await Agent(model).run("?")).output == "hi"


async def test_what_a_programs_own_model_calls_models_is_its_own() -> None:
    class Router(ScriptedModel):
        models = ("small", "large")

    assert (await Agent(Router("hi"), limits=Limits(turns=1)).run("?")).output == "hi"


async def test_an_interceptor_that_yields_nothing_is_said() -> None:
    async def wrong(request: Any, proceed: Any) -> None:
        return None

    with pytest.raises(ConfigError, match="yields the events"):
        await Agent(ScriptedModel("x").intercepted(wrong)).run("?")


async def test_a_limit_of_cost_needs_the_price_of_each_model_and_holds() -> None:
    known, unknown = Named("a:1", BUSY, price=1.0), Named("b:2", "never")
    with pytest.raises(ConfigError, match="price of b:2"):
        await Agent(Fallback(known, unknown), limits=Limits(cost=1.0)).run("?")
    around = Fallback(known, unknown).intercepted(lambda request, proceed: proceed(request))
    with pytest.raises(ConfigError, match="price of b:2"):
        await Agent(around, limits=Limits(cost=1.0)).run("?")
    dear = Named("b:2", *[call("missing") for _ in range(9)], price=100_000.0)
    with pytest.raises(LimitExceeded) as caught:
        await Agent(Fallback(Named("a:1", BUSY, price=1.0), dear), limits=Limits(cost=1.0)).run("?")
    assert caught.value.result.turns == 1  # 15 tokens at 10 cents


@pytest.mark.parametrize(
    "name", ["openai:gpt-5", "openai-responses:gpt-5", "anthropic:claude-sonnet-5", "local:x"]
)
async def test_a_test_suite_forbids_requests_to_real_models(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UMCP_ALLOW_MODEL_REQUESTS", "0")
    second = ScriptedModel("never")
    with pytest.raises(ConfigError, match=f"{name} was about to be asked"):
        await Agent(Fallback(name, second)).run("?")
    assert (await Agent(second).run("?")).output == "never"


async def test_list_prices_hold_where_nobody_said_one_and_are_not_guessed() -> None:
    price = listed_price("anthropic:claude-sonnet-4-5")
    assert price is not None
    whole, cached = (
        price.cost(Usage(input_tokens=1_000, cache_read_tokens=n, output_tokens=0))
        for n in (0, 900)
    )
    assert 0 < cached < whole / 2
    assert (context_window("openai:gpt-5") or 0) > 100_000
    assert listed_price("openai:gpt-99") is None and listed_price("local:x") is None
    assert listed_price("my-openai:gpt-5") is None  # of the user's settings: who knows what it asks
    agent = Agent(Named("openai:gpt-99"), limits=Limits(cost=1.0))
    with pytest.raises(ConfigError, match="price of openai:gpt-99"):
        await agent.run("?")
    result = await Agent(Named("openai:gpt-5", "hi"), limits=Limits(cost=1.0)).run("?")
    listed = listed_price("openai:gpt-5")
    assert listed is not None and result.cost == listed.cost(result.usage) > 0
