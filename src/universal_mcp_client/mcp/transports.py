"""From a server's config to a FastMCP transport."""

from collections.abc import Generator
from http import HTTPStatus
from typing import Any, TextIO

import httpx2
from fastmcp.client.transports import SSETransport, StdioTransport, StreamableHttpTransport
from fastmcp.client.transports.base import ClientTransport

from universal_mcp_client.config.servers import ServerConfig


class Refusal(httpx2.Auth):
    """Remembers the HTTP status by which a server refused a request, None once it takes one again.

    The MCP SDK turns every refusal into the same JSON-RPC error.
    """

    def __init__(self) -> None:
        self.status: HTTPStatus | None = None

    def auth_flow(
        self, request: httpx2.Request
    ) -> Generator[httpx2.Request, httpx2.Response, None]:
        response = yield request
        if request.method != "POST":  # a server need not offer the stream which GET asks for
            return
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
                config.command,
                list(config.args),
                env=dict(config.env),
                cwd=config.cwd,
                keep_alive=False,
                log_file=stderr,
            )
        case "http":
            return StreamableHttpTransport(config.url, headers=dict(config.headers), auth=refusal)
        case "sse":
            return SSETransport(config.url, headers=dict(config.headers), auth=refusal)
        case "memory":
            from fastmcp.client.transports import FastMCPTransport

            instance: Any = config.instance
            return FastMCPTransport(instance)
