"""Any GGUF file as a model: a capable one by its own tool template, a tiny one by grammar."""

import re
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path
from typing import Any

from universal_mcp_client.models.allowed import check_allowed
from universal_mcp_client.models.base import ModelRequest, Profile
from universal_mcp_client.models.calls import tool_call
from universal_mcp_client.models.dialects import function_specs
from universal_mcp_client.models.fields import not_here
from universal_mcp_client.models.intercepted import Interceptable
from universal_mcp_client.models.local.engine import Engine
from universal_mcp_client.models.local.fewshot import answering, choosing, nearest, talking
from universal_mcp_client.models.local.grammar import ANSWER, grammar
from universal_mcp_client.models.local.weights import find
from universal_mcp_client.models.openai_chat import Answer, to_wire
from universal_mcp_client.models.stream import NONSENSE, nonsense
from universal_mcp_client.types.events import Completion, ModelEvent, StopReason, TextDelta
from universal_mcp_client.types.messages import Message, Text
from universal_mcp_client.types.usage import Price, Usage

TINY = 700_000_000
"""Weights of fewer bytes than this are taken for a tiny model, which needs grammar and examples."""

_CALL = re.compile(r"([a-zA-Z0-9_-]+) (\{.*)\Z", re.DOTALL)


class LocalModel(Interceptable):
    """`local:NAME` or `local:PATH.gguf`. Nothing is loaded before the first request."""

    def __init__(self, model: str) -> None:
        self.name = f"local:{model}"
        self.profile = Profile(images=False, native_output=True, price=Price(input=0, output=0))
        self._model = model
        self._engine: Engine | None = None
        self._tiny = False

    async def stream(self, request: ModelRequest) -> AsyncGenerator[ModelEvent]:
        check_allowed(self.name)
        for tool in request.hosted_tools:
            raise not_here(tool, self.name, "the model runs in this process.")
        if (choice := request.settings.tool_choice) not in ("auto", "required"):
            chosen = [spec for spec in request.tools if spec.name == choice]
            request = replace(request, tools=chosen)
        if self._engine is None:
            path = find(self._model)
            self._tiny = path.stat().st_size < TINY
            self._engine = Engine(Path(path))
        events = self._constrained(request) if self._tiny else self._templated(request)
        async with aclosing(events):
            async for event in events:
                yield event

    async def _templated(self, request: ModelRequest) -> AsyncGenerator[ModelEvent]:
        """By the chat template of the file, which llama.cpp applies and reads back."""
        messages = [wire for m in request.messages for wire in to_wire(m, self.profile)]
        if request.instructions:
            messages.insert(0, {"role": "system", "content": request.instructions})
        body = self._sampling(request) | {"messages": messages}
        if request.tools:
            body["tools"] = function_specs(request.tools, "openai")
        elif request.output_schema is not None:
            body["json_schema"] = dict(request.output_schema)
        answer = Answer(self.name, "")
        async for chunk in self._chunks(body):
            try:
                found = answer.feed(chunk)
            except NONSENSE as error:
                raise nonsense(self.name, chunk, error) from error
            for event in found:
                yield event
        yield answer.completion()

    async def _constrained(self, request: ModelRequest) -> AsyncGenerator[ModelEvent]:
        """By examples and a grammar: one call, or, once a tool has answered, an answer."""
        body = self._sampling(request)
        body.setdefault("max_tokens", 256)
        results = request.messages[-1].tool_results
        asked = next((m.text for m in reversed(request.messages) if m.role == "user"), "")
        tools = () if results else nearest(request.tools, asked)
        if tools:
            body["messages"] = choosing(tools, asked)
            body["grammar"] = grammar(tools, asked)
        elif results:
            body["messages"], held = answering(results, asked)
            if held is not None:
                body["grammar"] = held
        else:
            body["messages"] = talking(request.messages, request.instructions)
        if request.output_schema is not None and not tools:
            body.pop("grammar", None)
            body["json_schema"] = dict(request.output_schema)
        written, usage, reason = list[str](), Usage(requests=1), ""
        async for chunk in self._chunks(body):
            for choice in chunk.get("choices") or ():
                reason = choice.get("finish_reason") or reason
                if text := (choice.get("delta") or {}).get("content"):
                    written.append(text)
                    if not tools:
                        yield TextDelta(text=text)
            if counted := chunk.get("usage") or chunk.get("timings"):
                usage = Usage(
                    requests=1,
                    input_tokens=counted.get("prompt_tokens") or counted.get("prompt_n") or 0,
                    output_tokens=counted.get("completion_tokens")
                    or counted.get("predicted_n")
                    or 0,
                )
        text = "".join(written).strip()
        message = _message(text) if tools else Message(role="assistant", parts=(Text(text=text),))
        if tools and not message.tool_calls:
            yield TextDelta(text=message.text)
        stop: StopReason = (
            "tool_use" if message.tool_calls else "max_tokens" if reason == "length" else "end_turn"
        )
        yield Completion(message=message, stop_reason=stop, usage=usage, model=self.name)

    def _chunks(self, body: dict[str, Any]) -> AsyncGenerator[dict[str, Any]]:
        assert self._engine is not None
        return self._engine.stream(body)

    def _sampling(self, request: ModelRequest) -> dict[str, Any]:
        settings = request.settings
        values: dict[str, Any] = {
            "temperature": 0.0
            if settings.temperature is None and self._tiny
            else settings.temperature,
            "top_p": settings.top_p,
            "max_tokens": settings.max_tokens,
            "seed": settings.seed,
            "stop": list(settings.stop) or None,
            "stream_options": {"include_usage": True},
        }
        return {k: v for k, v in values.items() if v is not None} | {
            **settings.extra,
            **settings.extra_body,
        }

    async def aclose(self) -> None:
        if self._engine is not None:
            self._engine.close()
            self._engine = None


def _message(line: str) -> Message:
    """The line that a grammar allowed, as a call or as an answer."""
    found = _CALL.match(line)
    if found:
        return Message(role="assistant", parts=(tool_call("", found.group(1), found.group(2)),))
    return Message(role="assistant", parts=(Text(text=line.removeprefix(f"{ANSWER} ")),))
