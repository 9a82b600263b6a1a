"""A model server for benchmarks: OpenAI's chat completions, as fast as Python answers them.

What it answers is written in the prompt, as JSON between PLAN and END: `turns` with tool calls,
`calls` in each, `tools` (suffixes of the names to call, in turn), `args`, `chunks` of text in the
last answer, `chunk_us` microseconds between them. GET /stats?ID gives what it saw of a plan's `run`.
"""

import asyncio
import json
import sys
import time
from typing import Any

import uvicorn

seen: dict[str, dict[str, Any]] = {}


async def app(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] != "http":
        return
    if scope["path"] == "/stats":
        await reply(send, seen.get(scope["query_string"].decode(), {}))
        return
    arrived = time.monotonic()
    received, more = bytearray(), True
    while more:
        message = await receive()
        received += message.get("body", b"")
        more = message.get("more_body", False)
    request = json.loads(received)
    messages = request["messages"]
    asked = next(m["content"] for m in messages if m["role"] == "user")
    if not isinstance(asked, str):
        asked = asked[0]["text"]
    plan = json.loads(asked[asked.index("PLAN") + 4 : asked.rindex("END")])
    stats = seen.setdefault(plan["run"], {"first": arrived, "requests": 0, "bytes": 0})
    stats["requests"] += 1
    stats["bytes"] += len(received)
    done = sum(m["role"] == "assistant" for m in messages)
    calls = wanted(plan, request.get("tools") or [], done) if done < plan["turns"] else []
    if request.get("stream"):
        await stream(send, plan, calls, stats)
    else:
        message = {"role": "assistant", "content": None if calls else "DONE"}
        choice = {"index": 0, "message": message | ({"tool_calls": calls} if calls else {})}
        choice["finish_reason"] = "tool_calls" if calls else "stop"
        await reply(send, envelope("chat.completion", [choice]) | {"usage": usage()})


def wanted(plan: dict[str, Any], tools: list[Any], turn: int) -> list[dict[str, Any]]:
    names = [tool["function"]["name"] for tool in tools]
    made = []
    for at in range(plan["calls"]):
        suffix = plan["tools"][at % len(plan["tools"])]
        name = next(name for name in names if name.endswith(suffix))
        function = {"name": name, "arguments": json.dumps(plan["args"])}
        made.append({"id": f"call_{turn}_{at}", "type": "function", "function": function})
    return made


def envelope(kind: str, choices: list[Any]) -> dict[str, Any]:
    return {"id": "c", "object": kind, "created": 1, "model": "bench", "choices": choices}


def usage() -> dict[str, int]:
    return {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}


async def stream(send: Any, plan: dict[str, Any], calls: list[Any], stats: dict[str, Any]) -> None:
    headers = [(b"content-type", b"text/event-stream")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})

    async def write(delta: dict[str, Any], finish: str | None = None) -> None:
        choice = {"index": 0, "delta": delta, "finish_reason": finish}
        line = json.dumps(envelope("chat.completion.chunk", [choice]))
        body = f"data: {line}\n\n".encode()
        await send({"type": "http.response.body", "body": body, "more_body": True})

    if calls:
        await write({"tool_calls": [call | {"index": at} for at, call in enumerate(calls)]})
    else:
        stats["first_delta"] = time.monotonic()
        for _ in range(plan.get("chunks", 0)):
            await write({"content": "word "})
            if pause := plan.get("chunk_us"):
                await asyncio.sleep(pause / 1e6)
        await write({"content": "DONE"})
    await write({}, "tool_calls" if calls else "stop")
    await send({"type": "http.response.body", "body": b"data: [DONE]\n\n"})


async def reply(send: Any, value: object) -> None:
    body = json.dumps(value).encode()
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
    ]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]), log_level="critical")
