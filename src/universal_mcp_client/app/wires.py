"""How the three wires differ for a loop: how an answer asks for tools, how results are given back."""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeAlias, cast, get_args

from universal_mcp_client.models import anthropic, openai_chat, openai_responses, profiles
from universal_mcp_client.models.anthropic_answer import Answer as AnthropicAnswer
from universal_mcp_client.models.base import Profile
from universal_mcp_client.models.provider_calls import given, provider_call, shown
from universal_mcp_client.models.retry import without_completion
from universal_mcp_client.models.stream import NONSENSE, bound, nonsense, too_many_calls
from universal_mcp_client.models.wire import encode
from universal_mcp_client.types.bounds import ANSWER_CALLS
from universal_mcp_client.types.errors import ConfigError, ModelError
from universal_mcp_client.types.messages import Message, ToolCall, ToolResult

Wire: TypeAlias = Literal["openai", "openai-responses", "anthropic"]
WIRES: tuple[Wire, ...] = get_args(Wire)
SAY_WHICH = f"Bridge(…, wire=…) with one of {', '.join(map(repr, WIRES))}"

_PROFILES: Mapping[Wire, Profile] = {
    "openai": profiles.OPENAI,
    "openai-responses": profiles.RESPONSES,
    "anthropic": profiles.ANTHROPIC,
}
# Which calls, other than of functions, a program carries out; all else is the provider's own work.
_PROGRAMS = (
    *("custom", "custom_tool_call", "computer_call", "local_shell_call", "shell_call"),
    *("apply_patch_call", "mcp_approval_request", "tool_search_call", "function_call"),
)
_CUT = ("length", "max_tokens", "max_output_tokens", "model_context_window_exceeded")
# Ends of answers whose calls nobody stands by.
_VOID = (
    *("content_filter", "refusal", "error"),
    *("failed", "cancelled", "queued", "in_progress"),
)
_ENDS = ("response.completed", "response.incomplete", "response.failed")
_SERIAL = "disable_parallel_tool_use"
_PARSED: Any = {  # what `parse` of an SDK adds, and no API takes
    **dict.fromkeys(("parsed", "parsed_arguments", "parsed_output"), True),
    "content": {"__all__": {"parsed"}},
    "tool_calls": {"__all__": {"function": {"parsed_arguments"}}},
}
_WIRE_OF: Mapping[str, Wire] = {"tool_use": "anthropic", "function": "openai", "custom": "openai"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """What a model answered: `said` is what goes back to it, `calls` are what it asks for, as they came
    and as ours (None where they are of no function), `paused` that it only took a breath."""

    wire: Wire | None
    response: Any
    calls: Sequence[tuple[Any, ToolCall | None]] = ()
    said: Sequence[Any] = ()
    paused: bool = False

    def plain(self) -> list[Any]:
        """`said` as dicts, without what the SDK itself has added."""
        found = [plain(item) for item in self.said]
        if self.wire != "openai":
            return _sendable(found)
        kept = [{k: v for k, v in m.items() if v is not None or k == "content"} for m in found]
        return _sendable(kept)

    def answered(self, results: Sequence[ToolResult]) -> list[Any]:
        """What is to be appended for the results of calls, in the provider's own shapes."""
        if not results:
            return []
        wire, model = cast(Wire, self.wire), given(self.response, "model")
        name = model if isinstance(model, str) else ""
        profile = profiles.profile_of(wire, name, _PROFILES[wire])
        message = Message(role="tool", parts=tuple(results))
        if wire == "openai":
            return _sendable(openai_chat.to_wire(message, profile))
        if wire == "openai-responses":
            return _sendable(openai_responses.to_wire(message, profile))
        written = anthropic.to_wire(message, profile)
        for block, result in zip(written["content"], results, strict=True):
            block["tool_use_id"] = (
                result.call_id
            )  # as it came, even where Anthropic would not take it
        return _sendable([written])


def _sendable(items: list[Any]) -> list[Any]:
    """`items` without halves of characters, which the SDKs do not write."""
    try:
        return cast(list[Any], json.loads(encode(items)))
    except (TypeError, ValueError, RecursionError):  # no JSON: of a function that is no SDK's
        return items


def plain(value: Any) -> Any:
    """An SDK's object as its dict, also in a message's content."""
    if hasattr(value, "model_dump"):
        return value.model_dump(mode="json", exclude_unset=True, exclude=_PARSED, warnings=False)
    if isinstance(value, Mapping) and isinstance(content := given(value, "content"), list):
        return {**value, "content": [plain(block) for block in content]}
    return value


def read(response: object, expected: Wire | None = None) -> Turn:
    """What a model asks for, from an SDK's response, its dict, the assistant's message or a list of
    calls. Raises ConfigError for what is none of these, or of another wire than `expected`."""
    wire: Wire | None = None
    said: Sequence[Any] = ()
    content, items, reason = given(response, "content"), given(response, "output"), None
    if response is None or isinstance(response, list | tuple):
        items = cast(Sequence[Any], response or ())
    elif isinstance(items, list):
        wire, said = "openai-responses", items
        reason = given(given(response, "incomplete_details"), "reason") or given(response, "status")
    elif isinstance(content, list) and not given(response, "tool_calls"):
        wire, items, reason = "anthropic", content, given(response, "stop_reason")
        said = [{"role": "assistant", "content": items}]
    else:
        choices = given(response, "choices")
        choice = choices[0] if isinstance(choices, list) and choices else None
        message = given(choice, "message")
        if message is None and given(response, "role") == "assistant":
            message = response
        wire, said, reason = "openai", [message], given(choice, "finish_reason")
        items = given(message, "tool_calls") or ()
        if message is None or not isinstance(items, list | tuple):
            raise ConfigError(
                f"{shown(response)} is no answer of a model. Give the SDK's response (awaited, and of "
                "a stream the final message), its dict, or a list of tool calls."
            )
    done = {
        str(given(item, "call_id"))
        for item in items
        if str(given(item, "type")).endswith("_output")
    }
    last = len(items) - 1 if reason in _CUT else -1
    calls = [(item, _call(item, at == last)) for at, item in enumerate(items) if _asks(item, done)]
    if calls and reason in _VOID:
        error = given(response, "error")
        raise ModelError(
            f"The answer ended with {reason!r}; the calls in it are not made."
            + (f" The provider says: {shown(error)}" if error else ""),
            model=str(given(response, "model") or ""),
        )
    if len(calls) > ANSWER_CALLS:
        raise too_many_calls(str(given(response, "model") or "The model"))
    of_a_provider = [raw for raw, _ in calls if not isinstance(raw, ToolCall)]
    if wire is None and of_a_provider:
        kind = str(given(of_a_provider[0], "type") or "function")
        wire = _WIRE_OF.get(kind, "openai-responses")
    wire = wire or expected
    if expected is not None and wire != expected:
        raise ConfigError(f"This answer speaks {wire!r}, and the bridge {expected!r}: see wire=….")
    if calls and wire is None:
        raise ConfigError(f"Which API these calls are of is not known: {SAY_WHICH}.")
    paused = reason in ("pause_turn", "pause")
    return Turn(wire=wire, response=response, calls=calls, said=said, paused=paused)


def _asks(item: Any, done: Collection[str]) -> bool:
    """Whether a part of an answer is a call that the program has to carry out."""
    kind = given(item, "type")
    if isinstance(item, ToolCall) or given(item, "function") is not None or kind == "function":
        return True
    if not isinstance(kind, str):
        raise ConfigError(f"{shown(item)} is no tool call, and no other part of an answer.")
    theirs = str(given(item, "call_id")) in done or given(item, "execution") == "server"
    return kind == "tool_use" or (kind in _PROGRAMS and not theirs)


def _call(item: Any, cut: bool) -> ToolCall | None:
    named = given(item, "type") in ("function_call", "function", "tool_use", None)
    cut = cut or given(item, "status") in ("incomplete", "in_progress")
    return provider_call(item, cut=cut) if named and not given(item, "namespace") else None


def follow(
    request: Mapping[str, Any], turn: Turn, said: Sequence[Any], more: Sequence[Any]
) -> dict[str, Any]:
    """The request after `turn`: with what the model `said`, and `more` behind it. Nothing of `request`
    is changed."""
    following, before = dict(request), request.get("input") or []
    if turn.wire != "openai-responses":
        following["messages"] = [*request.get("messages", ()), *said, *more]
    elif request.get("previous_response_id") or request.get("conversation"):
        following["input"] = list(more)
        if request.get("previous_response_id"):
            following["previous_response_id"] = given(turn.response, "id")
    else:
        if isinstance(before, str):
            before = [{"role": "user", "content": before}]
        if False in (request.get("store"), given(turn.response, "store")):
            # What is not kept there has to come with all that it is.
            said = [s for s in said if s["type"] != "reasoning" or s.get("encrypted_content")]
        following["input"] = [*before, *said, *more]
    choice = request.get("tool_choice")
    kind = given(choice, "type") or choice
    if more and isinstance(kind, str) and kind not in ("auto", "none", "allowed_tools"):
        one_by_one = {_SERIAL: True} if given(choice, _SERIAL) else {}
        auto = {"type": "auto"} | one_by_one if turn.wire == "anthropic" else "auto"
        following["tool_choice"] = auto  # it has been obeyed
    return following


class Heard:
    """The events of a streamed answer, put together while they pass."""

    def __init__(self, wire: Wire, model: str) -> None:
        self._wire, self._model = wire, model
        self._response: Any = None
        self._events = 0
        self._answer = (
            AnthropicAnswer(model) if wire == "anthropic" else openai_chat.Answer(model, "")
        )

    def feed(self, event: Any) -> None:
        if self._wire == "openai-responses":
            if given(event, "type") in _ENDS:
                self._response = given(event, "response")
            return
        try:
            self._answer.feed(plain(event))
        except NONSENSE as error:
            raise nonsense(self._model, event, error) from error
        self._events += 1
        bound(self._model, self._answer, self._events)

    def turn(self) -> Turn:
        """The whole answer. Raises ModelUnavailable where the stream broke off."""
        if self._wire == "openai-responses":
            if self._response is None:
                raise without_completion(self._model)
            return read(self._response, self._wire)
        completion = self._answer.completion()
        message, profile, why = completion.message, _PROFILES[self._wire], completion.stop_reason
        about = {"model": self._model, "role": "assistant", "stop_reason": why}
        if self._wire == "openai":
            said = openai_chat.to_wire(message, profile)
            return read(about | {"choices": [{"message": said[0], "finish_reason": why}]})
        # `input` cannot say what is no JSON: so it goes back, but is not what the tool was asked.
        said = [anthropic.to_wire(message, profile)]
        calls = iter(message.tool_calls)
        asked = [
            block | {"input": call.invalid}
            if block["type"] == "tool_use" and (call := next(calls)).invalid is not None
            else block
            for block in said[0]["content"]
        ]
        return replace(read(about | {"content": asked}), said=said)
