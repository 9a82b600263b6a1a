"""A real MCP server of the SDK's over Streamable HTTP, and at /sse over the legacy transport, that says what each of its callers sent.

`whoami` tells `Authorization` and `_meta.tenant` as they came with the call, `ask` puts a question to
whoever called, `ask_anyone` one that names no call, `echo_error` fails with the token in its text, and in what it logs.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import anyio
import mcp_types as t
from mcp.server.lowlevel.server import Server
from mcp.server.sse import SseServerTransport
from mcp_types.version import MODERN_PROTOCOL_VERSIONS
from tests.support.llm_server import serving

from mcp import MCPError

FORM = {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]}


def _tool(name: str) -> t.Tool:
    return t.Tool(name=name, input_schema={"type": "object", "properties": {}})


def _text(text: str) -> t.CallToolResult:
    return t.CallToolResult(content=[t.TextContent(type="text", text=text)])


class Tenants:
    """`modern` False speaks 2025-11-25 alone. `seen` has the JSON-RPC method and the headers of each
    request, GET and DELETE under those names; `locked` asks everybody for a token; `forgets` refuses
    so many calls as
    of a session that it does not know; `gathers` answers `whoami` only once so many
    callers are inside; `refuses` turns every token away."""

    def __init__(
        self, *, modern: bool, locked: bool = False, gathers: int = 1, forgets: int = 0
    ) -> None:
        self.modern, self.locked, self.gathers, self.forgets = modern, locked, gathers, forgets
        self.refuses = False
        self.seen: list[tuple[str, dict[str, str]]] = []
        self.inside, self.all_here = 0, anyio.Event()
        self.server = Server("tenants", on_list_tools=self.list_tools, on_call_tool=self.call_tool)
        self.app = self.server.streamable_http_app()
        self.sse = SseServerTransport("/messages/")

    def sent(self, method: str) -> list[str | None]:
        """The `Authorization` of each request of that method."""
        return [headers.get("authorization") for name, headers in self.seen if name == method]

    async def list_tools(self, context: Any, _params: Any) -> t.ListToolsResult:
        names = ("whoami", "ask", "ask_anyone", "echo_error")
        return t.ListToolsResult(tools=[_tool(name) for name in names])

    async def call_tool(self, context: Any, params: Any) -> Any:
        token = context.request.headers.get("authorization")
        meta = dict(context.meta or {})
        match params.name:
            case "whoami":
                self.inside += 1
                if self.inside >= self.gathers:
                    self.all_here.set()
                await self.all_here.wait()
                return _text(json.dumps([token, meta.get("tenant"), meta.get("trace")]))
            case "ask" if context.protocol_version in MODERN_PROTOCOL_VERSIONS:
                if params.input_responses:
                    return _text(params.input_responses["q"].action)
                question = t.ElicitRequestFormParams(message="Who?", requested_schema=FORM)
                return t.InputRequiredResult(
                    input_requests={"q": t.ElicitRequest(params=question)}, request_state="s"
                )
            case "ask" | "ask_anyone":
                mine = context.request_id if params.name == "ask" else None
                said = await context.session.elicit_form("Who?", FORM, related_request_id=mine)
                return _text(said.action)
            case _:
                said = f"refused: {token.split()[-1]}"
                await context.session.send_log_message(
                    "error", said, related_request_id=context.request_id
                )
                raise MCPError(t.INVALID_PARAMS, f"no rights for {token}")

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = {name.decode(): value.decode("latin-1") for name, value in scope["headers"]}
        body, more = b"", scope["method"] == "POST"
        while more:
            part = await receive()
            body, more = body + part.get("body", b""), part.get("more_body", False)
        message = json.loads(body) if body else {}
        self.seen.append((message.get("method", "answer" if body else scope["method"]), headers))
        refusal = 0
        if self.refuses or (self.locked and "authorization" not in headers):
            refusal = 401
        elif message.get("method") == "server/discover" and not self.modern:
            refusal = 400
        elif message.get("method") == "tools/call" and self.forgets:
            self.forgets -= 1
            refusal = 404
        if refusal:
            await send({"type": "http.response.start", "status": refusal, "headers": []})
            await send({"type": "http.response.body", "body": b"no session"})
            return
        first = True

        async def replayed() -> Any:
            nonlocal first
            if first and body:
                first = False
                return {"type": "http.request", "body": body, "more_body": False}
            return await receive()

        async def with_cookie(event: Any) -> None:
            if event["type"] == "http.response.start" and (token := headers.get("authorization")):
                cookie = (b"set-cookie", f"user={token.split()[-1]}".encode())
                event = {**event, "headers": [*event["headers"], cookie]}
            await send(event)

        match scope["path"]:
            case "/sse":
                async with self.sse.connect_sse(scope, receive, send) as streams:
                    await self.server.run(*streams, self.server.create_initialization_options())
            case "/messages/":
                await self.sse.handle_post_message(scope, replayed, with_cookie)
            case _:
                await self.app(scope, replayed, with_cookie)


@contextmanager
def tenants(**options: Any) -> Iterator[tuple[Tenants, str]]:
    server = Tenants(**options)
    for url in serving(server):
        yield server, f"{url}/mcp"
