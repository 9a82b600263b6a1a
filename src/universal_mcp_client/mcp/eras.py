"""Which servers do not answer when they are asked for MCP 2026-07-28 (`server/discover`), but only know
sessions: a wait at each start, unless it is remembered."""

import json
import time
from contextlib import suppress
from hashlib import sha256
from pathlib import Path

from universal_mcp_client.config.paths import home
from universal_mcp_client.config.servers import ServerConfig
from universal_mcp_client.config.state import read_private, write_private
from universal_mcp_client.types.errors import ConfigError

PATIENCE = 2.0
"""Seconds for the answer of a server that is a process; then it is spoken to as older ones are."""

_LASTS = 30 * 24 * 3600.0  # seconds: servers learn
_MOST = 500

_silent = dict[str, float]()  # since when


def is_silent(config: ServerConfig) -> bool:
    """Whether this server did not answer the last time."""
    if config.transport != "stdio":
        return False
    key = _key(config)
    if key not in _silent:
        _silent.update(_kept())
    return time.time() - _silent.get(key, 0.0) < _LASTS


def remember(config: ServerConfig) -> None:
    """It did not answer. Where that cannot be kept, the next process waits again."""
    _silent[_key(config)] = time.time()
    newest = sorted((_kept() | _silent).items(), key=lambda item: -item[1])[:_MOST]
    with suppress(ConfigError, OSError):
        write_private(_file(), json.dumps(dict(newest)))


def forget(config: ServerConfig) -> None:
    """It answers now, or wants something newer."""
    if _silent.pop(_key(config), None) is not None:
        kept = {key: since for key, since in _kept().items() if key != _key(config)}
        with suppress(ConfigError, OSError):
            write_private(_file(), json.dumps(kept))


def _kept() -> dict[str, float]:
    with suppress(ConfigError, OSError, ValueError):
        found: object = json.loads(read_private(_file()) or "{}")
        if isinstance(found, dict):
            return {
                key: float(since)
                for key, since in found.items()
                if isinstance(key, str) and isinstance(since, int | float)
            }
    return {}


def _file() -> Path:
    return home() / "silent-servers.json"


def _key(config: ServerConfig) -> str:
    words = "\0".join([config.command, *config.args, config.cwd or ""])
    return sha256(words.encode("utf-8", "replace")).hexdigest()
