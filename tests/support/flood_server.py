"""An MCP server over stdio that sends more than anybody can take: `flood_server.py pages` in its
list of tools; else in the answer to a call, which says what of."""

import json
import sys
import time
from typing import Any


def send(**message: Any) -> None:
    print(json.dumps({"jsonrpc": "2.0", **message}), flush=True)


def tools(page: int) -> dict[str, Any]:
    tool = {"name": f"tool{page}", "inputSchema": {"type": "object"}}
    if sys.argv[1:] != ["pages"]:
        return {"tools": [tool]}
    tool["description"] = "x" * 12_000_000
    return {"tools": [tool], "nextCursor": f"{page + 1}"}


def call(request: Any, kind: str) -> None:
    match kind:
        case "lists":
            values = "[]," * 3_000_000 + "[]"
            content = f'{{"content":[],"structuredContent":{{"a":[{values}]}}}}'
            print(f'{{"jsonrpc":"2.0","id":{json.dumps(request)},"result":{content}}}', flush=True)
        case "parts":
            send(id=request, result={"content": [{"type": "text", "text": "a"}] * 300_000})
        case "text":
            send(
                id=request, result={"content": [{"type": "text", "text": 'a, "b" [{\\' * 300_000}]}
            )
        case "questions":  # and never reads on
            for number in range(20_000):
                send(id=f"q{number}", method="ping")
            time.sleep(600)
        case "withdrawn":
            for number in range(300):
                send(id=f"q{number}", method="elicitation/create", params={"message": "?"})
                send(method="notifications/cancelled", params={"requestId": f"q{number}"})
            send(id=request, result={"content": [{"type": "text", "text": "done"}]})


if __name__ == "__main__":
    for line in sys.stdin:
        got = json.loads(line)
        match got.get("method"):
            case "initialize":
                info = {"name": "flood", "version": "1"}
                result = {"protocolVersion": "2025-11-25", "capabilities": {"tools": {}}}
                send(id=got["id"], result={**result, "serverInfo": info})
            case "tools/list":
                cursor = (got.get("params") or {}).get("cursor")
                send(id=got["id"], result=tools(int(cursor or 0)))
            case "tools/call":
                call(got["id"], got["params"]["arguments"]["kind"])
            case str() if "id" in got:
                send(id=got["id"], error={"code": -32601, "message": "unknown"})
