"""Resources by the name that people and models give them, `server:uri`, and as parts of a message."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from urllib.parse import urlsplit

from mcp.shared.uri_template import InvalidUriTemplate, UriTemplate

from universal_mcp_client.mcp.server import Server
from universal_mcp_client.models.base import Profile
from universal_mcp_client.tools.marked import marked
from universal_mcp_client.types.bounds import ATTACHMENT_BYTES
from universal_mcp_client.types.errors import ConfigError, MCPError
from universal_mcp_client.types.messages import Audio, File, Image, ResultPart, Text
from universal_mcp_client.types.resources import (
    Resource,
    ResourceContents,
    ResourceTemplate,
)

_TEXTUAL = ("json", "xml", "yaml", "javascript", "toml", "markdown", "csv", "html", "svg", "text/")


def split(reference: str, servers: Iterable[str]) -> tuple[str, str] | None:
    """The server and the URI of `server:uri`, None where it begins with no server's name."""
    named = [
        name
        for name in servers
        if reference.startswith(f"{name}:") and not reference.startswith(f"{name}://")
    ]  # which is a URI of that scheme
    if not named:
        return None
    name = max(named, key=len)
    return name, reference[len(name) + 1 :]


async def located(servers: Mapping[str, Server], reference: str) -> tuple[Server, str]:
    """The server and the URI that `server:uri` names, or `uri` alone where one server has it.

    Raises ConfigError for a server that is not there, a URI that is none, and a lone one that no
    server lists, or several do; ServerError for a server that cannot be asked.
    """
    found = split(reference, servers)
    if found is None:
        return await _owner(servers, reference), reference
    name, uri = found
    if "{" in uri and "}" in uri:
        names = ", ".join(variables(uri)) or "its variables"
        raise ConfigError(f"{reference} is a template: put values in the place of {names}.")
    if not urlsplit(uri).scheme:
        raise ConfigError(f"{uri!r} is no URI of a resource; try `umcp resources {name}`.")
    return servers[name], uri


async def _owner(servers: Mapping[str, Server], uri: str) -> Server:
    scheme = urlsplit(uri).scheme
    if not scheme:
        raise ConfigError(
            f"{uri!r} is no resource: write SERVER:URI, such as docs:file:///readme.md."
        )
    owners = [server for server in servers.values() if await offers(server, uri)]
    if len(owners) == 1:
        return owners[0]
    if owners:
        names = " and ".join(repr(server.name) for server in owners)
        raise ConfigError(f"{uri} is at {names}; say which is meant: {owners[0].name}:{uri}.")
    raise ConfigError(f"No server lists {uri}. The servers are: {', '.join(servers) or 'none'}.")


async def offers(server: Server, uri: str) -> bool:
    """Whether the server lists `uri`, or has a template for it. One that fails offers nothing."""
    if server.error is not None and not server.connected:
        return False
    return any(one.uri == uri for one in await server.list_resources()) or any(
        fits(template, uri) for template in await server.list_resource_templates()
    )


def fits(template: ResourceTemplate, uri: str) -> bool:
    """Whether `uri` is one of a template's (RFC 6570)."""
    try:
        return UriTemplate.parse(template.uri_template).match(uri) is not None
    except InvalidUriTemplate:
        return False


def variables(template: str) -> Sequence[str]:
    """The names of a template's variables, in order; none where it cannot be read."""
    try:
        return list(dict.fromkeys(UriTemplate.parse(template).variable_names))
    except InvalidUriTemplate:
        return ()


def filled(template: str, values: Mapping[str, str]) -> str:
    """The URI of a template with its variables filled in. Raises ConfigError where one is missing."""
    try:
        parsed = UriTemplate.parse(template)
    except InvalidUriTemplate as error:
        raise ConfigError(f"{template} is no URI template (RFC 6570): {error}.") from error
    optional = parsed.query_variable_names
    if missing := [n for n in parsed.variable_names if n not in values and n not in optional]:
        raise ConfigError(f"{template} needs a value for {missing[0]!r}.")
    return parsed.expand(values)


async def read(server: Server, uri: str) -> list[ResourceContents]:
    """What is at `uri`, with the name and the annotations that the server lists it under. Raises
    MCPError where the server says that there is nothing."""
    listed = next((one for one in await server.list_resources() if one.uri == uri), None)
    try:
        contents = await server.read_resource(uri)
    except MCPError as error:
        raise MCPError(
            f"Server {server.name!r} cannot read {uri}: {error} `umcp resources {server.name}` and "
            "`list_resources` show what it has.",
            server=server.name,
            code=error.code,
            data=error.data,
        ) from error
    return [_named(each, listed, server.name) for each in contents]


def _named(contents: ResourceContents, listed: Resource | None, server: str) -> ResourceContents:
    if listed is None or listed.uri != contents.uri:
        return replace(contents, server=server)
    return replace(
        contents,
        server=server,
        name=listed.title or listed.name,
        annotations=listed.annotations,
        media_type=contents.media_type or listed.media_type,
    )


def parts_of(
    contents: ResourceContents,
    profile: Profile | None = None,
    fit: Callable[[str], tuple[str, str]] = lambda text: (text, ""),
) -> list[ResultPart]:
    """What a model gets of a resource: its text, marked as the server's; an image, a sound or a PDF as
    it is, where a model of this `profile` takes such; else a line that describes it. `fit` gives how
    much of a text is shown, and a notice on the rest."""
    kind, data, text = contents.media_type or "", contents.data or b"", contents.text
    if text is None and any(word in kind for word in _TEXTUAL):
        with suppress(UnicodeDecodeError):
            text = data.decode()
    if text is not None:
        shown, notice = fit(text)
        return [Text(text=marked("resource", shown, **_about(contents)) + notice)]
    made: ResultPart | None = None
    if len(data) > ATTACHMENT_BYTES:
        what = "too large to be shown"
    elif kind.startswith("image/") and (profile is None or profile.images):
        made, what = Image(media_type=kind, data=data), "follows"
    elif kind.startswith("audio/") and (profile is None or profile.audio):
        made, what = Audio(media_type=kind, data=data), "follows"
    elif kind == "application/pdf" and (profile is None or profile.files):
        made, what = File(media_type=kind, data=data, name=_file_name(contents)), "follows"
    else:
        what = "cannot be shown to this model"
    line = f"[{kind or 'of unknown type'}, {len(data):,} bytes: {what}]"
    told = Text(text=marked("resource", line, **_about(contents)))
    return [told] if made is None else [told, made]


def _about(contents: ResourceContents) -> dict[str, str | None]:
    return {
        "server": contents.server,
        "uri": contents.uri,
        "name": contents.name,
        "type": contents.media_type,
    }


def _file_name(contents: ResourceContents) -> str:
    return contents.name or urlsplit(contents.uri).path.rstrip("/").rsplit("/", 1)[-1] or "file"
