"""Provider adapters against payloads written from the providers' documentation."""

import json
from collections.abc import Sequence
from typing import Any

import pytest
import respx

from universal_mcp_client import (
    Completion,
    Image,
    Message,
    ModelRequest,
    ModelSettings,
    Text,
    TextDelta,
    ThinkingDelta,
    ToolResult,
    ToolSpec,
    resolve,
)
from universal_mcp_client.types import errors
from universal_mcp_client.types.events import ModelEvent, Retrying
from universal_mcp_client.types.messages import ResourceLink, user

CHAT = "https://api.openai.com/v1/chat/completions"
RESPONSES = "https://api.openai.com/v1/responses"
MESSAGES = "https://api.anthropic.com/v1/messages"
WEATHER = ToolSpec(
    name="weather",
    description="The weather",
    input_schema={
        "type": "object",
        "properties": {"city": {"type": "string"}, "days": {"type": "integer"}},
        "required": ["city"],
    },
)
PIXEL = Image(media_type="image/png", data=b"\x89PNG")


@pytest.fixture(autouse=True)
def keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-openai")
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-anthropic")


def sse(*events: dict[str, Any], done: bool = False) -> respx.MockResponse:
    lines = "".join(
        (f"event: {e['type']}\n" if "type" in e else "") + f"data: {json.dumps(e)}\n\n"
        for e in events
    )
    text = lines + ("data: [DONE]\n\n" if done else "")
    return respx.MockResponse(200, headers={"content-type": "text/event-stream"}, text=text)


def chunk(finish: str | None = None, **delta: Any) -> dict[str, Any]:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return {"id": "c", "object": "chat.completion.chunk", "choices": [choice]}


async def answered(name: str, **request: Any) -> tuple[list[ModelEvent], Completion]:
    given = {"messages": (user("hello"),)} | request
    model = resolve(name)
    events = [event async for event in model.stream(ModelRequest(**given))]
    await model.aclose()
    assert isinstance(events[-1], Completion)
    return events, events[-1]


def sent(route: respx.Route, at: int = -1) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(route.calls[at].request.content)
    return body


def words(events: Sequence[ModelEvent], kind: type = TextDelta) -> str:
    return "".join(e.text for e in events if isinstance(e, kind))  # type: ignore[attr-defined]


class TestChatCompletions:
    async def test_text_and_parallel_calls_whose_pieces_arrive_mixed(
        self, httpx2_mock: respx.Router
    ) -> None:
        def piece(index: int, **more: Any) -> dict[str, Any]:
            return chunk(tool_calls=[{"index": index, **more}])

        route = httpx2_mock.post(CHAT).mock(
            return_value=sse(
                chunk(role="assistant", content=""),
                chunk(content="Let me "),
                chunk(content="look."),
                piece(0, id="a", type="function", function={"name": "weather", "arguments": ""}),
                piece(1, id="b", type="function", function={"name": "weather", "arguments": ""}),
                piece(0, function={"arguments": '{"city":'}),
                piece(1, function={"arguments": '{"city": "Bergen"}'}),
                piece(0, function={"arguments": '"Oslo"}'}),
                chunk("tool_calls"),
                {"choices": [], "usage": {"prompt_tokens": 9, "completion_tokens": 4, "prompt_tokens_details": {"cached_tokens": 3}}},
                done=True,
            )
        )  # fmt: skip
        events, completion = await answered(
            "openai:gpt-4o", tools=(WEATHER,), instructions="Be kind."
        )
        assert words(events) == "Let me look."
        assert [dict(c.arguments) for c in completion.message.tool_calls] == [
            {"city": "Oslo"},
            {"city": "Bergen"},
        ]
        assert [c.id for c in completion.message.tool_calls] == ["a", "b"]
        assert completion.stop_reason == "tool_use"
        assert (completion.usage.input_tokens, completion.usage.cache_read_tokens) == (9, 3)
        body = sent(route)
        assert body["messages"][0] == {"role": "system", "content": "Be kind."}
        assert body["tools"][0]["function"]["name"] == "weather"
        assert route.calls[0].request.headers["authorization"] == "Bearer sk-openai"

    async def test_the_history_goes_back_as_the_api_takes_it(
        self, httpx2_mock: respx.Router
    ) -> None:
        route = httpx2_mock.post(CHAT)
        made = {"name": "weather", "arguments": '{"city": "Oslo"}'}
        route.side_effect = [
            sse(
                chunk(tool_calls=[{"index": 0, "id": "a", "function": made}]),
                chunk("tool_calls"),
                done=True,
            ),
            sse(chunk(content="Sunny."), chunk("stop"), done=True),
        ]
        _, first = await answered("openai:gpt-4o", tools=(WEATHER,))
        result = ToolResult(
            call_id="a", content=(Text(text="sun"), PIXEL, ResourceLink(uri="file:///x"))
        )
        history = (user("?"), first.message, Message(role="tool", parts=(result,)))
        await answered("openai:gpt-4o", messages=history, tools=(WEATHER,))
        _, call, answer, image = sent(route)["messages"]
        assert json.loads(call["tool_calls"][0]["function"]["arguments"]) == {"city": "Oslo"}
        assert (answer["role"], answer["tool_call_id"]) == ("tool", "a")
        assert "sun" in answer["content"] and "file:///x" in answer["content"]
        assert image["role"] == "user"  # Chat Completions takes no images in tool messages
        urls = [p["image_url"]["url"] for p in image["content"] if p["type"] == "image_url"]
        assert urls == ["data:image/png;base64,iVBORw=="]

    async def test_settings_reach_the_request(self, httpx2_mock: respx.Router) -> None:
        route = httpx2_mock.post(CHAT).mock(
            return_value=sse(chunk(content="x"), chunk("stop"), done=True)
        )
        settings = ModelSettings(
            temperature=0.5, max_tokens=7, seed=3, stop=("END",), tool_choice="required",
            parallel_tool_calls=False, reasoning="low", extra={"service_tier": "flex"},
        )  # fmt: skip
        await answered("openai:gpt-4o", settings=settings, tools=(WEATHER,))
        expected = {
            "temperature": 0.5, "max_completion_tokens": 7, "seed": 3, "stop": ["END"],
            "tool_choice": "required", "parallel_tool_calls": False, "reasoning_effort": "low",
            "service_tier": "flex", "stream": True, "model": "gpt-4o",
        }  # fmt: skip
        assert expected.items() <= sent(route).items()

    async def test_strict_tools_lose_their_nulls_again(self, httpx2_mock: respx.Router) -> None:
        made = {"name": "weather", "arguments": '{"city": "Oslo", "days": null}'}
        route = httpx2_mock.post(CHAT).mock(
            return_value=sse(chunk(tool_calls=[{"index": 0, "id": "a", "function": made}]), chunk("tool_calls"), done=True)
        )  # fmt: skip
        model = resolve("openai:gpt-4o", strict_tools=True)
        request = ModelRequest(messages=(user("?"),), tools=(WEATHER,))
        events = [event async for event in model.stream(request)]
        assert isinstance(events[-1], Completion)
        assert dict(events[-1].message.tool_calls[0].arguments) == {"city": "Oslo"}
        function = sent(route)["tools"][0]["function"]
        assert function["strict"] is True
        assert function["parameters"]["required"] == ["city", "days"]

    async def test_an_output_schema_and_a_refusal(self, httpx2_mock: respx.Router) -> None:
        route = httpx2_mock.post(CHAT).mock(
            return_value=sse(chunk(refusal="I would rather not."), chunk("stop"), done=True)
        )
        _, completion = await answered("openai:gpt-4o", output_schema=WEATHER.input_schema)
        assert sent(route)["response_format"]["json_schema"]["strict"] is True
        assert completion.stop_reason == "refusal"
        assert completion.message.text == "I would rather not."

    @pytest.mark.parametrize(
        ("finish", "reason"), [("length", "max_tokens"), ("content_filter", "content_filter")]
    )
    async def test_stop_reasons(self, finish: str, reason: str, httpx2_mock: respx.Router) -> None:
        httpx2_mock.post(CHAT).mock(return_value=sse(chunk(content="x"), chunk(finish), done=True))
        assert (await answered("openai:gpt-4o"))[1].stop_reason == reason

    async def test_reasoning_of_compatible_servers_is_thinking(
        self, httpx2_mock: respx.Router, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("OPENAI_BASE_URL", "http://localhost:8000/v1")
        httpx2_mock.post("http://localhost:8000/v1/chat/completions").mock(
            return_value=sse(chunk(reasoning_content="Hm."), chunk(content="Yes."), chunk("stop"), done=True)
        )  # fmt: skip
        events, completion = await answered("openai:any")
        assert words(events, ThinkingDelta) == "Hm."
        assert completion.message.text == "Yes."


class TestResponses:
    async def test_encrypted_reasoning_comes_back_verbatim(self, httpx2_mock: respx.Router) -> None:
        reasoning = {
            "id": "rs_1",
            "type": "reasoning",
            "summary": [{"type": "summary_text", "text": "Oslo, then."}],
            "encrypted_content": "gAAAA=",
        }
        call = {
            "id": "fc_1",
            "type": "function_call",
            "call_id": "call_1",
            "name": "weather",
            "arguments": '{"city": "Oslo"}',
            "status": "completed",
        }
        whole = {"status": "completed", "output": [reasoning, call], "usage": {"input_tokens": 5, "output_tokens": 9, "output_tokens_details": {"reasoning_tokens": 6}}}  # fmt: skip
        route = httpx2_mock.post(RESPONSES).mock(
            return_value=sse(
                {"type": "response.created", "response": {}},
                {"type": "response.reasoning_summary_text.delta", "delta": "Oslo, then."},
                {"type": "response.output_item.done", "output_index": 0, "item": reasoning},
                {"type": "response.output_item.done", "output_index": 1, "item": call},
                {"type": "response.completed", "response": whole},
            )
        )
        events, first = await answered("openai-responses:gpt-5", tools=(WEATHER,))
        assert words(events, ThinkingDelta) == "Oslo, then."
        assert first.usage.reasoning_tokens == 6
        assert first.stop_reason == "tool_use"
        assert sent(route)["include"] == ["reasoning.encrypted_content"]
        assert sent(route)["store"] is False
        result = ToolResult(call_id="call_1", content=(Text(text="sun"), PIXEL))
        history = (user("?"), first.message, Message(role="tool", parts=(result,)))
        await answered("openai-responses:gpt-5", messages=history, tools=(WEATHER,))
        _, back, again, output = sent(route)["input"]
        assert back["encrypted_content"] == "gAAAA="
        assert (again["call_id"], json.loads(again["arguments"])) == ("call_1", {"city": "Oslo"})
        assert [part["type"] for part in output["output"]] == ["input_text", "input_image"]

    @pytest.mark.parametrize(
        ("event", "kind"),
        [
            ({"type": "error", "code": "rate_limit_exceeded", "message": "slow"}, errors.RateLimited),
            ({"type": "response.failed", "response": {"error": {"code": "server_error", "message": "x"}}}, errors.ModelUnavailable),
            ({"type": "response.failed", "response": {"error": {"code": "context_length_exceeded", "message": "x"}}}, errors.ContextOverflow),
        ],
    )  # fmt: skip
    async def test_failures_that_come_as_events(
        self, event: dict[str, Any], kind: type, httpx2_mock: respx.Router
    ) -> None:
        httpx2_mock.post(RESPONSES).mock(return_value=sse(event))
        with pytest.raises(kind):
            await answered("openai-responses:gpt-5", settings=ModelSettings(retries=0))


class TestMessages:
    async def test_thinking_with_its_signature_comes_back_verbatim(
        self, httpx2_mock: respx.Router
    ) -> None:
        def delta(index: int, **what: Any) -> dict[str, Any]:
            return {"type": "content_block_delta", "index": index, "delta": what}

        def start(index: int, **block: Any) -> dict[str, Any]:
            return {"type": "content_block_start", "index": index, "content_block": block}

        def stop(index: int) -> dict[str, Any]:
            return {"type": "content_block_stop", "index": index}

        route = httpx2_mock.post(MESSAGES).mock(
            return_value=sse(
                {"type": "message_start", "message": {"id": "m", "usage": {"input_tokens": 10, "cache_read_input_tokens": 4, "cache_creation_input_tokens": 2, "output_tokens": 1}}},
                start(0, type="thinking", thinking="", signature=""),
                delta(0, type="thinking_delta", thinking="Oslo "),
                delta(0, type="thinking_delta", thinking="it is."),
                delta(0, type="signature_delta", signature="c2ln"),
                stop(0),
                start(1, type="redacted_thinking", data="xyz"),
                stop(1),
                start(2, type="text", text=""),
                delta(2, type="text_delta", text="Looking."),
                stop(2),
                start(3, type="tool_use", id="t1", name="weather", input={}),
                delta(3, type="input_json_delta", partial_json='{"city": '),
                delta(3, type="input_json_delta", partial_json='"Oslo"}'),
                stop(3),
                start(4, type="tool_use", id="t2", name="now", input={}),
                stop(4),
                {"type": "message_delta", "delta": {"stop_reason": "tool_use"}, "usage": {"output_tokens": 30}},
                {"type": "message_stop"},
            )
        )  # fmt: skip
        events, first = await answered(
            "anthropic:claude-sonnet-5", tools=(WEATHER,), instructions="Hi"
        )
        assert words(events, ThinkingDelta) == "Oslo it is."
        assert [dict(c.arguments) for c in first.message.tool_calls] == [{"city": "Oslo"}, {}]
        assert first.usage.input_tokens == 16
        assert (first.usage.cache_read_tokens, first.usage.cache_write_tokens) == (4, 2)
        assert first.usage.output_tokens == 30
        results = (
            ToolResult(call_id="t1", content=(Text(text="sun"), PIXEL)),
            ToolResult(call_id="t2", content=(Text(text="broken"),), is_error=True),
        )
        history = (user("?"), first.message, Message(role="tool", parts=results))
        await answered("anthropic:claude-sonnet-5", messages=history, tools=(WEATHER,))
        _, back, answer = sent(route)["messages"]
        assert back["content"][0] == {
            "type": "thinking",
            "thinking": "Oslo it is.",
            "signature": "c2ln",
        }
        assert back["content"][1] == {"type": "redacted_thinking", "data": "xyz"}
        one, two = answer["content"]
        assert answer["role"] == "user"
        assert [block["type"] for block in one["content"]] == ["text", "image"]
        assert (two["tool_use_id"], two["is_error"]) == ("t2", True)

    async def test_cache_breakpoints_and_an_append_only_prefix(
        self, httpx2_mock: respx.Router
    ) -> None:
        route = httpx2_mock.post(MESSAGES).mock(
            return_value=sse(
                {"type": "message_start", "message": {"usage": {}}},
                {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
                {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "x"}},
                {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {}},
                {"type": "message_stop"},
            )
        )  # fmt: skip
        history: tuple[Message, ...] = (user("one"),)
        for _ in range(3):
            _, completion = await answered(
                "anthropic:claude-sonnet-5", messages=history, instructions="I", tools=(WEATHER,)
            )
            history = (*history, completion.message, user("more"))
        bodies = [sent(route, at) for at in range(3)]
        assert all(b["system"][0]["cache_control"] == {"type": "ephemeral"} for b in bodies)
        marked = [json.dumps(b["messages"]).count("cache_control") for b in bodies]
        assert marked == [1, 2, 2]

        def bare(body: dict[str, Any]) -> list[Any]:
            text = json.dumps(body["messages"]).replace(
                ', "cache_control": {"type": "ephemeral"}', ""
            )
            messages: list[Any] = json.loads(text)
            return messages

        assert bare(bodies[2])[: len(bare(bodies[1]))] == bare(bodies[1])
        assert bodies[2]["tools"] == bodies[0]["tools"]

    async def test_an_overload_inside_the_stream_is_tried_again(
        self, httpx2_mock: respx.Router
    ) -> None:
        overloaded = {"type": "error", "error": {"type": "overloaded_error", "message": "busy"}}
        text = {
            "type": "content_block_start",
            "index": 0,
            "content_block": {"type": "text", "text": "ok"},
        }
        route = httpx2_mock.post(MESSAGES)
        route.side_effect = [
            respx.MockResponse(529, headers={"retry-after": "0"}, json=overloaded),
            sse(
                {"type": "message_start", "message": {"usage": {}}},
                text,
                {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {}},
                {"type": "message_stop"},
            ),
        ]
        events, completion = await answered("anthropic:claude-sonnet-5")
        assert isinstance(events[0], Retrying)
        assert completion.message.text == "ok"
