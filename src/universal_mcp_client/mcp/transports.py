"""From a server's config to a FastMCP transport."""

from functools import partial
from typing import Any, TextIO

import httpx2
from fastmcp.client.transports import SSETransport, StreamableHttpTransport
from fastmcp.client.transports.base import ClientTransport

from universal_mcp_client.config.servers import ServerConfig
from universal_mcp_client.mcp.borrowed import transport_in_memory
from universal_mcp_client.mcp.calls import Calls
from universal_mcp_client.mcp.http import Endpoint
from universal_mcp_client.mcp.stdio import Stdio
from universal_mcp_client.mcp.tenants import fit
from universal_mcp_client.mcp.wire import Watched
from universal_mcp_client.types.bounds import MESSAGE_BYTES


def transport_of(
    config: ServerConfig, calls: Calls, stderr: TextIO | None, auth: httpx2.Auth | None
) -> ClientTransport:
    """The transport for `config`, which tells `calls` what passes; a stdio server's stderr goes to
    `stderr`."""
    return Watched(_plain(config, calls, stderr, auth), calls)


def _plain(
    config: ServerConfig, calls: Calls, stderr: TextIO | None, auth: httpx2.Auth | None
) -> ClientTransport:
    match config.transport:
        case "stdio":
            return Stdio(config, stderr, calls)
        case "http":
            return StreamableHttpTransport(
                config.url,
                headers=fit(config.fixed_headers),
                auth=auth,
                httpx_client_factory=partial(_client, config, False),
                max_sse_event_size=MESSAGE_BYTES,
            )
        case "sse":
            return SSETransport(
                config.url,
                headers=fit(config.fixed_headers),
                auth=auth,
                httpx_client_factory=partial(_client, config, True),
            )
        case "memory":
            return transport_in_memory(config)


def _client(
    config: ServerConfig,
    answers_elsewhere: bool,
    headers: dict[str, str] | None = None,
    timeout: httpx2.Timeout | None = None,
    auth: httpx2.Auth | None = None,
    **_: Any,
) -> httpx2.AsyncClient:
    """It follows redirects itself, within the origin: httpx2 must not, whatever FastMCP asks for;
    nor does FastMCP say how long answers may take."""
    return Endpoint(config, headers, auth, answers_elsewhere=answers_elsewhere)
