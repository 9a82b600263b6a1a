"""The `mcpServers` JSON that Claude Desktop, Cursor, VS Code and FastMCP share, read into ServerConfigs."""

import difflib
import json
import re
from collections.abc import Container, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, cast, get_args

from universal_mcp_client.config.auth import Auth
from universal_mcp_client.config.auth_entry import parse_auth
from universal_mcp_client.config.json_text import parsed
from universal_mcp_client.config.servers import (
    CONNECT_TIMEOUT,
    TIMEOUT,
    Protocol,
    ServerConfig,
    Transport,
)
from universal_mcp_client.config.variables import expanded
from universal_mcp_client.types.errors import ConfigError

_TRANSPORTS: Mapping[str, Transport] = {
    "stdio": "stdio",
    "http": "http",
    "streamable-http": "http",
    "streamable_http": "http",
    "streamableHttp": "http",
    "sse": "sse",
}
_KEYS = {
    "type",
    "transport",
    "command",
    "args",
    "env",
    "cwd",
    "url",
    "headers",
    "timeout",
    "connectTimeout",
    "disabled",
    "enabled",
    "required",
    "tools",
    "auth",
    "oauth",
    "protocol",
    "instructions",
    "sampling",
    "tasks",
}
# Other programs' keys in the shared file, which mean nothing to us.
_FOREIGN = {
    "description",
    "icon",
    "gallery",
    "version",
    "alwaysAllow",
    "autoApprove",
    "dev",
    "name",
    "authProviderType",
    "$schema",
}
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*\Z")


def read_servers(
    path: Path, *, expand: bool = True, only: Container[str] | None = None
) -> list[ServerConfig]:
    """The servers of a config file, or only those named; without `expand`, `${VAR}` stays as it is
    written.

    Raises ConfigError that names the file and the line.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise ConfigError(f"Cannot read {path}: {error.strerror or error}.") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path} is not UTF-8: {error.reason} at byte {error.start}.") from error
    return servers_in(text, path, expand=expand, only=only)


def servers_in(
    text: str, path: Path, *, expand: bool = True, only: Container[str] | None = None
) -> list[ServerConfig]:
    """The servers of a config file's `text`, or only those named. Without `expand`, `${VAR}` stays
    as it is written, and no file that an entry names is read. Raises ConfigError."""
    return _Reader(str(path), text, path.parent, expand).servers(parsed(text, path), only)


def entries_in(text: str, path: Path) -> dict[str, object]:
    """The entries of a config file's `text` by name, as they are written. Raises ConfigError."""
    _, entries = _Reader(str(path), text, path.parent, False).entries(parsed(text, path))
    return dict(entries)


def parse_servers(data: Mapping[str, Any]) -> list[ServerConfig]:
    """The servers of a config that is in memory already."""
    found = _Reader("the given config", "", Path.cwd(), True).servers(data)
    return [replace(config, source="") for config in found]


class _Reader:
    def __init__(self, source: str, text: str, folder: Path, expand: bool) -> None:
        self.source = source
        self.text = text
        self.folder = folder
        self.expand = expand
        self.lenient = False  # a disabled server's variables need not be set
        self.expanded: dict[str, str] = {}

    def fail(self, message: str, *path: str) -> ConfigError:
        line = self._line(path)
        where = f"{self.source}, line {line}" if line else self.source
        return ConfigError(f"{where}: {message}")

    def _line(self, path: Sequence[str]) -> int | None:
        """The line of a key: the keys of its path are looked for one after another."""
        position = 0
        for key in path:
            found = re.compile(re.escape(json.dumps(key)) + r"\s*:").search(self.text, position)
            if found is None:
                return None
            position = found.start()
        return self.text.count("\n", 0, position) + 1 if self.text and path else None

    def entries(self, data: object) -> tuple[str, Mapping[str, object]]:
        """The key that holds the servers, and what it holds."""
        if not isinstance(data, Mapping):
            raise self.fail('expected an object with the key "mcpServers".')
        root = cast(Mapping[str, Any], data)
        key = next((k for k in ("mcpServers", "servers") if k in root), None)
        if key is None:
            near = difflib.get_close_matches("mcpServers", list(root), n=1, cutoff=0.6)
            hint = f" Did you mean it by {near[0]!r}?" if near else ""
            raise self.fail(f'there is no key "mcpServers".{hint}', *near)
        entries = root[key]
        if not isinstance(entries, Mapping):
            raise self.fail(f'"{key}" must be an object from server names to servers.', key)
        return key, cast(Mapping[str, object], entries)

    def servers(self, data: object, only: Container[str] | None = None) -> list[ServerConfig]:
        key, entries = self.entries(data)
        return [
            self.server(key, name, entry)
            for name, entry in entries.items()
            if only is None or name in only
        ]

    def server(self, root: str, name: str, entry: object) -> ServerConfig:
        path = (root, name)
        if not _NAME.match(name):
            raise self.fail(f"server name {name!r}: use letters, digits, '_', '-' and '.'.", *path)
        if not isinstance(entry, Mapping):
            raise self.fail(f"server {name!r} must be an object.", *path)
        values = cast(Mapping[str, Any], entry)
        for key in values.keys() - _KEYS - _FOREIGN:
            near = difflib.get_close_matches(key, _KEYS, n=1)
            hint = (
                f"Did you mean {near[0]!r}?" if near else f"Known keys: {', '.join(sorted(_KEYS))}."
            )
            raise self.fail(f"server {name!r}: unknown key {key!r}. {hint}", *path, key)
        disabled = (
            bool(self.typed(values, path, "disabled", bool)) or values.get("enabled") is False
        )
        self.lenient = disabled
        self.expanded = {}
        transport = self._transport(values, path)
        allow, deny = self._tools(values, path)
        timeout = self.seconds(values, path, "timeout")
        cwd = self.string(values, path, "cwd")
        return ServerConfig(
            name=name,
            transport=transport,
            command=self.string(values, path, "command") or "",
            args=tuple(self.strings(values, path, "args")),
            env=self._mapping(values, path, "env"),
            cwd=str((self.folder / Path(cwd).expanduser()).resolve()) if cwd else None,
            url=self.string(values, path, "url") or "",
            headers=self._mapping(values, path, "headers"),
            auth=self._auth(values, path, transport),
            timeout=TIMEOUT if timeout is None else timeout,
            connect_timeout=self.seconds(values, path, "connectTimeout") or CONNECT_TIMEOUT,
            disabled=disabled,
            required=bool(self.typed(values, path, "required", bool)),
            allow=allow,
            deny=deny,
            protocol=self._protocol(values, path),
            instructions=self.typed(values, path, "instructions", bool) is not False,
            sampling=bool(self.typed(values, path, "sampling", bool)),
            tasks=bool(self.typed(values, path, "tasks", bool)),
            source=self.source,
            expanded=self.expanded,
        )

    def _protocol(self, values: Mapping[str, Any], path: tuple[str, str]) -> Protocol:
        said = values.get("protocol", "auto")
        if said not in get_args(Protocol):
            raise self.fail(
                f'server {path[1]!r}: unknown protocol {said!r}; use "auto", "2025" (sessions) or '
                '"2026" (stateless).',
                *path,
                "protocol",
            )
        return cast(Protocol, said)

    def _transport(self, values: Mapping[str, Any], path: tuple[str, str]) -> Transport:
        name = path[1]
        said = values.get("type") or values.get("transport")
        if said is not None and said not in _TRANSPORTS:
            raise self.fail(
                f"server {name!r}: unknown transport {said!r}; use stdio, http or sse.",
                *path,
                "type" if "type" in values else "transport",
            )
        if "command" in values and "url" in values:
            raise self.fail(f'server {name!r} has both "command" and "url"; keep one.', *path)
        if "url" in values:
            url = str(values["url"])
            guessed: Transport = "sse" if url.split("?")[0].rstrip("/").endswith("/sse") else "http"
            transport = _TRANSPORTS[said] if said else guessed
        elif "command" in values:
            transport = _TRANSPORTS[said] if said else "stdio"
        else:
            raise self.fail(f'server {name!r} needs a "command" (stdio) or a "url" (HTTP).', *path)
        if (transport == "stdio") != ("command" in values):
            raise self.fail(
                f"server {name!r}: transport {said!r} does not fit its other keys.", *path
            )
        return transport

    def _auth(self, values: Mapping[str, Any], path: tuple[str, str], transport: Transport) -> Auth:
        key = "oauth" if "oauth" in values else "auth"
        if key not in values:
            return "auto"
        if transport == "stdio":
            raise self.fail(
                f"server {path[1]!r}: a program on this machine has no login; put what it needs "
                'into "env".',
                *path,
                key,
            )
        return parse_auth(values[key], (*path, key), self, self.folder)

    def _tools(
        self, values: Mapping[str, Any], path: tuple[str, str]
    ) -> tuple[tuple[str, ...], tuple[str, ...]]:
        given = values.get("tools")
        if isinstance(given, Mapping):
            rules = cast(Mapping[str, Any], given)
            if unknown := rules.keys() - {"allow", "deny"}:
                raise self.fail(
                    f'server {path[1]!r}: unknown key {sorted(unknown)[0]!r} in "tools"; '
                    'use "allow" and "deny".',
                    *path,
                    "tools",
                )
            return (
                tuple(self.strings(rules, (*path, "tools"), "allow")),
                tuple(self.strings(rules, (*path, "tools"), "deny")),
            )
        patterns = self.strings(values, path, "tools")
        return (
            tuple(p for p in patterns if not p.startswith("!")),
            tuple(p[1:] for p in patterns if p.startswith("!")),
        )

    def typed(self, values: Mapping[str, Any], path: Sequence[str], key: str, kind: type) -> Any:
        value = values.get(key)
        if value is not None and (
            not isinstance(value, kind) or (kind is not bool and isinstance(value, bool))
        ):
            words = {
                bool: "true or false",
                int: "a whole number",
                str: "a string",
                list: "an array",
                Mapping: "an object",
            }
            raise self.fail(
                f"server {path[1]!r}: {key!r} must be {words.get(kind, kind.__name__)}, "
                f"not {json.dumps(value)}.",
                *path,
                key,
            )
        return value

    def string(self, values: Mapping[str, Any], path: Sequence[str], key: str) -> str | None:
        value = self.typed(values, path, key, str)
        return self._expand(value, path, key) if value is not None else None

    def strings(self, values: Mapping[str, Any], path: Sequence[str], key: str) -> list[str]:
        items = cast(list[object], self.typed(values, path, key, list) or [])
        for item in items:
            if not isinstance(item, str):
                raise self.fail(
                    f"server {path[1]!r}: {key!r} must hold strings only; write "
                    f'"{json.dumps(item)}" for {json.dumps(item)}.',
                    *path,
                    key,
                )
        return [self._expand(cast(str, item), path, key) for item in items]

    def _mapping(self, values: Mapping[str, Any], path: Sequence[str], key: str) -> dict[str, str]:
        items = cast(Mapping[str, object], self.typed(values, path, key, cast(type, Mapping)) or {})
        out: dict[str, str] = {}
        for name, value in items.items():
            if not isinstance(value, str | int | float) or isinstance(value, bool):
                raise self.fail(
                    f"server {path[1]!r}: {key}.{name} must be a string.", *path, key, name
                )
            out[name] = self._expand(str(value), path, f"{key}.{name}")
        return out

    def seconds(self, values: Mapping[str, Any], path: Sequence[str], key: str) -> float | None:
        value = values.get(key)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int | float) or value <= 0:
            raise self.fail(
                f"server {path[1]!r}: {key!r} must be a number of seconds above 0.", *path, key
            )
        return float(value)

    def _expand(self, text: str, path: Sequence[str], key: str) -> str:
        def missing(variable: str) -> str:
            if self.lenient:
                return variable
            name = variable[2:-1].removeprefix("env:")
            raise self.fail(
                f"server {path[1]!r}: the environment variable {name} (in {key!r}) is not set. "
                f"Set it, or give a default: ${{{name}:-value}}.",
                *path,
                key.split(".")[0],
            )

        return expanded(text, missing, self.expanded) if self.expand else text
