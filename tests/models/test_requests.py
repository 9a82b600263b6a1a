"""What is sent to the providers: settings, tools, history, held against the SDKs' own types."""

import gc
import json
import logging
from collections.abc import AsyncGenerator, Iterator, Sequence
from dataclasses import replace
from datetime import date
from enum import Enum
from itertools import product
from typing import Any, cast
from weakref import ref

import pytest
import respx
from pydantic import BaseModel, ConfigDict
from tests.support.request_types import problems

from universal_mcp_client import (
    Agent,
    Audio,
    CodeExecution,
    Completion,
    ConfigError,
    File,
    FileSearch,
    Image,
    Message,
    ModelRequest,
    ModelSettings,
    Text,
    ToolCall,
    ToolResult,
    ToolSpec,
    WebSearch,
    resolve,
)
from universal_mcp_client.core.output import Output
from universal_mcp_client.models.local.model import LocalModel
from universal_mcp_client.models.wire import Encoded
from universal_mcp_client.testing import ScriptedModel, call
from universal_mcp_client.types.messages import Part, ResourceLink, Thinking, assistant, user

CHAT = "https://api.openai.com/v1/chat/completions"
RESPONSES = "https://api.openai.com/v1/responses"
MESSAGES = "https://api.anthropic.com/v1/messages"
WEATHER = ToolSpec(
    name="weather",
    description="The weather",
    input_schema={
        "type": "object",
        "properties": {"city": {"type": "string"}, "days": {"type": "integer", "default": 3}},
        "required": ["city"],
    },
)
NO_PARAMETERS = ToolSpec(name="now")
OLDER_CLAUDE = "anthropic:claude-sonnet-4-5"
MODELS = (
    "openai:gpt-4o",
    "openai:gpt-5",
    "openai:gpt-4o-audio-preview",
    "openai-responses:gpt-4o",
    "openai-responses:gpt-5.1",
    "anthropic:claude-sonnet-5",
    OLDER_CLAUDE,
    "anthropic:claude-3-haiku-20240307",
)


@pytest.fixture(autouse=True)
def keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-openai")
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-anthropic")


def body(name: str | Any, *messages: Message, **request: Any) -> dict[str, Any]:
    """What a model's adapter would send."""
    model: Any = resolve(name) if isinstance(name, str) else name
    found: dict[str, Any] = json.loads(
        model._body(ModelRequest(messages=messages or (user("hi"),), **request)),
        object_pairs_hook=_once,
    )
    return found


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    assert len({key for key, _ in pairs}) == len(pairs), "a key is written twice"
    return dict(pairs)


def wire(name: str) -> str:
    return name.partition(":")[0]


def settings(**given: Any) -> ModelSettings:
    return ModelSettings(**given)


PARTS: Sequence[Part] = (
    Text(text="look"),
    Image(data=b"x"),
    Image(data=b"x", media_type="image/tiff"),
    Image(url="https://example.com/a.png"),
    Audio(media_type="audio/wav", data=b"x"),
    Audio(media_type="audio/mpeg", data=b"x"),
    Audio(media_type="audio/flac", data=b"x"),
    File(media_type="application/pdf", data=b"x", name="a.pdf"),
    File(media_type="text/csv", data=b"a,b"),
    ResourceLink(uri="file:///a", name="a", description="what it is"),
)
CALLS = Message(
    role="assistant",
    parts=(
        Thinking(text="hm"),
        Text(text="I look."),
        ToolCall(id="c1", name="weather", arguments={"city": "Oslo"}),
        ToolCall(id="c2|x", name="weather", invalid="{cut o"),
        ToolCall(id="c3", name="now"),
    ),
)
RESULTS = Message(
    role="tool",
    parts=(
        ToolResult(call_id="c1", content=cast(Any, tuple(PARTS))),
        ToolResult(call_id="c2|x", content=(Text(text="no"),), is_error=True),
        ToolResult(call_id="c3", structured_content={"now": 1}),
    ),
)
CONVERSATIONS: Sequence[Sequence[Message]] = (
    *((user([part]),) for part in PARTS),
    (user(list(PARTS)),),
    (user(""),),
    (Message(role="system", parts=(Text(text="Be kind."),)), user("hi")),
    (user("hi"), assistant("hello"), user("and?")),
    (user("hi"), assistant(""), user("and?")),
    (user("hi"), Message(role="assistant"), user("and?")),
    (user("hi"), CALLS, RESULTS),
    (user("hi"), CALLS, RESULTS, assistant("Sunny."), user("and?")),
)
SETTINGS = (
    settings(),
    settings(temperature=0.5),
    settings(top_p=0.5),
    settings(temperature=0, top_p=0.5, max_tokens=700, stop=("END",), seed=3),
    *(settings(reasoning=level) for level in ("none", "minimal", "low", "medium", "high", "max")),
    *(settings(thinking=asked) for asked in (True, False, 5_000, 0)),
    settings(reasoning="high", temperature=1, tool_choice="required", parallel_tool_calls=False),
    settings(tool_choice="weather", parallel_tool_calls=True),
    settings(tool_choice="none"),
    settings(service_tier="auto", cache="1h", cache_key="tenant"),
    settings(cache=False),
    settings(extra={"metadata": {"user_id": "a"}}, extra_body={"service_tier": "auto"}),
)
TOOLS: Sequence[Sequence[ToolSpec]] = ((), (WEATHER, NO_PARAMETERS))
FORMS = (
    None,
    {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]},
    {"type": "object", "additionalProperties": True},
)


def test_none_leaves_a_setting_as_it_is() -> None:
    names = ("headers", "extra", "extra_body", "tool_choice", "stop")
    assert settings(**dict.fromkeys(names)) == settings()
    assert settings(stall_timeout=None).stall_timeout is None


class TestTheSdksTypes:
    """The test that shows what a new SDK changed: 5,568 bodies against its own TypedDicts."""

    @pytest.mark.parametrize("strict", [False, True])
    @pytest.mark.parametrize("name", MODELS)
    def test_every_body_is_one_that_the_sdk_knows(self, name: str, strict: bool) -> None:
        model = resolve(name, strict_tools=strict)
        bodies = 0
        wrong: dict[str, Any] = {}
        for request in self._requests():
            sent = body(model, **request) if "messages" not in request else body(
                model, *request.pop("messages"), **request
            )  # fmt: skip
            bodies += 1
            if name.startswith("anthropic:claude-") and model.profile.sampling != "never":
                # Anthropic's API takes them of its older models still, which its types don't say.
                sent.pop("temperature", None), sent.pop("top_p", None)
            if found := problems(wire(name), sent):
                wrong[found[0]] = (found[:5], sent)
        assert not wrong
        assert bodies == 348

    @staticmethod
    def _requests() -> Iterator[dict[str, Any]]:
        for messages, (tools, form) in product(CONVERSATIONS, product(TOOLS, FORMS)):
            yield {"messages": messages, "tools": tools, "output_schema": form}
        for given, (tools, form) in product(SETTINGS, product(TOOLS, FORMS)):
            for instructions in ("", "Be brief."):
                yield {
                    "settings": given,
                    "tools": tools,
                    "output_schema": form,
                    "instructions": instructions,
                }

    @pytest.mark.parametrize(
        ("name", "can"),
        [
            ("openai:gpt-5", True),
            ("openai-responses:gpt-5", True),
            ("anthropic:claude-sonnet-5", True),
            ("anthropic:claude-3-haiku-20240307", False),
        ],
    )
    def test_a_tool_is_strict_by_its_own_word_or_by_the_models(self, name: str, can: bool) -> None:
        for by_default, said, strict in (
            (True, None, can),
            (False, True, can),
            (True, False, False),
        ):
            tool = replace(WEATHER, strict=said)
            made = body(resolve(name, strict_tools=by_default), tools=(tool,))["tools"][0]
            made = made.get("function", made)
            schema = made.get("parameters") or made["input_schema"]
            assert bool(made.get("strict")) is strict
            assert (schema["required"] == ["city", "days"]) is strict
        loose = ToolSpec(
            name="n",
            strict=True,
            input_schema={"type": "object", "properties": {"n": {"type": "integer", "minimum": 1}}},
        )
        made = body(name, tools=(loose,))["tools"][0]
        assert bool(made.get("function", made).get("strict")) is (wire(name) != "anthropic")

    @pytest.mark.parametrize("name", ["openai-responses:gpt-5", "anthropic:claude-sonnet-5"])
    def test_bodies_with_the_providers_own_tools_too(self, name: str) -> None:
        for tools in TOOLS:
            for hosted in (
                WebSearch(),
                WebSearch(max_uses=3, allowed_domains=("example.com",)),
                CodeExecution(),
            ):
                given = settings(tool_choice="required", thinking=True)
                sent = body(name, tools=tools, hosted_tools=(hosted,), settings=given)
                assert problems(wire(name), sent) == []
                assert wire(name) != "anthropic" or "thinking" not in sent
                assert len(sent["tools"]) == len(tools) + 1 and "tool_choice" in sent

    def test_the_helper_itself_finds_an_unknown_key_at_any_depth(self) -> None:
        good = body("openai:gpt-4o", user([Text(text="a"), Image(data=b"x")]))
        assert problems("openai", good) == []
        good["messages"][0]["content"][1]["image_url"]["sharp"] = True
        assert any("sharp" in found for found in problems("openai", good))


class TestSettings:
    @pytest.mark.parametrize(
        ("given", "told"),
        [
            ({"temperature": 0}, "ModelSettings(temperature=0)"),
            ({"headers": {"Authorization": "Bearer secret"}}, "ModelSettings(...)"),
            ("temperature=0", "not str"),
        ],
    )
    def test_what_is_no_settings_is_an_error_that_says_how_to_write_them(
        self, given: Any, told: str
    ) -> None:
        with pytest.raises(ConfigError) as raised:
            ModelSettings.of(given, "agent 'clerk'")
        assert "agent 'clerk'" in str(raised.value) and told in str(raised.value)
        assert "secret" not in str(raised.value)

    def test_settings_and_none_are_taken(self) -> None:
        given = settings(temperature=0)
        assert ModelSettings.of(given, "here") is given
        assert ModelSettings.of(None, "here") == ModelSettings()

    def test_one_word_to_stop_at_is_one_word_and_not_its_letters(self) -> None:
        assert body("openai:gpt-4o", settings=settings(stop="END"))["stop"] == ["END"]

    @pytest.mark.parametrize(
        ("name", "choice"),
        [
            ("openai:gpt-5", {"type": "function", "function": {"name": "weather"}}),
            ("openai-responses:gpt-5", {"type": "function", "name": "weather"}),
            ("anthropic:claude-sonnet-5", {"type": "tool", "name": "weather"}),
        ],
    )
    def test_a_tool_can_be_chosen_by_name(self, name: str, choice: Any) -> None:
        sent = body(name, tools=(WEATHER,), settings=settings(tool_choice="weather"))
        assert sent["tool_choice"] == choice

    @pytest.mark.parametrize(("choice", "shown"), [("now", ["now"]), ("none", [])])
    async def test_the_embedded_model_is_shown_the_tool_that_was_chosen(
        self, choice: str, shown: list[str]
    ) -> None:
        class Engine:
            async def stream(self, body: dict[str, Any]) -> AsyncGenerator[dict[str, Any]]:
                asked.append(body)
                yield {"choices": [{"delta": {"content": "hm"}, "finish_reason": "stop"}]}

        asked: list[dict[str, Any]] = []
        model: Any = LocalModel("any")
        model._engine = Engine()
        chosen = settings(tool_choice=choice)
        await _completion(model, user("hi"), tools=(WEATHER, NO_PARAMETERS), settings=chosen)
        assert [t["function"]["name"] for t in asked[0].get("tools", ())] == shown
        with pytest.raises(ConfigError, match="local:any: WebSearch"):
            await _completion(model, user("hi"), hosted_tools=(WebSearch(),))

    @pytest.mark.parametrize(
        ("name", "given", "told"),
        [
            ("anthropic:claude-sonnet-5", {"temperature": 0}, "temperature"),
            (OLDER_CLAUDE, {"temperature": 0, "thinking": True}, "temperature"),
            (OLDER_CLAUDE, {"temperature": 0, "top_p": 0.5}, "top_p"),
            (OLDER_CLAUDE, {"thinking": True, "max_tokens": 500}, "thinking"),
            ("anthropic:claude-sonnet-5", {"seed": 1}, "seed"),
            ("anthropic:claude-sonnet-5", {"service_tier": "flex"}, "service_tier"),
            ("openai:gpt-5", {"temperature": 0}, "temperature"),
            ("openai:o3", {"top_p": 0.1}, "top_p"),
            ("openai:gpt-6.1-sol", {"top_p": 0.1}, "top_p"),
            ("openai-responses:gpt-4o", {"stop": ("END",)}, "stop"),
        ],
    )
    def test_what_a_model_does_not_take_is_left_out_and_said_once(
        self, name: str, given: Any, told: str, caplog: pytest.LogCaptureFixture
    ) -> None:
        model = resolve(name)
        for _ in range(3):
            sent = body(model, settings=settings(**given))
            assert told not in sent
        (record,) = caplog.records
        assert record.levelno == logging.WARNING
        assert record.message.startswith(f"{name}: the setting {told} is left out: ")

    @pytest.mark.parametrize(
        ("name", "given"),
        [
            (OLDER_CLAUDE, {"temperature": 0}),
            ("openai:gpt-5.1", {"temperature": 0, "reasoning": "none"}),
            ("openai:gpt-5-chat-latest", {"temperature": 0}),
        ],
    )
    def test_what_it_takes_is_sent(self, name: str, given: Any) -> None:
        assert body(name, settings=settings(**given))["temperature"] == 0

    @pytest.mark.parametrize(
        ("name", "asked", "expected"),
        [
            ("openai:gpt-5", "high", {"reasoning_effort": "high"}),
            ("openai:gpt-5", 5_000, {"reasoning_effort": "medium"}),
            ("openai:gpt-5", False, {"reasoning_effort": "none"}),
            (
                "openai-responses:gpt-5",
                True,
                {"reasoning": {"effort": "medium", "summary": "auto"}},
            ),
            ("anthropic:claude-sonnet-5", 100_000, {"output_config": {"effort": "max"}}),
            ("anthropic:claude-sonnet-5", 0, {"thinking": {"type": "disabled"}}),
            (OLDER_CLAUDE, 5_000, {"thinking": {"type": "enabled", "budget_tokens": 5_000}}),
            (OLDER_CLAUDE, "low", {"thinking": {"type": "enabled", "budget_tokens": 2_048}}),
        ],
    )
    def test_thinking_is_a_level_or_a_budget_whatever_the_model_knows(
        self, name: str, asked: Any, expected: dict[str, Any]
    ) -> None:
        assert expected.items() <= body(name, settings=settings(thinking=asked)).items()

    def test_the_cache_can_be_kept_longer_or_left_alone(self) -> None:
        long = body("anthropic:claude-sonnet-5", settings=settings(cache="1h"), instructions="x")
        assert long["system"][0]["cache_control"] == {"type": "ephemeral", "ttl": "1h"}
        none = body("anthropic:claude-sonnet-5", settings=settings(cache=False), instructions="x")
        assert "cache_control" not in json.dumps(none)
        openai = body("openai:gpt-5", settings=settings(cache="1h", cache_key="tenant 7"))
        assert openai["prompt_cache_retention"] == "24h"
        assert openai["prompt_cache_key"] == "tenant 7"
        assert "prompt_cache_retention" not in body("openai:gpt-4o", settings=settings(cache="1h"))

    @pytest.mark.parametrize(
        "given",
        [
            {"extra": {"user": "a"}, "extra_body": {"user": "b"}},
            {"reasoning": "low", "thinking": 2_000},
            {"thinking": -1},
            {"headers": {"X-Bad": "a\r\nX-Other: b"}},
            {"headers": {"X Bad": "a"}},
            {"headers": {"a": 1}},
            {"thinking": "hihg"},
            {"reasoning": "hihg"},
            {"cache": "2h"},
            {"max_tokens": "many"},
            {"stop": 5},
            {"timeout": "long"},
            {"extra": [1]},
            {"tool_choice": print},
            {"parallel_tool_calls": "perhaps"},
            {"timeout": -1},
            {"retries": -1},
            {"temperature": "warm"},
        ],
    )
    def test_settings_that_make_no_sense_are_errors_at_once(self, given: Any) -> None:
        with pytest.raises(ConfigError):
            settings(**given)
        with pytest.raises(ConfigError, match=r"agent\.md"):
            ModelSettings.parse(given, "agent.md")

    async def test_headers_go_with_the_request_and_into_no_log(
        self, httpx2_mock: respx.Router, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.DEBUG)
        given = settings(headers={"X-Tenant": "secret-7"}, retries=0)
        assert "secret-7" not in repr(given)
        for name, url in (("openai:gpt-5", CHAT), ("anthropic:claude-sonnet-5", MESSAGES)):
            route = httpx2_mock.post(url).mock(return_value=respx.MockResponse(400, json={}))
            model = resolve(name)
            with pytest.raises(Exception, match=name):
                await _completion(model, user("hi"), settings=given)
            await model.aclose()
            assert route.calls[0].request.headers["x-tenant"] == "secret-7"
        assert "secret-7" not in caplog.text


class TestExtra:
    @pytest.mark.parametrize("name", MODELS)
    def test_its_tools_come_behind_the_agents_and_no_key_is_written_twice(self, name: str) -> None:
        own = {"type": "custom", "name": "mine"}
        sent = body(name, tools=(WEATHER,), settings=settings(extra={"tools": [own]}))
        assert len(sent["tools"]) == 2 and sent["tools"][1] == own

    def test_its_objects_are_put_into_ours(self) -> None:
        form = FORMS[1]
        sent = body(
            "openai-responses:gpt-5",
            output_schema=form,
            settings=settings(
                extra={"text": {"verbosity": "low"}, "include": ["file_search_call.results"]},
                extra_body={"truncation": "auto"},
            ),
        )
        assert sent["text"]["verbosity"] == "low" and sent["text"]["format"]
        assert sent["include"] == ["reasoning.encrypted_content", "file_search_call.results"]
        assert sent["truncation"] == "auto"

    @pytest.mark.parametrize(
        ("name", "key"),
        [
            ("openai:gpt-5", "messages"),
            ("openai-responses:gpt-5", "input"),
            ("anthropic:claude-sonnet-5", "messages"),
            ("anthropic:claude-sonnet-5", "system"),
            *((name, key) for name in MODELS for key in ("model", "stream")),
        ],
    )
    def test_what_we_write_is_refused_by_name(self, name: str, key: str) -> None:
        with pytest.raises(ConfigError, match=f"{name}.*'{key}'"):
            body(name, settings=settings(extra_body={key: "x"}))

    @pytest.mark.parametrize("value", [{"a": {1, 2}}, {"tools": {"a": 1}}, {"tools": ["a"]}])
    def test_what_is_no_json_or_no_tool_is_an_error(self, value: Any) -> None:
        with pytest.raises(ConfigError, match="extra"):
            body("openai:gpt-5", settings=settings(extra=value))


class TestHostedTools:
    def test_each_wire_has_its_own_words(self) -> None:
        search = WebSearch(max_uses=3, allowed_domains=("example.com",))
        sent = body("anthropic:claude-sonnet-5", hosted_tools=(search, CodeExecution()))
        assert [tool["name"] for tool in sent["tools"]] == ["web_search", "code_execution"]
        assert sent["tools"][0]["max_uses"] == 3
        sent = body("openai-responses:gpt-5", hosted_tools=(search,))
        assert sent["max_tool_calls"] == 3
        assert sent["tools"][0]["filters"] == {"allowed_domains": ["example.com"]}
        files = FileSearch("vs_1", max_results=5)
        assert files == FileSearch(vector_store_ids=["vs_1"], max_results=5)
        assert WebSearch(allowed_domains="example.com") == WebSearch(
            allowed_domains=("example.com",)
        )
        sent = body("openai-responses:gpt-5", hosted_tools=(CodeExecution(), files))
        assert problems("openai-responses", sent) == []
        sent = body("openai:gpt-5-search-api", hosted_tools=(WebSearch(),))
        assert sent["web_search_options"] == {} and problems("openai", sent) == []

    @pytest.mark.parametrize(
        ("name", "tools", "told"),
        [
            ("openai:gpt-5", (WebSearch(),), "WebSearch.*Chat Completions"),
            ("openai:gpt-5-search-api", (WebSearch(max_uses=1),), "WebSearch.*Chat Completions"),
            ("ollama:qwen3", (CodeExecution(),), "CodeExecution.*Chat Completions"),
            ("anthropic:claude-sonnet-5", (FileSearch(vector_store_ids=("a",)),), "FileSearch"),
            ("openai-responses:gpt-5", (WebSearch(max_uses=1), CodeExecution()), ".*max_uses"),
        ],
    )
    def test_where_there_is_none_the_error_names_the_tool_and_the_wire(
        self, name: str, tools: Any, told: str
    ) -> None:
        with pytest.raises(ConfigError, match=f"{name}: {told}"):
            body(name, hosted_tools=tools)

    async def test_what_anthropic_found_goes_back_as_it_came(
        self, httpx2_mock: respx.Router
    ) -> None:
        use = {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {}}
        page = {"type": "web_search_result", "url": "https://a", "title": "A", "encrypted_content": "E", "page_age": None}  # fmt: skip
        found = {"type": "web_search_tool_result", "tool_use_id": "srvtoolu_1", "content": [page]}
        cited = {"type": "web_search_result_location", "url": "https://a", "title": "A", "encrypted_index": "I", "cited_text": "sun"}  # fmt: skip
        route = httpx2_mock.post(MESSAGES).mock(
            return_value=_sse(
                {"type": "message_start", "message": {"usage": {"input_tokens": 1}}},
                {"type": "content_block_start", "index": 0, "content_block": use},
                {"type": "content_block_delta", "index": 0, "delta": {"type": "input_json_delta", "partial_json": '{"query": "sun"}'}},
                {"type": "content_block_start", "index": 1, "content_block": found},
                {"type": "content_block_start", "index": 2, "content_block": {"type": "text", "text": "", "citations": []}},
                {"type": "content_block_delta", "index": 2, "delta": {"type": "citations_delta", "citation": cited}},
                {"type": "content_block_delta", "index": 2, "delta": {"type": "text_delta", "text": "Sun."}},
                {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 3}},
                {"type": "message_stop"},
            )
        )  # fmt: skip
        model = resolve("anthropic:claude-sonnet-5")
        hosted = (WebSearch(),)
        said = (await _completion(model, user("?"), hosted_tools=hosted)).message
        assert said.text == "Sun."
        await _completion(model, user("?"), said, user("and?"), hosted_tools=hosted)
        await model.aclose()
        sent = json.loads(route.calls[1].request.content)
        assert problems("anthropic", sent) == []
        assert sent["messages"][1]["content"] == [
            use | {"input": {"query": "sun"}},
            found,
            {"type": "text", "text": "Sun.", "citations": [cited]},
        ]

    async def test_what_openai_said_and_found_goes_back_as_it_came(
        self, httpx2_mock: respx.Router
    ) -> None:
        action = {"type": "search", "query": "sun"}
        items: list[dict[str, Any]] = [
            {"type": "web_search_call", "id": "ws_1", "status": "completed", "action": action},
            {"type": "message", "id": "msg_1", "role": "assistant", "status": "completed", "content": [
                {"type": "output_text", "text": "Sun.", "annotations": []},
                {"type": "output_text", "text": " Much.", "annotations": []},
            ]},
        ]  # fmt: skip
        route = httpx2_mock.post(RESPONSES).mock(
            return_value=_sse(
                {"type": "response.completed", "response": {"status": "completed", "output": items}}
            )
        )
        model = resolve("openai-responses:gpt-5")
        said = (await _completion(model, user("?"), hosted_tools=(WebSearch(),))).message
        assert said.text == "Sun. Much."
        await _completion(model, user("?"), said, user("and?"), hosted_tools=(WebSearch(),))
        await model.aclose()
        sent = json.loads(route.calls[1].request.content)
        assert problems("openai-responses", sent) == []
        assert sent["input"][1:3] == items

    async def test_an_agent_takes_them_among_its_tools(self) -> None:
        def add(a: int, b: int) -> int:
            return a + b

        search = WebSearch(max_uses=1)
        model = ScriptedModel(call("add", a=1, b=2), "It is 3.")
        await Agent(model, tools=[add, search]).run("?")
        assert [request.hosted_tools for request in model.requests] == [(search,), (search,)]
        assert [spec.name for spec in model.requests[0].tools] == ["add"]
        with pytest.raises(ConfigError, match="openai:gpt-5: WebSearch"):
            await Agent("openai:gpt-5", tools=[search]).run("?")

    @pytest.mark.parametrize("name", ["openai-responses:gpt-5", "anthropic:claude-sonnet-5"])
    def test_a_text_that_was_changed_since_is_sent_as_it_is_now(self, name: str) -> None:
        item = {"type": "message", "id": "m", "status": "completed", "role": "assistant", "content": [{"type": "output_text", "text": "secret", "annotations": []}]}  # fmt: skip
        kept = {"openai-responses": item, "anthropic": {"type": "text", "text": "secret"}}
        said = Message(role="assistant", parts=(Text(text="[hidden]", provider_data=kept),))
        assert "secret" not in json.dumps(body(name, user("?"), said, user("and?")))


class TestWhatIsWrittenOnce:
    @staticmethod
    def _counting(room: int) -> tuple[Encoded[Message], list[str]]:
        written: list[str] = []

        def wire(message: Message) -> Any:
            written.append(message.text)
            return message.text

        return Encoded(wire, room), written

    def test_a_session_of_ten_thousand_messages_writes_what_is_new(self) -> None:
        encoded, written = self._counting(64_000_000)
        history = [user(f"{number}") for number in range(10_000)]
        encoded(history)
        written.clear()
        for turn in range(5):
            history.append(user(f"new {turn}"))
            assert len(encoded(history)) == len(history)
        assert written == [f"new {turn}" for turn in range(5)]

    @pytest.mark.parametrize("name", ["openai:gpt-5", "openai-responses:gpt-5"])
    def test_so_does_a_model(self, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
        from universal_mcp_client.models import wire as module

        model = resolve(name)
        history = [user(f"{number}") for number in range(5_000)]
        body(model, *history, tools=(WEATHER,))
        written: list[object] = []
        real = module.encode
        monkeypatch.setattr(module, "encode", lambda v: (written.append(v), real(v))[1])
        body(model, *history, assistant("hi"), user("more"), tools=(WEATHER,))
        assert len(written) == 3  # the two that are new, and the fields beside them

    def test_of_a_conversation_larger_than_the_room_the_excess_alone_is_written_again(self) -> None:
        encoded, written = self._counting(1_000)
        history = [user("x" * 8) for _ in range(150)]  # of ten bytes as JSON
        encoded(history)
        for _ in range(3):
            written.clear()
            encoded(history)
            assert len(written) == 50

    def test_sessions_in_turn_share_the_room(self) -> None:
        encoded, written = self._counting(1_000)
        mine, yours = ([user("x" * 8) for _ in range(60)] for _ in range(2))
        encoded(mine), encoded(yours)
        for session in (mine, yours) * 3:
            written.clear()
            encoded(session)
            assert len(written) == 20  # what is too much for the room, not all of it

    def test_nothing_is_kept_of_a_session_that_is_gone(self) -> None:
        encoded, _ = self._counting(1_000)
        history = [user("x" * 8) for _ in range(50)]
        watched = ref(history[0])
        encoded(history)
        assert encoded._size == 500
        del history
        gc.collect()
        assert watched() is None and encoded._size == 0 and not encoded._kept


class Colour(Enum):
    RED = "red"


class Birthday(BaseModel):
    model_config = ConfigDict(strict=True)
    day: date
    colour: Colour
    pair: tuple[int, str]


def test_a_strict_model_with_dates_takes_an_answer() -> None:
    value, plain = Output(Birthday).parse(
        '{"day": "2026-11-26", "colour": "red", "pair": [1, "a"]}'
    )
    assert value == Birthday(day=date(2026, 11, 26), colour=Colour.RED, pair=(1, "a"))
    assert plain["day"] == "2026-11-26"
    with pytest.raises(ValueError, match="day"):
        Output(Birthday).parse('{"day": 20261126, "colour": "red", "pair": [1, "a"]}')


async def _completion(model: Any, *messages: Message, **request: Any) -> Completion:
    events = [e async for e in model.stream(ModelRequest(messages=messages, **request))]
    assert isinstance(events[-1], Completion)
    return events[-1]


def _sse(*events: dict[str, Any]) -> respx.MockResponse:
    text = "".join(f"event: {e['type']}\ndata: {json.dumps(e)}\n\n" for e in events)
    return respx.MockResponse(200, headers={"content-type": "text/event-stream"}, text=text)
