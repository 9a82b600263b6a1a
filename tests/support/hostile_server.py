"""An MCP server of which every field is hostile to a terminal. Raw JSON-RPC over stdio.

`hostile_server.py fail` says hostile things on stderr and does not start; without an argument, tools
answer, and one asks the person, tells of its progress, logs, and fails.
"""

import json
import sys
from typing import Any

BAD = (
    "\x1b[2J\x1b]0;title\x07\x1b]8;;http://evil\x1b\\link\x1b]8;;\x1b\\\x1b]52;c;ZXZpbA==\x07\x1bPq\x1b\\"
    "\r\x08\x0b\x7f\x9b2J\x9d0;x\x9c\x85\u202eevil\u202c\u2066\u2069\u200e\u200b\u2060\ufeff\u00ad\u2028"
    "\U000e0041\U000e0042\ufe0f\ufe0f\u3164a\u0301\u0301\u0301\u0301\u0301\u0301\u0301\u0301"
)
KEYS = {"type": "object", "properties": {f"key{BAD}": {"type": "string", "description": BAD}}}


WAITING: dict[str, Any] = {}


def tool(name: str) -> dict[str, Any]:
    return {
        "name": name,
        "title": BAD,
        "description": f"{BAD} {name}",
        "inputSchema": KEYS,
        "annotations": {"title": BAD, "readOnlyHint": True},
    }


def answer(method: str, params: dict[str, Any]) -> dict[str, Any] | None:
    match method:
        case "initialize":
            return {
                "protocolVersion": "2025-06-18",
                "capabilities": {"tools": {}, "prompts": {}, "resources": {}, "logging": {}},
                "serverInfo": {"name": BAD, "title": BAD, "version": BAD},
                "instructions": BAD,
            }
        case "tools/list":
            return {"tools": [tool("ok"), tool("fail"), tool("link"), tool(f"odd{BAD}")]}
        case "prompts/list":
            return {"prompts": [{"name": BAD, "description": BAD}]}
        case "resources/list":
            return {"resources": [{"uri": "x://y", "name": BAD, "description": BAD}]}
        case "resources/templates/list":
            return {"resourceTemplates": []}
        case "ping" | "logging/setLevel":
            return {}
        case _:
            return None


def send(message: dict[str, Any]) -> None:
    print(json.dumps({"jsonrpc": "2.0", **message}), flush=True)


def call(ident: Any, params: dict[str, Any]) -> None:
    name = params["name"]
    log = {"level": "error", "logger": BAD, "data": f"log {BAD}"}
    send({"method": "notifications/message", "params": log})
    print(f"stderr {BAD}", file=sys.stderr, flush=True)
    token = (params.get("_meta") or {}).get("progressToken")
    for number in range(20 if token is not None else 0):
        progress = {"progressToken": token, "progress": number, "message": f"progress {BAD}"}
        send({"method": "notifications/progress", "params": progress})
    if name == "ok":  # answered once the person has answered
        question = {"message": f"question {BAD}", "requestedSchema": KEYS}
        send({"id": f"q{ident}", "method": "elicitation/create", "params": question})
        WAITING[f"q{ident}"] = ident
        return
    if name == "link":
        about = {"name": BAD, "description": BAD, "mimeType": f"text/{BAD}"}
        content = [{"type": "resource_link", "uri": "x://y", **about}]
        send({"id": ident, "result": {"content": content}})
    elif name.startswith("odd"):
        send({"id": ident, "error": {"code": -32603, "message": f"error {BAD}", "data": BAD}})
    else:
        content = [{"type": "text", "text": f"result {BAD}"}]
        send({"id": ident, "result": {"content": content, "isError": name == "fail"}})


if __name__ == "__main__":
    sys.stderr.reconfigure(encoding="utf-8")  # type: ignore[union-attr]
    if sys.argv[1:] == ["fail"]:
        sys.exit(f"cannot start: {BAD}")
    if sys.argv[1:] == ["garbage"]:
        print(f"no MCP {BAD}".encode().decode("latin-1"), flush=True)
    for line in sys.stdin:
        got = json.loads(line)
        if got.get("method") == "tools/call":
            call(got["id"], got["params"])
        elif got.get("id") in WAITING:
            content = [{"type": "text", "text": f"result {BAD}"}]
            send({"id": WAITING.pop(got["id"]), "result": {"content": content}})
        elif "method" in got and "id" in got:
            found = answer(got["method"], got.get("params") or {})
            unknown = {"code": -32601, "message": f"no {got['method']} {BAD}"}
            send(
                {
                    "id": got["id"],
                    **({"result": found} if found is not None else {"error": unknown}),
                }
            )
