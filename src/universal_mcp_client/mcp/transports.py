"""From a server's config to a FastMCP transport."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from http import HTTPStatus
from typing import Any, TextIO

import httpx2
from fastmcp.client.transports import SSETransport, StdioTransport, StreamableHttpTransport
from fastmcp.client.transports.base import ClientTransport
from mcp.client.streamable_http import MCP_SESSION_ID

from universal_mcp_client.auth import http
from universal_mcp_client.auth.flow import LoginAuth
from universal_mcp_client.config.servers import ServerConfig
from universal_mcp_client.policy.programs import on_the_path
from universal_mcp_client.types.errors import UniversalMCPError

_TIMEOUT, _STREAM_TIMEOUT = 30.0, 300.0  # seconds; a server may hold a response stream open


class Refusal(httpx2.Auth):
    """Remembers why a server refused a request: its HTTP status, whether the request was one of a
    `session` of a revision that has them, and the `error` of the login; None once it takes one
    again.

    The MCP SDK turns every refusal into the same JSON-RPC error.
    """

    def __init__(self, login: LoginAuth | None = None) -> None:
        self.login = login
        self.status: HTTPStatus | None = None
        self.session = False

    @property
    def error(self) -> UniversalMCPError | None:
        return self.login.error if self.login else None

    async def async_auth_flow(
        self, request: httpx2.Request
    ) -> AsyncGenerator[httpx2.Request, httpx2.Response]:
        if self.login is None:
            self._saw(request, (yield request))
            return
        async with aclosing(self.login.async_auth_flow(request)) as flow:
            outgoing = await anext(flow)
            try:
                while True:
                    response = yield outgoing
                    self._saw(request, response)
                    outgoing = await flow.asend(response)
            except StopAsyncIteration:
                return

    def _saw(self, request: httpx2.Request, response: httpx2.Response) -> None:
        if request.method != "POST":  # a server need not offer the stream which GET asks for
            return
        self.session = MCP_SESSION_ID in request.headers
        try:
            self.status = HTTPStatus(response.status_code) if response.is_error else None
        except ValueError:  # a number that no standard knows
            self.status = HTTPStatus.INTERNAL_SERVER_ERROR


def transport_of(
    config: ServerConfig, stderr: TextIO | None, refusal: Refusal | None = None
) -> ClientTransport:
    """The transport for `config`; a stdio server's stderr goes to `stderr`, the status by which an
    HTTP server refuses a request to `refusal`."""
    match config.transport:
        case "stdio":
            return StdioTransport(
                on_the_path(config.command),
                list(config.args),
                env=dict(config.env),
                cwd=config.cwd,
                keep_alive=False,
                log_file=stderr,
            )
        case "http":
            return StreamableHttpTransport(
                config.url,
                headers=dict(config.headers),
                auth=refusal,
                httpx_client_factory=http_client,
            )
        case "sse":
            return SSETransport(
                config.url,
                headers=dict(config.headers),
                auth=refusal,
                httpx_client_factory=http_client,
            )
        case "memory":
            from fastmcp.client.transports import FastMCPTransport

            instance: Any = config.instance
            return FastMCPTransport(instance)


def http_client(
    headers: dict[str, str] | None = None,
    timeout: httpx2.Timeout | None = None,
    auth: httpx2.Auth | None = None,
    **_: Any,
) -> httpx2.AsyncClient:
    """As the SDK makes one, save for how long it keeps an idle connection. It follows redirects
    itself, within the origin: the client must not, whatever FastMCP asks for."""
    return httpx2.AsyncClient(
        headers=headers,
        timeout=timeout or httpx2.Timeout(_TIMEOUT, read=_STREAM_TIMEOUT),
        auth=auth,
        limits=httpx2.Limits(keepalive_expiry=http.IDLE),
    )
