"""Connections for programs that call tools themselves, without a model."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any, Literal, Self, TypeVar

from universal_mcp_client.config.auth import Credentials, OAuth
from universal_mcp_client.config.servers import ServerConfig
from universal_mcp_client.config.sources import ServerSource, server_configs
from universal_mcp_client.mcp.host import Host
from universal_mcp_client.mcp.server import Server
from universal_mcp_client.models.base import Model
from universal_mcp_client.models.provider_calls import provider_call
from universal_mcp_client.tools.base import CallContext, Progress
from universal_mcp_client.tools.checked import not_json
from universal_mcp_client.tools.combined import unknown_tool
from universal_mcp_client.types.errors import ConfigError, ServerUnavailable, ToolError
from universal_mcp_client.types.interaction import Elicit, Interaction, Roots, Sample
from universal_mcp_client.types.messages import ToolCall, ToolResult, failure
from universal_mcp_client.types.resources import (
    LogHandler,
    Prompt,
    RenderedPrompt,
    Resource,
    ResourceContents,
    ResourceTemplate,
)
from universal_mcp_client.types.tools import ToolSpec

_REMOTE = ("http", "sse")

Named = TypeVar("Named", ToolSpec, Prompt)


class Client:
    """A connection to one MCP server, or to all servers of a config.

    `source` is what `Host` takes: a URL, a command line, a `.py`, `.js` or `.json` file, a config
    dict with `mcpServers`, a server object, a `fastmcp.Client` and so on. With several servers, tools and prompts are
    called `server_name`, and a server that cannot be opened costs the others nothing.

    `auth` is `"oauth"`, an `OAuth` or another way to log in (`ClientCredentials`, …), or `"none"`;
    without it a login is used where there is one. `timeout` bounds each request, in seconds; `env`
    is added to the environment of servers that are processes. `log` (`log_handler`) takes what servers
    log, `progress(done, total, message)` (`progress_handler`) how far calls have come. `elicit`,
    `sample` and `roots` answer what servers ask, `interaction` logins and such questions too,
    `token_store` is where logins are kept; see `Host`. Without
    `auto_initialize`, nothing is opened before `initialize`.

    >>> async with Client("https://mcp.example.com/mcp", auth="oauth") as client:
    ...     result = await client.call_tool("search", {"query": "owls"})

    Every method raises ServerError: AuthenticationError, MCPError, ServerUnavailable, ….
    """

    def __init__(
        self,
        source: ServerSource,
        auth: Credentials | Literal["oauth", "auto", "none"] | None = None,
        auto_initialize: bool = True,
        timeout: float | timedelta | None = None,
        env: Mapping[str, str] | None = None,
        log_handler: LogHandler | None = None,
        progress_handler: Progress | None = None,
        *,
        interaction: Interaction | None = None,
        token_store: Any = None,
        elicit: Elicit | None = None,
        sample: Sample | Model | None = None,
        roots: Roots | None = None,
        log: LogHandler | None = None,
        progress: Progress | None = None,
    ) -> None:
        configs = [
            _configured(config, auth, timeout, env)
            for config in server_configs([source])
            if not config.disabled
        ]
        if not configs:
            raise ConfigError("There is no server in the given config.")
        kinds = {config.transport for config in configs}
        if auth is not None and not kinds & {*_REMOTE}:
            raise ConfigError(f"{_names(configs)}: only servers behind a URL take auth.")
        if env is not None and "stdio" not in kinds:
            raise ConfigError(f"{_names(configs)}: only servers that are processes take env.")
        if len(configs) == 1:
            configs = [replace(configs[0], required=True)]
        self._host = Host(
            *configs,
            interaction=interaction,
            token_store=token_store,
            elicit=elicit,
            sample=sample,
            roots=roots,
            log=log or log_handler,
        )
        self._progress = progress or progress_handler
        self._auto_initialize = auto_initialize
        self._entered = 0
        self._open = False
        self._changing = asyncio.Lock()

    def __repr__(self) -> str:
        return f"<Client{repr(self._host).removeprefix('<Host')}"

    @property
    def servers(self) -> Mapping[str, Server]:
        """The servers by name: their `state`, `error`, `instructions`, `protocol_version`."""
        return self._host.servers

    # Connection

    async def __aenter__(self) -> Self:
        if self._auto_initialize:
            await self.initialize()
        self._entered += 1
        return self

    async def __aexit__(self, *_exc: object) -> None:
        self._entered -= 1
        if self._entered == 0:
            await self.close()

    async def initialize(self, timeout: float | timedelta | None = None) -> None:
        """Connect, and shake hands, within `timeout` seconds. Does nothing where that is done."""
        async with self._changing:
            if self._open:
                return
            try:
                async with asyncio.timeout(_seconds(timeout)):
                    await self._host.__aenter__()
            except TimeoutError:
                raise ServerUnavailable(
                    f"{' and '.join(map(repr, self.servers))} did not answer within "
                    f"{_seconds(timeout):g} s."
                ) from None
            if len(failures := self._host.failures) == len(self.servers):
                await self._host.__aexit__()
                raise next(iter(failures.values()))
            self._open = True

    async def close(self) -> None:
        """Disconnect, and wait until servers that are processes have ended."""
        async with self._changing:
            if self._open:
                self._open = False
                await self._host.__aexit__()

    def is_connected(self) -> bool:
        """Whether all servers are connected now."""
        return self._open and all(server.connected for server in self._host)

    async def ping(self) -> None:
        """Ask every server for an answer. Raises ServerError for the first that gives none."""
        for server in self._reachable(all_of_them=True):
            await server.ping()

    async def set_roots(self, roots: Roots) -> None:
        """Other folders to work in; see `Host.set_roots`."""
        await self._host.set_roots(roots)

    # Tools

    async def list_tools(self) -> Sequence[ToolSpec]:
        """The tools of all servers."""
        return [
            self._public(spec)
            for server in self._reachable()
            for spec in await self._host.toolset(server.name).list_tools()
        ]

    async def call_tool(
        self,
        name: str | ToolCall | object,
        arguments: Mapping[str, Any] | None = None,
        *,
        progress_handler: Progress | None = None,
        raise_on_error: bool = True,
    ) -> ToolResult:
        """Call a tool by `name` with `arguments`; or, given alone, the call of a model: a ToolCall, or
        as its provider's SDK gives it, object or dict.

        The tool's failure is raised as ToolError, or without `raise_on_error` returned as a result
        with `is_error`; so are a model's arguments that are no JSON. Raises ConfigError for what is
        no call.
        """
        asked = ToolCall(id=name, name=name) if isinstance(name, str) else provider_call(name)
        if not isinstance(name, str) and arguments is not None:
            raise ConfigError(f"The call of {asked.name!r} has its arguments; give none beside it.")
        spec = self._named(asked.name, await self.list_tools(), "tool")
        progress = progress_handler or self._progress
        context = CallContext(progress=progress) if progress else CallContext()
        if asked.invalid is not None:
            result = failure(asked, not_json(asked))
        else:
            given = asked.arguments if arguments is None else arguments
            if not isinstance(given, Mapping):
                raise ConfigError(
                    f"The arguments of {asked.name!r} are a mapping of names to values, not {given!r:.100}."
                )
            call = replace(asked, name=spec.original, arguments=given)
            result = await self.servers[spec.server].request_tool(call, context)
        if result.is_error and raise_on_error:
            raise ToolError(
                result.text or f"The tool {spec.name!r} failed without a message.",
                result=result,
                server=spec.server,
            )
        return result

    # Resources

    async def list_resources(self) -> Sequence[Resource]:
        """What can be read at any server."""
        return [found for server in self._reachable() for found in await server.list_resources()]

    async def list_resource_templates(self) -> Sequence[ResourceTemplate]:
        """The families of what can be read."""
        return [
            found
            for server in self._reachable()
            for found in await server.list_resource_templates()
        ]

    async def read_resource(
        self, uri: str, *, server: str | None = None
    ) -> Sequence[ResourceContents]:
        """What is at `uri`. Of several servers, the one that lists it is asked, unless `server` says
        which; raises ConfigError where none or more than one does."""
        reachable = self._reachable()
        if server is not None:
            return await self._host[server].read_resource(uri)
        if len(self.servers) == 1:
            return await reachable[0].read_resource(uri)
        owners = [one for one in reachable if any(r.uri == uri for r in await one.list_resources())]
        if len(owners) != 1:
            who = " and ".join(repr(one.name) for one in owners) or "none of the servers"
            raise ConfigError(f"{uri!r} is listed by {who}; say which to ask: server=….")
        return await owners[0].read_resource(uri)

    # Prompts

    async def list_prompts(self) -> Sequence[Prompt]:
        """The prompts of all servers."""
        return [
            self._public(prompt)
            for server in self._reachable()
            for prompt in await server.list_prompts()
        ]

    async def get_prompt(
        self, name: str, arguments: Mapping[str, Any] | None = None
    ) -> RenderedPrompt:
        """A prompt, filled in."""
        prompt = self._named(name, await self.list_prompts(), "prompt")
        return await self.servers[prompt.server].get_prompt(prompt.original, arguments)

    # Names

    def _public(self, item: Named) -> Named:
        if len(self.servers) == 1:
            return item
        return replace(item, name=f"{item.server}_{item.original}")

    def _named(self, name: str, items: Sequence[Named], kind: str) -> Named:
        found = [item for item in items if item.name == name]
        if len(found) > 1:
            owners = " and ".join(repr(item.server) for item in found)
            raise ConfigError(f"{owners} both have a {kind} {name!r}; rename one of the servers.")
        if found:
            return found[0]
        for server, error in self._host.failures.items():
            if len(self.servers) == 1 or name.startswith(f"{server}_"):
                raise error
        message = unknown_tool(name, [item.name for item in items]).replace("tool", kind)
        raise ConfigError(message)

    def _reachable(self, *, all_of_them: bool = False) -> list[Server]:
        if not self._open:
            raise ServerUnavailable(
                "The client is not connected: use it in `async with client:`, or call "
                "`await client.initialize()`."
            )
        never = [server for server in self._host if server.error and not server.opened]
        if never and all_of_them:
            raise self._host.failures[never[0].name]
        return [server for server in self._host if server not in never]


def _configured(
    config: ServerConfig,
    auth: Credentials | str | None,
    timeout: float | timedelta | None,
    env: Mapping[str, str] | None,
) -> ServerConfig:
    if auth is not None and config.transport in _REMOTE:
        config = replace(config, auth=_auth(auth), source="")
    if env is not None and config.transport == "stdio":
        config = replace(config, env={**config.env, **env})
    if timeout is not None and isinstance(config.instance, Server):
        raise ConfigError(
            f"{config.name!r} is a server of another Host or Client, whose timeout holds; it is given "
            "there, or in the server's config."
        )
    return config if timeout is None else replace(config, timeout=_seconds(timeout))


def _names(configs: Sequence[ServerConfig]) -> str:
    return ", ".join(f"{config.name!r} ({config.target})" for config in configs)


def _auth(auth: Credentials | str) -> Any:
    if not isinstance(auth, str):
        return auth
    if auth not in ("oauth", "auto", "none"):
        raise ConfigError(
            "auth takes 'oauth', 'auto', 'none' or an object such as OAuth(…). A bearer token "
            'belongs into the headers of a ServerConfig: {"Authorization": "Bearer …"}.'
        )
    return OAuth() if auth == "oauth" else auth


def _seconds(timeout: float | timedelta | None) -> Any:
    return timeout.total_seconds() if isinstance(timeout, timedelta) else timeout
