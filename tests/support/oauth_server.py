"""A real MCP server behind a real OAuth 2.1 authorization server, and a person with a browser."""

import asyncio
import socket
import threading
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import parse_qs

import httpx2
import uvicorn
from fastmcp import FastMCP
from fastmcp.server.auth.auth import ClientRegistrationOptions, RevocationOptions
from fastmcp.server.auth.providers.in_memory import InMemoryOAuthProvider

from universal_mcp_client.types.interaction import Elicited, LoginRequest, Verdict


class Issuer(InMemoryOAuthProvider):
    """FastMCP's authorization server, which counts. While `held` is set, a refresh rotates the
    token and then keeps its answer back."""

    def __init__(self, url: str) -> None:
        super().__init__(
            base_url=url,
            client_registration_options=ClientRegistrationOptions(
                enabled=True, valid_scopes=["read", "write"], default_scopes=["read"]
            ),
            revocation_options=RevocationOptions(enabled=True),
            required_scopes=["read"],
        )
        self.logins = 0
        self.refreshes = 0
        self.held = False
        self.rotated = threading.Event()
        self.secrets: set[str] = set()

    async def exchange_authorization_code(self, client: Any, authorization_code: Any) -> Any:
        self.logins += 1
        return self._noted(
            await super().exchange_authorization_code(client, authorization_code),
            authorization_code.code,
        )

    async def exchange_refresh_token(self, client: Any, refresh_token: Any, scopes: Any) -> Any:
        self.refreshes += 1
        tokens = self._noted(await super().exchange_refresh_token(client, refresh_token, scopes))
        if self.held:
            self.rotated.set()
            await asyncio.Event().wait()
        return tokens

    def _noted(self, tokens: Any, *more: str) -> Any:
        self.secrets |= {tokens.access_token, tokens.refresh_token, *more}
        return tokens


class Protected:
    """The server: its URL, its issuer, and how to make logins end."""

    def __init__(self, url: str, issuer: Issuer) -> None:
        self.url = url
        self.issuer = issuer

    def revoke_access(self) -> None:
        self.issuer.access_tokens.clear()

    def revoke_all(self) -> None:
        self.issuer.access_tokens.clear()
        self.issuer.refresh_tokens.clear()


def protected(
    furnish: Callable[[FastMCP], None] | None = None, transport: Any = "http"
) -> Iterator[Protected]:
    """The server while it runs; `furnish` adds to what it offers."""
    listener = socket.create_server(("127.0.0.1", 0))
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    issuer = Issuer(url)
    server = FastMCP("protected", auth=issuer)

    @server.tool
    def add(a: int, b: int) -> int:
        return a + b

    if furnish is not None:
        furnish(server)
    config = uvicorn.Config(
        _noting(server.http_app(transport=transport), issuer.secrets),
        log_level="critical",
        ws="none",
        timeout_graceful_shutdown=0,
    )
    web = uvicorn.Server(config)
    thread = threading.Thread(target=web.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    try:
        yield Protected(f"{url}/{'sse' if transport == 'sse' else 'mcp'}", issuer)
    finally:
        web.should_exit = True
        thread.join()
        listener.close()


SECRET_FIELDS = ("code", "code_verifier", "client_secret", "refresh_token", "token")


def _noting(app: Any, secrets: set[str]) -> Any:
    """`app`, with every secret that a form brings added to `secrets`."""

    async def noting(scope: Any, receive: Any, send: Any) -> None:
        body = b""

        async def noted() -> Any:
            nonlocal body
            message = await receive()
            body += message.get("body", b"")
            fields = parse_qs(body.decode("latin-1")) if not message.get("more_body") else {}
            secrets.update(v for name in SECRET_FIELDS for v in fields.get(name, ()))
            return message

        form = scope["type"] == "http" and scope["path"] in ("/token", "/revoke")
        await app(scope, noted if form else receive, send)

    return noting


class Person:
    """Logs in as soon as it is asked to; the browser comes back to our port. With `paste`, it
    cannot, and its address is given instead."""

    can_log_in = True

    def __init__(self, *, paste: bool = False) -> None:
        self.paste = paste
        self.asked: list[LoginRequest] = []

    async def approve(self, call: Any, spec: Any) -> Verdict:
        return Verdict(allowed=True)

    async def elicit(self, server: str, message: str, schema: Any, url: Any = None) -> Elicited:
        return Elicited(action="decline")

    async def login(self, request: LoginRequest) -> str | None:
        self.asked.append(request)
        async with httpx2.AsyncClient() as browser:
            answer = await browser.get(request.url)
            if self.paste:
                return answer.headers["location"]
            await browser.get(answer.headers["location"])
        return None
