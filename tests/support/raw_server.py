"""A server that speaks JSON-RPC by hand and misbehaves on command, over stdio and over HTTP.

Its tools are the commands. As a program (`python raw_server.py LOG 2025|2026`) it serves stdio, and notes in the
file LOG when it starts and what had an effect; `RawHTTP` serves HTTP in this process.
"""

import gzip
import json
import os
import socket
import struct
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

NAMES = ("effect", "say", "silent", "list_as", "die", "progress", "fail", "busy")


def tool(name: str) -> dict[str, Any]:
    return {"name": name, "inputSchema": {"type": "object"}, "annotations": {"readOnlyHint": True}}


TOOLS = [tool(name) for name in NAMES]


class Raw:
    """What is answered, as lines. In what a command says, `$ID` stands for the request's id
    and `$FF` for a byte that is no UTF-8."""

    def __init__(self, *, modern: bool = False) -> None:
        self.modern = modern
        self.listing: Any = {"tools": TOOLS}
        self.pages = 0
        self.effects: list[str] = []

    def effect(self, what: str) -> None:
        self.effects.append(what)

    def replies(self, message: dict[str, Any]) -> Iterator[str]:
        request, params = message.get("id"), message.get("params") or {}
        match message.get("method"):
            case "server/discover" if self.modern:
                versions = ["2026-07-28"]
                yield self.result(request, supportedVersions=versions, capabilities={"tools": {}})
            case "initialize":
                yield self.result(
                    request,
                    protocolVersion="2025-11-25",
                    capabilities={"tools": {"listChanged": True}},
                    serverInfo={"name": "raw", "version": "1"},
                )
            case "tools/list":
                yield from self.listed(request)
            case "tools/call":
                yield from self.call(request, params["name"], params)
            case "ping":
                yield self.result(request)
            case None | "notifications/initialized" | "notifications/cancelled":
                return
            case method:
                yield self.error(request, -32601, f"Method not found: {method}")

    def listed(self, request: Any) -> Iterator[str]:
        match self.listing:
            case "silent":
                return
            case "error":
                yield self.error(request, -32603, "the database is gone")
            case "endless":
                self.pages += 1
                yield self.result(request, tools=[tool("effect")], nextCursor=f"p{self.pages}")
            case result:
                yield self.result(request, **result)

    def call(self, request: Any, name: str, params: dict[str, Any]) -> Iterator[str]:
        arguments = params.get("arguments") or {}
        match name:
            case "effect":
                self.effect(arguments.get("what", "done"))
                yield self.text(request, "done")
            case "say":
                for line in arguments["lines"]:
                    yield line.replace("$ID", json.dumps(request)).replace("$FF", "\udcff")
            case "list_as":
                self.listing = arguments["listing"]
                yield json.dumps({"jsonrpc": "2.0", "method": "notifications/tools/list_changed"})
                yield self.text(request, "changed")
            case "progress":
                token = params["_meta"]["progressToken"]
                for step in range(arguments["steps"]):
                    time.sleep(arguments["every"])
                    yield json.dumps(
                        {
                            "jsonrpc": "2.0",
                            "method": "notifications/progress",
                            "params": {"progressToken": token, "progress": step},
                        }
                    )
                yield self.text(request, "arrived")
            case "fail":
                yield self.error(request, arguments["code"], arguments.get("message", "no"))
            case "busy":
                self.effect("busy")
                time.sleep(600)
            case "die":
                os._exit(3)
            case _:
                return

    def result(self, request: Any, **result: Any) -> str:
        if self.modern:
            result |= {"resultType": "complete", "ttlMs": 0, "cacheScope": "private"}
        return json.dumps({"jsonrpc": "2.0", "id": request, "result": result})

    def error(self, request: Any, code: int, message: str) -> str:
        error = {"code": code, "message": message}
        return json.dumps({"jsonrpc": "2.0", "id": request, "error": error})

    def text(self, request: Any, text: str) -> str:
        return self.result(request, content=[{"type": "text", "text": text}])


class RawHTTP(Raw):
    """Over HTTP, with sessions as in 2025-11-25. `refusal` is the status for sessions it does not
    know; the next `resets` requests are cut off after they had their effect, `drip` answers a byte
    at a time, `compress` with gzip, `plain` as JSON without events; `statuses` maps tools to what they are refused with,
    `answers` to the status, the content type, the body and the other headers of what they get."""

    def __init__(self, refusal: int = 404, *, modern: bool = False) -> None:
        super().__init__(modern=modern)
        self.refusal = refusal
        self.sessions: set[str] = set()
        self.initialized = 0
        self.resets = 0
        self.drip = self.compress = self.plain = False
        self.statuses: dict[str, int] = {}
        self.answers: dict[str, tuple[int, str, bytes, dict[str, str]]] = {}
        self.quiet = False  # whether it has a stream of its own news, and says nothing there
        self.listened = threading.Event()
        self.left = threading.Event()
        self.waiting = threading.Barrier(1)
        self.dripping = threading.Event()
        self.dripped = threading.Event()

    def forget(self) -> None:
        self.sessions.clear()

    @contextmanager
    def serving(self, port: int = 0) -> Iterator[str]:
        server = _Server(("127.0.0.1", port), _handler(self))
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}/mcp"
        finally:
            server.shutdown()
            server.server_close()
            thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    allow_reuse_address = True


def _handler(raw: RawHTTP) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: Any) -> None: ...

        def do_GET(self) -> None:
            if not raw.quiet:
                self.answer(405, b"")
                return
            self.send_response(200)
            self.send_header("content-type", "text/event-stream")
            self.send_header("connection", "close")
            self.end_headers()
            raw.listened.set()
            while self.connection.recv(1024):
                pass
            self.close_connection = True
            raw.left.set()

        def do_DELETE(self) -> None:
            self.answer(405, b"")

        def do_POST(self) -> None:
            message = json.loads(self.rfile.read(int(self.headers["content-length"])))
            method = message.get("method")
            name = (message.get("params") or {}).get("name", "")
            if method == "initialize":
                raw.initialized += 1
                session = f"s{raw.initialized}"
                raw.sessions.add(session)
                (reply,) = raw.replies(message)
                self.answer(200, reply.encode(), ("mcp-session-id", session))
                return
            if method == "server/discover":
                self.answer(200 if raw.modern else 400, next(raw.replies(message)).encode())
                return
            if not raw.modern and self.headers.get("mcp-session-id") not in raw.sessions:
                self.answer(raw.refusal, b"no such session", kind="text/plain")
                return
            if method == "tools/call" and (status := raw.statuses.get(name)):
                raw.waiting.wait(10)
                self.answer(status, b"refused", kind="text/plain")
                return
            if method == "tools/call" and name in raw.answers:
                status, kind, body, headers = raw.answers[name]
                self.answer(status, body, *headers.items(), kind=kind)
                return
            if method == "tools/call" and name == "fail":
                raw.waiting.wait(10)
            replies = list(raw.replies(message))
            if name == "effect" and raw.resets:
                raw.resets -= 1
                linger = struct.pack("ii", 1, 0)
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
                self.close_connection = True
                self.connection.close()
            elif "id" not in message:
                self.answer(202, b"")
            elif raw.drip and method == "tools/call":
                self.drip_for_ever()
            elif name == "silent":
                raw.dripping.set()
                while self.connection.recv(1024):
                    pass
                raw.dripped.set()
            else:
                body = "".join(f"event: message\ndata: {each}\n\n" for each in replies)
                if raw.plain:
                    self.answer(200, replies[-1].encode())
                elif raw.compress:
                    packed = gzip.compress(body.encode())
                    self.answer(200, packed, ("content-encoding", "gzip"), kind="text/event-stream")
                else:
                    data = body.encode("utf-8", "surrogateescape")
                    self.answer(200, data, kind="text/event-stream")

        def drip_for_ever(self) -> None:
            self.send_response(200)
            self.send_header("content-type", "text/event-stream")
            self.send_header("connection", "close")
            self.end_headers()
            try:
                while True:
                    self.wfile.write(b":")
                    raw.dripping.set()
                    time.sleep(0.02)
            except OSError:
                raw.dripped.set()
            self.close_connection = True

        def answer(
            self,
            status: int,
            body: bytes,
            *headers: tuple[str, str],
            kind: str = "application/json",
        ) -> None:
            self.send_response(status)
            self.send_header("content-type", kind)
            self.send_header("content-length", str(len(body)))
            for name, value in headers:
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

    return Handler


class _Stdio(Raw):
    def __init__(self, log: str, era: str = "2025") -> None:
        super().__init__(modern=era == "2026")
        self.log = log
        self.effect("started")

    def effect(self, what: str) -> None:
        with Path(self.log).open("a") as file:
            file.write(f"{what} {os.getpid()}\n")

    def serve(self) -> None:
        for line in sys.stdin:
            for reply in self.replies(json.loads(line)):
                sys.stdout.buffer.write(reply.encode("utf-8", "surrogateescape") + b"\n")
                sys.stdout.buffer.flush()


if __name__ == "__main__":
    _Stdio(*sys.argv[1:]).serve()
