"""`list_resources` and `read_resource`: the model's own way to what servers have to read."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from universal_mcp_client.mcp.resources import offers, parts_of, read, split
from universal_mcp_client.mcp.server import Server
from universal_mcp_client.models.base import Profile
from universal_mcp_client.tools.base import CallContext
from universal_mcp_client.tools.budgeted import DEFAULT_BUDGET
from universal_mcp_client.tools.marked import marked
from universal_mcp_client.tools.readings import Readings
from universal_mcp_client.tools.tokens import estimate_tokens
from universal_mcp_client.tools.wrapping import WrapperToolset
from universal_mcp_client.types.errors import ServerError
from universal_mcp_client.types.messages import (
    ResourceLink,
    Text,
    ToolCall,
    ToolResult,
    failure,
)
from universal_mcp_client.types.tools import Annotations, ToolSpec

LIST_RESOURCES, READ_RESOURCE = "list_resources", "read_resource"

_ENDS = 200  # characters of a page that its notice may take
_ROWS = 500

_HINTS = Annotations(read_only=True, idempotent=True, open_world=False)
_SERVER = {"type": "string", "description": "The server's name."}
_LIST = ToolSpec(
    name=LIST_RESOURCES,
    description=(
        "List what the connected servers have to read: server, URI, name and what it is. URIs with "
        "{names} in them are templates, to be read with values in place of the names."
    ),
    input_schema={
        "type": "object",
        "properties": {
            "server": _SERVER,
            "query": {"type": "string", "description": "Only what has this text in it."},
        },
        "additionalProperties": False,
    },
    annotations=replace(_HINTS, title="List resources"),
)
_READ = ToolSpec(
    name=READ_RESOURCE,
    description=(
        "Read a resource of a server: one that is listed, fits a template, is in the context, or was "
        "linked to by a tool's result. A long one comes in pages."
    ),
    input_schema={
        "type": "object",
        "properties": {
            "server": _SERVER,
            "uri": {"type": "string", "description": "The resource's URI."},
            "page": {"type": "integer", "minimum": 1, "description": "The page, from 1 on."},
        },
        "required": ["uri"],
        "additionalProperties": False,
    },
    annotations=replace(_HINTS, title="Read resource"),
)


def cut(text: str, server: str, uri: str, budget: int, readings: Readings) -> tuple[str, str]:
    """`text` where it fits into `budget` tokens, else its first page, and a notice of how to read on;
    it is kept for that."""
    tokens = estimate_tokens(text)
    if tokens <= budget:
        return text, ""
    size = max(_ENDS, int(len(text) * budget * 0.9 / tokens) - _ENDS)
    readings.pages[server, uri] = readings.kept.keep(text, size)
    return page(1, server, uri, readings)


def page(number: int, server: str, uri: str, readings: Readings) -> tuple[str, str]:
    """A page of what is kept, and a notice. Raises LookupError where it is not kept, or has no such
    page."""
    pages = readings.kept.pages[readings.pages[server, uri]]
    if not 1 <= number <= len(pages):
        raise IndexError(f"{uri} has pages 1 to {len(pages)}.")
    on = f"; read on with {READ_RESOURCE}({_named(server, uri)}, page={number + 1})"
    return (
        pages[number - 1],
        f"\n[Page {number} of {len(pages)}{on if number < len(pages) else ''}.]",
    )


def by_tool(server: str, uri: str) -> str:
    """How a model reads it."""
    return f"{READ_RESOURCE}({_named(server, uri)})"


def _named(server: str, uri: str) -> str:
    return f"server={json.dumps(server)}, uri={json.dumps(uri)}"


@dataclass(kw_only=True)
class ResourceToolset(WrapperToolset):
    """Adds the two tools to those of `wrapped`: both where the agent may look around in `servers`
    (`free`), and `read_resource` alone once something was cut, for what is in the context. Whatever
    tools of `wrapped` link to may be read."""

    servers: Mapping[str, Server]
    readings: Readings
    free: bool = False
    budget: int = DEFAULT_BUDGET
    profile: Profile | None = None
    _seen: tuple[object, bool] = field(default=((), False), init=False, repr=False)
    _shown: Sequence[ToolSpec] = field(default=(), init=False, repr=False)
    _ours: Mapping[str, str] = field(default_factory=dict[str, str], init=False, repr=False)

    async def list_tools(self) -> Sequence[ToolSpec]:
        listing = await self.wrapped.list_tools()
        cut = bool(self.readings.pages)
        if not self.free and not cut:
            return listing
        if self._seen[0] is not listing or self._seen[1] != cut:
            taken = {spec.name for spec in listing}
            ours = [spec for spec in (_LIST, _READ) if self.free or spec is _READ]
            named = [replace(s, name=f"mcp_{s.name}") if s.name in taken else s for s in ours]
            self._seen, self._shown = (listing, cut), (*listing, *named)
            self._ours = {n.name: s.name for n, s in zip(named, ours, strict=True)}
        return self._shown

    async def call_tool(self, call: ToolCall, context: CallContext) -> ToolResult:
        spec = await self.find(call.name)
        match self._ours.get(call.name):
            case "list_resources":
                return await self._list(call)
            case "read_resource":
                return await self._read(call)
            case _:
                pass
        result = await self.wrapped.call_tool(call, context)
        for part in result.content:
            if isinstance(part, ResourceLink) and spec is not None and spec.server:
                self.readings.link(spec.server, part.uri)
        return result

    async def _list(self, call: ToolCall) -> ToolResult:
        wanted, query = call.arguments.get("server"), str(call.arguments.get("query") or "").lower()
        if wanted is not None and wanted not in self.servers:
            return failure(call, self._no_server(str(wanted)))
        rows = list[str]()
        for name, server in self.servers.items():
            if wanted in (None, name):
                try:
                    rows += [row for row in await _rows(server) if query in row.lower()]
                except ServerError as error:
                    rows.append(f"{name}: {error}")
        more = f"\n… and {len(rows) - _ROWS:,} more; give a query." if len(rows) > _ROWS else ""
        text = "\n".join(rows[:_ROWS]) + more or "There is nothing."
        return ToolResult(call_id=call.id, content=(Text(text=text),))

    async def _read(self, call: ToolCall) -> ToolResult:
        uri, number = str(call.arguments.get("uri") or ""), call.arguments.get("page") or 1
        name = call.arguments.get("server")
        if name is None and (found := split(uri, self.servers)):
            name, uri = found
        try:
            server = await self._allowed(None if name is None else str(name), uri)
        except ServerError as error:
            return failure(call, str(error))
        if isinstance(server, str):
            return failure(call, server)
        if not isinstance(number, int) or number < 1:
            return failure(call, "A page is a number from 1 on.")
        try:
            if number > 1:
                shown, notice = page(number, server.name, uri, self.readings)
                text = marked("resource", shown, server=server.name, uri=uri) + notice
                return ToolResult(call_id=call.id, content=(Text(text=text),))
        except IndexError as error:
            return failure(call, str(error))
        except KeyError:
            return failure(call, f"{uri} is not kept in pages; read it from page 1 on.")
        try:
            contents = await read(server, uri)
        except ServerError as error:
            return failure(call, str(error))
        fit = partial(cut, server=server.name, uri=uri, budget=self.budget, readings=self.readings)
        parts = [part for each in contents for part in parts_of(each, self.profile, fit)]
        return ToolResult(call_id=call.id, content=tuple(parts) or (Text(text=f"{uri} is empty."),))

    async def _allowed(self, name: str | None, uri: str) -> Server | str:
        """The server to ask for `uri`, or why there is none, for the model."""
        if name is not None and name not in self.servers:
            return self._no_server(name)
        asked = [self.servers[name]] if name is not None else list(self.servers.values())
        found = [server for server in asked if await self._may(server, uri)]
        if len(found) == 1:
            return found[0]
        if found:
            return f"{uri} is at {' and '.join(s.name for s in found)}; say which server is meant."
        how = f"; {LIST_RESOURCES} shows what there is" if self.free else ""
        return f"{uri} is not among what may be read: no server lists it, and nothing linked to it{how}."

    async def _may(self, server: Server, uri: str) -> bool:
        key = (server.name, uri)
        if key in self.readings.pages or key in self.readings.told or key in self.readings.links:
            return True
        return self.free and await offers(server, uri)

    def _no_server(self, name: str) -> str:
        return f"There is no server {name!r}. The servers are: {', '.join(self.servers) or 'none'}."


async def _rows(server: Server) -> list[str]:
    """A line for each resource and template that is meant for the model."""
    if server.error is not None and not server.connected:
        return [f"{server.name}: not connected"]
    found = [(one.uri, one) for one in await server.list_resources()] + [
        (one.uri_template, one) for one in await server.list_resource_templates()
    ]
    return [
        " ".join(f"{server.name} {uri} — {_about(one)}".split())
        for uri, one in found
        if one.annotations.for_the_model
    ]


def _about(one: object) -> str:
    name = getattr(one, "title", None) or getattr(one, "name", "")
    described = getattr(one, "description", "")[:300]
    kind, size = getattr(one, "media_type", None), getattr(one, "size", None)
    extra = ", ".join(filter(None, [kind, f"{size:,} bytes" if size is not None else None]))
    return f"{name}{f': {described}' if described else ''}{f' ({extra})' if extra else ''}"
