"""Connections that a server closes while somebody logs in."""

import asyncio
from typing import Any

import pytest

from universal_mcp_client.auth import http
from universal_mcp_client.auth.flow import LoginAuth
from universal_mcp_client.auth.records import Tokens
from universal_mcp_client.config.servers import ServerConfig
from universal_mcp_client.mcp.http import Endpoint


async def test_a_login_does_not_go_on_over_a_connection_that_grew_old(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Here an idle connection is soon too old, and one that is used again is closed unanswered."""
    used_again = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal used_again
        request = (await reader.readuntil(b"\r\n\r\n")).lower()
        welcome = b"authorization: bearer t" in request
        status = "200 OK" if welcome else "401 Unauthorized\r\nWWW-Authenticate: Bearer"
        writer.write(f"HTTP/1.1 {status}\r\nContent-Length: 2\r\n\r\n{{}}".encode())
        used_again += bool(await reader.read(1))
        writer.close()

    class Authorizer:
        name, proof_key = "s", None

        async def current(self) -> None:
            return None

        async def answer(self, *_: Any, **__: Any) -> Tokens:
            await asyncio.sleep(0.05)
            return Tokens(access_token="t", obtained_at=0.0)

    monkeypatch.setattr(http, "IDLE", 0.01)
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    login: Any = LoginAuth(Authorizer())  # type: ignore[arg-type]
    async with (
        server,
        Endpoint(ServerConfig(name="s", transport="http", url="http://s"), None, login) as client,
    ):
        response = await client.get(f"http://127.0.0.1:{port}/")
    assert (response.status_code, used_again) == (200, 0)
