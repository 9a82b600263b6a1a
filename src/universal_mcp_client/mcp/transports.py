"""From a server's config to a FastMCP transport."""

from typing import Any, TextIO

from fastmcp.client.transports import SSETransport, StdioTransport, StreamableHttpTransport
from fastmcp.client.transports.base import ClientTransport

from universal_mcp_client.config.servers import ServerConfig


def transport_of(config: ServerConfig, stderr: TextIO | None) -> ClientTransport:
    """The transport for `config`; a stdio server's stderr goes to `stderr`."""
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
            return StreamableHttpTransport(config.url, headers=dict(config.headers))
        case "sse":
            return SSETransport(config.url, headers=dict(config.headers))
        case "memory":
            from fastmcp.client.transports import FastMCPTransport

            instance: Any = config.instance
            return FastMCPTransport(instance)
