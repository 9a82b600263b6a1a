"""A server over stdio, of 2025-11-25 and written by hand, whose only tool asks the user questions.

`survey` asks as many as its argument `questions` says, one after the other, and tells how each was answered.
"""

import json
import sys
from typing import Any

SURVEY = {
    "name": "survey",
    "inputSchema": {"type": "object", "properties": {"questions": {"type": "integer"}}},
    "annotations": {"readOnlyHint": False},
}
FORM = {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]}


def send(**message: Any) -> None:
    print(json.dumps({"jsonrpc": "2.0"} | message), flush=True)


def receive() -> dict[str, Any]:
    line = sys.stdin.readline()
    if not line:
        sys.exit()
    return dict(json.loads(line))


def asked(number: int) -> str:
    """The action that the question was answered with."""
    params = {"mode": "form", "message": f"Question {number}?", "requestedSchema": FORM}
    send(id=f"ask-{number}", method="elicitation/create", params=params)
    while True:
        message = receive()
        if message.get("id") == f"ask-{number}":
            return str(message.get("result", {}).get("action", "error"))
        if message.get("method") == "notifications/cancelled":
            return "cancelled"


def answer(method: str, params: dict[str, Any]) -> dict[str, Any] | None:
    match method:
        case "initialize":
            return {
                "protocolVersion": "2025-11-25",
                "capabilities": {"tools": {}},
                "serverInfo": {"name": "nosy", "version": "1"},
            }
        case "tools/list":
            return {"tools": [SURVEY]}
        case "tools/call":
            count = params.get("arguments", {}).get("questions", 1)
            said = " ".join(asked(n) for n in range(1, count + 1))
            return {"content": [{"type": "text", "text": said}]}
        case "ping":
            return {}
        case _:
            return None


def main() -> None:
    while True:
        message = receive()
        if "id" not in message or "method" not in message:
            continue
        result = answer(message["method"], message.get("params") or {})
        if result is None:
            send(id=message["id"], error={"code": -32601, "message": "Method not found"})
        else:
            send(id=message["id"], result=result)


if __name__ == "__main__":
    main()
