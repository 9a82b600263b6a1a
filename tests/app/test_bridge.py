"""The bridge: a provider's own SDK, real MCP servers, and a loop that is the program's or ours."""

import inspect
import json
import sys
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any, ClassVar, TypeAlias

import anyio
import anyio.lowlevel
import fastmcp
import pytest
from anthropic import Anthropic, AsyncAnthropic
from fastmcp.client.transports import StdioTransport
from openai import AsyncOpenAI, OpenAI
from tests.conftest import ROOT
from tests.support.llm_server import Call, LLMServer, Raw

from universal_mcp_client import (
    Bridge,
    Client,
    ConfigError,
    Fatal,
    FunctionToolset,
    Host,
    Interaction,
    LimitExceeded,
    ModelError,
    Retry,
    RunContext,
    Tool,
    ToolCall,
    ToolSpec,
    Verdict,
    WebSearch,
)
from universal_mcp_client.types import bounds

pytestmark = pytest.mark.anyio

WIRES = ("openai", "openai-responses", "anthropic")
FORMS = [pytest.param(w, s, id=f"{w}-{'sync' if s else 'async'}") for w in WIRES for s in (0, 1)]
Of: TypeAlias = "Callable[..., Provider]"
CALL = {"id": "c", "type": "function", "function": {"name": "stock", "arguments": "{}"}}
PROMPT = [{"role": "user", "content": "What does tea cost?"}]


class Provider:
    """One of the SDKs' own calls, against the scripted server."""

    def __init__(self, wire: str, llm: LLMServer, sync: bool = False) -> None:
        self.wire = wire
        sdk: Any = (
            (Anthropic if sync else AsyncAnthropic)
            if wire == "anthropic"
            else (OpenAI if sync else AsyncOpenAI)
        )
        url = llm.url if wire == "anthropic" else f"{llm.url}/v1"
        self.client = sdk(base_url=url, api_key="k", max_retries=0)

    @property
    def create(self) -> Callable[..., Any]:
        match self.wire:
            case "openai":
                return self.client.chat.completions.create  # type: ignore[no-any-return]
            case "openai-responses":
                return self.client.responses.create  # type: ignore[no-any-return]
            case _:
                return self.client.messages.create  # type: ignore[no-any-return]

    def request(self, messages: list[Any] | None = None) -> dict[str, Any]:
        more = {"max_tokens": 100} if self.wire == "anthropic" else {}
        key = "input" if self.wire == "openai-responses" else "messages"
        return {"model": "gpt-4o", key: PROMPT if messages is None else messages, **more}

    def said(self, response: Any) -> list[Any]:
        match self.wire:
            case "openai":
                return [response.choices[0].message]
            case "openai-responses":
                return list(response.output)
            case _:
                return [{"role": "assistant", "content": response.content}]

    def text(self, response: Any) -> Any:
        match self.wire:
            case "openai":
                return response.choices[0].message.content
            case "openai-responses":
                return response.output_text
            case _:
                return response.content[0].text


def sent(request: dict[str, Any]) -> list[Any]:
    return list(request.get("messages") or request["input"])


def told(request: dict[str, Any]) -> list[tuple[str, str]]:
    """The results in a request: ids and texts."""
    found = []
    for item in sent(request):
        if item.get("role") == "tool":
            found.append((item["tool_call_id"], item["content"]))
        elif item.get("type") == "function_call_output":
            found.append((item["call_id"], item["output"]))
        elif item.get("role") == "user" and isinstance(item["content"], list):
            found += [
                (b["tool_use_id"], b["content"])
                for b in item["content"]
                if b["type"] == "tool_result"
            ]
    return found


@pytest.fixture
async def of(llm: LLMServer) -> AsyncIterator[Callable[..., Provider]]:
    """Makes providers, whose clients are closed in the end."""
    made: list[Provider] = []

    def make(wire: str, sync: bool = False) -> Provider:
        made.append(Provider(wire, llm, sync))
        return made[-1]

    yield make
    for provider in made:
        if inspect.isawaitable(closed := provider.client.close()):
            await closed


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "calls.log"


@pytest.fixture
def shop(log: Path) -> str:
    return f"shop={sys.executable} -S -E {ROOT / 'tests' / 'support' / 'shop_server.py'} {log}"


def calls(log: Path) -> list[str]:
    return log.read_text().splitlines() if log.exists() else []


def chat(*asked: tuple[str, str], reason: str = "tool_calls") -> dict[str, Any]:
    """A Chat Completions response, as its dict."""
    made = [
        {"id": f"c{at}", "type": "function", "function": {"name": name, "arguments": text}}
        for at, (name, text) in enumerate(asked)
    ]
    message = {"role": "assistant", "content": None, "tool_calls": made}
    return {"choices": [{"index": 0, "message": message, "finish_reason": reason}]}


# The program's loop


@pytest.mark.parametrize("wire", WIRES)
async def test_a_loop_of_ones_own(wire: Any, llm: LLMServer, of: Of, shop: str, log: Path) -> None:
    llm.script = [[Call("meet", {"who": "ann"}), Call("meet", {"who": "bob"})], "They met."]
    provider = of(wire)
    messages: list[Any] = list(PROMPT)
    async with Bridge(shop, wire=wire) as bridge:
        while True:
            response = await provider.create(
                **provider.request(messages), tools=await bridge.tools()
            )
            messages += provider.said(response)
            if not (results := await bridge.answer(response)):
                break
            messages += results
    assert provider.text(response) == "They met."
    # Each of the two waits for the other: they ran at once. Their results have their order.
    assert [text for _, text in told(llm.requests[1])] == ["met ann", "met bob"]
    assert len(llm.requests) == 2


@pytest.mark.parametrize("wire", WIRES)
@pytest.mark.parametrize("form", ["object", "dict", "calls", "call dicts"])
async def test_an_answer_in_any_form(
    wire: Any, form: str, llm: LLMServer, of: Of, shop: str
) -> None:
    llm.script = [[Call("price", {"item": "tea"})]]
    provider = of(wire)
    async with Bridge(shop, wire=wire) as bridge:
        response = await provider.create(**provider.request(), tools=await bridge.tools())
        asked = response.choices[0].message.tool_calls if wire == "openai" else None
        asked = response.output if wire == "openai-responses" else asked or response.content
        given = {
            "object": response,
            "dict": response.model_dump(),
            "calls": asked,
            "call dicts": [call.model_dump() for call in asked],
        }[form]
        results = await bridge.answer(given)
    assert "tea: 3 euros" in json.dumps(results)


async def test_nothing_asked_is_an_empty_list(llm: LLMServer, shop: str) -> None:
    async with Bridge(shop) as bridge:
        for nothing in (None, [], chat(), {"role": "assistant", "content": "Hello."}):
            assert await bridge.answer(nothing) == []


async def test_the_specs_are_one_list_while_nothing_changes(shop: str) -> None:
    async with Bridge(shop, wire="anthropic") as bridge:
        first = await bridge.tools()
        assert await bridge.tools() is first
        assert {tool["name"] for tool in first} >= {"price", "stock"}
        await bridge.answer([{"type": "tool_use", "id": "1", "name": "long", "input": {"n": 1}}])
        assert await bridge.tools() is first


@pytest.mark.parametrize("wire", WIRES)
async def test_images_go_as_each_wire_takes_them(
    wire: Any, llm: LLMServer, of: Of, shop: str
) -> None:
    llm.script = [[Call("picture"), Call("fails")], "A dot."]
    provider = of(wire)
    async with Bridge(shop) as bridge:
        await bridge.run(provider.create, **provider.request())
    message = sent(llm.requests[1])
    match wire:
        case "openai":  # a tool message takes no image: it follows as the user's
            assert [m["role"] for m in message] == ["user", "assistant", "tool", "tool", "user"]
            assert message[-1]["content"][1]["image_url"]["url"].startswith("data:image/png")
            assert message[3]["content"] == "Error: out of stock"
        case "openai-responses":
            assert message[-2]["output"][1]["type"] == "input_image"
            assert message[-1]["output"] == "Error: out of stock"
        case _:
            picture, failed = message[-1]["content"]
            assert picture["content"][1]["source"]["media_type"] == "image/png"
            assert failed["is_error"] is True


# What passes on the way


@pytest.mark.parametrize("wire", ["openai", "openai-responses", "anthropic"])
async def test_strict_nulls_are_dropped(
    wire: Any, llm: LLMServer, of: Of, shop: str, log: Path
) -> None:
    llm.script = [[Call("price", {"item": "tea", "currency": None})], "3 euros."]
    provider = of(wire)
    async with Bridge(shop, strict=True) as bridge:
        await bridge.run(provider.create, **provider.request())
    spec = llm.requests[0]["tools"][0]
    assert spec.get("function", spec)["strict"] is True
    assert calls(log) == ['price {"item": "tea"}']


CUT: list[Any] = [
    pytest.param(chat(("price", '{"item": "te'), reason="length"), id="in the middle"),
    pytest.param(chat(("stock", ""), reason="length"), id="before the arguments"),
    pytest.param(
        {
            "role": "assistant",
            "stop_reason": "max_tokens",
            "content": [{"type": "tool_use", "id": "c0", "name": "stock", "input": {}}],
        },
        id="anthropic",
    ),
    pytest.param(
        {
            "incomplete_details": {"reason": "max_output_tokens"},
            "output": [
                {"type": "function_call", "call_id": "c0", "name": "stock", "arguments": ""}
            ],
        },
        id="responses",
    ),
]


@pytest.mark.parametrize("response", CUT)
async def test_a_call_that_was_cut_off_is_not_made(response: Any, shop: str, log: Path) -> None:
    async with Bridge(shop) as bridge:
        (result,) = await bridge.answer(response)
    assert "are not valid JSON" in json.dumps(result)
    assert calls(log) == []


def responses(status: str, *items: dict[str, Any], **more: Any) -> dict[str, Any]:
    wipe = {"type": "function_call", "call_id": "c0", "name": "stock", "arguments": ""}
    return {"status": status, "output": [wipe, *items], **more}


@pytest.mark.parametrize(
    "response",
    [
        chat(("stock", ""), ("stock", "{}"), reason="content_filter"),
        chat(("stock", "{}"), reason="error"),
        responses("failed", error={"message": "overloaded"}),
        responses("cancelled"),
        responses("in_progress"),
        responses("incomplete", incomplete_details={"reason": "content_filter"}),
        {
            "role": "assistant",
            "stop_reason": "refusal",
            "content": [{"type": "tool_use", "id": "c0", "name": "stock", "input": {}}],
        },
    ],
)
async def test_no_call_of_an_answer_that_failed_is_made(
    response: Any, shop: str, log: Path
) -> None:
    async with Bridge(shop) as bridge:
        with pytest.raises(ModelError, match="the calls in it are not made"):
            await bridge.answer(response)
    assert calls(log) == []


async def test_a_part_that_is_not_whole_is_cut_off_wherever_it_stands(shop: str, log: Path) -> None:
    response = responses("incomplete", {"type": "message", "content": []})
    response["output"][0]["status"] = "incomplete"
    async with Bridge(shop) as bridge:
        (result,) = await bridge.answer(response)
    assert "are not valid JSON" in result["output"]
    assert calls(log) == []


@pytest.mark.parametrize("wire", ["openai", "openai-responses"])
async def test_what_goes_back_can_be_sent(wire: Any, llm: LLMServer, of: Of) -> None:
    """Halves of characters are in no JSON that an SDK writes."""
    llm.script = [[Call("echo", {"text": "\ud800"})], "Done."]
    provider = of(wire)
    async with Bridge(tools=[Tool(lambda text: f"\ud800 {text}", name="echo")]) as bridge:
        await bridge.run(provider.create, **provider.request())
        assert len(llm.requests) == 2
        asked = [{"type": "tool_use", "id": "1", "name": "echo", "input": {"text": ""}}]
        for answer in (chat(("echo", '{"text": ""}')), asked):
            json.dumps(await bridge.answer(answer), ensure_ascii=False).encode()


@pytest.mark.parametrize(
    ("wire", "answer"),
    [
        ("openai", {"choices": [{"message": {"role": "assistant", "content": "\ud800"}}]}),
        ("openai-responses", {"output": [{"type": "message", "content": [{"text": "\ud800"}]}]}),
    ],
)
async def test_what_was_said_can_be_sent_again(wire: Any, answer: Any) -> None:
    added = list[Any]()
    async with Bridge(wire=wire) as bridge:
        assert await bridge.run(lambda **request: answer, added=added) == answer
    json.dumps(added, ensure_ascii=False).encode()


async def test_a_stream_without_an_end_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounds, "ANSWER_CHARACTERS", 1_000)

    async def endless(**request: Any) -> AsyncIterator[Any]:
        async def pieces() -> AsyncIterator[Any]:
            while True:
                call = {"index": 0, "id": "1", "function": {"name": "t", "arguments": "0" * 100}}
                yield {"choices": [{"delta": {"tool_calls": [call]}}]}

        return pieces()

    async with Bridge(wire="openai") as bridge:
        with pytest.raises(ModelError, match="answers without an end"):
            async for _ in await bridge.run(endless, messages=[], stream=True):
                pass


async def test_a_tool_that_is_gone_after_it_was_shown_is_told_of(llm: LLMServer, of: Of) -> None:
    there = True
    tool = Tool(lambda: "fine", name="mine", enabled=lambda ctx: there)
    prepared = list[int]()

    def prepare(ctx: RunContext[Any], specs: Any) -> Any:
        prepared.append(len(specs))
        return specs

    toolset = FunctionToolset([tool]).prepared(prepare)
    async with Bridge(tools=[toolset], wire="openai") as bridge:
        assert len(await bridge.tools()) == 1
        assert (await bridge.answer(chat(("mine", "{}"))))[0]["content"] == "fine"
        assert prepared == [1]  # the turn is that of the tools
        there = False
        (gone,) = await bridge.answer(chat(("mine", "{}")))
        assert "There is no tool named 'mine'" in gone["content"]
        assert bridge.others(chat(("mine", "{}"))) == []


async def test_what_was_done_before_an_end_is_in_added(llm: LLMServer, of: Of) -> None:
    async def stop() -> str:
        await anyio.lowlevel.checkpoint()
        raise Fatal("no more")

    llm.script = [[Call("pay"), Call("stop")]]
    provider, added = of("openai"), list[Any]()
    async with Bridge(tools=[Tool(lambda: "paid", name="pay"), stop]) as bridge:
        with pytest.raises(Fatal, match="no more"):
            await bridge.run(provider.create, added=added, **provider.request())
    assert [m["role"] for m in added] == ["assistant", "tool", "tool"]
    assert added[1]["content"] in ("paid", "Error: Cancelled.")
    assert added[2]["content"] == "Error: It ended the run: no more"


async def test_calls_are_asked_for_as_an_agents_are(shop: str, log: Path) -> None:
    class Person(Interaction):
        asked: ClassVar[list[str]] = []

        async def approve(self, call: ToolCall, spec: ToolSpec) -> Verdict:
            self.asked.append(f"{spec.server}/{call.name}")
            return Verdict(allowed=False, reason="too dear")

    response = chat(("buy", '{"item": "tea"}'), ("stock", "{}"))
    async with Bridge(shop, interaction=Person()) as bridge:
        refused, made = await bridge.answer(response)
    assert Person.asked == ["shop/buy"]
    assert "too dear" in refused["content"] and made["content"] == "all of it"
    async with Bridge(shop, policy=lambda spec: spec.name == "stock") as bridge:
        bought, refused = await bridge.answer(response)
    assert bought["content"] == "done" and "nobody is there" in refused["content"]
    assert calls(log) == ["stock {}", 'buy {"item": "tea"}']


async def test_a_long_result_is_read_on_in_its_own_conversation(shop: str) -> None:
    long, more = chat(("long", '{"n": 500}')), chat(("read_result", '{"id": "r1", "page": 2}'))
    async with Bridge(shop, wire="openai", result_budget=100) as bridge:
        before = await bridge.tools()
        (cut,) = await bridge.answer(long)
        assert 'read_result(id="r1", page=2)' in cut["content"]
        assert (await bridge.tools())[-1]["function"]["name"] == "read_result"
        (page,) = await bridge.answer(more)
        assert "[Page 2 of" in page["content"]
        other = bridge.conversation()
        assert await other.answer(more) == []  # nobody else's results
        assert await other.tools() == before


async def test_a_server_that_dies_or_is_not_there_is_told(shop: str) -> None:
    broken = f"broken={sys.executable} -c 'raise SystemExit(3)'"
    async with Bridge(shop, broken) as bridge:
        assert list(bridge.failures) == ["broken"]
        died, fine = await bridge.answer(chat(("dies", "{}"), ("price", "[1]")))
    assert died["content"].startswith("Error: ")
    assert "must be one JSON object" in fine["content"]


async def test_the_retries_of_a_tool_are_counted_in_each_conversation(
    llm: LLMServer, of: Of
) -> None:
    def pick(number: int) -> str:
        raise Retry("At most 3.")

    wrong, provider = chat(("pick", '{"number": 9}')), of("openai", False)
    async with Bridge(wire="openai", tools=[Tool(pick, retries=1)]) as bridge:
        for conversation in (bridge.conversation(), bridge.conversation()):
            assert "At most 3." in (await conversation.answer(wrong))[0]["content"]
        with pytest.raises(Fatal, match=r"'pick' .* 2 times"):
            await conversation.answer(wrong)
        llm.script = [[Call("pick", {"number": 9})]] * 2
        with pytest.raises(Fatal, match=r"'pick' .* 2 times"):
            await bridge.run(provider.create, **provider.request())
        for _ in range(3):  # which may be of many users
            assert "At most 3." in (await bridge.answer(wrong))[0]["content"]


async def test_cancelling_ends_the_calls(shop: str, log: Path) -> None:
    async with Bridge(shop) as bridge:
        with anyio.move_on_after(10) as patience:
            async with anyio.create_task_group() as group:
                group.start_soon(bridge.answer, chat(("hangs", "{}"), ("hangs", "{}")))
                while len(calls(log)) < 2:
                    await anyio.sleep(0.01)
                group.cancel_scope.cancel()
        assert not patience.cancelled_caught
        (result,) = await bridge.answer(chat(("stock", "{}")))  # the connection lives on
    assert result["content"] == "all of it"
    assert calls(log).count("cancelled") == 2


async def test_two_at_once_have_their_own_deps(llm: LLMServer, of: Of) -> None:
    both = threading.Barrier(2)

    def who(ctx: RunContext[str]) -> str:
        both.wait(20)
        return f"for {ctx.deps}"

    only_ann = Tool(lambda: "hers", name="hers", enabled=lambda ctx: ctx.deps == "ann")
    llm.answer = lambda request: "Done." if told(request) else [Call("who")]
    provider, bridge = of("openai"), Bridge(tools=[who, only_ann], wire="openai")
    added: dict[str, list[Any]] = {"ann": [], "bob": []}
    async with bridge, anyio.create_task_group() as group:
        assert len(await bridge.tools(deps="ann")) == 2 and len(await bridge.tools()) == 1
        for name in added:

            async def one(name: str = name) -> None:
                request = provider.request()
                await bridge.run(provider.create, deps=name, added=added[name], **request)

            group.start_soon(one)
    for name, messages in added.items():
        assert [m["role"] for m in messages] == ["assistant", "tool", "assistant"]
        assert messages[1]["content"] == f"for {name}"
    assert sorted(len(request["tools"]) for request in llm.requests) == [1, 1, 2, 2]


# The whole loop


@pytest.mark.parametrize(("wire", "sync"), FORMS)
async def test_run_is_the_whole_loop(
    wire: Any, sync: bool, llm: LLMServer, of: Of, shop: str
) -> None:
    llm.script = [
        [Call("price", {"item": "tea"})],
        [Call("price", {"itme": "tea"}), Call("fails")],
        "3 euros.",
    ]
    provider, given, added = of(wire, sync), list(PROMPT), list[Any]()
    async with Bridge(shop) as bridge:
        response = await bridge.run(provider.create, added=added, **provider.request(given))
    assert provider.text(response) == "3 euros."
    assert given == PROMPT
    results = told(llm.requests[2])
    assert results[0][1] == "tea: 3 euros"
    assert "do not fit its schema" in results[1][1] and "out of stock" in results[2][1]
    # What was added is what was sent, and the last answer: the conversation can go on from there.
    assert sent(llm.requests[2]) == json.loads(json.dumps([*PROMPT, *added]))[:-1]


@pytest.mark.parametrize(("wire", "sync"), FORMS)
async def test_a_stream_has_the_chunks_of_all_turns(
    wire: Any, sync: bool, llm: LLMServer, of: Of, shop: str
) -> None:
    llm.script = [[Call("price", {"item": "tea"}), Call("stock")], "It costs three euros."]
    provider, added = of(wire, sync), list[Any]()
    async with Bridge(shop) as bridge:
        text = ""
        chunks = await bridge.run(provider.create, added=added, stream=True, **provider.request())
        async for chunk in chunks:
            if wire == "openai":
                text += (chunk.choices[0].delta.content or "") if chunk.choices else ""
            elif chunk.type == "response.output_text.delta":
                text += chunk.delta
            elif chunk.type == "content_block_delta":
                text += getattr(chunk.delta, "text", "")
    assert text == "It costs three euros."
    assert [said for _, said in told(llm.requests[1])] == ["tea: 3 euros", "all of it"]
    assert "It costs three euros." in json.dumps(added[-1])


@pytest.mark.parametrize(("wire", "sync"), FORMS)
async def test_a_stream_is_left_as_the_sdks_are(
    wire: Any, sync: bool, llm: LLMServer, of: Of, shop: str
) -> None:
    llm.script = [[Call("price", {"item": "tea"})], "It costs three euros."]
    provider = of(wire, sync)
    async with Bridge(shop) as bridge:
        async with await bridge.run(provider.create, stream=True, **provider.request()) as chunks:
            assert await anext(chunks)
        assert [chunk async for chunk in chunks] == []
        chunks = await bridge.run(provider.create, stream=True, **provider.request())
        await chunks.close()
        assert [chunk async for chunk in chunks] == []
    assert len(llm.requests) == 1


async def test_calls_of_others_are_left_to_the_caller(
    llm: LLMServer, of: Of, shop: str, log: Path
) -> None:
    mine = {"type": "function", "function": {"name": "mine", "parameters": {"type": "object"}}}
    llm.script = [[Call("prize", {"item": "tea"})], [Call("stock"), Call("mine")]]
    provider = of("openai")
    async with Bridge(shop) as bridge:
        response = await bridge.run(provider.create, tools=[mine], **provider.request())
        assert llm.requests[0]["tools"][0] == mine
        # A name of nobody's is answered; one of the caller's ends the loop, with no call made.
        assert "Did you mean 'price'" in told(llm.requests[1])[0][1]
        assert calls(log) == []
        (other,) = bridge.others(response)
        assert other is response.choices[0].message.tool_calls[1]
        (result,) = await bridge.answer(response)
        assert result["content"] == "all of it"
        with pytest.raises(ConfigError, match="'stock' is the bridge's tool"):
            taken = {"type": "function", "function": {"name": "stock"}}
            await bridge.run(provider.create, tools=[taken], **provider.request())


async def test_what_a_provider_runs_itself_is_nobodys_call(shop: str) -> None:
    output = [
        {"type": "web_search_call", "id": "ws", "status": "completed"},
        {"type": "shell_call", "call_id": "s1"},
        {"type": "shell_call_output", "call_id": "s1"},
        {"type": "computer_call", "call_id": "p1"},
        {"type": "function_call", "call_id": "f1", "name": "stock", "arguments": "{}"},
    ]
    async with Bridge(shop) as bridge:
        with pytest.raises(ConfigError, match="before `tools` or `answer`"):
            bridge.others({"output": output})
        await bridge.answer([])
        assert bridge.others({"output": output}) == [output[3]]
        assert [r["call_id"] for r in await bridge.answer({"output": output})] == ["f1"]


@pytest.mark.parametrize("stream", [False, True])
async def test_a_limit_has_the_last_response(
    stream: bool, llm: LLMServer, of: Of, shop: str, log: Path
) -> None:
    llm.answer = lambda request: [Call("stock")]
    provider = of("openai")
    async with Bridge(shop) as bridge:
        with pytest.raises(LimitExceeded, match="after 2 requests") as raised:
            found = await bridge.run(
                provider.create, max_turns=2, stream=stream, **provider.request()
            )
            async for _ in found:
                pass
        assert len(llm.requests) == 2 and calls(log) == ["stock {}"]
        (result,) = await bridge.answer(raised.value.response)  # and so one can go on
    assert result["content"] == "all of it" and raised.value.result is None


@pytest.mark.parametrize(
    ("wire", "choice", "after"),
    [
        ("openai", "required", "auto"),
        ("openai", {"type": "function", "function": {"name": "stock"}}, "auto"),
        ("openai-responses", {"type": "function", "name": "stock"}, "auto"),
        (
            "anthropic",
            {"type": "any", "disable_parallel_tool_use": True},
            {"type": "auto", "disable_parallel_tool_use": True},
        ),
    ],
)
async def test_a_forced_call_is_forced_once(
    wire: Any, choice: Any, after: Any, llm: LLMServer, of: Of, shop: str
) -> None:
    llm.script = [[Call("stock")], "Done."]
    provider = of(wire)
    async with Bridge(shop) as bridge:
        await bridge.run(provider.create, tool_choice=choice, **provider.request())
    assert [request["tool_choice"] for request in llm.requests] == [choice, after]


async def test_responses_go_on_from_an_id_or_are_replayed(
    llm: LLMServer, of: Of, shop: str
) -> None:
    provider = of("openai-responses")
    async with Bridge(shop) as bridge:
        llm.script = [[Call("stock")], "Done."]
        await bridge.run(provider.create, model="gpt-4o", input="?", previous_response_id="r0")
        first, second = llm.requests
        assert (first["previous_response_id"], second["previous_response_id"]) == ("r0", "resp_1")
        assert [item["type"] for item in second["input"]] == ["function_call_output"]

        call = {"type": "function_call", "call_id": "f", "name": "stock", "arguments": "{}"}
        thoughts = {"type": "reasoning", "id": "rs_1", "summary": []}
        kept = {**thoughts, "id": "rs_2", "encrypted_content": "x"}
        body = {"id": "resp_9", "object": "response", "output": [thoughts, kept, call]}
        raw = Raw(json.dumps(body).encode(), "application/json")
        for store, expected in ((None, [thoughts, kept]), (False, [kept])):
            llm.script = [raw, "Done."]
            more: dict[str, Any] = {} if store is None else {"store": store}
            await bridge.run(provider.create, model="gpt-5", input="?", **more)
            question, *said = llm.requests[-1]["input"]
            assert question == {"role": "user", "content": "?"}
            assert said[:-1] == [*expected, call]


async def test_a_pause_is_not_the_end(llm: LLMServer, of: Of, shop: str) -> None:
    block = {"type": "text", "text": "Searching."}
    body = {"type": "message", "role": "assistant", "content": [block], "stop_reason": "pause_turn"}
    llm.script = [Raw(json.dumps(body).encode(), "application/json"), "Found."]
    provider = of("anthropic")
    async with Bridge(shop) as bridge:
        response = await bridge.run(provider.create, **provider.request())
    assert provider.text(response) == "Found."
    assert sent(llm.requests[1])[-1] == {"role": "assistant", "content": [block]}


# What is wrong


@pytest.mark.parametrize(
    "wrong",
    [
        7,
        "call it",
        [7],
        {"choices": []},
        {"choices": None, "error": {"message": "overloaded"}},
        {"choices": [{"delta": {"content": "a chunk"}}]},
        {"choices": [{"message": {"role": "assistant", "tool_calls": 7}}]},
        {"output": [{"type": ["function_call"], "call_id": {}}]},
        {"choices": [{"message": {"role": "assistant", "tool_calls": [{"function": {}}]}}]},
        {"role": "assistant", "content": [{"type": "tool_use", "id": "1", "input": {}}]},
        {"output": [{"type": "function_call", "call_id": 7, "name": "stock"}]},
        {"output": [{"name": "no type"}]},
    ],
)
async def test_what_is_no_answer_is_refused_in_words(wrong: Any, shop: str) -> None:
    async with Bridge(shop) as bridge:
        with pytest.raises(ConfigError, match="is no "):
            await bridge.answer(wrong)


async def test_too_many_calls_are_refused(shop: str, log: Path) -> None:
    async with Bridge(shop) as bridge:
        with pytest.raises(ModelError, match="too many tool calls"):
            await bridge.answer(chat(*[("stock", "{}")] * 200))
    assert calls(log) == []


async def test_a_call_that_came_twice_is_made_once(shop: str, log: Path) -> None:
    response = chat(("stock", "{}"))
    response["choices"][0]["message"]["tool_calls"] *= 2
    async with Bridge(shop) as bridge:
        assert len(await bridge.answer(response)) == 1
    assert calls(log) == ["stock {}"]


async def test_ids_go_back_as_they_came(shop: str) -> None:
    asked = [{"type": "tool_use", "id": "functions.stock:0", "name": "stock", "input": {}}]
    async with Bridge(shop) as bridge:
        (message,) = await bridge.answer(asked)
    assert message["content"][0]["tool_use_id"] == "functions.stock:0"


async def test_wires_that_do_not_fit_are_told(llm: LLMServer, of: Of, shop: str) -> None:
    chats, answers = of("openai"), of("openai-responses")

    async def unknown(**request: Any) -> None:
        raise AssertionError

    wrong: Any
    async with Bridge(shop, wire="openai") as bridge, Bridge(shop) as unsure:
        with pytest.raises(ConfigError, match="speaks 'openai-responses', and the bridge 'openai'"):
            await bridge.run(answers.create, **answers.request())
        with pytest.raises(ConfigError, match="'anthropic', and the bridge 'openai'"):
            await bridge.answer([{"type": "tool_use", "id": "1", "name": "stock", "input": {}}])
        with pytest.raises(ConfigError, match="wire="):
            await unsure.tools()
        with pytest.raises(ConfigError, match="is not known"):
            await unsure.run(unknown, messages=[])
        for wrong in (chats.client.embeddings.create, None):
            with pytest.raises(ConfigError, match=r"without calling it; .* wire=…\) with one of"):
                await unsure.run(wrong, messages=[])
        with pytest.raises(ConfigError, match="is not known"):
            await unsure.answer([ToolCall(id="1", name="stock")])
        for name, wrong in (("max_turns", 0), ("max_turns", "3"), ("added", {})):
            with pytest.raises(ConfigError, match=name):
                await bridge.run(chats.create, **{name: wrong}, **chats.request())
    with pytest.raises(ConfigError, match="not open"):
        await bridge.tools()
    with pytest.raises(ConfigError, match="provider's own"):
        Bridge(shop, tools=[WebSearch()])
    with pytest.raises(ConfigError, match="There is no wire 'gemini'"):
        Bridge(shop, wire="gemini")  # type: ignore[arg-type]
    assert llm.requests == []


# What the program has


async def test_connections_that_the_program_has_stay_open(shop: str) -> None:
    asked = chat(("price", '{"item": "tea"}'))
    command, *arguments = shop.partition("=")[2].split()
    theirs = fastmcp.Client(StdioTransport(command, arguments))
    async with Host(shop) as host, Client(shop) as client, theirs:
        for source in (host, client, theirs):
            async with Bridge(source, wire="openai") as bridge:
                (result,) = await bridge.answer(asked)
            assert result["content"] == "tea: 3 euros"
        assert (await host.call_tool(ToolCall(id="1", name="stock"))).text == "all of it"
        assert (await client.call_tool("stock")).text == "all of it"
        assert theirs.is_connected()


async def test_who_stands_around_the_sdks_client_sees_all_of_it(
    llm: LLMServer, of: Of, shop: str
) -> None:
    provider, seen = of("openai"), list[Any]()
    post = provider.client.request

    async def request(cast_to: Any, options: Any, **more: Any) -> Any:
        seen.append(options.json_data["messages"])
        return await post(cast_to, options, **more)

    async with Bridge(shop) as bridge:
        for watch in (False, True):
            llm.script = [[Call("stock")], "Done."]
            if watch:
                provider.client.request = request
            await bridge.run(provider.create, **provider.request())
    assert [len(messages) for messages in seen] == [1, 3]


async def test_who_stands_around_the_sdks_call_sees_all_of_it(
    llm: LLMServer, of: Of, shop: str
) -> None:
    llm.script = [[Call("stock")], "Done."]
    provider, seen = of("openai"), list[Any]()

    async def watched(**request: Any) -> Any:
        seen.append(request)
        return await provider.create(**request)

    async with Bridge(shop, wire="openai") as bridge:
        await bridge.run(watched, **provider.request())
        assert [len(request["messages"]) for request in seen] == [1, 3]
        assert seen[0]["tools"] is seen[1]["tools"]


async def test_a_gateways_function_and_its_generator(shop: str) -> None:
    """Not an SDK's: a plain function whose stream is a generator of dicts."""
    asked = {"role": "assistant", "tool_calls": [CALL]}
    seen: list[Any] = []

    def complete(**request: Any) -> Iterator[Any]:
        seen.append(request["messages"])
        delta = asked if len(seen) == 1 else {"content": "Done."}
        yield {"choices": [{"delta": delta, "finish_reason": None}]}
        yield {"choices": [{"delta": {}, "finish_reason": "stop"}]}

    async with Bridge(shop, wire="openai") as bridge:
        chunks = await bridge.run(complete, messages=PROMPT, stream=True)
        assert len([chunk async for chunk in chunks]) == 4
    assert [message["role"] for message in seen[1]] == ["user", "assistant", "tool"]
    assert seen[1][2]["content"] == "all of it"


async def test_what_only_the_sdk_can_read_is_left_to_it(
    llm: LLMServer, of: Of, shop: str, tmp_path: Path
) -> None:
    llm.script = [[Call("stock")], "A picture."]
    (tmp_path / "a.png").write_bytes(b"pixels")
    data = {"type": "base64", "media_type": "image/png", "data": tmp_path / "a.png"}
    messages = [{"role": "user", "content": [{"type": "image", "source": data}]}]
    provider = of("anthropic")
    async with Bridge(shop) as bridge:
        await bridge.run(provider.create, **provider.request(messages))
    assert sent(llm.requests[1])[0]["content"][0]["source"]["data"] == "cGl4ZWxz"


async def test_the_callers_extra_body_has_the_last_word(llm: LLMServer, of: Of, shop: str) -> None:
    provider = of("openai")
    async with Bridge(shop) as bridge:
        await bridge.run(provider.create, extra_body={"top_k": 3}, **provider.request())
    assert llm.requests[0]["top_k"] == 3 and sent(llm.requests[0]) == PROMPT
