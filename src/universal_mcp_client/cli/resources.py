"""`umcp resources`: what servers have to read, and one of it read."""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from universal_mcp_client.cli.ending import ending
from universal_mcp_client.cli.errors import DONE, FAILED, code_of, say
from universal_mcp_client.cli.gate import named_or_all
from universal_mcp_client.cli.options import add_servers, parser, print_json
from universal_mcp_client.config.servers import ServerConfig
from universal_mcp_client.types.errors import ConfigError, ServerError
from universal_mcp_client.types.resources import Resource, ResourceContents, ResourceTemplate
from universal_mcp_client.ui.console import cell, console

EXAMPLES = """
umcp resources
umcp resources everything --server "everything=npx -y @modelcontextprotocol/server-everything"
umcp resources everything demo://resource/static/document/features.md
umcp resources shop image://logo --output logo.png
umcp run "Summarize @everything:demo://resource/static/document/features.md"
"""


def main(argv: Sequence[str]) -> int:
    to = parser("resources", "List what servers have to read, or read it.", EXAMPLES)
    to.add_argument("name", nargs="?", metavar="SERVER", help="only this server's resources")
    to.add_argument("uri", nargs="?", metavar="URI", help="the resource to read")
    add_servers(to)
    to.add_argument("--output", type=Path, metavar="FILE", help="write what is read to a new file")
    to.add_argument("--json", action="store_true", help="print JSON")
    options = to.parse_args(argv)
    if options.output is not None and options.uri is None:
        raise ConfigError("--output is where a resource is written: name a SERVER and a URI.")
    servers = named_or_all(options.name, options.server, options.config)
    if options.uri is not None:
        return ending(_read(options, servers[0]))
    return ending(_list(options, servers))


async def _read(options: argparse.Namespace, config: ServerConfig) -> int:
    from universal_mcp_client.mcp.resources import located
    from universal_mcp_client.mcp.server import Server

    server = Server(config)
    await server.open()
    try:
        await located({server.name: server}, f"{server.name}:{options.uri}")
        contents = await server.read_resource(options.uri)
    finally:
        await server.close()
    if options.json:
        print_json([_contents(each) for each in contents])
    elif options.output is not None:
        _written(options.output, contents)
    else:
        _shown(contents, options)
    return DONE


def _shown(contents: Sequence[ResourceContents], options: argparse.Namespace) -> None:
    binary = [each for each in contents if each.text is None]
    if binary and console.answers_a_person:
        kind = binary[0].media_type or "binary"
        raise ConfigError(
            f"{options.uri} is {kind}, not text: write it to a file by --output FILE."
        )
    for each in contents:
        if each.text is not None:
            console.answer(each.text)
        else:
            console.data(each.data or b"")


def _written(path: Path, contents: Sequence[ResourceContents]) -> None:
    data = b"".join(
        each.text.encode() if each.text is not None else each.data or b"" for each in contents
    )
    try:
        with path.open("xb") as file:
            file.write(data)
    except FileExistsError:
        raise ConfigError(f"{path} is there already; name another file.") from None
    except OSError as error:
        raise ConfigError(f"{path} cannot be written: {error.strerror or error}.") from error
    say(f"{path}: {len(data):,} bytes.")


async def _list(options: argparse.Namespace, configs: Sequence[ServerConfig]) -> int:
    from universal_mcp_client.mcp.host import Host

    if not configs:
        raise ConfigError("There are no servers. Name one with --server, or `umcp servers add`.")
    async with Host(*configs) as host:
        found = list[Resource | ResourceTemplate]()
        failures = dict[str, ServerError](host.failures)
        for server in host:
            if server.name not in failures:
                try:
                    found += await server.list_resources()
                    found += await server.list_resource_templates()
                except ServerError as error:
                    failures[server.name] = error
    for failed in failures.values():
        say(str(failed))
    if options.json:
        print_json([_document(each) for each in found])
    else:
        for each in found:
            console.row(_row(each))
        if not found:
            say("no resources.")
    if len(failures) == len(configs):
        return max(map(code_of, failures.values()), default=FAILED)
    return DONE


def _row(each: Resource | ResourceTemplate) -> str:
    uri = each.uri if isinstance(each, Resource) else each.uri_template
    size = each.size if isinstance(each, Resource) else None
    about = [each.title or each.name, each.description]
    kind = ", ".join(filter(None, [each.media_type, f"{size:,} bytes" if size is not None else ""]))
    text = ": ".join(dict.fromkeys(filter(None, about)))
    return f"{cell(f'{each.server}:{uri}')}  {cell(text)}{f' ({cell(kind)})' if kind else ''}"


def _document(each: Resource | ResourceTemplate) -> dict[str, Any]:
    where = (
        {"uri": each.uri, "size": each.size}
        if isinstance(each, Resource)
        else {"uri_template": each.uri_template}
    )
    return {
        "server": each.server,
        **where,
        "name": each.name,
        "title": each.title,
        "description": each.description,
        "media_type": each.media_type,
    }


def _contents(each: ResourceContents) -> dict[str, Any]:
    import base64

    found: dict[str, Any] = {"uri": each.uri, "mimeType": each.media_type}
    if each.text is not None:
        return found | {"text": each.text}
    return found | {"blob": base64.b64encode(each.data or b"").decode()}
