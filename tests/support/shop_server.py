"""An MCP server over stdio, by hand so that it starts at once: `python shop_server.py LOG`.

It notes in the file LOG each call that reached it, as `name arguments`. Two tools wait for one
another: `meet` answers once it was called twice.
"""

import base64
import json
import os
import sys
import threading
from pathlib import Path
from typing import Any

PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
LOG = Path(sys.argv[1])
lock = threading.Lock()
together = threading.Barrier(2)


def tool(name: str, required: tuple[str, ...] = (), **properties: Any) -> dict[str, Any]:
    form = {"type": "object", "properties": properties, "required": list(required)}
    return {
        "name": name,
        "description": f"The tool {name}.",
        "inputSchema": form | {"additionalProperties": False},
        "annotations": {"readOnlyHint": name != "buy"},
    }


STRING, NUMBER = {"type": "string"}, {"type": "integer"}
TOOLS = [
    tool("price", ("item",), item=STRING, currency=STRING),
    tool("stock"),
    tool("picture"),
    tool("long", n=NUMBER),
    tool("fails"),
    tool("meet", who=STRING),
    tool("hangs"),
    tool("dies"),
    tool("buy", ("item",), item=STRING),
]


def write(message: dict[str, Any]) -> None:
    with lock:
        sys.stdout.write(json.dumps({"jsonrpc": "2.0"} | message) + "\n")
        sys.stdout.flush()


def call(number: object, name: str, given: dict[str, Any]) -> None:
    with lock, LOG.open("a", encoding="utf-8") as log:
        log.write(f"{name} {json.dumps(given, sort_keys=True)}\n")
    error, text = False, "done"
    match name:
        case "price":
            text = f"{given['item']}: 3 {given.get('currency', 'euros')}"
        case "stock":
            text = "all of it"
        case "picture":
            image = {
                "type": "image",
                "mimeType": "image/png",
                "data": base64.b64encode(PIXEL).decode(),
            }
            write({"id": number, "result": {"content": [{"type": "text", "text": "here"}, image]}})
            return
        case "long":
            text = "a line of it\n" * given["n"]
        case "fails":
            error, text = True, "out of stock"
        case "meet":
            together.wait(20)
            text = f"met {given['who']}"
        case "hangs":
            return
        case "dies":
            os._exit(3)
    content = [{"type": "text", "text": text}]
    write({"id": number, "result": {"content": content, "isError": error}})


for line in sys.stdin:
    message = json.loads(line)
    number, method, given = message.get("id"), message.get("method"), message.get("params") or {}
    if number is None:
        if method == "notifications/cancelled":
            with LOG.open("a", encoding="utf-8") as log:
                log.write("cancelled\n")
    elif method == "initialize":
        about = {"name": "shop", "version": "1"}
        result = {"capabilities": {"tools": {}}, "serverInfo": about}
        write({"id": number, "result": result | {"protocolVersion": given["protocolVersion"]}})
    elif method == "tools/list":
        write({"id": number, "result": {"tools": TOOLS}})
    elif method == "tools/call":
        asked = (number, given["name"], given.get("arguments") or {})
        threading.Thread(target=call, args=asked, daemon=True).start()
    elif method == "ping":
        write({"id": number, "result": {}})
    else:
        write({"id": number, "error": {"code": -32601, "message": f"no method {method}"}})
