"""A scripted language-model server: real HTTP in the three wire formats, streaming and not.

Answers come from a script, one step a request. A step is a text, a list of `Call`s, or a `Fault`.
Where the script has ended, `answer` makes the step from the request.
"""

import asyncio
import json
import socket
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

Json: TypeAlias = dict[str, Any]


@dataclass(frozen=True)
class Call:
    name: str
    arguments: Json | str = field(default_factory=dict)

    @property
    def text(self) -> str:
        given = self.arguments
        return given if isinstance(given, str) else json.dumps(given)


@dataclass(frozen=True)
class Fault:
    """An error status; or, with `after`, a stream that breaks once that text has been sent."""

    status: int = 500
    body: Json = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    after: str | None = None


@dataclass(frozen=True)
class Raw:
    """An answer as it stands: its bytes, or what gives them piece by piece, for ever perhaps."""

    body: bytes | Callable[[], AsyncIterator[bytes]]
    media_type: str = "text/event-stream"
    headers: Mapping[str, str] = field(default_factory=dict)
    status: int = 200


Step: TypeAlias = "str | Sequence[Call] | Fault | Raw"


class LLMServer:
    def __init__(self) -> None:
        self.script: list[Step] = []
        self.answer: Callable[[Json], Step] = lambda request: "The script has ended."
        self.requests: list[Json] = []
        self.headers: list[dict[str, str]] = []
        self.url = ""

    def app(self) -> Starlette:
        posts = {
            "/v1/chat/completions": _chat,
            "/v1/responses": _responses,
            "/v1/messages": _messages,
        }

        def route(path: str, speak: Any) -> Route:
            async def endpoint(request: Request) -> Response:
                return await self._answer(request, speak)

            return Route(path, endpoint, methods=["POST"])

        return Starlette(routes=[route(path, speak) for path, speak in posts.items()])

    async def _answer(self, request: Request, speak: Any) -> Response:
        body = await request.json()
        self.requests.append(body)
        self.headers.append(dict(request.headers))
        step: Step = self.script.pop(0) if self.script else self.answer(body)
        if isinstance(step, Fault) and step.after is None:
            return JSONResponse(step.body, step.status, headers=dict(step.headers))
        if isinstance(step, Raw):
            headers = dict(step.headers)
            if isinstance(step.body, bytes):
                return Response(step.body, step.status, headers, step.media_type)
            return StreamingResponse(step.body(), step.status, headers, step.media_type)
        text = step.after if isinstance(step, Fault) else step if isinstance(step, str) else ""
        calls = [] if isinstance(step, str | Fault) else list(step)
        assert text is not None
        whole, events = speak(text, calls, len(self.requests))
        if not body.get("stream"):
            return JSONResponse(whole)
        breaks = isinstance(step, Fault)
        return StreamingResponse(_sse(events, breaks), media_type="text/event-stream")


async def _sse(events: Sequence[Json], breaks: bool) -> AsyncIterator[str]:
    for event in events[: len(events) // 2 if breaks else None]:
        kind = f"event: {event['type']}\n" if "type" in event else ""
        yield f"{kind}data: {json.dumps(event)}\n\n"
        await asyncio.sleep(0)
    if breaks:
        raise ConnectionResetError  # the connection ends without the end of the chunked body
    if events and "type" not in events[0]:
        yield "data: [DONE]\n\n"


def _pieces(text: str) -> list[str]:
    return [text[i : i + 7] for i in range(0, len(text), 7)]


def _chat(text: str, calls: Sequence[Call], number: int) -> tuple[Json, list[Json]]:
    reason = "tool_calls" if calls else "stop"
    usage = {
        "prompt_tokens": 20,
        "completion_tokens": 5,
        "total_tokens": 25,
        "prompt_tokens_details": {"cached_tokens": 8},
    }
    made = [
        {
            "id": f"call_{number}_{at}",
            "type": "function",
            "function": {"name": call.name, "arguments": call.text},
        }
        for at, call in enumerate(calls)
    ]
    base = {"id": f"chatcmpl-{number}", "created": 1, "model": "any"}
    message = {"role": "assistant", "content": text or None, "tool_calls": made or None}
    whole = base | {
        "object": "chat.completion",
        "choices": [{"index": 0, "message": message, "finish_reason": reason}],
        "usage": usage,
    }

    def chunk(delta: Json, finish: str | None = None) -> Json:
        choice = {"index": 0, "delta": delta, "finish_reason": finish}
        return base | {"object": "chat.completion.chunk", "choices": [choice]}

    events = [chunk({"role": "assistant", "content": ""})]
    events += [chunk({"content": piece}) for piece in _pieces(text)]
    for at, call in enumerate(calls):
        head = {"index": at, "id": f"call_{number}_{at}", "type": "function"}
        events.append(
            chunk({"tool_calls": [head | {"function": {"name": call.name, "arguments": ""}}]})
        )
        events += [
            chunk({"tool_calls": [{"index": at, "function": {"arguments": piece}}]})
            for piece in _pieces(call.text)
        ]
    events.append(chunk({}, reason))
    events.append(base | {"object": "chat.completion.chunk", "choices": [], "usage": usage})
    return whole, events


def _responses(text: str, calls: Sequence[Call], number: int) -> tuple[Json, list[Json]]:
    output: list[Json] = []
    if text:
        content = [{"type": "output_text", "text": text, "annotations": []}]
        output.append(
            {
                "id": f"msg_{number}",
                "type": "message",
                "role": "assistant",
                "status": "completed",
                "content": content,
            }
        )
    output += [
        {
            "id": f"fc_{number}_{at}",
            "type": "function_call",
            "status": "completed",
            "call_id": f"call_{number}_{at}",
            "name": call.name,
            "arguments": call.text,
        }
        for at, call in enumerate(calls)
    ]
    whole = {
        "id": f"resp_{number}",
        "object": "response",
        "created_at": 1,
        "status": "completed",
        "model": "any",
        "output": output,
        "parallel_tool_calls": True,
        "tool_choice": "auto",
        "tools": [],
        "usage": {
            "input_tokens": 20,
            "input_tokens_details": {"cached_tokens": 8},
            "output_tokens": 5,
            "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": 25,
        },
    }
    events: list[Json] = [
        {"type": "response.created", "response": whole | {"status": "in_progress", "output": []}}
    ]
    for at, item in enumerate(output):
        events.append({"type": "response.output_item.added", "output_index": at, "item": item})
        if item["type"] == "message":
            events += [
                {
                    "type": "response.output_text.delta",
                    "item_id": item["id"],
                    "output_index": at,
                    "content_index": 0,
                    "delta": piece,
                }
                for piece in _pieces(text)
            ]
        events.append({"type": "response.output_item.done", "output_index": at, "item": item})
    events.append({"type": "response.completed", "response": whole})
    for sequence, event in enumerate(events):
        event["sequence_number"] = sequence
    return whole, events


def _messages(text: str, calls: Sequence[Call], number: int) -> tuple[Json, list[Json]]:
    reason = "tool_use" if calls else "end_turn"
    blocks: list[Json] = [{"type": "text", "text": text}] if text else []
    blocks += [
        {
            "type": "tool_use",
            "id": f"toolu_{number}_{at}",
            "name": call.name,
            "input": json.loads(call.text),
        }
        for at, call in enumerate(calls)
    ]
    usage = {"input_tokens": 12, "output_tokens": 5, "cache_read_input_tokens": 8}
    whole: Json = {
        "id": f"msg_{number}",
        "type": "message",
        "role": "assistant",
        "model": "any",
        "content": blocks,
        "stop_reason": reason,
        "stop_sequence": None,
        "usage": usage,
    }
    start = whole | {"content": [], "stop_reason": None, "usage": usage | {"output_tokens": 1}}
    events: list[Json] = [{"type": "message_start", "message": start}, {"type": "ping"}]
    for at, block in enumerate(blocks):
        empty = block | ({"text": ""} if block["type"] == "text" else {"input": {}})
        events.append({"type": "content_block_start", "index": at, "content_block": empty})
        if block["type"] == "text":
            deltas: list[Json] = [{"type": "text_delta", "text": p} for p in _pieces(text)]
        else:
            given = json.dumps(block["input"])
            deltas = [{"type": "input_json_delta", "partial_json": p} for p in _pieces(given)]
        events += [{"type": "content_block_delta", "index": at, "delta": d} for d in deltas]
        events.append({"type": "content_block_stop", "index": at})
    events.append(
        {
            "type": "message_delta",
            "delta": {"stop_reason": reason, "stop_sequence": None},
            "usage": {"output_tokens": 5},
        }
    )
    events.append({"type": "message_stop"})
    return whole, events


def serving(app: Any, listener: socket.socket | None = None) -> Iterator[str]:
    """An ASGI app on a free port of localhost, in a thread; yields its base URL."""
    listener = listener or socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(app, log_level="critical", lifespan="auto", ws="none")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()
        listener.close()
