"""`umcp doctor`: what works here, what does not, and what to do about it."""

import argparse
import asyncio
import os
import platform
import shutil
import sys
from collections.abc import Callable, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from universal_mcp_client.cli.ending import ending
from universal_mcp_client.cli.errors import DONE, FAILED
from universal_mcp_client.cli.gate import selected
from universal_mcp_client.cli.options import add_servers, parser, print_json
from universal_mcp_client.config.paths import home
from universal_mcp_client.config.servers import ServerConfig
from universal_mcp_client.config.settings import load_settings
from universal_mcp_client.models.local import weights
from universal_mcp_client.models.registry import choose
from universal_mcp_client.policy import project, trust
from universal_mcp_client.policy.project import Kind
from universal_mcp_client.types.errors import ConfigError, ServerError, UniversalMCPError
from universal_mcp_client.ui.console import console

EXAMPLES = """
umcp doctor
umcp doctor --server "uvx mcp-server-time"
umcp doctor --json
"""

Check = tuple[str, str, str]  # name, "ok" | "warn" | "fail", what was found


def main(argv: Sequence[str]) -> int:
    to = parser("doctor", "Check this installation, its configuration and its servers.", EXAMPLES)
    add_servers(to)
    to.add_argument("--json", action="store_true")
    options = to.parse_args(argv)
    checks = [
        _python(),
        _packages(),
        _home(),
        _guarded("settings", lambda: ("ok", f"model {load_settings().model or 'not set'}")),
        _guarded("model", _model),
        _local(),
        _keyring(),
        _guarded("logins", _logins),
        _node(),
        *_servers(options),
        *_project(),
    ]
    if options.json:
        print_json(
            [{"check": name, "status": status, "message": text} for name, status, text in checks]
        )
    else:
        marks = {"ok": "✓", "warn": "!", "fail": "✗"}
        width = max(len(name) for name, _, _ in checks)
        for name, status, text in checks:
            console.row(f"{marks[status]} {name:<{width}}  {text}")
    return FAILED if any(status == "fail" for _, status, _ in checks) else DONE


def _guarded(name: str, check: Callable[[], tuple[str, str]]) -> Check:
    try:
        status, text = check()
    except UniversalMCPError as error:
        return name, "fail", str(error)
    return name, status, text


def _python() -> Check:
    return "python", "ok", f"{platform.python_version()} at {sys.executable}"


def _packages() -> Check:
    names = ("universal-mcp-client", "fastmcp", "mcp", "openai", "anthropic", "pydantic")
    try:
        return "packages", "ok", ", ".join(f"{name} {version(name)}" for name in names)
    except PackageNotFoundError as error:
        return "packages", "fail", f"{error.name} is not installed"


def _home() -> Check:
    folder = home()
    at = folder if folder.exists() else folder.parent
    if os.access(at, os.W_OK):
        return "home", "ok", f"{folder}{'' if folder.exists() else ' (not made yet)'}"
    return "home", "fail", f"{at} cannot be written; set UMCP_HOME to a folder that can"


def _model() -> tuple[str, str]:
    choice = choose(load_settings().model)
    small = choice.name.startswith("local:")
    return "warn" if small else "ok", f"{choice.name}: {choice.why}"


def _local() -> Check:
    try:
        engine = f"xllamacpp {version('xllamacpp')}"
    except PackageNotFoundError:
        return "local models", "warn", "not installed: pip install 'universal-mcp-client[local]'"
    names = ", ".join(weights.present())
    return (
        "local models",
        "ok" if names else "warn",
        f"{engine}; weights: {names or 'none pulled yet'}",
    )


def _keyring() -> Check:
    import keyring
    from keyring.backends import fail

    backend = keyring.get_keyring()
    if isinstance(backend, fail.Keyring):
        return "keyring", "warn", "this system has none; logins cannot be kept in it"
    return "keyring", "ok", type(backend).__module__


def _logins() -> tuple[str, str]:
    from universal_mcp_client.auth.backends import NO_STORE
    from universal_mcp_client.auth.stores import TokenStore

    store = TokenStore(load_settings().token_store)
    if store.url == NO_STORE:
        return "warn", "there is no place to keep them; `umcp login` says which can be chosen"
    return ("warn", store.warning) if store.warning else ("ok", f"kept in {store.url}")


def _node() -> Check:
    if shutil.which("npx") is None:
        return "node", "warn", "npx is not here; servers from npm cannot be started"
    return "node", "ok", str(shutil.which("npx"))


def _project() -> list[Check]:
    """What the folder brings and is not used."""
    kinds: tuple[Kind, ...] = ("server", "agent", "prompt")
    try:
        found = [project.everything(Path.cwd(), kind) for kind in kinds]
        brought = [item for items, _ in found for item in items]
        known = trust.trusted(brought)
    except ConfigError as error:
        return [("project", "fail", str(error))]
    checks: list[Check] = [("project", "warn", str(e)) for _, wrong in found for e in wrong]
    if new := [item for item in brought if item not in known]:
        labels = ", ".join(item.label for item in new)
        checks.append(("project", "warn", f"not trusted, so not used: {labels}; run: umcp trust"))
    elif brought:
        checks.append(("project", "ok", f"{len(brought)} trusted servers, agents and prompts"))
    return checks


def _servers(options: argparse.Namespace) -> list[Check]:
    try:
        configs = selected(options.server, options.config)
    except UniversalMCPError as error:
        return [("servers", "fail", str(error))]
    if not configs:
        return [("servers", "warn", "none configured; `umcp servers add` writes one down")]
    return ending(_reached(configs))


async def _reached(configs: Sequence[ServerConfig]) -> list[Check]:
    from universal_mcp_client.mcp.server import Server

    async def check(server: Server) -> Check:
        name = f"server {server.name}"
        try:
            await server.open()
            count = len(await server.list_tools())
            said = f"{count} tools, MCP {server.protocol_version}"
            lost = "; ".join(server.missing)
            return (name, "warn", f"{said}; it lost {lost}") if lost else (name, "ok", said)
        except ServerError as error:
            return name, "fail", str(error)
        finally:
            await server.close()

    return list(await asyncio.gather(*(check(Server(config)) for config in configs)))
