"""Servers without a config file: from a URL, a command line, a file, or an object."""

import os
import re
import shlex
import sys
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeAlias, cast
from urllib.parse import urlsplit

from universal_mcp_client.config.server_file import parse_servers, read_servers
from universal_mcp_client.config.servers import TIMEOUT, ServerConfig
from universal_mcp_client.types.errors import ConfigError

ServerSource: TypeAlias = str | Path | Mapping[str, Any] | ServerConfig | object
"""A URL, a command line, a `.py`, `.js` or `.json` file, a config dict; a server object (FastMCP's,
the SDK's `MCPServer` or lowlevel `Server`), a `fastmcp.Client`, a FastMCP transport, an `MCPConfig`;
or a `Host`, `Server` or `Client` of ours. What is lent is not closed, and a client that is connected
answers with its own handlers; one that is not lends its transport."""

# By the names of their classes, as no library may be imported to tell.
_KINDS = {
    ("fastmcp", "FastMCP"): "server",
    ("mcp", "MCPServer"): "server",
    ("mcp", "Server"): "server",
    ("fastmcp", "Client"): "client",
    ("fastmcp", "ClientTransport"): "transport",
    ("fastmcp", "MCPConfig"): "config",
    ("universal_mcp_client", "Host"): "host",
    ("universal_mcp_client", "Client"): "our client",
    ("universal_mcp_client", "Server"): "connection",
    ("universal_mcp_client", "Renamed"): "connection",
}

_NAMED = re.compile(r"([A-Za-z0-9][A-Za-z0-9_.-]*)=(.+)", re.DOTALL)
_NOISE = {"mcp", "api", "www", "com", "org", "net", "io", "dev", "ai", "app", "localhost", "server"}
_RUNNERS = {"npx", "uvx", "uv", "pipx", "python", "python3", "node", "bunx", "deno", "docker"}


def is_source(value: object) -> bool:
    """Whether an object stands for MCP servers: a server, a connection to one, or a description of
    some. Text, paths and dicts are not among them, as they may be anything. Asked before whether it
    is a toolset: some of these have methods of the same names that take other things."""
    return isinstance(value, ServerConfig) or _kind(value) is not None


def sources_of(given: "Iterable[ServerSource] | ServerSource") -> tuple[ServerSource, ...]:
    """The sources in what a caller gave: many, or a lone one that nobody put into a list."""
    lone = isinstance(given, (str, bytes, Path, Mapping)) or is_source(given)
    return (given,) if lone or not isinstance(given, Iterable) else tuple(given)


def server_configs(sources: "Iterable[ServerSource] | ServerSource") -> list[ServerConfig]:
    """The servers of all `sources`, or of a lone one, with names that are unique.

    Raises ConfigError for what is no server, and where two are given the same name on purpose.
    """
    found: list[ServerConfig] = []
    names: set[str] = set()
    for source in sources_of(sources):
        for config in _of(source):
            lent = config.instance if _kind(source) not in (None, "server") else None
            if lent is not None and any(lent is other.instance for other in found):
                continue  # given twice, it is one connection all the same
            name, number = config.name, 2
            while name in names:
                name, number = f"{config.name}_{number}", number + 1
            names.add(name)
            found.append(config if name == config.name else replace(config, name=name))
    return found


def _of(source: ServerSource) -> list[ServerConfig]:
    match source:
        case ServerConfig():
            if source.transport == "memory":
                _objects(source.instance)  # is one, or it is an error
            return [source]
        case Path():
            return _file(source, "")
        case str():
            return _text(source)
        case Mapping():
            return parse_servers(cast(Mapping[str, Any], source))
        case _:
            return _objects(source)


def _objects(source: Any) -> list[ServerConfig]:
    match _kind(source):
        case "config":
            return [_entry(name, entry) for name, entry in source.mcpServers.items()]
        case "host":
            return [_shared(server) for server in source.servers.values()]
        case "our client":  # it raises where a host has a failure; that is nobody's demand here
            return [replace(_shared(s), required=False) for s in source.servers.values()]
        case "connection":
            return [_shared(source)]
        case None:
            raise ConfigError(
                f"{repr(source)[:200]} is no MCP server: give a URL, a command line, a .py, .js or .json file, "
                "a config dict, a server object, a fastmcp.Client or its transport, or a Host."
            )
        case _:
            return [ServerConfig(name=_name_of(source), transport="memory", instance=source)]


def _shared(server: Any) -> ServerConfig:
    original = getattr(server, "original", server)  # of one that has another name in its host
    config: ServerConfig = server.config
    return replace(config, transport="memory", instance=original)


def _entry(name: str, entry: Any) -> ServerConfig:
    """One server of FastMCP's MCPConfig, whose times are in milliseconds, 0 being none."""
    try:
        transport = entry.to_transport()
    except ValueError as error:
        raise ConfigError(f"The MCPConfig's server {name!r}: {error}") from error
    timeout = TIMEOUT if entry.timeout is None else entry.timeout / 1000 or None
    return ServerConfig(name=_clean(name), transport="memory", instance=transport, timeout=timeout)


def _kind(value: object) -> str | None:
    for cls in type(value).__mro__:
        if kind := _KINDS.get((cls.__module__.partition(".")[0], cls.__name__)):
            return kind
    return None


def _text(text: str) -> list[ServerConfig]:
    name, target = "", text.strip()
    if (named := _NAMED.match(target)) and "://" not in named.group(1):
        name, target = named.group(1), named.group(2).strip()
    if not target:
        raise ConfigError("An empty string is no MCP server; give a URL, a command line or a file.")
    if re.match(r"https?://", target):
        sse = urlsplit(target).path.rstrip("/").endswith("/sse")
        return [
            ServerConfig(
                name=name or _name_of_url(target), transport="sse" if sse else "http", url=target
            )
        ]
    if "://" in target.split()[0]:
        raise ConfigError(f"{target!r}: only http:// and https:// servers can be reached by URL.")
    if _names_a_file(target):
        return _file(Path(target), name)
    try:
        command, *args = shlex.split(target, posix=os.name != "nt")
    except ValueError as error:
        raise ConfigError(f"The command line {target!r} cannot be read: {error}.") from error
    return [
        ServerConfig(
            name=name or _name_of_command(command, args),
            transport="stdio",
            command=command,
            args=tuple(args),
        )
    ]


def _names_a_file(target: str) -> bool:
    """By how it is written first: `uvx server` is a command line, whatever lies in this folder."""
    if not any(mark.isspace() for mark in target) and re.search(r"\.(py|[cm]?js|json)\Z", target):
        return True
    first = target.split()[0]
    written_as_a_path = first.startswith("~") or any(
        separator in first for separator in ("/", os.sep, os.altsep) if separator
    )
    return written_as_a_path and Path(target).expanduser().is_file()


def _file(path: Path, name: str) -> list[ServerConfig]:
    path = path.expanduser()
    if not path.is_file():
        raise ConfigError(
            f"There is no file {path}. A server can be a URL, a command line or a file."
        )
    absolute = str(path.resolve())
    called = name or _clean(path.stem)
    match path.suffix:
        case ".json":
            return read_servers(path)
        case ".py":
            return [
                ServerConfig(
                    name=called, transport="stdio", command=sys.executable, args=(absolute,)
                )
            ]
        case ".js" | ".mjs" | ".cjs":
            return [ServerConfig(name=called, transport="stdio", command="node", args=(absolute,))]
        case _ if os.access(path, os.X_OK):
            return [ServerConfig(name=called, transport="stdio", command=absolute)]
        case _:
            raise ConfigError(f"{path} is no server: it is neither .py, .js, .json nor executable.")


def _name_of(source: Any) -> str:
    """Of what a program has: the name that it was given, or that of what it leads to."""
    if isinstance(servers := getattr(getattr(source, "config", None), "mcpServers", None), Mapping):
        return _clean("_".join(servers)) if len(servers) == 1 else "servers"
    if (inner := getattr(source, "transport", None)) is not None:
        made_up = re.fullmatch(rf"{type(source).__name__}(-|:)[0-9a-f:]{{4,}}", source.name)
        return _name_of(inner) if made_up else _clean(source.name)
    if (inner := getattr(source, "server", None)) is not None:
        return _name_of(inner)
    if isinstance(url := getattr(source, "url", None), str):
        return _name_of_url(url)
    if isinstance(command := getattr(source, "command", None), str):
        return _name_of_command(command, list(source.args))
    return _clean(str(getattr(source, "name", None) or "server"))


def _name_of_url(url: str) -> str:
    parts = urlsplit(url)
    words = [w for w in (parts.hostname or "").split(".") if w not in _NOISE and not w.isdigit()]
    steps = [s for s in parts.path.split("/") if s and s not in _NOISE and s != "sse"]
    return _clean((words or steps or ["http"])[0])


def _name_of_command(command: str, args: list[str]) -> str:
    program = Path(command).name
    words = [program]
    if re.sub(r"[\d.]+\Z", "", program).lower() in _RUNNERS | {"python"}:
        words = [
            w for w in args if not w.startswith("-") and w not in ("run", "exec", "tool", "x")
        ] or words
    word = words[0].rsplit("/", 1)[-1]
    word = re.sub(r"(?<=.)@.*|\.(py|m?js)\Z", "", word)
    short = re.sub(
        r"\A(mcp[-_]server[-_]|server[-_]|mcp[-_])|([-_]mcp[-_]server|[-_]mcp|[-_]server)\Z",
        "",
        word,
    )
    return _clean(short or word)


def _clean(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9_.-]+", "_", name).strip("_.-") or "server"
