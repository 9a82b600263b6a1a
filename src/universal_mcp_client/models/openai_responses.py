"""OpenAI Responses, stateless: the whole conversation is sent each time, reasoning encrypted.

Source: https://platform.openai.com/docs/api-reference/responses
"""

from collections.abc import Mapping, Sequence
from typing import Any

from universal_mcp_client.models.adapter import Adapter
from universal_mcp_client.models.base import ModelRequest, Profile
from universal_mcp_client.models.calls import (
    arguments_json,
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
from universal_mcp_client.models.hosted import CodeExecution, FileSearch, HostedTool, WebSearch
from universal_mcp_client.models.openai_shared import chosen, counted, output_form, shared
from universal_mcp_client.models.retry import without_completion
from universal_mcp_client.models.stream import excerpt, text_of, too_many_calls
from universal_mcp_client.models.wire import Spliced, body, encode
from universal_mcp_client.types.bounds import ANSWER_CALLS
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

WIRE = "openai-responses"
_COUNTED = (
    "max_uses beside other tools of the provider, whose calls are counted together; bound them all "
    "with ModelSettings(extra={'max_tool_calls': ...})."
)


class OpenAIResponses(Adapter):
    """One model behind a Responses endpoint. Nothing is stored at the provider."""

    path = "/responses"
    form = "openai-responses"

    def _wire(self, message: Message) -> Spliced:
        return Spliced(to_wire(message, self.profile))

    def _answer(self) -> "Answer":
        return Answer(self.name, self._connection.key)

    def _body(self, request: ModelRequest) -> bytes:
        settings = request.settings
        fields: dict[str, Any] = {
            "model": self.model,
            "stream": True,
            "store": False,
            "include": ["reasoning.encrypted_content"]
            if self.profile.encrypted_reasoning
            else None,
            "instructions": request.instructions or None,
            "max_output_tokens": settings.max_tokens,
            **sampling(settings, self.profile, settings.level != "none", self._notes),
            **shared(settings, self.profile),
        }
        if settings.stop:
            self._notes.left_out("stop")
        if settings.seed is not None:
            self._notes.left_out("seed")
        if settings.level is not None:
            fields["reasoning"] = {"effort": settings.level, "summary": "auto"}
        if request.output_schema is not None and self.profile.native_output:
            form = {"type": "json_schema", **output_form(request.output_schema)}
            fields["text"] = {"format": form}
        hosted = [encode(_hosted(tool)) for tool in request.hosted_tools]
        for tool in request.hosted_tools:
            if isinstance(tool, WebSearch) and tool.max_uses is not None:
                if len(hosted) > 1:
                    raise not_here(tool, self.name, _COUNTED)
                fields["max_tool_calls"] = tool.max_uses
        if request.tools or hosted:
            fields |= chosen(settings, {"type": "function", "name": settings.tool_choice})
        ours = ("model", "input", "instructions", "stream", "store")
        fields, more = merged(fields, settings, ours, self.name)
        tools = self._tools(request.tools) + hosted + more
        return body(fields, {"tools": tools, "input": self._messages(request.messages)})


def _hosted(tool: HostedTool) -> dict[str, Any]:
    match tool:
        case WebSearch():
            domains = {"filters": {"allowed_domains": list(tool.allowed_domains)}}
            return {"type": "web_search"} | (domains if tool.allowed_domains else {})
        case CodeExecution():
            return {"type": "code_interpreter", "container": {"type": "auto"}}
        case FileSearch():
            most = {"max_num_results": tool.max_results} if tool.max_results else {}
            stores = list(tool.vector_store_ids)
            return {"type": "file_search", "vector_store_ids": stores, **most}


def to_wire(message: Message, profile: Profile) -> list[dict[str, Any]]:
    """Our message as the API's input items."""
    match message.role:
        case "system" | "user":
            content = [_content(part, profile) for part in message.parts]
            return [{"type": "message", "role": message.role, "content": content}]
        case "assistant":
            return [item for part in message.parts if (item := _item(part))]
        case "tool":
            return [
                {
                    "type": "function_call_output",
                    "call_id": result.call_id,
                    "output": _output(result, profile),
                }
                for result in message.tool_results
            ]


def _item(part: Part) -> dict[str, Any] | None:
    match part:
        case Text():
            item = own(part.provider_data, WIRE)
            if item and _said(item) == part.text:  # nobody changed it since
                return item
            return {"role": "assistant", "content": part.text} if part.text else None
        case ToolCall():
            return {
                "type": "function_call",
                "call_id": part.id,
                "name": part.name,
                "arguments": arguments_json(part),
            }
        case Thinking():
            return own(part.provider_data, WIRE) or None  # as it came, or not at all
        case _:
            return None


def _said(item: Mapping[str, Any]) -> str:
    """What a message item says, in its pieces of text and its refusals."""
    pieces = [c.get("text") or c.get("refusal") or "" for c in item.get("content") or ()]
    return sendable("".join(map(text_of, pieces)))


def _output(result: ToolResult, profile: Profile) -> str | list[dict[str, Any]]:
    attached = [part for part in result.content if _attachable(part, profile)]
    if not attached:
        return result_text(result)
    text = result_text(result, lambda part: part in attached)
    return [{"type": "input_text", "text": text}, *(_content(p, profile) for p in attached)]


def _attachable(part: Part, profile: Profile) -> bool:
    return profile.tool_images and (
        (isinstance(part, Image) and profile.images) or (isinstance(part, File) and profile.files)
    )


def _content(part: Part, profile: Profile) -> dict[str, Any]:
    match part:
        case Image() if profile.images:
            return {"type": "input_image", "image_url": data_url(part), "detail": "auto"}
        case File() if profile.files and part.url:
            return {"type": "input_file", "file_url": part.url}
        case File() if profile.files:
            return {"type": "input_file", "filename": part.name, "file_data": data_url(part)}
        case _:
            return {"type": "input_text", "text": describe(part)}


class Answer:
    """The events of one answer, put together."""

    def __init__(self, model: str, key: str) -> None:
        self.size = 0
        self.finished = False
        self._model = model
        self._key = key
        self._items: dict[int, dict[str, Any]] = {}
        self._response: dict[str, Any] | None = None

    def feed(self, event: Mapping[str, Any]) -> Sequence[ModelEvent]:
        """See `models.stream.Answer`."""
        match event.get("type"):
            case "response.output_text.delta" | "response.refusal.delta":
                self.size += len(event["delta"])
                return (TextDelta(text=sendable(text_of(event["delta"]))),)
            case "response.reasoning_summary_text.delta" | "response.reasoning_text.delta":
                self.size += len(event["delta"])
                return (ThinkingDelta(text=sendable(text_of(event["delta"]))),)
            case "response.output_item.added":
                self.size += 1
            case "response.output_item.done":
                # Not every server counts the items (llama.cpp's does not): they come in order.
                index = event.get("output_index")
                self.size += weight(event["item"])
                self._items[len(self._items) if index is None else index] = event["item"]
            case "response.completed" | "response.incomplete":
                self._response = event["response"]
                self.finished = True
            case "response.failed":
                error = event["response"].get("error") or {}
                raise from_status(self._model, None, error, {}, "The response failed.", self._key)
            case "error":
                raise from_status(self._model, None, event, {}, "The stream failed.", self._key)
            case None if error := event.get("error"):
                raise from_status(self._model, None, event, {}, excerpt(error), self._key)
            case _:  # the pieces of what comes whole later: arguments, or a program that runs there
                if type(piece := event.get("delta")) is str:
                    self.size += json_size(piece)
        return ()

    def completion(self) -> Completion:
        """The whole answer. Raises ModelUnavailable where the stream broke off."""
        if self._response is None:
            raise without_completion(self._model)
        items = [self._items[i] for i in sorted(self._items)]
        whole: list[dict[str, Any]] = self._response.get("output") or []
        if len(whole) > len(items):
            items = whole
        parts: list[Part] = []
        refused, calls = False, 0
        for item in items:
            match item.get("type"):
                case "message":
                    refused = refused or any(
                        content.get("type") == "refusal" for content in item.get("content") or ()
                    )
                    if text := _said(item):
                        weight(item)
                        # Without an id it is no item of the API's, and is sent as a plain message.
                        kept = {WIRE: item} if item.get("id") and item.get("status") else None
                        parts.append(Text(text=text, provider_data=kept))
                case "function_call":
                    calls += 1
                    if calls > ANSWER_CALLS:
                        raise too_many_calls(self._model)
                    parts.append(tool_call(item["call_id"], item["name"], item["arguments"]))
                case "reasoning":
                    weight(item)
                    told = [text_of(s.get("text", "")) for s in item.get("summary") or ()]
                    told += [text_of(c.get("text", "")) for c in item.get("content") or ()]
                    kept = {k: v for k, v in item.items() if k != "status" and v is not None}
                    text = sendable("\n".join(told))
                    parts.append(Thinking(text=text, provider_data={WIRE: kept}))
                case _:  # another kind of item (a web search, say): kept, and sent back as it is
                    weight(item)
                    parts.append(Thinking(text="", provider_data={WIRE: item}))
        parts = tool_calls(parts)
        return Completion(
            message=Message(role="assistant", parts=tuple(parts)),
            stop_reason=_stop(self._response, parts, refused),
            usage=counted(self._response.get("usage"), "input", "output"),
            model=self._model,
        )


def _stop(response: dict[str, Any], parts: list[Part], refused: bool) -> StopReason:
    why = (response.get("incomplete_details") or {}).get("reason")
    if why == "content_filter":
        return "content_filter"
    if why is not None or response.get("status") == "incomplete":
        return "max_tokens"
    if any(isinstance(part, ToolCall) for part in parts):
        return "tool_use"
    return "refusal" if refused else "end_turn"
