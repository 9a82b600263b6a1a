"""A model server may say anything. It is an answer or a ModelError, soon, and never another error."""

import asyncio
import copy
import gzip
import json
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from tests.support.llm_server import Call, LLMServer, Raw, _chat, _messages, _responses

from universal_mcp_client import (
    Agent,
    ModelError,
    ModelRequest,
    ModelSettings,
    resolve,
)
from universal_mcp_client.models import anthropic, anthropic_answer, openai_chat, openai_responses
from universal_mcp_client.models.calls import sendable, tool_call, tool_calls
from universal_mcp_client.models.failures import retry_after
from universal_mcp_client.models.stream import NONSENSE
from universal_mcp_client.types.errors import ModelUnavailable, StreamInterrupted
from universal_mcp_client.types.events import Completion, Retrying, TextDelta
from universal_mcp_client.types.messages import Message, user

WIRES = {"openai": _chat, "openai-responses": _responses, "anthropic": _messages}
ANSWERS: dict[str, Any] = {
    "openai": lambda: openai_chat.Answer("m", "KEY"),
    "openai-responses": lambda: openai_responses.Answer("m", "KEY"),
    "anthropic": lambda: anthropic_answer.Answer("m"),
}
WRONG = (None, True, 7, -1, 10**30, 0.5, "x", "", [], [7], ["x"], {}, {"x": 1}, [[]], [{}], [None])


@pytest.fixture(params=WIRES)
def wire(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(autouse=True)
def keys(monkeypatch: pytest.MonkeyPatch, llm: LLMServer) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-openai")
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-anthropic")
    monkeypatch.setenv("OPENAI_BASE_URL", f"{llm.url}/v1")
    monkeypatch.setenv("ANTHROPIC_BASE_URL", llm.url)


async def asked(wire: str, **settings: Any) -> tuple[Completion, list[Retrying]]:
    model = resolve(f"{wire}:any")
    request = ModelRequest(
        messages=(user("hello"),), settings=ModelSettings(**{"retries": 0} | settings)
    )
    retries: list[Retrying] = []
    try:
        async for event in model.stream(request):
            if isinstance(event, Retrying):
                retries.append(event)
            elif isinstance(event, Completion):
                return event, retries
    finally:
        await model.aclose()
    raise AssertionError("no completion")


def stream(*events: object) -> bytes:
    """Server-sent events; the SDK of Anthropic reads only those that are named."""
    named = [
        (
            f"event: {e['type']}\n"
            if isinstance(e, dict) and "type" in e
            else "event: message_start\n"
        )
        + f"data: {e if isinstance(e, str) else json.dumps(e)}\n\n"
        for e in events
    ]
    return "".join(named).encode()


def good(wire: str, text: str = "It is five.") -> list[Any]:
    _, events = WIRES[wire](text, [Call("add", {"a": 1, "b": {"c": [2]}})], 1)
    return list(events)


def places(value: object) -> Iterator[tuple[object, ...]]:
    """The paths to all values within `value`."""
    items = (
        value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    )  # fmt: skip
    for key, inner in items:
        yield (key,)
        yield from ((key, *rest) for rest in places(inner))


def changed(events: list[Any], path: tuple[Any, ...], new: object) -> list[Any]:
    made = copy.deepcopy(events)
    at = made
    for step in path[:-1]:
        at = at[step]
    at[path[-1]] = new
    return made


def read(wire: str, events: list[Any]) -> Completion | None:
    """What an adapter makes of `events`, as `listen` asks it; None for a failure it may have."""
    answer = ANSWERS[wire]()
    try:
        for event in events:
            answer.feed(event)
        completion: Completion = answer.completion()
    except (ModelError, *NONSENSE):
        return None
    return completion


def test_every_field_of_a_stream_may_be_of_any_wrong_type(wire: str) -> None:
    """What comes out is always fit to be kept, and sent again in each of the formats."""
    events = good(wire)
    fine = 0
    for path in list(places(events)):
        for wrong in WRONG:
            completion = read(wire, changed(events, path, wrong))
            if completion is None:
                continue
            fine += 1
            message = completion.message
            json.dumps(
                [message.text, [(c.id, c.name, dict(c.arguments)) for c in message.tool_calls]]
            )
            profile = resolve(f"{wire}:any").profile
            for adapter in (openai_chat, openai_responses, anthropic):
                json.dumps(adapter.to_wire(message, profile))
            assert type(completion.usage.total_tokens) is int
            assert completion.usage.total_tokens >= 0
            assert isinstance(completion.stop_reason, str)
    assert fine > 500  # most fields do not matter


NOISE = {
    "a list": stream([]),
    "null": stream(None),
    "a number": stream(5),
    "a string": stream('"x"'),
    "a torn object": stream("{"),
    "no UTF-8": b"event: message_start\ndata: \xff\xfe\n\n",
    "a deep array": stream("[" * 5_000 + "]" * 5_000),
    "a long number": stream('{"choices": ' + "9" * 10_000 + "}"),
    "no number": stream('{"choices": NaN}'),
    "nothing": b"",
    "a lone end": stream("[DONE]"),
    "a page": b"<html>Log in to the airport</html>",
}


@pytest.mark.parametrize("noise", NOISE, ids=lambda name: name.replace(" ", "-"))
async def test_noise_is_a_model_error(wire: str, noise: str, llm: LLMServer) -> None:
    llm.script = [Raw(NOISE[noise])]
    with pytest.raises(ModelError):
        await asked(wire)


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (
            Raw(b'{"error": {"message": "the GPU is on fire"}}', "application/json"),
            "GPU is on fire",
        ),
        (Raw(b'{"error": "the GPU is on fire"}', "application/json"), "GPU is on fire"),
        (Raw(b"<title>Log in to the airport</title>", "text/html"), "text/html.*airport"),
        (Raw(b'{"answer": 42}', "application/json"), "answer.*42"),
        (
            Raw(stream({"type": "error", "error": {"message": "the GPU is on fire"}})),
            "GPU is on fire",
        ),
    ],
    ids=["error", "error-text", "page", "json", "event"],
)
async def test_what_a_server_says_instead_of_an_answer_is_told(
    wire: str, raw: Raw, said: str, llm: LLMServer
) -> None:
    llm.script = [raw]
    with pytest.raises(ModelError, match=said):
        await asked(wire)


async def test_an_overloaded_server_is_asked_again(
    llm: LLMServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Anthropic says so by an event of a stream that began with status 200."""
    monkeypatch.setattr("universal_mcp_client.models.retry.FIRST_DELAY", 0.01)
    error = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}
    llm.script = [Raw(stream(error)), "Now."]
    completion, retries = await asked("anthropic", retries=1)
    assert completion.message.text == "Now."
    assert "Overloaded" in retries[0].error


async def test_a_refused_key_in_a_stream_is_not_tried_again(llm: LLMServer) -> None:
    error = {"type": "error", "error": {"type": "authentication_error", "message": "no such key"}}
    llm.script = [Raw(stream(error))]
    with pytest.raises(ModelError, match="ANTHROPIC_API_KEY") as failed:
        await asked("anthropic")
    assert not failed.value.retryable


def for_ever(piece: bytes, begin: bytes = b"") -> Raw:
    async def body() -> AsyncIterator[bytes]:
        yield begin
        while True:
            yield piece
            await asyncio.sleep(0.02)

    return Raw(body)


SILENCE = {
    "openai": stream({"choices": [{"index": 0, "delta": {"content": ""}}]}),
    "openai-responses": stream({"type": "response.in_progress"}),
    "anthropic": stream({"type": "ping"}),
}


@pytest.mark.parametrize("kind", ["comments", "empty events"])
async def test_signs_of_life_alone_are_no_answer(wire: str, kind: str, llm: LLMServer) -> None:
    llm.script = [for_ever(b": ping\n\n" if kind == "comments" else SILENCE[wire])]
    with pytest.raises(ModelUnavailable, match=r"did not begin to answer within 0\.3 s"):
        await asked(wire, timeout=0.3)


async def test_an_answer_that_stops_in_the_middle_ends_by_a_setting(
    wire: str, llm: LLMServer
) -> None:
    events = good(wire, "It is five o'clock here.")
    llm.script = [for_ever(b": ping\n\n", stream(*events[: len(events) // 2]))]
    with pytest.raises(
        StreamInterrupted, match=r"stopped in the middle of its answer for 0\.2 s"
    ) as e:
        await asked(wire, stall_timeout=0.2)
    assert e.value.partial is not None
    assert "It is" in e.value.partial.text


async def test_a_slow_reader_is_not_taken_for_a_slow_server(llm: LLMServer) -> None:
    llm.script = ["It is five o'clock, and all is well."]
    model = resolve("openai:any")
    request = ModelRequest(
        messages=(user("hello"),), settings=ModelSettings(retries=0, stall_timeout=0.1)
    )
    seen = 0
    async for _ in model.stream(request):
        seen += 1
        if seen == 2:
            await asyncio.sleep(0.3)  # longer than the server may be silent
    await model.aclose()
    assert seen > 3


async def test_a_cancelled_wait_is_cancelled(llm: LLMServer) -> None:
    llm.script = [for_ever(b": ping\n\n")]
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.2):
            await asked("openai", timeout=30)


async def test_an_answer_without_an_end_is_cut_off(
    wire: str, llm: LLMServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("universal_mcp_client.types.bounds.ANSWER_CHARACTERS", 10)
    llm.script = ["A text that is longer than ten characters."]
    with pytest.raises(ModelError, match="answers without an end") as failed:
        await asked(wire)
    assert not failed.value.retryable


async def test_an_event_without_an_end_is_cut_off(
    wire: str, llm: LLMServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("universal_mcp_client.types.bounds.ANSWER_EVENT_BYTES", 100_000)
    llm.script = [for_ever(b"x" * 65_536, b"event: message_start\ndata: ")]
    with pytest.raises(ModelError, match="too large"):
        await asked(wire)


async def test_a_packed_answer_is_refused_before_it_is_unpacked(wire: str, llm: LLMServer) -> None:
    llm.script = [Raw(gzip.compress(b" " * 10_000_000), headers={"content-encoding": "gzip"})]
    with pytest.raises(ModelUnavailable, match="packed"):
        await asked(wire)


def test_two_calls_of_one_id_are_two_calls_and_one_call_twice_is_one() -> None:
    one = tool_call("c1", "add", '{"a": 1}')
    again = tool_call("c1", "add", '{"a":1}')
    other = tool_call("c1", "add", '{"a": 2}')
    first, second = Message(
        role="assistant", parts=tuple(tool_calls([one, again, other]))
    ).tool_calls
    assert first is one
    assert second.arguments == {"a": 2}
    assert second.id not in ("", "c1")


@pytest.mark.parametrize("name", ["", "functions.add", "ä" * 100, "add\n", "x" * 500])
def test_a_name_that_no_provider_takes_back_is_made_one(name: str) -> None:
    call = tool_call("x" * 100_000, name, "{}")
    assert len(call.id) < 65
    assert call.name.replace("_", "").isalnum() or call.name == "_"
    assert 0 < len(call.name) <= 64


async def test_arguments_that_are_too_deep_are_told_to_the_model(wire: str, llm: LLMServer) -> None:
    for depth in (150, 5_000):
        nested = '{"a":' * depth + "1" + "}" * depth
        deep = json.dumps(WIRES[wire]("", [Call("add", {"DEEP": 1})], 1)[1])
        deep = deep.replace(json.dumps('{"DEEP": 1}')[1:-1], json.dumps(nested)[1:-1])
        if wire == "anthropic":  # its arguments come in pieces
            events = json.loads(deep)
            pieces = [e for e in events if e.get("delta", {}).get("type") == "input_json_delta"]
            for piece in pieces:
                piece["delta"]["partial_json"] = ""
            pieces[0]["delta"]["partial_json"] = nested
        elif wire == "openai":
            events = json.loads(deep)
            pieces = [
                e for e in events if e["choices"] and "tool_calls" in e["choices"][0]["delta"]
            ]
            for piece in pieces:
                piece["choices"][0]["delta"]["tool_calls"][0]["function"]["arguments"] = ""
            pieces[-1]["choices"][0]["delta"]["tool_calls"][0]["function"]["arguments"] = nested
        else:
            events = json.loads(deep)
        end = [] if wire == "anthropic" else ["[DONE]"]
        llm.script = [Raw(stream(*events, *end)), "I give up."]

        def add(a: int) -> int:
            return a

        async with Agent(f"{wire}:any", tools=[add]) as agent:
            result = await agent.run("Add")
        assert result.output == "I give up."
        assert "nested too deeply" in result.tool_calls[0].result.text


def test_halves_of_characters_become_marks() -> None:
    assert sendable("ab\ud83dc 🙂") == "ab\ufffdc 🙂"


def test_a_server_that_does_not_count_its_items_is_understood() -> None:
    """llama.cpp's leaves out `output_index`; its last event has all."""
    events = good("openai-responses")
    for event in events:
        event.pop("output_index", None)
    completion = read("openai-responses", events)
    assert completion is not None
    assert completion.message.text == "It is five."
    assert [call.name for call in completion.message.tool_calls] == ["add"]


@pytest.mark.parametrize(
    ("value", "seconds"),
    [("3", 3.0), ("soon", None), ("-1", 0.0), ("nan", None), ("inf", None), ("Wed, 99", None)],
)
def test_a_retry_after_that_makes_no_sense_is_none(value: str, seconds: float | None) -> None:
    assert retry_after({"retry-after": value}) == seconds


def test_a_retry_after_in_milliseconds_that_makes_no_sense_leaves_the_other_one() -> None:
    assert retry_after({"retry-after-ms": "soon", "retry-after": "3"}) == 3.0


def test_a_count_of_tokens_that_cannot_be_is_none() -> None:
    """A price could not be made of it, and a run's limit would end the run."""
    answer = ANSWERS["openai"]()
    usage = {"prompt_tokens": 10**400, "completion_tokens": True}
    answer.feed({"choices": [{"delta": {"content": "x"}, "finish_reason": "stop"}], "usage": usage})
    counted = answer.completion().usage
    assert (counted.input_tokens, counted.output_tokens) == (0, 0)
    assert type(counted.output_tokens) is int


def test_a_server_that_repeats_the_head_of_a_call_says_it_once() -> None:
    head = {"index": 0, "id": "c1", "function": {"name": "add", "arguments": ""}}
    for arguments in (['{"a": 1}', '{"a": 1}'], ['{"a":', " 1}"]):
        answer = ANSWERS["openai"]()
        for piece in arguments:
            call = head | {"function": {"name": "add", "arguments": piece}}
            answer.feed({"choices": [{"delta": {"tool_calls": [call]}}]})
        answer.feed({"choices": [{"delta": {}, "finish_reason": "tool_calls"}]})
        (made,) = answer.completion().message.tool_calls
        assert (made.name, made.arguments) == ("add", {"a": 1})


def test_a_server_that_numbers_all_blocks_alike_loses_none() -> None:
    events = good("anthropic")
    for event in events:
        if "index" in event:
            event["index"] = 0
    completion = read("anthropic", events)
    assert completion is not None
    assert completion.message.text == "It is five."
    assert [call.name for call in completion.message.tool_calls] == ["add"]


async def test_what_a_server_says_in_an_error_drives_no_terminal(wire: str, llm: LLMServer) -> None:
    llm.script = [
        Raw(b'{"error": {"message": "\\u001b[2J \\ud800 \\u202e gone"}}', "application/json"),
        Raw(b"<p>\x1b[2J\xff gone", "text/html"),
        Raw(
            stream(
                {
                    "type": "message_start",
                    "said": "\x1b[2J \ud800",
                    "choices": 5,
                    "index": [],
                    "message": 5,
                }
            )
        ),
    ]
    for _ in range(3):
        with pytest.raises(ModelError) as failed:
            await asked(wire)
        said = str(failed.value)
        said.encode()
        assert "\x1b" not in said
        assert "\u202e" not in said


async def test_halves_of_characters_reach_nobody(wire: str, llm: LLMServer) -> None:
    text = "ab\ud83dcd"
    llm.script = [Raw(stream(*good(wire, text), *([] if wire == "anthropic" else ["[DONE]"])))]
    model = resolve(f"{wire}:any")
    shown = ""
    async for event in model.stream(ModelRequest(messages=(user("hello"),))):
        if isinstance(event, TextDelta):
            shown += event.text
    await model.aclose()
    assert shown == "ab\ufffdcd"
