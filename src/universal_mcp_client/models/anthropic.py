"""Anthropic Messages.

Source: https://platform.claude.com/docs/en/api/messages
"""

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from universal_mcp_client.models.adapter import Adapter
from universal_mcp_client.models.anthropic_answer import WIRE, Answer
from universal_mcp_client.models.base import PLAIN_CHOICES, ModelRequest, ModelSettings, Profile
from universal_mcp_client.models.calls import b64, describe, own, result_text
from universal_mcp_client.models.fields import merged, not_here, sampling
from universal_mcp_client.models.hosted import CodeExecution, FileSearch, HostedTool, WebSearch
from universal_mcp_client.models.strict import to_strict
from universal_mcp_client.models.wire import body, encode
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

_ID = re.compile(r"[^a-zA-Z0-9_-]")
_IMAGES = ("image/png", "image/jpeg", "image/gif", "image/webp")


class Anthropic(Adapter):
    """One Claude model. Cache breakpoints stand behind the system prompt (and with it the tools)
    and behind the last two messages that are not the model's own."""

    path = "/v1/messages"
    form = "anthropic"

    def _wire(self, message: Message) -> dict[str, Any]:
        return to_wire(message, self.profile)

    def _tool(self, spec: ToolSpec) -> dict[str, Any]:
        can = self.profile.native_output  # one ability of the models, by Anthropic's list
        return super()._tool(spec if can else replace(spec, strict=False))

    def _answer(self) -> Answer:
        return Answer(self.name, self._connection.key)

    def _body(self, request: ModelRequest) -> bytes:
        settings = request.settings
        tools = [*request.tools, *request.hosted_tools]
        forced = settings.tool_choice not in ("auto", "none") and bool(tools)
        thinks = settings.level not in (None, "none")
        fields: dict[str, Any] = {
            "model": self.model,
            "stream": True,
            "max_tokens": settings.max_tokens or self.profile.max_output_tokens,
            "stop_sequences": list(settings.stop) or None,
            "service_tier": settings.service_tier,
            **self._thinking(settings, forced),
            **sampling(settings, self.profile, thinks, self._notes),
        }
        if {"temperature", "top_p"} <= fields.keys():
            self._notes.left_out("top_p", "the model takes it or a temperature")
            del fields["top_p"]
        if settings.service_tier not in (None, "auto", "standard_only"):
            self._notes.left_out("service_tier", "Anthropic knows 'auto' and 'standard_only'")
            del fields["service_tier"]
        if settings.seed is not None:
            self._notes.left_out("seed")
        cached = _cached(settings)
        if request.instructions:
            fields["system"] = [{"type": "text", "text": request.instructions, **cached}]
        if request.output_schema is not None and (form := self._format(request.output_schema)):
            fields["output_config"] = dict(fields.get("output_config") or {}) | {"format": form}
        hosted = [encode(self._hosted(tool)) for tool in request.hosted_tools]
        if tools:
            choice: dict[str, Any] = {
                "type": "any" if settings.tool_choice == "required" else settings.tool_choice
            }
            if settings.tool_choice not in PLAIN_CHOICES:
                choice = {"type": "tool", "name": settings.tool_choice}
            if settings.parallel_tool_calls is False and choice["type"] != "none":
                choice["disable_parallel_tool_use"] = True
            if choice != {"type": "auto"}:
                fields["tool_choice"] = choice
        ours = ("model", "messages", "system", "stream")
        fields, more = merged(fields, settings, ours, self.name)
        conversation = self._conversation(request.messages, cached)
        listed = self._tools(request.tools) + hosted + more
        return body(fields, {"tools": listed, "messages": conversation})

    def _format(self, schema: JSONSchema) -> dict[str, Any] | None:
        strict = to_strict(schema) if self.profile.native_output else None
        return {"type": "json_schema", "schema": strict} if strict else None

    def _conversation(self, messages: Sequence[Message], cached: dict[str, Any]) -> list[bytes]:
        marked = [i for i, message in enumerate(messages) if message.role != "assistant"][-2:]
        out = self._messages(m for i, m in enumerate(messages) if i not in marked)
        for index in marked:
            wire = to_wire(messages[index], self.profile)
            out.insert(index, encode(_with_breakpoint(wire, cached)))
        return out

    def _thinking(self, settings: ModelSettings, forced: bool) -> dict[str, Any]:
        level = settings.level
        if level is None:
            return {}
        if level == "none":
            return {"thinking": {"type": "disabled"}}
        if forced:
            self._notes.left_out("thinking", "the model cannot think before a call it must make")
            return {}
        if self.profile.effort:
            effort = "low" if level == "minimal" else level
            return {
                "thinking": {"type": "adaptive", "display": "summarized"},
                "output_config": {"effort": effort},
            }
        room = (settings.max_tokens or self.profile.max_output_tokens) - 1_024
        if room <= 0:
            self._notes.left_out("thinking", "max_tokens leaves no room for it")
            return {}
        budget = max(1_024, min(settings.budget, room))
        return {"thinking": {"type": "enabled", "budget_tokens": budget}}

    def _hosted(self, tool: HostedTool) -> dict[str, Any]:
        # The versions that all models take which have the tool at all.
        match tool:
            case WebSearch():
                most = {"max_uses": tool.max_uses} if tool.max_uses is not None else {}
                domains = {"allowed_domains": list(tool.allowed_domains)}
                named = {"type": "web_search_20250305", "name": "web_search"}
                return named | most | (domains if tool.allowed_domains else {})
            case CodeExecution():
                return {"type": "code_execution_20250825", "name": "code_execution"}
            case FileSearch():
                raise not_here(tool, self.name, "Anthropic has none; openai-responses has.")


def _cached(settings: ModelSettings) -> dict[str, Any]:
    longer = {"ttl": "1h"} if settings.cache == "1h" else {}
    return {"cache_control": {"type": "ephemeral"} | longer} if settings.cache else {}


def _with_breakpoint(message: dict[str, Any], cached: dict[str, Any]) -> dict[str, Any]:
    content = list(message["content"])
    if content and content[-1].get("type") in ("text", "image", "document", "tool_result"):
        content[-1] = content[-1] | cached
    return message | {"content": content}


def to_wire(message: Message, profile: Profile) -> dict[str, Any]:
    """Our message as the API's; tool results are the user's there."""
    role = "assistant" if message.role == "assistant" else "user"
    blocks = [block for part in message.parts if (block := _block(part, profile))]
    return {"role": role, "content": blocks or [{"type": "text", "text": "(empty)"}]}


def _block(part: Part, profile: Profile) -> dict[str, Any] | None:
    match part:
        case Text():
            block = own(part.provider_data, WIRE)  # with what it cites, unless it was changed
            if block.get("text") != part.text:
                block = {"type": "text", "text": part.text}
            return block if part.text.strip() else None
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
                "source": {"type": "url", "url": part.url}
                if part.url
                else _source(part.media_type, part.data or b""),
            }
        case _:
            return None


def _source(media_type: str, data: bytes) -> dict[str, Any]:
    return {"type": "base64", "media_type": media_type, "data": b64(data)}
