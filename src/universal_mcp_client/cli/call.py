"""`umcp call`: one tool, called without a model."""

import argparse
import json
from collections.abc import Mapping, Sequence
from typing import Any

from universal_mcp_client.cli.ending import ending
from universal_mcp_client.cli.errors import DONE, FAILED, say
from universal_mcp_client.cli.gate import interactive, named
from universal_mcp_client.cli.options import add_roots, add_servers, parser, print_json, roots_of
from universal_mcp_client.config.servers import ServerConfig
from universal_mcp_client.models.calls import describe
from universal_mcp_client.tools.base import CallContext
from universal_mcp_client.tools.checked import CheckedToolset
from universal_mcp_client.tools.combined import unknown_tool
from universal_mcp_client.types.errors import ConfigError
from universal_mcp_client.types.interaction import Elicited, Question
from universal_mcp_client.types.messages import ToolCall
from universal_mcp_client.ui.console import console
from universal_mcp_client.ui.terminal import TerminalInteraction

EXAMPLES = """
umcp call time get_current_time --arg timezone=Asia/Tokyo --server "time=uvx mcp-server-time"
umcp call files read_file '{"path": "README.md"}'
umcp call "uvx mcp-server-time" get_current_time '{"timezone": "UTC"}' --json
"""


def main(argv: Sequence[str]) -> int:
    to = parser("call", "Call one tool of one server.", EXAMPLES)
    to.add_argument("server_name", metavar="SERVER", help="a server's name, URL or command line")
    to.add_argument("tool", metavar="TOOL", help="the tool's own name")
    to.add_argument("arguments", nargs="?", metavar="JSON", help="the arguments as a JSON object")
    to.add_argument(
        "--arg", action="append", default=[], metavar="k=v", help="one argument; may be repeated"
    )
    add_servers(to)
    add_roots(to)
    to.add_argument("--json", action="store_true", help="print the result in MCP's own shapes")
    options = to.parse_args(argv)
    return ending(_main(options, named(options.server_name, options.server, options.config)))


async def _main(options: argparse.Namespace, config: ServerConfig) -> int:
    from universal_mcp_client.mcp.callbacks import Callbacks
    from universal_mcp_client.mcp.convert import in_mcp_shape
    from universal_mcp_client.mcp.server import Server

    person = TerminalInteraction()

    async def elicit(asked: Question) -> Elicited:
        return await person.elicit(asked.server, asked.message, asked.schema, asked.url)

    somebody = elicit if interactive() else None
    server = Server(config, Callbacks(elicit=somebody, roots=roots_of(options)))
    await server.open()
    try:
        specs = {spec.name: spec for spec in await server.list_tools()}
        if options.tool not in specs:
            raise ConfigError(f"Server {server.name!r}: {unknown_tool(options.tool, list(specs))}")
        arguments = _arguments(options, specs[options.tool].input_schema)
        call = ToolCall(id="call", name=options.tool, arguments=arguments)
        result = await CheckedToolset(wrapped=server).call_tool(call, CallContext())
    finally:
        await server.close()
    if options.json:
        print_json(in_mcp_shape(result))
    elif result.is_error:
        say(result.text or "the tool failed without a message.")
    else:
        console.answer("\n".join(describe(part) for part in result.content))
    return FAILED if result.is_error else DONE


def _arguments(options: argparse.Namespace, schema: Mapping[str, Any]) -> dict[str, Any]:
    arguments: dict[str, Any] = {}
    if options.arguments is not None:
        try:
            given: object = json.loads(options.arguments)
        except json.JSONDecodeError as error:
            raise ConfigError(f"The arguments are not valid JSON: {error}.") from error
        if not isinstance(given, dict):
            raise ConfigError("The arguments must be a JSON object, such as '{\"a\": 1}'.")
        arguments |= given
    for pair in options.arg:
        name, equals, text = pair.partition("=")
        if not equals:
            raise ConfigError(f"--arg {pair!r}: write it as name=value.")
        arguments[name] = _value(text, (schema.get("properties") or {}).get(name) or {})
    return arguments


def _value(text: str, schema: Mapping[str, Any]) -> Any:
    """A `--arg` value: a string where the schema wants one, else JSON where it is JSON."""
    if schema.get("type") == "string":
        return text
    try:
        return json.loads(text)
    except ValueError:
        return text
