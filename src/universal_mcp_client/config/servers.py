"""How to reach an MCP server."""

import os
import re
import shlex
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeAlias, TypeVar, cast, get_args

from universal_mcp_client.config.auth import Auth
from universal_mcp_client.config.secrets import (
    replaced,
    replacements,
    secrets_in_pairs,
    secrets_in_url,
    secrets_in_words,
    shown_url,
    shown_words,
)
from universal_mcp_client.types.errors import ConfigError

Value = TypeVar("Value")
Given: TypeAlias = (
    Mapping[str, Value] | Callable[[Any], Mapping[str, Value] | Awaitable[Mapping[str, Value]]]
)
Transport: TypeAlias = Literal["stdio", "http", "sse", "memory"]
Protocol: TypeAlias = Literal["auto", "2025", "2026"]

_NEEDED: Mapping[Transport, str] = {
    "stdio": "command",
    "http": "url",
    "sse": "url",
    "memory": "instance",
}

_TEXTS = {"args": "('-v',)", "allow": "('get_*',)", "deny": "('delete_*',)"}

CONNECT_TIMEOUT, TIMEOUT = 30.0, 60.0


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class ServerConfig:
    """How to reach one server.

    `timeout` is for how long a request may go without an answer or a sign of progress (None: for
    ever), `connect_timeout` for how long the start and the handshake may take, both in seconds.
    `allow` and `deny` are shell-style patterns over the server's own tool names. A `required`
    server that fails ends the opening of its host. `auth` says how to log in to an HTTP server.
    `protocol` is MCP's revision to speak: that of sessions ("2025", up to 2025-11-25), the stateless
    one ("2026", 2026-07-28), or what the server turns out to know. `instructions` is whether models
    are told what the server says of its own use; `sampling` whether it may ask for a model's answers.
    `tasks` is whether tools of a 2025-11-25 server that may run as tasks do; those that must, always do,
    and a newer server decides by itself. `source` is the file where this was written; empty where a program gave it. `expanded` has the
    values of environment variables that were put in, each with the `${VAR}` that stands for it.

    `headers` (HTTP) and `meta` (the `_meta` of tool calls, under that of the context) are mappings,
    or functions of the `RunContext` that return them, sync or async: runs with different ones share
    the connection. `headers` is called for each HTTP request of a call; for those that no run makes
    (connecting, listing) with a context without `deps`, and where it raises then, they go without.
    Its `Authorization` goes before a login; with `auth` "auto" there is none. What a function raises
    in a call is a ServerUnavailable, which the model is told of; what cannot be sent a ConfigError.
    """

    name: str
    transport: Transport
    command: str = ""
    args: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict[str, str])
    cwd: str | None = None
    url: str = ""
    headers: Given[str] = field(default_factory=dict[str, str])
    meta: Given[Any] = field(default_factory=dict[str, Any])
    auth: Auth = "auto"
    instance: Any = None
    timeout: float | None = TIMEOUT
    connect_timeout: float = CONNECT_TIMEOUT
    disabled: bool = False
    required: bool = False
    allow: tuple[str, ...] = ()
    deny: tuple[str, ...] = ()
    protocol: Protocol = "auto"
    instructions: bool = True
    sampling: bool = False
    tasks: bool = False
    source: str = ""
    expanded: Mapping[str, str] = field(default_factory=dict[str, str], compare=False)

    def __post_init__(self) -> None:
        if self.transport not in get_args(Transport):
            known = ", ".join(get_args(Transport))
            raise ConfigError(
                f"Server {self.name!r}: there is no transport {self.transport!r}; it is one of {known}."
            )
        needed = _NEEDED[self.transport]
        value = getattr(self, needed)
        if value is None or (needed != "instance" and not (isinstance(value, str) and value)):
            raise ConfigError(
                f"Server {self.name!r}: the transport {self.transport!r} needs its {needed}=…, "
                f"not {value!r}."
            )
        for key, example in _TEXTS.items():
            texts = getattr(self, key)
            many = isinstance(texts, Sequence) and not isinstance(texts, str)
            if not many or not all(isinstance(text, str | os.PathLike) for text in texts):
                raise self._wrong(key, f"a tuple of texts, as in {example}")
            object.__setattr__(self, key, tuple(map(os.fspath, texts)))
        for key, words in (
            ("headers", ", or a function of the RunContext that returns them"),
            ("env", ""),
        ):
            given: object = self.fixed_headers if key == "headers" else self.env
            if not isinstance(given, Mapping) or not all(
                isinstance(value, str) for value in cast(Mapping[object, object], given).values()
            ):
                raise self._wrong(key, f'strings by name, as in {{"X-Tenant": "anna"}}{words}')
        for key in ("timeout", "connect_timeout"):
            seconds = getattr(self, key)
            if not isinstance(seconds, int | float) and (seconds, key) != (None, "timeout"):
                raise self._wrong(key, f"a number of seconds, not {seconds!r}")
        if self.transport == "stdio" and not self.args and not Path(self.command).exists():
            command, *args = self.command.split()
            if args:
                raise ConfigError(
                    f"Server {self.name!r}: there is no command {self.command!r}; write "
                    f"command={command!r}, args={tuple(args)!r}."
                )

    def _wrong(self, key: str, right: str) -> ConfigError:
        return ConfigError(f"Server {self.name!r}: its {key} must be {right}.")

    @property
    def target(self) -> str:
        """The command line or the URL, for people and logs: without secrets, `${VAR}` as written."""
        written = replacements((), self.expanded)
        match self.transport:
            case "stdio":
                words = [replaced(word, written) for word in (self.command, *self.args)]
                return " ".join(map(_quoted, shown_words(words)))
            case "http" | "sse":
                return shown_url(replaced(self.url, written))
            case "memory":
                return f"in this process: {type(self.instance).__name__}"

    @property
    def fixed_headers(self) -> Mapping[str, str]:
        """The headers that are the same for all requests."""
        return {} if callable(self.headers) else self.headers

    @property
    def hidden(self) -> Mapping[str, str]:
        """The secrets of this entry, each with what is shown in its place."""
        values = [
            *secrets_in_pairs(self.fixed_headers, all_of_them=True),
            *secrets_in_pairs(self.env),
            *secrets_in_words(self.args),
            *secrets_in_url(self.url),
        ]
        return replacements(values, self.expanded)

    def __repr__(self) -> str:
        return f"<ServerConfig {self.name!r}: {self.target}>"


def _quoted(word: str) -> str:
    """For a shell; with marks that stand for something left as they are."""
    return word if re.fullmatch(r"[\w@%+=:,./${}…?&-]+", word) else shlex.quote(word)
