"""`umcp tools`: what the servers offer, as a table or as a provider's specs."""

import argparse
import shutil
from collections.abc import Sequence
from typing import Any, cast

from universal_mcp_client.cli.ending import ending
from universal_mcp_client.cli.errors import DONE, FAILED, code_of, say, told_of_what_is_left_out
from universal_mcp_client.cli.gate import selected
from universal_mcp_client.cli.options import add_roots, add_servers, parser, print_json, roots_of
from universal_mcp_client.config.servers import ServerConfig
from universal_mcp_client.models.dialects import DIALECTS, Dialect, function_specs
from universal_mcp_client.types.errors import ConfigError
from universal_mcp_client.types.tools import ToolSpec
from universal_mcp_client.ui.console import cell, console

EXAMPLES = """
umcp tools
umcp tools time --search zone
umcp tools --server "npx -y @modelcontextprotocol/server-everything" --format openai-strict
umcp tools --server https://example.com/mcp --format mcp
"""


def main(argv: Sequence[str]) -> int:
    to = parser("tools", "List the tools of the servers.", EXAMPLES)
    to.add_argument("name", nargs="?", metavar="SERVER", help="only this server's tools")
    add_servers(to)
    add_roots(to)
    to.add_argument(
        "--format",
        choices=("table", "mcp", *DIALECTS),
        default="table",
        help="table, or the JSON array that the provider's API takes",
    )
    to.add_argument("--search", metavar="QUERY", help="only tools with these words")
    to.add_argument("--json", action="store_true", help="the same as --format mcp")
    options = to.parse_args(argv)
    return ending(_main(options, _servers(options)))


def _servers(options: argparse.Namespace) -> list[ServerConfig]:
    if options.name:
        given = selected(options.server, options.config) if options.server else []
        return [c for c in given if c.name == options.name] or selected(
            [options.name], options.config
        )
    if configs := selected(options.server, options.config):
        return configs
    raise ConfigError("There are no servers. Name one with --server, or `umcp servers add`.")


async def _main(options: argparse.Namespace, configs: Sequence[ServerConfig]) -> int:
    from universal_mcp_client.mcp.host import Host

    async with Host(*configs, roots=roots_of(options)) as host:
        specs = [s for s in await host.list_tools() if _matches(s, options.search)]
        for error in host.failures.values():
            say(str(error))
        told_of_what_is_left_out(host)
        form = "mcp" if options.json and options.format == "table" else options.format
        if form == "table":
            _print_table(specs)
        else:
            print_json(
                [_mcp(s) for s in specs]
                if form == "mcp"
                else function_specs(specs, cast(Dialect, form))
            )
        if len(host.failures) == len(host.servers):
            return max(map(code_of, host.failures.values()), default=FAILED)
        return DONE


def _matches(spec: ToolSpec, query: str | None) -> bool:
    text = f"{spec.server} {spec.name} {spec.original} {spec.description}".lower()
    return all(word in text for word in (query or "").lower().split())


def _mcp(spec: ToolSpec) -> dict[str, Any]:
    """The tool as its server listed it, with the server and the name that models see."""
    hints = {
        "title": spec.annotations.title,
        "readOnlyHint": spec.annotations.read_only,
        "destructiveHint": spec.annotations.destructive,
        "idempotentHint": spec.annotations.idempotent,
        "openWorldHint": spec.annotations.open_world,
    }
    out: dict[str, Any] = {
        "server": spec.server,
        "name": spec.original or spec.name,
        "function_name": spec.name,
        "description": spec.description,
        "inputSchema": spec.input_schema,
    }
    if spec.output_schema is not None:
        out["outputSchema"] = spec.output_schema
    if given := {k: v for k, v in hints.items() if v is not None}:
        out["annotations"] = given
    return out


def _print_table(specs: Sequence[ToolSpec]) -> None:
    width = shutil.get_terminal_size((100, 24)).columns
    server = ""
    for spec in specs:
        if spec.server != server:
            server = spec.server
            count = sum(1 for other in specs if other.server == server)
            console.row(f"{cell(server)} ({count} {'tool' if count == 1 else 'tools'})")
        about = " ".join(cell(spec.description).split())
        head = cell(f"  {spec.name}({_parameters(spec)})")
        console.row(head)
        if about:
            console.row(f"      {about if len(about) <= width - 6 else about[: width - 7] + '…'}")
    if not specs:
        say("no tools.")


def _parameters(spec: ToolSpec) -> str:
    required = spec.input_schema.get("required") or ()
    names = list(spec.input_schema.get("properties") or {})
    return ", ".join(name if name in required else f"{name}?" for name in names)
