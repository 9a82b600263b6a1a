"""What may be meant by an @ and the beginning of `server:uri`: resources, and templates whose variables
the server completes."""

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import anyio

from universal_mcp_client.types.errors import UniversalMCPError
from universal_mcp_client.types.resources import ResourceTemplate
from universal_mcp_client.ui.repl import Words

if TYPE_CHECKING:
    from universal_mcp_client.mcp.server import Server

_PATIENCE = 2.0  # seconds for a server to say what it has
_MOST = 50
_VARIABLE = re.compile(r"\{[^{}]*\}")


def mentions(servers: "Mapping[str, Server]") -> Words:
    """Completes `server:uri` of these."""

    async def words(begun: str) -> Sequence[str]:
        name, colon, uri = begun.partition(":")
        if not colon:
            return [f"{each}:" for each in servers if each.startswith(begun)]
        server = servers.get(name)
        if server is None or not server.connected:
            return ()
        found: list[str] = []
        try:
            with anyio.move_on_after(_PATIENCE):
                found += [r.uri for r in await server.list_resources() if r.uri.startswith(uri)]
                for template in await server.list_resource_templates():
                    found += await completed(server, template, uri)
        except UniversalMCPError:
            pass
        return [f"{name}:{each}" for each in dict.fromkeys(found)][:_MOST]

    return words


async def completed(server: "Server", template: ResourceTemplate, begun: str) -> Sequence[str]:
    """How a URI that is begun may go on by a template: up to the variable that is typed, with what the
    server suggests for it, or up to the next variable."""
    text, written, given = template.uri_template, "", dict[str, str]()
    while (found := _VARIABLE.search(text)) is not None:
        literal, text = text[: found.start()], text[found.end() :]
        rest = begun[len(written) :]
        if len(rest) < len(literal) or not rest.startswith(literal):
            return [written + literal] if literal.startswith(rest) else ()
        written += literal
        rest = rest[len(literal) :]
        name = found[0].strip("{}+#./;?&*").split(",")[0].rstrip("*")
        ends = _VARIABLE.split(text)[0][:1]  # what stands behind the variable
        value, end, _ = rest.partition(ends) if ends else (rest, "", "")
        if not end:
            suggested = await server.complete(
                name, value, template=template.uri_template, given=given
            )
            return [f"{written}{each}" for each in suggested]
        given[name] = value
        written += value
    return [written + text] if text and (written + text).startswith(begun) else ()
