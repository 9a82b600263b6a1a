"""Anthropic Messages.

Source: https://platform.claude.com/docs/en/api/messages
"""

import os
import re
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

from universal_mcp_client.models.anthropic_answer import KEY, WIRE, Answer
from universal_mcp_client.models.base import PLAIN_CHOICES, ModelRequest, ModelSettings, Profile
from universal_mcp_client.models.calls import (
    b64,
    describe,
    own,
    result_text,
)
from universal_mcp_client.models.dialects import function_specs
from universal_mcp_client.models.failures import translated
from universal_mcp_client.models.retry import retrying
from universal_mcp_client.models.stream import (
    HEADERS,
    bounded,
    listen,
)
from universal_mcp_client.models.strict import to_strict
from universal_mcp_client.models.wire import Encoded, body, encode
from universal_mcp_client.startup import importing
from universal_mcp_client.types.errors import ModelAuthenticationError
from universal_mcp_client.types.events import (
    ModelEvent,
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

if TYPE_CHECKING:
    from anthropic import AsyncAnthropic

_URL = "https://api.anthropic.com"
_CACHED = {"cache_control": {"type": "ephemeral"}}
_ID = re.compile(r"[^a-zA-Z0-9_-]")
_BUDGETS = {"minimal": 1_024, "low": 2_048, "medium": 8_192, "high": 16_384}
_IMAGES = ("image/png", "image/jpeg", "image/gif", "image/webp")


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
            opening = client.post(
                "/v1/messages",
                cast_to=object,
                content=self._body(request),
                options={"headers": HEADERS, "timeout": request.settings.timeout},
                stream=True,
                stream_cls=anthropic.AsyncStream[object],
            )
            async with aclosing(
                listen(opening, answer, request.settings, self.name, KEY)
            ) as events:
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
                "type": "any" if settings.tool_choice == "required" else settings.tool_choice
            }
            if settings.tool_choice not in PLAIN_CHOICES:
                choice = {"type": "tool", "name": settings.tool_choice}
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
