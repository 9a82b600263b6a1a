"""What a program has already, as a connection to a server: its servers, transports and clients."""

import asyncio
import copy
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import anyio
from fastmcp import Client
from fastmcp.client.transports import (
    ClientTransport,
    SSETransport,
    StdioTransport,
    StreamableHttpTransport,
    infer_transport,
)
from fastmcp.client.transports.base import TransportOptions
from fastmcp.client.transports.config import MCPConfigTransport
from mcp.server.lowlevel import Server as LowLevel
from mcp.shared.memory import create_client_server_memory_streams

from mcp import ClientSession
from universal_mcp_client.config.servers import ServerConfig, Transport
from universal_mcp_client.types.errors import ConfigError

_HTTP: Mapping[Any, Transport] = {
    StreamableHttpTransport.connect_session: "http",
    SSETransport.connect_session: "sse",
}


def lent(config: ServerConfig) -> "Client[Any] | None":
    """The client of `config` that is connected: it is used as it is, with its own handlers. Raises
    ConfigError where it lives in another event loop, in which its answers would arrive."""
    given = config.instance
    if not isinstance(given, Client) or not given.is_connected():
        return None
    if config.headers:
        raise _without_headers(config)
    task = getattr(getattr(given, "_session_state", None), "session_task", None)
    if task is not None and task.get_loop() is not asyncio.get_running_loop():
        raise ConfigError(
            f"The fastmcp.Client that was given as {config.name!r} is connected in another event "
            "loop. Use it from there, or give it before it is connected."
        )
    return given


def opened_as(config: ServerConfig) -> ServerConfig:
    """How to open a connection of our own to what `config` was given. A client that is not
    connected lends its transport; of a transport over stdio only its command is taken, as all who
    share one get the same session; over HTTP its URL, headers and login, unless it makes its
    requests in its own way."""
    given = config.instance
    given = given.transport if isinstance(given, Client) else given
    while isinstance(given, MCPConfigTransport) and len(given.config.mcpServers) == 1:
        given = given.transport
    connects = getattr(type(given), "connect_session", None)
    kind: Transport | None = _HTTP.get(connects)
    own_way = kind is not None and not (given.httpx_client_factory is given.verify is None)
    if config.headers and config.transport == "memory":
        theirs = kind is None or own_way
        if theirs or (callable(config.headers) and given.headers):  # which none could be put over
            raise _without_headers(config)
    if connects is StdioTransport.connect_session:
        return replace(
            config,
            transport="stdio",
            command=given.command,
            args=tuple(given.args),
            env={key: str(value) for key, value in (given.env or {}).items()},
            cwd=given.cwd and str(given.cwd),
        )
    if kind is not None:
        if own_way:
            kind, given = "memory", copy.copy(given)  # it notes its session in itself
        headers = config.headers if callable(config.headers) else given.headers | config.headers
        config = replace(config, transport=kind, url=given.url, headers=headers)
    return replace(config, instance=given)


def _without_headers(config: ServerConfig) -> ConfigError:
    return ConfigError(
        f"Server {config.name!r}: headers cannot be put into the requests of the "
        f"{type(config.instance).__name__} that was given; say where it is instead: "
        'transport="http", url=…, headers=….'
    )


def transport_in_memory(config: ServerConfig) -> ClientTransport:
    """To a server object, or the transport that was given."""
    if isinstance(config.instance, LowLevel):
        return InMemory(config.instance)
    transport: Any = infer_transport(config.instance)
    return copy.copy(transport) if isinstance(transport, MCPConfigTransport) else transport


class InMemory(ClientTransport):
    """To a lowlevel server of the SDK; FastMCP has one for the others."""

    def __init__(self, server: "LowLevel[Any]") -> None:
        self._server = server

    @asynccontextmanager
    async def connect_session(
        self, *, transport_options: TransportOptions | None = None, **session: Any
    ) -> AsyncGenerator[ClientSession]:
        options = transport_options or TransportOptions()
        server = self._server
        async with (
            create_client_server_memory_streams() as ((incoming, outgoing), theirs),
            anyio.create_task_group() as group,
        ):
            group.start_soon(server.run, *theirs, server.create_initialization_options())
            try:
                async with options.session_class(incoming, outgoing, **session) as connected:
                    yield connected
            finally:
                group.cancel_scope.cancel()
