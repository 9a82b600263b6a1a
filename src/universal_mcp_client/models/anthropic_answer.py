"""What the events of Anthropic Messages say.

Source: https://platform.claude.com/docs/en/build-with-claude/streaming
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from universal_mcp_client.models.calls import json_size, sendable, tool_call, tool_calls, weight
from universal_mcp_client.models.failures import from_status
from universal_mcp_client.models.retry import without_completion
from universal_mcp_client.models.stream import (
    count_of,
    excerpt,
    mapping_of,
    text_of,
    too_many_calls,
)
from universal_mcp_client.models.wire import encode
from universal_mcp_client.types.bounds import ANSWER_CALLS
from universal_mcp_client.types.events import (
    Completion,
    ModelEvent,
    StopReason,
    TextDelta,
    ThinkingDelta,
)
from universal_mcp_client.types.messages import Message, Part, Text, Thinking
from universal_mcp_client.types.usage import Usage

WIRE = "anthropic"
KEY = "ANTHROPIC_API_KEY"
_COUNTED = (
    "input_tokens",
    "output_tokens",
    "cache_read_input_tokens",
    "cache_creation_input_tokens",
)
_STOP: dict[str, StopReason] = {
    "end_turn": "end_turn",
    "tool_use": "tool_use",
    "max_tokens": "max_tokens",
    "model_context_window_exceeded": "max_tokens",
    "stop_sequence": "stop_sequence",
    "pause_turn": "pause",
    "refusal": "refusal",
}


@dataclass(slots=True)
class _Block:
    """A block as it began, and the pieces that followed."""

    given: dict[str, Any]
    pieces: list[str] = field(default_factory=list[str])


class Answer:
    """The events of one answer, put together."""

    def __init__(self, model: str, key: str = KEY) -> None:
        self.size = 0
        self.finished = False
        self._model, self._key = model, key
        self._blocks: list[_Block] = []
        self._by_index: dict[int, _Block] = {}
        self._usage: dict[str, Any] = {}
        self._stop: str | None = None
        self._calls = 0

    def feed(self, event: Mapping[str, Any]) -> Sequence[ModelEvent]:
        """See `models.stream.Answer`."""
        match event.get("type"):
            case "message_start":
                self._count(event["message"].get("usage"))
            case "content_block_start":
                # A block begins; that another had its number is no reason to lose that one.
                given = dict(event["content_block"])
                self.size += weight(given)
                block = self._by_index[event["index"]] = _Block(given)
                self._blocks.append(block)
                if given.get("type") == "tool_use":
                    self._calls += 1
                    if self._calls > ANSWER_CALLS:
                        raise too_many_calls(self._model)
                if given.get("type") == "text" and given.get("text"):
                    return self._more(block, TextDelta, given["text"])
            case "content_block_delta":
                return self._delta(self._by_index[event["index"]], event["delta"])
            case "message_delta":
                if stop := event["delta"].get("stop_reason"):
                    self._stop = text_of(stop)
                    self.finished = True
                self._count(event.get("usage"))
            case "error" | None if error := event.get("error"):
                raise from_status(self._model, None, event, {}, excerpt(error), self._key)
            case _:
                pass
        return ()

    def _count(self, usage: object) -> None:
        given = mapping_of(usage)
        self._usage |= {k: given[k] for k in _COUNTED if given.get(k) is not None}

    def _delta(self, block: "_Block", delta: Mapping[str, Any]) -> Sequence[ModelEvent]:
        match delta.get("type"):
            case "text_delta":
                return self._more(block, TextDelta, delta["text"])
            case "thinking_delta":
                return self._more(block, ThinkingDelta, delta["thinking"])
            case "input_json_delta":
                block.pieces.append(text_of(delta["partial_json"]))
                self.size += json_size(delta["partial_json"])
            case "signature_delta":
                block.given["signature"] = text_of(delta["signature"])
                self.size += len(delta["signature"])
            case "citations_delta":
                block.given["citations"] = [
                    *(block.given.get("citations") or ()),
                    delta["citation"],
                ]
                self.size += weight(delta["citation"])
            case _:
                pass
        return ()

    def _more(
        self, block: "_Block", kind: type[TextDelta | ThinkingDelta], text: object
    ) -> Sequence[ModelEvent]:
        text = text_of(text)
        block.pieces.append(text)
        self.size += len(text)
        return (kind(text=sendable(text)),)

    def completion(self) -> Completion:
        """The whole answer. Raises ModelUnavailable where the stream broke off."""
        if self._stop is None:
            raise without_completion(self._model)
        parts = [self._part(block.given, "".join(block.pieces)) for block in self._blocks]
        return Completion(
            message=Message(role="assistant", parts=tuple(tool_calls(parts))),
            stop_reason=_STOP.get(self._stop, "end_turn"),
            usage=_counted(self._usage),
            model=self._model,
        )

    def _part(self, block: dict[str, Any], streamed: str) -> Part:
        match block["type"]:
            case "text":
                said = sendable(streamed)
                kept = {WIRE: block | {"text": said}} if block.get("citations") else None
                return Text(text=said, provider_data=kept)
            case "tool_use":
                given = streamed or encode(block.get("input") or {}).decode()
                return tool_call(block["id"], block["name"], given)
            case "thinking":
                whole = block | {"thinking": streamed or text_of(block.get("thinking", ""))}
                return Thinking(text=sendable(whole["thinking"]), provider_data={WIRE: whole})
            case "server_tool_use" if streamed:
                whole = block | {"input": json.loads(streamed)}
                weight(whole)
                return Thinking(text="", provider_data={WIRE: whole})
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
