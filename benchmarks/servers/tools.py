"""An MCP server over stdio that starts at once and answers at once. Standard library only.

    python tools.py PREFIX [HOW MANY MORE TOOLS]

Tools: PREFIX_echo(text), PREFIX_slow(ms), PREFIX_big(n characters), and the others, which echo.
"""

import json
import sys
import threading
import time

PREFIX = sys.argv[1]
MORE = int(sys.argv[2]) if len(sys.argv) > 2 else 0
lock = threading.Lock()


def schema(index: int) -> dict:
    properties = {
        f"field_{at}": {"type": "string", "description": f"Field {at} of tool {index}."}
        for at in range(6)
    }
    return {"type": "object", "properties": properties, "required": ["field_0", "field_1"]}


def tool(name: str, properties: dict) -> dict:
    form = {"type": "object", "properties": properties, "required": list(properties)}
    return {"name": f"{PREFIX}_{name}", "description": f"The tool {name}.", "inputSchema": form}


TOOLS = [
    tool("echo", {"text": {"type": "string"}}),
    tool("slow", {"ms": {"type": "integer"}}),
    tool("big", {"n": {"type": "integer"}}),
    *(
        {"name": f"{PREFIX}_tool_{i}", "description": f"Does {i}.", "inputSchema": schema(i)}
        for i in range(MORE)
    ),
]


def write(message: dict) -> None:
    with lock:
        sys.stdout.write(json.dumps({"jsonrpc": "2.0"} | message, separators=(",", ":")) + "\n")
        sys.stdout.flush()


def call(number: object, name: str, arguments: dict) -> None:
    if name.endswith("_slow"):
        time.sleep(arguments["ms"] / 1000)
        text = "slept"
    elif name.endswith("_big"):
        text = ("a line of a long result\n" * (arguments["n"] // 24 + 1))[: arguments["n"]]
    else:
        text = arguments.get("text", "")
    write({"id": number, "result": {"content": [{"type": "text", "text": text}]}})


for line in sys.stdin:
    message = json.loads(line)
    number, method, given = message.get("id"), message.get("method"), message.get("params") or {}
    if number is None:
        continue
    if method == "initialize":
        about = {"name": PREFIX, "version": "1"}
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
