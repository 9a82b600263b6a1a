"""Anthropic Messages.

Source: https://platform.claude.com/docs/en/api/messages
"""

import json
import os
import re
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

from universal_mcp_client.models.base import ModelRequest, ModelSettings, Profile
from universal_mcp_client.models.calls import (
    b64,
    describe,
    own,
    result_text,
    sendable,
    tool_call,
    tool_calls,
)
from universal_mcp_client.models.dialects import function_specs
from universal_mcp_client.models.failures import from_status, translated
from universal_mcp_client.models.retry import retrying, without_completion
from universal_mcp_client.models.stream import (
    HEADERS,
    bounded,
    count_of,
    excerpt,
    listen,
    mapping_of,
    text_of,
)
from universal_mcp_client.models.strict import to_strict
from universal_mcp_client.models.wire import Encoded, body, encode
from universal_mcp_client.startup import importing
from universal_mcp_client.types.errors import ModelAuthenticationError
from universal_mcp_client.types.events import (
    Completion,
    ModelEvent,
    StopReason,
    TextDelta,
    ThinkingDelta,
)
from universal_mcp_client.types.messages import (
    File,
    Image,
    Message,
    Part,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
)
from universal_mcp_client.types.tools import JSONSchema, ToolSpec
from universal_mcp_client.types.usage import Usage

if TYPE_CHECKING:
    from anthropic import AsyncAnthropic

WIRE = "anthropic"
KEY = "ANTHROPIC_API_KEY"
_URL = "https://api.anthropic.com"
_CACHED = {"cache_control": {"type": "ephemeral"}}
_ID = re.compile(r"[^a-zA-Z0-9_-]")
_BUDGETS = {"minimal": 1_024, "low": 2_048, "medium": 8_192, "high": 16_384}
_IMAGES = ("image/png", "image/jpeg", "image/gif", "image/webp")
_STOP: dict[str, StopReason] = {
    "end_turn": "end_turn",
    "tool_use": "tool_use",
    "max_tokens": "max_tokens",
    "model_context_window_exceeded": "max_tokens",
    "stop_sequence": "stop_sequence",
    "pause_turn": "pause",
    "refusal": "refusal",
}


class Anthropic:
    """One Claude model. Cache breakpoints stand behind the system prompt (and with it the tools)
    and behind the last two messages that are not the model's own."""

    def __init__(
        self,
        model: str,
        profile: Profile,
        *,
        api_key: str | None = None,
        base_url: str | None = None,
        client: "AsyncAnthropic | None" = None,
    ) -> None:
        self.model = model
        self.name = f"anthropic:{model}"
        self.profile = profile
        self._api_key = api_key or os.environ.get(KEY)
        self._token = os.environ.get("ANTHROPIC_AUTH_TOKEN")
        self._base_url = base_url or os.environ.get("ANTHROPIC_BASE_URL") or _URL
        self._client = client
        self._owned = client is None
        self._messages = Encoded[Message](lambda m: to_wire(m, profile), size=4_096)
        self._tools = Encoded[Sequence[ToolSpec]](
            lambda specs: function_specs(specs, "anthropic"), size=8
        )

    def stream(self, request: ModelRequest) -> AsyncGenerator[ModelEvent]:
        return retrying(lambda: self._attempt(request), request.settings.retries)

    async def _attempt(self, request: ModelRequest) -> AsyncGenerator[ModelEvent]:
        with importing():
            import anthropic

        client = self._open()
        answer = Answer(self.name)
        with translated(anthropic, self.name, self._base_url, KEY):
            stream = await client.post(
                "/v1/messages",
                cast_to=object,
                content=self._body(request),
                options={"headers": HEADERS, "timeout": request.settings.timeout},
                stream=True,
                stream_cls=anthropic.AsyncStream[object],
            )
            async with aclosing(listen(stream, answer, request.settings, self.name, KEY)) as events:
                async for event in events:
                    yield event

    def _open(self) -> "AsyncAnthropic":
        if self._client is None:
            from anthropic import AsyncAnthropic, DefaultAsyncHttpxClient

            if not self._api_key and not self._token and self._base_url.rstrip("/") == _URL:
                raise ModelAuthenticationError(
                    f"{self.name} needs an API key: set {KEY}, or choose another model with "
                    "--model (`umcp models` lists what there is).",
                    model=self.name,
                )
            self._client = AsyncAnthropic(
                api_key=self._api_key or (None if self._token else "none"),
                auth_token=self._token,
                base_url=self._base_url,
                max_retries=0,
                http_client=DefaultAsyncHttpxClient(event_hooks={"response": [bounded]}),
            )
        return self._client

    def _body(self, request: ModelRequest) -> bytes:
        settings = request.settings
        fields: dict[str, Any] = {
            "model": self.model,
            "stream": True,
            "max_tokens": settings.max_tokens or self.profile.max_output_tokens,
            "temperature": settings.temperature,
            "top_p": settings.top_p,
            "stop_sequences": list(settings.stop) or None,
            **_thinking(settings, self.profile),
        }
        if request.instructions:
            fields["system"] = [{"type": "text", "text": request.instructions, **_CACHED}]
        if request.output_schema is not None and (form := self._format(request.output_schema)):
            fields["output_config"] = dict(fields.get("output_config") or {}) | {"format": form}
        arrays: dict[str, Sequence[bytes] | bytes] = {}
        if request.tools:
            choice: dict[str, Any] = {
                "type": {"auto": "auto", "required": "any", "none": "none"}[settings.tool_choice]
            }
            if settings.parallel_tool_calls is False and choice["type"] != "none":
                choice["disable_parallel_tool_use"] = True
            if choice != {"type": "auto"}:
                fields["tool_choice"] = choice
            arrays["tools"] = self._tools(request.tools)
        fields = {k: v for k, v in fields.items() if v is not None} | dict(settings.extra)
        return body(fields, arrays | {"messages": self._conversation(request.messages)})

    def _format(self, schema: JSONSchema) -> dict[str, Any] | None:
        strict = to_strict(schema) if self.profile.native_output else None
        return {"type": "json_schema", "schema": strict} if strict else None

    def _conversation(self, messages: Sequence[Message]) -> list[bytes]:
        ours = [i for i, message in enumerate(messages) if message.role != "assistant"][-2:]
        return [
            encode(_with_breakpoint(to_wire(message, self.profile)))
            if index in ours
            else self._messages(message)
            for index, message in enumerate(messages)
        ]

    async def aclose(self) -> None:
        if self._client is not None and self._owned:
            await self._client.close()
            self._client = None


def _thinking(settings: ModelSettings, profile: Profile) -> dict[str, Any]:
    level = settings.reasoning
    if level is None:
        return {}
    if level == "none":
        return {"thinking": {"type": "disabled"}}
    if profile.effort:
        effort = "low" if level == "minimal" else level
        return {
            "thinking": {"type": "adaptive", "display": "summarized"},
            "output_config": {"effort": effort},
        }
    limit = settings.max_tokens or profile.max_output_tokens
    budget = max(1_024, min(_BUDGETS[level], limit - 1_024))
    return {"thinking": {"type": "enabled", "budget_tokens": budget}}


def _with_breakpoint(message: dict[str, Any]) -> dict[str, Any]:
    content = list(message["content"])
    if content and content[-1].get("type") in ("text", "image", "document", "tool_result"):
        content[-1] = content[-1] | _CACHED
    return message | {"content": content}


def to_wire(message: Message, profile: Profile) -> dict[str, Any]:
    """Our message as the API's; tool results are the user's there."""
    role = "assistant" if message.role == "assistant" else "user"
    blocks = [block for part in message.parts if (block := _block(part, profile))]
    return {"role": role, "content": blocks or [{"type": "text", "text": "(empty)"}]}


def _block(part: Part, profile: Profile) -> dict[str, Any] | None:
    match part:
        case Text():
            return {"type": "text", "text": part.text} if part.text.strip() else None
        case Thinking():
            return own(part.provider_data, WIRE) or None  # with its signature, or not at all
        case ToolCall():
            return {
                "type": "tool_use",
                "id": _ID.sub("_", part.id),
                "name": part.name,
                "input": dict(part.arguments),
            }
        case ToolResult():
            return _result(part, profile)
        case _:
            return _attachment(part, profile) or {"type": "text", "text": describe(part)}


def _result(result: ToolResult, profile: Profile) -> dict[str, Any]:
    attached = {id(p): block for p in result.content if (block := _attachment(p, profile))}
    text = result_text(result, lambda part: id(part) in attached)
    out: dict[str, Any] = {
        "type": "tool_result",
        "tool_use_id": _ID.sub("_", result.call_id),
        "content": [{"type": "text", "text": text}, *attached.values()] if attached else text,
    }
    if result.is_error:
        out["is_error"] = True
    return out


def _attachment(part: Part, profile: Profile) -> dict[str, Any] | None:
    match part:
        case Image() if profile.images and part.url:
            return {"type": "image", "source": {"type": "url", "url": part.url}}
        case Image() if profile.images and part.media_type in _IMAGES:
            return {"type": "image", "source": _source(part.media_type, part.data or b"")}
        case File() if profile.files and part.media_type == "application/pdf":
            return {
                "type": "document",
                "title": part.name,
                "source": _source(part.media_type, part.data),
            }
        case _:
            return None


def _source(media_type: str, data: bytes) -> dict[str, Any]:
    return {"type": "base64", "media_type": media_type, "data": b64(data)}


class Answer:
    """The events of one answer, put together."""

    def __init__(self, model: str) -> None:
        self.size = 0
        self._model = model
        self._blocks: dict[int, dict[str, Any]] = {}
        self._pieces: dict[int, list[str]] = {}
        self._usage: dict[str, Any] = {}
        self._stop: str | None = None

    def feed(self, event: Mapping[str, Any]) -> Sequence[ModelEvent]:
        """See `models.stream.Answer`."""
        match event.get("type"):
            case "message_start":
                self._usage |= mapping_of(event["message"].get("usage"))
            case "content_block_start":
                index, block = event["index"], dict(event["content_block"])
                self._blocks[index] = block
                self._pieces[index] = []
                self.size += 1
                if block.get("type") == "text" and block.get("text"):
                    return self._more(index, TextDelta(text=text_of(block["text"])))
            case "content_block_delta":
                return self._delta(event["index"], event["delta"])
            case "message_delta":
                if stop := event["delta"].get("stop_reason"):
                    self._stop = text_of(stop)
                given = mapping_of(event.get("usage"))
                self._usage |= {k: v for k, v in given.items() if v is not None}
            case "error" | None if error := event.get("error"):
                raise from_status(self._model, None, event, {}, excerpt(error), KEY)
            case _:
                pass
        return ()

    def _delta(self, index: int, delta: Mapping[str, Any]) -> Sequence[ModelEvent]:
        match delta.get("type"):
            case "text_delta":
                return self._more(index, TextDelta(text=text_of(delta["text"])))
            case "thinking_delta":
                return self._more(index, ThinkingDelta(text=text_of(delta["thinking"])))
            case "input_json_delta":
                self._pieces[index].append(text_of(delta["partial_json"]))
                self.size += len(delta["partial_json"])
            case "signature_delta":
                self._blocks[index]["signature"] = text_of(delta["signature"])
            case _:
                pass
        return ()

    def _more(self, index: int, delta: TextDelta | ThinkingDelta) -> Sequence[ModelEvent]:
        self._pieces[index].append(delta.text)
        self.size += len(delta.text)
        return (delta,)

    def completion(self) -> Completion:
        """The whole answer. Raises ModelUnavailable where the stream broke off."""
        if self._stop is None:
            raise without_completion(self._model)
        parts = [
            self._part(self._blocks[i], "".join(self._pieces[i])) for i in sorted(self._blocks)
        ]
        return Completion(
            message=Message(role="assistant", parts=tuple(tool_calls(parts))),
            stop_reason=_STOP.get(self._stop, "end_turn"),
            usage=_counted(self._usage),
            model=self._model,
        )

    def _part(self, block: dict[str, Any], streamed: str) -> Part:
        match block["type"]:
            case "text":
                return Text(text=sendable(streamed))
            case "tool_use":
                given = streamed or encode(block.get("input") or {}).decode()
                return tool_call(block["id"], block["name"], given)
            case "thinking":
                whole = block | {"thinking": streamed or text_of(block.get("thinking", ""))}
                return Thinking(text=sendable(whole["thinking"]), provider_data={WIRE: whole})
            case "server_tool_use" if streamed:
                return Thinking(
                    text="", provider_data={WIRE: block | {"input": json.loads(streamed)}}
                )
            case _:  # redacted thinking, results of the provider's own tools: sent back as they are
                return Thinking(text="", provider_data={WIRE: block})


def _counted(usage: Mapping[str, Any]) -> Usage:
    """Anthropic counts cached tokens beside the others; we count them among the input."""
    read = count_of(usage.get("cache_read_input_tokens"))
    written = count_of(usage.get("cache_creation_input_tokens"))
    return Usage(
        requests=1,
        input_tokens=count_of(usage.get("input_tokens")) + read + written,
        output_tokens=count_of(usage.get("output_tokens")),
        cache_read_tokens=read,
        cache_write_tokens=written,
    )
