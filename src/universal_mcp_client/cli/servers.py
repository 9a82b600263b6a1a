"""`umcp servers`: list, add, remove, test, import, trust."""

import argparse
import asyncio
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from universal_mcp_client.cli.ending import ending
from universal_mcp_client.cli.errors import DONE, code_of, say
from universal_mcp_client.cli.gate import confirmed, described, gate, interactive, selected
from universal_mcp_client.cli.options import Parser, add_servers, parser, print_json
from universal_mcp_client.cli.trust import trusted_now
from universal_mcp_client.config.server_file import read_servers
from universal_mcp_client.config.servers import ServerConfig
from universal_mcp_client.config.sources import server_configs
from universal_mcp_client.config.state import write_private, write_shared
from universal_mcp_client.policy import project, trust
from universal_mcp_client.policy.files import is_there
from universal_mcp_client.policy.gate import Listed, typed, user_file
from universal_mcp_client.policy.project import SERVERS_FILE
from universal_mcp_client.types.errors import ConfigError, ServerError
from universal_mcp_client.ui.console import cell, console

EXAMPLES = """
umcp servers list
umcp servers add "uvx mcp-server-time"
umcp servers add docs https://example.com/mcp --header "Authorization=Bearer ${DOCS_TOKEN}"
umcp servers test time
umcp servers import claude-desktop
umcp servers trust
"""


def main(argv: Sequence[str]) -> int:
    to = parser("servers", "Manage the servers that are written down.", EXAMPLES)
    actions = to.add_subparsers(dest="action", metavar="ACTION", parser_class=Parser)
    lists = actions.add_parser("list", help="the servers and where they are written")
    add_servers(lists)
    lists.add_argument("--json", action="store_true")
    adds = actions.add_parser("add", help="write a server down")
    adds.add_argument("words", nargs="+", metavar="[NAME] TARGET", help="a URL or a command line")
    adds.add_argument("--project", action="store_true", help=f"in {SERVERS_FILE} of this folder")
    adds.add_argument("--env", action="append", default=[], metavar="K=V")
    adds.add_argument("--header", action="append", default=[], metavar="K=V")
    removes = actions.add_parser("remove", help="take a server out")
    removes.add_argument("name")
    removes.add_argument("--project", action="store_true", help=f"from {SERVERS_FILE}")
    tests = actions.add_parser("test", help="connect, and say what is there")
    tests.add_argument("names", nargs="*", metavar="SERVER")
    add_servers(tests)
    tests.add_argument("--json", action="store_true")
    imports = actions.add_parser("import", help="take over servers from another program")
    imports.add_argument("program", help=f"{', '.join(_elsewhere())}, or a file")
    trusts = actions.add_parser(
        "trust", help=f"let {SERVERS_FILE} be used as it is (see also `umcp trust`)"
    )
    trusts.add_argument("file", nargs="?", type=Path)
    for action in (lists, adds, removes, tests, imports, trusts):
        action.add_argument("--debug", action="store_true", help=argparse.SUPPRESS)
    options = to.parse_args(argv or ["list"])
    match options.action:
        case "add":
            return _add(options)
        case "remove":
            return _remove(options)
        case "test":
            configs = selected([*options.names, *options.server], options.config)
            return ending(_test(options, configs))
        case "import":
            return _import(options.program)
        case "trust":
            return _trust(options.file)
        case _:
            return _list(options)


def _list(options: argparse.Namespace) -> int:
    found = _shown(options)
    if options.json:
        print_json(
            [
                {
                    "name": server.name,
                    "transport": server.transport,
                    "target": server.target,
                    "source": server.source,
                    "disabled": server.disabled,
                    "trusted": trusted is not False,
                }
                for server, trusted in found
            ]
        )
        return DONE
    if not found:
        say("no servers yet; `umcp servers add` writes one down.")
    width = max((len(server.name) for server, _ in found), default=0)
    for server, trusted in found:
        state = "disabled" if server.disabled else f"{server.transport:<5} {server.target}"
        mark = ", not trusted" if trusted is False else ""
        console.row(f"{server.name:<{width}}  {cell(state)}  ({server.source or 'given'}{mark})")
    if any(trusted is False for _, trusted in found):
        say("what is not trusted is not used; `umcp trust` shows what it does, and trusts it.")
    return DONE


def _shown(options: argparse.Namespace) -> list[tuple[ServerConfig, bool | None]]:
    """What is written down, or what --server names, with variables as they are written."""
    written = gate().servers(options.config) if not options.server else []
    for text in options.server:
        if text.endswith(".json"):
            written += [Listed(value=s) for s in read_servers(Path(text), expand=False)]
        elif named := [row for row in gate().servers(options.config) if row.value.name == text]:
            written += named
        else:
            written += [Listed(value=s) for s in server_configs([text])]
    return [(row.value, row.trusted) for row in written if isinstance(row.value, ServerConfig)]


def _add(options: argparse.Namespace) -> int:
    *names, target = options.words
    if len(names) > 1:
        raise ConfigError("Give a name and a target; put a command line with options in quotes.")
    config = server_configs([f"{names[0]}={target}" if names else target])[0]
    path = Path.cwd().resolve() / SERVERS_FILE if options.project else user_file()
    if options.project and is_there(path):
        project.servers_of(path)  # no link, no mistake
    entry: dict[str, Any] = (
        {"command": config.command, "args": list(config.args)}
        if config.transport == "stdio"
        else {"type": config.transport, "url": config.url}
    )
    if options.env:
        entry["env"] = _pairs(options.env, "--env")
    if options.header:
        entry["headers"] = _pairs(options.header, "--header")
    _edit(path, {config.name: entry})
    written = read_servers(path, expand=False) if options.project else []
    if any(_holds_a_secret(server) for server in written if server.name == config.name):
        say(
            f"warning: {path} belongs to the project, and now holds what looks like a secret. Write "
            "it as ${NAME}, and keep its value in your environment."
        )
    if options.project:  # who writes it has seen it; what others wrote there stays as it was
        trust.trust(item for item in project.servers_of(path) if item.name == config.name)
    say(f"{config.name} is in {path}. `umcp servers test {config.name}` tries it.")
    return DONE


def _holds_a_secret(config: ServerConfig) -> bool:
    return any("${" not in unquote(text) for text in config.hidden)


def _pairs(texts: Sequence[str], option: str) -> dict[str, str]:
    pairs: dict[str, str] = {}
    for text in texts:
        key, equals, value = text.partition("=")
        if not equals:
            raise ConfigError(f"{option} {text!r}: write it as name=value.")
        pairs[key.strip()] = value.strip()
    return pairs


def _remove(options: argparse.Namespace) -> int:
    here = Path.cwd().resolve()
    path = (project.servers_file(here) or here / SERVERS_FILE) if options.project else user_file()
    brought = project.servers_of(path) if options.project and is_there(path) else []
    known = [s.name for s in read_servers(path, expand=False)] if path.is_file() else []
    if options.name not in known:
        raise ConfigError(
            f"There is no server {options.name!r} in {path}. It has: {', '.join(known) or 'none'}."
        )
    _edit(path, {options.name: None})
    trust.forget(item for item in brought if item.name == options.name)
    say(f"{options.name} is no longer in {path}.")
    return DONE


def _edit(path: Path, changes: dict[str, dict[str, Any] | None]) -> None:
    """Change servers of a file, whose other content stays as it is."""
    data: dict[str, Any] = {"mcpServers": {}}
    if path.is_file():
        read_servers(path, expand=False)  # a file that is broken is not written over
        data = json.loads(path.read_text(encoding="utf-8-sig"))
    servers = data["mcpServers"] if "mcpServers" in data else data["servers"]
    for name, entry in changes.items():
        if entry is None:
            del servers[name]
        else:
            servers[name] = entry
    write = write_private if path == user_file() else write_shared
    write(path, json.dumps(data, indent=2, ensure_ascii=False) + "\n")


async def _test(options: argparse.Namespace, configs: Sequence[ServerConfig]) -> int:
    from universal_mcp_client.mcp.server import Server

    if not configs:
        raise ConfigError("There are no servers. Name one, or `umcp servers add` one.")

    async def test(config: ServerConfig) -> tuple[dict[str, Any], ServerError | None]:
        server, started = Server(config), time.monotonic()
        row: dict[str, Any] = {"name": config.name, "target": config.target}
        try:
            await server.open()
            took = round(time.monotonic() - started, 3)
            tools = [spec.name for spec in await server.list_tools()]
            row |= {
                "ok": True,
                "protocol": server.protocol_version,
                "seconds": took,
                "tools": tools,
            }
            if missing := [*server.missing]:
                row["missing"] = missing
        except ServerError as error:
            return row | {"ok": False, "error": str(error)}, error
        finally:
            await server.close()
        return row, None

    rows = await asyncio.gather(*map(test, configs))
    if options.json:
        print_json([row for row, _ in rows])
    for row, error in rows if not options.json else ():
        if error is not None:
            console.row(f"✗ {error}")
        else:
            count = len(row["tools"])
            console.row(
                f"✓ {row['name']}: {count} tools, MCP {row['protocol']}, {row['seconds']:.2f} s"
            )
    for row, _ in rows:
        for lost in row.get("missing", ()):
            say(f"Server {row['name']!r}: {lost}.")
    return max((code_of(error) for _, error in rows if error), default=DONE)


def _elsewhere() -> dict[str, list[Path]]:
    """Where other programs keep their servers."""
    home, here = Path.home(), Path.cwd().resolve()
    desktop = {
        "darwin": home / "Library/Application Support/Claude",
        "win32": home / "AppData/Roaming/Claude",
    }.get(sys.platform, home / ".config/Claude")
    return {
        "claude-desktop": [desktop / "claude_desktop_config.json"],
        "claude-code": [home / ".claude.json"],
        "cursor": [home / ".cursor/mcp.json", here / ".cursor/mcp.json"],
        "vscode": [here / ".vscode/mcp.json"],
        "windsurf": [home / ".codeium/windsurf/mcp_config.json"],
    }


def _import(program: str) -> int:
    places = _elsewhere().get(program, [Path(program).expanduser()])
    path = next((place for place in places if place.is_file()), None)
    if path is None:
        raise ConfigError(f"There is no file {' or '.join(map(str, places))}.")
    _looked_at(path, program)
    names = [server.name for server in read_servers(path, expand=False)]
    data = json.loads(path.read_text(encoding="utf-8-sig"))
    entries = data.get("mcpServers") or data.get("servers") or {}
    present = (
        {s.name for s in read_servers(user_file(), expand=False)}
        if user_file().is_file()
        else set[str]()
    )
    new = {name: entries[name] for name in names if name not in present}
    _edit(user_file(), new)
    kept = sorted(set(names) & present)
    say(f"{len(new)} servers from {path} are now in {user_file()}: {', '.join(new) or 'none'}.")
    if kept:
        say(f"These were there already and stay as they are: {', '.join(kept)}.")
    return DONE


def _looked_at(path: Path, program: str) -> None:
    """A file of the current folder becomes the user's own only after a look at it.
    Raises ConfigError where nobody is asked, or the answer is no."""
    if program not in _elsewhere() or not path.is_relative_to(Path.cwd().resolve()):
        return
    items = project.servers_of(path)
    console.tell(f"{described(items)}\n")
    if not interactive():
        raise ConfigError(
            f"{path} came with this folder. If you want it: umcp servers import {typed(path)}"
        )
    if not confirmed("Make these your own, for every folder?"):
        raise ConfigError("nothing was taken over.")


def _trust(path: Path | None) -> int:
    file = path or project.servers_file(Path.cwd())
    if file is None or not is_there(file):
        raise ConfigError(f"There is no {path or SERVERS_FILE} here or above.")
    items = project.servers_of(file.parent.resolve() / file.name)
    console.tell(described(items))
    trusted_now(items, ask=interactive())
    return DONE
