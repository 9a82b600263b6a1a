"""The legacy HTTP+SSE transport, whose answers come by another way than its requests."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from fastmcp import FastMCP
from tests.mcp.test_trouble import called
from tests.support.llm_server import serving
from tests.support.services import free_port

from universal_mcp_client import Host

pytestmark = pytest.mark.anyio


class Legacy:
    """Counts what had an effect; answers requests to it with `refusal` where there is one."""

    def __init__(self) -> None:
        self.effects = 0
        self.refusal = 0

    @contextmanager
    def serving(self, port: int) -> Iterator[str]:
        server = FastMCP("legacy")

        @server.tool
        def effect() -> str:
            self.effects += 1
            return "done"

        inner = server.http_app(transport="sse")

        async def app(scope: Any, receive: Any, send: Any) -> None:
            if self.refusal and scope.get("method") == "POST":
                start = {"type": "http.response.start", "status": self.refusal, "headers": []}
                await send(start)
                await send({"type": "http.response.body", "body": b"no"})
                return
            await inner(scope, receive, send)

        listener = socket.create_server(("127.0.0.1", port))
        up = serving(app, listener)
        try:
            yield f"{next(up)}/sse"
        finally:
            up.close()


def config(url: str) -> dict[str, Any]:
    return {"mcpServers": {"old": {"url": url, "type": "sse", "timeout": 20}}}


async def test_a_post_that_is_refused_fails_its_call_at_once_and_no_other() -> None:
    legacy = Legacy()
    with legacy.serving(free_port()) as url:
        async with Host(config(url)) as host:
            assert (await called(host, "effect")).text == "done"
            legacy.refusal = 503
            refused = await called(host, "effect")
            assert refused.is_error and "HTTP 503" in refused.text
            legacy.refusal = 0
            assert (await called(host, "effect")).text == "done"
    assert legacy.effects == 2
