"""A model's answers for servers (MCP sampling): from MCP's shapes to ours, and back."""

import json
from collections.abc import Generator
from contextlib import aclosing, contextmanager
from contextvars import ContextVar
from dataclasses import replace
from typing import Any, cast

import mcp_types

from universal_mcp_client.mcp.convert import content_parts, tool_spec
from universal_mcp_client.models.base import Model, ModelRequest, ModelSettings
from universal_mcp_client.models.intercepted import Wrapping
from universal_mcp_client.tools.base import RunContext
from universal_mcp_client.types.errors import ContentFiltered
from universal_mcp_client.types.events import Completion
from universal_mcp_client.types.interaction import SAMPLING, Question, SampleRequest
from universal_mcp_client.types.messages import (
    Audio,
    Image,
    Message,
    Part,
    Role,
    Text,
    ToolCall,
    ToolResult,
    assistant,
)
from universal_mcp_client.types.tools import Annotations, ToolSpec

DEEPEST = 3
"""Samplings within samplings: a program's `sample` may run agents, whose servers sample."""

REJECTED = -1
"""JSON-RPC code of a sampling that was not allowed (MCP 2025-11-25, client/sampling, error handling)."""

_REASONS = {
    "end_turn": "endTurn",
    "tool_use": "toolUse",
    "max_tokens": "maxTokens",
    "stop_sequence": "stopSequence",
}
_within: ContextVar[int] = ContextVar("samplings", default=0)


@contextmanager
def deeper() -> Generator[None]:
    """Around one sampling. Raises Refused within too many others."""
    if _within.get() >= DEEPEST:
        raise Refused("It is asked for within too many other samplings.")
    token = _within.set(_within.get() + 1)
    try:
        yield
    finally:
        _within.reset(token)


class Refused(Exception):
    """A sampling that is not made, in words for the server."""

    def __init__(self, text: str, code: int = REJECTED) -> None:
        super().__init__(text)
        self.code = code


def sample_request(params: mcp_types.CreateMessageRequestParams, server: str) -> SampleRequest:
    """Raises Refused for what no model could answer: other servers' context, an empty conversation,
    tool calls without their results."""
    if params.include_context not in (None, "none"):
        raise Refused(
            f"includeContext {params.include_context!r} is not supported.", mcp_types.INVALID_PARAMS
        )
    if not params.messages or params.max_tokens < 1:
        raise Refused("There are no messages, or no tokens to answer.", mcp_types.INVALID_PARAMS)
    messages = tuple(map(_message, params.messages))
    for message, after in zip(messages, (*messages[1:], Message(role="user")), strict=True):
        asked = {call.id for call in message.tool_calls}
        if asked != {result.call_id for result in after.tool_results}:
            raise Refused(
                "Each tool_use needs its tool_result in the next message.", mcp_types.INVALID_PARAMS
            )
    hints = (params.model_preferences.hints or ()) if params.model_preferences else ()
    return SampleRequest(
        messages=messages,
        max_tokens=params.max_tokens,
        system_prompt=params.system_prompt or "",
        tools=tuple(tool_spec(tool, server) for tool in params.tools or ()),
        tool_choice=(params.tool_choice and params.tool_choice.mode) or "auto",
        temperature=params.temperature,
        stop=tuple(params.stop_sequences or ()),
        hints=tuple(hint.name for hint in hints if hint.name),
    )


def _message(found: mcp_types.SamplingMessage) -> Message:
    parts = tuple(map(_part, found.content_as_list))
    results = [part for part in parts if isinstance(part, ToolResult)]
    calls = [part for part in parts if isinstance(part, ToolCall)]
    if (results and len(results) < len(parts)) or (calls and found.role == "user"):
        raise Refused(
            "A message with tool results has nothing else in it, and a user calls no tools.",
            mcp_types.INVALID_PARAMS,
        )
    return Message(role="tool" if results else cast(Role, found.role), parts=parts)


def _part(block: mcp_types.SamplingMessageContentBlock) -> Part:
    match block:
        case mcp_types.ToolUseContent():
            return ToolCall(id=block.id, name=block.name, arguments=block.input)
        case mcp_types.ToolResultContent():
            return ToolResult(
                call_id=block.tool_use_id,
                content=content_parts(block.content),
                is_error=bool(block.is_error),
            )
        case _:
            return content_parts([block])[0]


def sampling_spec(question: Question) -> tuple[ToolSpec, ToolCall]:
    """A sampling as what rules and people judge: a tool of its server's, and the call of it."""
    asked = cast(SampleRequest, question.sample)
    told: dict[str, Any] = {
        "system_prompt": asked.system_prompt,
        "messages": [
            f"{each.role}: {' '.join(map(_shown, each.parts))}" for each in asked.messages
        ],
        "tools": [tool.name for tool in asked.tools],
        "max_tokens": asked.max_tokens,
    }
    spec = ToolSpec(
        name=SAMPLING,
        description="Asks your model something, at your cost, and gives the answer to the server.",
        annotations=Annotations(read_only=False, destructive=False, open_world=True),
        server=question.server,
        original=SAMPLING,
    )
    arguments = {name: value for name, value in told.items() if value}
    return spec, ToolCall(id=SAMPLING, name=SAMPLING, arguments=arguments)


def _shown(part: Part) -> str:
    match part:
        case Text():
            return part.text
        case Image() | Audio():
            return f"[{part.media_type}, {len(part.data or b''):,} bytes]"
        case ToolCall():
            return f"[calls {part.name} {json.dumps(dict(part.arguments), ensure_ascii=False)}]"
        case ToolResult():
            return " ".join(map(_shown, part.content))
        case _:
            return f"[{type(part).__name__}]"


async def sampled(model: Model, question: Question, context: RunContext[Any] | None) -> Completion:
    """Ask the model, within the limits of the run, on whose account it goes. Raises Refused, and
    ModelError where the model gives no answer."""
    asked = cast(SampleRequest, question.sample)
    meter = context.meter if context else None
    left = meter.left() if meter is not None else None
    if left is not None and 0 in (left.tokens, left.cost):
        raise Refused("The run's limit of tokens or cost is reached.")
    if meter is not None:
        meter.uses(model)
    chosen = _chosen(model, asked.hints)
    tokens = (left and left.tokens) or asked.max_tokens
    most = min(asked.max_tokens, chosen.profile.max_output_tokens, tokens)
    request = ModelRequest(
        messages=asked.messages,
        tools=asked.tools,
        instructions=asked.system_prompt,
        settings=ModelSettings(
            max_tokens=most,
            temperature=asked.temperature,
            stop=asked.stop,
            tool_choice=asked.tool_choice if asked.tools else "auto",
        ),
    )
    async with aclosing(chosen.stream(request)) as events:
        async for event in events:
            if isinstance(event, Completion):
                break
        else:
            raise Refused("The model ended without an answer.")
    if meter is not None:
        meter.spend(event.usage, model, event.model or chosen.name)
    if event.stop_reason == "content_filter":
        raise ContentFiltered(f"{chosen.name}: the content filter ended it.", model=chosen.name)
    return replace(event, model=event.model or chosen.name)


def _chosen(model: Model, hints: tuple[str, ...]) -> Model:
    """The one of several models whose name has the first hint in it that any has."""
    models = _alternatives(model)
    named = (m for hint in hints for m in models if hint.lower() in m.name.lower())
    return next(named, model)


def _alternatives(model: Model) -> list[Model]:
    """What an interceptor is around is not reached past it."""
    if isinstance(model, Wrapping) and len(model.models) > 1:
        return [found for each in model.models for found in _alternatives(each)]
    return [model]


def answered(said: Completion | Message | str, request: SampleRequest) -> Any:
    """The answer as MCP has it; with tool calls only where the server gave tools. Raises TypeError
    for what is none."""
    if isinstance(said, str):
        said = assistant(said)
    if isinstance(said, Message):
        reason = "tool_use" if said.tool_calls else "end_turn"
        said = Completion(message=said, stop_reason=cast(Any, reason), model="program")
    if not isinstance(cast(object, said), Completion):
        raise TypeError(f"sample= gives a string or a Message, not {said!r}")
    reason = _REASONS.get(said.stop_reason, said.stop_reason)
    text = mcp_types.TextContent(type="text", text=said.message.text)
    told: dict[str, Any] = {"role": "assistant", "model": said.model, "stop_reason": reason}
    if not request.tools:
        return mcp_types.CreateMessageResult(content=text, **told)
    content: list[Any] = [text] if text.text else []
    content += [
        mcp_types.ToolUseContent(id=call.id, name=call.name, input=dict(call.arguments))
        for call in said.message.tool_calls
    ]
    return mcp_types.CreateMessageResultWithTools(content=content or [text], **told)
