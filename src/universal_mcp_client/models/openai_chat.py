"""OpenAI Chat Completions, and everything that speaks it: Ollama, vLLM, llama-server, OpenRouter …

Source: https://platform.openai.com/docs/api-reference/chat
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from universal_mcp_client.models.adapter import Adapter
from universal_mcp_client.models.base import ModelRequest, Profile
from universal_mcp_client.models.calls import (
    arguments_json,
    attachments,
    b64,
    data_url,
    describe,
    json_size,
    own,
    result_text,
    sendable,
    tool_call,
    tool_calls,
    weight,
)
from universal_mcp_client.models.failures import from_status
from universal_mcp_client.models.fields import merged, not_here, sampling
from universal_mcp_client.models.hosted import WebSearch
from universal_mcp_client.models.openai_shared import chosen, counted, output_form, shared
from universal_mcp_client.models.retry import without_completion
from universal_mcp_client.models.stream import excerpt, list_of, text_of, too_many_calls
from universal_mcp_client.models.wire import Spliced, body, encode
from universal_mcp_client.types.bounds import ANSWER_CALLS, ANSWER_ITEM
from universal_mcp_client.types.events import (
    Completion,
    ModelEvent,
    StopReason,
    TextDelta,
    ThinkingDelta,
)
from universal_mcp_client.types.messages import (
    Audio,
    File,
    Image,
    Message,
    Part,
    ResourceLink,
    Text,
    Thinking,
)
from universal_mcp_client.types.usage import Usage

WIRE = "openai-chat"

_SOUNDS = {"wav": "wav", "wave": "wav", "mpeg": "mp3", "mp3": "mp3"}
_NOT_HERE = (
    "Chat Completions has none, but for a WebSearch() without bounds with OpenAI's search models "
    "(gpt-5-search-api). openai-responses and anthropic have more."
)
_STOP: dict[str, StopReason] = {
    "stop": "end_turn",
    "tool_calls": "tool_use",
    "function_call": "tool_use",
    "length": "max_tokens",
    "content_filter": "content_filter",
}


class OpenAIChat(Adapter):
    """One model behind a Chat Completions endpoint."""

    path = "/chat/completions"
    form = "openai"

    def _wire(self, message: Message) -> Spliced:
        return Spliced(to_wire(message, self.profile))

    def _answer(self) -> "Answer":
        return Answer(self.name, self._connection.key)

    def _body(self, request: ModelRequest) -> bytes:
        settings = request.settings
        fields: dict[str, Any] = {
            "model": self.model,
            "stream": True,
            "stream_options": {"include_usage": True},
            "stop": list(settings.stop) or None,
            "seed": settings.seed,
            "reasoning_effort": settings.level,
            **sampling(settings, self.profile, settings.level != "none", self._notes),
            **shared(settings, self.profile),
        }
        limit = "max_tokens" if self.profile.legacy_max_tokens else "max_completion_tokens"
        fields[limit] = settings.max_tokens
        if request.output_schema is not None and self.profile.native_output:
            form = output_form(request.output_schema)
            fields["response_format"] = {"type": "json_schema", "json_schema": form}
        for tool in request.hosted_tools:
            if tool != WebSearch() or not self.profile.web_search:
                raise not_here(tool, self.name, _NOT_HERE)
            fields["web_search_options"] = {}
        if request.tools:
            named = {"type": "function", "function": {"name": settings.tool_choice}}
            fields |= chosen(settings, named)
        fields, more = merged(fields, settings, ("model", "messages", "stream"), self.name)
        messages = self._messages(request.messages)
        if request.instructions:
            messages.insert(0, encode({"role": "system", "content": request.instructions}))
        return body(fields, {"tools": self._tools(request.tools) + more, "messages": messages})


def to_wire(message: Message, profile: Profile) -> list[dict[str, Any]]:
    """Our message as the API's: one, or for tool results one each (images follow as the user's,
    since a tool message holds text alone)."""
    match message.role:
        case "system":
            return [{"role": "system", "content": message.text}]
        case "user":
            return [{"role": "user", "content": _user_content(message.parts, profile)}]
        case "assistant":
            return [_assistant(message)]
        case "tool":

            def attached(part: Part) -> bool:
                return isinstance(part, Image) and profile.images

            out: list[dict[str, Any]] = [
                {"role": "tool", "tool_call_id": r.call_id, "content": result_text(r, attached)}
                for r in message.tool_results
            ]
            if images := attachments(message.tool_results, attached):
                intro = {"type": "text", "text": "The attachments of the tool results above:"}
                content = [intro, *(_content(part, profile) for part in images)]
                out.append({"role": "user", "content": content})
            return out


def _assistant(message: Message) -> dict[str, Any]:
    out: dict[str, Any] = {"role": "assistant", "content": message.text or None}
    if calls := message.tool_calls:
        out["tool_calls"] = [
            {
                "id": call.id,
                "type": "function",
                "function": {"name": call.name, "arguments": arguments_json(call)},
                **own(call.provider_data, WIRE),
            }
            for call in calls
        ]
    elif out["content"] is None:
        out["content"] = ""
    for part in message.parts:
        if isinstance(part, Thinking):
            out |= own(part.provider_data, WIRE)
    return out


def _user_content(parts: Sequence[Part], profile: Profile) -> str | list[dict[str, Any]]:
    if all(isinstance(part, Text | ResourceLink) for part in parts):
        return "\n".join(describe(part) for part in parts)
    return [_content(part, profile) for part in parts]


def _content(part: Part, profile: Profile) -> dict[str, Any]:
    match part:
        case Image() if profile.images:
            return {"type": "image_url", "image_url": {"url": data_url(part)}}
        case Audio() if profile.audio and (kind := _sound(part)):
            return {"type": "input_audio", "input_audio": {"data": b64(part.data), "format": kind}}
        case File() if profile.files and not part.url:  # it takes no addresses
            return {"type": "file", "file": {"filename": part.name, "file_data": data_url(part)}}
        case _:
            return {"type": "text", "text": describe(part)}


def _sound(part: Audio) -> str | None:
    return _SOUNDS.get(part.media_type.rpartition("/")[2].removeprefix("x-"))


@dataclass(slots=True)
class _Call:
    id: str = ""
    name: str = ""
    arguments: list[str] = field(default_factory=list[str])
    extra: dict[str, Any] | None = None


class Answer:
    """The chunks of one answer, put together."""

    def __init__(self, model: str, key: str) -> None:
        self.size = 0
        self.finished = False
        self._model = model
        self._key = key
        self._text: list[str] = []
        self._thinking: list[str] = []
        self._details: list[Any] = []
        self._calls: list[_Call] = []
        self._by_index: dict[int, _Call] = {}
        self._finish: str | None = None
        self._refused = False
        self._usage = Usage(requests=1)

    def feed(self, chunk: Mapping[str, Any]) -> list[ModelEvent]:
        """See `models.stream.Answer`."""
        if error := chunk.get("error"):
            raise from_status(self._model, None, chunk, {}, excerpt(error), self._key)
        if usage := chunk.get("usage"):
            self._usage = counted(usage, "prompt", "completion")
        events: list[ModelEvent] = []
        for choice in (chunk.get("choices") or ())[:1]:
            delta: dict[str, Any] = choice.get("delta") or choice.get("message") or {}
            if text := delta.get("content"):
                self._text.append(text_of(text))
                self.size += len(text)
                events.append(TextDelta(text=sendable(text)))
            if thought := delta.get("reasoning_content") or delta.get("reasoning"):
                self._thinking.append(text_of(thought))
                self.size += len(thought)
                events.append(ThinkingDelta(text=sendable(thought)))
            if details := delta.get("reasoning_details"):
                self.size += weight(details)
                self._details += list_of(details)
            if refusal := delta.get("refusal"):
                self._refused = True
                self._text.append(text_of(refusal))
                self.size += len(refusal)
                events.append(TextDelta(text=sendable(refusal)))
            for position, call in enumerate(delta.get("tool_calls") or ()):
                self._add_call(call, position)
            if finish := choice.get("finish_reason"):
                self._finish = text_of(finish)
                self.finished = True
        return events

    def _add_call(self, delta: dict[str, Any], position: int) -> None:
        index = delta.get("index")
        index = position if index is None else index
        known = self._by_index.get(index)
        identity = text_of(delta.get("id") or "")
        if known is None or (identity and known.id and identity != known.id):
            known = self._by_index[index] = _Call()
            self._calls.append(known)
            self.size += ANSWER_ITEM + len(identity)
            if len(self._calls) > ANSWER_CALLS:
                raise too_many_calls(self._model)
        again = bool(identity) and identity == known.id  # some servers repeat a call's head
        known.id = known.id or identity
        function = delta.get("function") or {}
        name = text_of(function.get("name") or "")
        if not (again and name == known.name):
            known.name += name
            self.size += len(name)
        if arguments := function.get("arguments"):
            whole = arguments if isinstance(arguments, str) else encode(arguments).decode()
            if not (again and whole[-1:] == "}" and whole == "".join(known.arguments)):
                known.arguments.append(whole)
                self.size += json_size(whole)
        if extra := delta.get("extra_content"):  # Gemini's thought signatures
            self.size += weight(extra)
            known.extra = {WIRE: {"extra_content": extra}}

    def completion(self) -> Completion:
        """The whole answer. Raises ModelUnavailable where the stream broke off."""
        if self._finish is None:
            raise without_completion(self._model)
        parts: list[Part] = []
        if self._thinking or self._details:
            kept = {WIRE: {"reasoning_details": self._details}} if self._details else None
            parts.append(Thinking(text=sendable("".join(self._thinking)), provider_data=kept))
        if self._text:
            parts.append(Text(text=sendable("".join(self._text))))
        parts += tool_calls(
            tool_call(c.id, c.name, "".join(c.arguments), c.extra) for c in self._calls
        )
        reason = _STOP.get(self._finish, "end_turn")
        if self._calls and reason == "end_turn":
            reason = "tool_use"
        elif self._refused:
            reason = "refusal"
        return Completion(
            message=Message(role="assistant", parts=tuple(parts)),
            stop_reason=reason,
            usage=self._usage,
            model=self._model,
        )
