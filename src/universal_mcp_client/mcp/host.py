"""The host: many servers, opened at once, each on its own, as one toolset."""

import asyncio
import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Self

from universal_mcp_client.auth.logins import Logins
from universal_mcp_client.config.sources import ServerSource, server_configs
from universal_mcp_client.mcp.callbacks import Callbacks
from universal_mcp_client.mcp.renamed import renamed
from universal_mcp_client.mcp.server import Server
from universal_mcp_client.models.base import Model
from universal_mcp_client.models.provider_calls import provider_call
from universal_mcp_client.tools.base import CallContext, Progress
from universal_mcp_client.tools.checked import CheckedToolset
from universal_mcp_client.tools.combined import CombinedToolset
from universal_mcp_client.tools.derived import FilteredToolset, ForModels
from universal_mcp_client.tools.wrapping import Wrappable
from universal_mcp_client.types.errors import ConfigError, ServerError, ServerUnavailable
from universal_mcp_client.types.interaction import Elicit, Interaction, Roots, Sample
from universal_mcp_client.types.messages import ToolCall, ToolResult
from universal_mcp_client.types.resources import LogHandler
from universal_mcp_client.types.tasks import TaskHandle
from universal_mcp_client.types.tools import ToolSpec

logger = logging.getLogger(__name__)


class Host(Wrappable):
    """Connections to MCP servers.

    Each source is a URL, a command line, a `.py`, `.js` or `.json` file, a config dict with
    `mcpServers`, a server object (FastMCP's or the SDK's), or what a program has already: a
    `fastmcp.Client`, a FastMCP transport or `MCPConfig`, a `Host`, `Server` or `Client` of ours.
    `"name=…"` in front of a URL or a command names it. What is lent is not closed; a client that is
    connected when the host is opened is used as it is, and its own handlers answer.

    >>> async with Host("npx -y @modelcontextprotocol/server-everything") as host:
    ...     print([tool.name for tool in await host.list_tools()])

    All servers open at the same time. One that fails costs the others nothing; `failures` says
    which and why. A server whose config says `required` raises its error from opening instead.
    `interaction` answers questions, logins among them (without one, the run's own those that a server
    has in its calls); `token_store` is where logins are kept: a
    URL, a py-key-value store, or a `TokenStore`. May be entered again while it is open, by other tasks
    too; the last to leave closes it.

    Functions, plain or async, answer what servers ask: `elicit` a `Question` of a form or a visit;
    `sample` one to a model, in its place (or a Model, which is asked): with either, all servers may
    sample, else those whose config says `sampling`, and the model of the run answers. `roots` are the
    folders that servers are told to work in, or a function that says which; without, they are told of
    none. `log` (`log_handler`) takes what servers log, `progress(done, total, message)` how far calls
    have come.
    """

    def __init__(
        self,
        *sources: ServerSource,
        interaction: Interaction | None = None,
        token_store: Any = None,
        log_handler: LogHandler | None = None,
        elicit: Elicit | None = None,
        sample: Sample | Model | None = None,
        roots: Roots | None = None,
        log: LogHandler | None = None,
        progress: Progress | None = None,
    ) -> None:
        configs = [c for c in server_configs(sources) if not c.disabled]
        self.callbacks = Callbacks(
            interaction=interaction,
            elicit=elicit,
            sample=sample,
            roots=roots,
            log=log or log_handler,
            progress=progress,
        )
        self._logins = Logins(token_store)
        self._servers = dict[str, Server]()
        self._own = list[Server]()
        self._entrances = dict[Server | Host, bool]()  # what is to be opened, and if it must be
        for c in configs:
            server: Server = c.instance
            if not isinstance(server, Server):
                server = Server(c, self.callbacks, self._logins)
                server.host = self
                self._own.append(server)
            entrance = server if server.host in (self, None) else server.host
            self._entrances[entrance] = c.required or self._entrances.get(entrance, False)
            self._servers[c.name] = renamed(server, c.name)
        self._lent = list[Server | Host]()  # those of others that are open on our account
        self._toolsets = {s.name: _filtered(s) for s in self._servers.values()}
        self._combined = CombinedToolset([ForModels(wrapped=t) for t in self._toolsets.values()])
        self._checked = CheckedToolset(wrapped=self._combined)
        self._entered = 0
        self._changing = asyncio.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None

    def __repr__(self) -> str:
        servers = ", ".join(f"{s.name!r} {s.state}" for s in self._servers.values())
        return f"<Host: {servers or 'no servers'}>"

    @property
    def servers(self) -> Mapping[str, Server]:
        """All servers by name, the failed ones too."""
        return self._servers

    @property
    def failures(self) -> Mapping[str, ServerError]:
        """Why servers are not there, by name."""
        return {s.name: s.error for s in self._servers.values() if s.error is not None}

    def __getitem__(self, name: str) -> Server:
        if name not in self._servers:
            raise ConfigError(
                f"There is no server {name!r}. The servers are: {', '.join(self._servers) or 'none'}."
            )
        return self._servers[name]

    def __iter__(self) -> Iterator[Server]:
        return iter(self._servers.values())

    async def set_roots(self, roots: Roots) -> None:
        """Other folders to work in. Servers that know of roots, which are those that were connected
        with some, and speak 2025-11-25 are told that they changed; newer ones ask in each call.

        Raises ConfigError for what is no such folder."""
        new = replace(self.callbacks, roots=roots)
        self.callbacks.roots = new.roots
        await asyncio.gather(*(server.roots_changed() for server in self._own))

    def toolset(self, name: str) -> FilteredToolset | Server:
        """The tools of one server that its config allows, under their own names; also those that are
        for its user interfaces (MCP Apps) and not for models."""
        return self._toolsets[self[name].name]

    async def list_tools(self) -> Sequence[ToolSpec]:
        """The tools of all servers under their public names. Raises ServerUnavailable while the host
        is not open."""
        self._must_be_open()
        return await self._combined.list_tools()

    @property
    def left_out(self) -> Sequence[str]:
        """What the newest listing does not have and should: malformed tools, tools beyond a bound,
        a server that no longer says what it has. A sentence each."""
        return self._combined.left_out

    async def call_tool(
        self, call: ToolCall | object, context: CallContext | None = None
    ) -> ToolResult:
        """Call a tool by its public name: `call` is a ToolCall, or what a model asked for as its
        provider's SDK gives it, object or dict.

        Arguments that are no JSON, or do not fit the tool's schema, are answered with an error that
        says so, as an agent does; nothing is called. Raises ConfigError for what is no call.
        """
        self._must_be_open()
        return await self._checked.call_tool(provider_call(call), context or CallContext())

    async def resume_task(
        self, handle: TaskHandle, context: CallContext | None = None
    ) -> ToolResult:
        """The result of a call that a server goes on with as a task, also for a program that was
        killed meanwhile; see `Server.resume_task`."""
        self._must_be_open()
        return await self[handle.server].resume_task(handle, context)

    def _must_be_open(self) -> None:
        if not self._entered:
            raise ServerUnavailable(
                "The host is not open: use it in `async with host:`.", unprocessed=True
            )

    async def __aenter__(self) -> Self:
        self._be_of(asyncio.get_running_loop())
        async with self._changing:
            if self._entered == 0:
                await self._open()
            self._entered += 1
        return self

    def _be_of(self, loop: asyncio.AbstractEventLoop) -> None:
        """Connections belong to one event loop; those of a loop that has ended are gone with it."""
        before, self._loop = self._loop, loop
        if before in (None, loop):
            return
        if not before.is_closed() and (self._entered or self._changing.locked()):
            self._loop = before
            raise ConfigError(
                f"The host ({', '.join(self._servers)}) is open in another event loop, or in a process "
                "that this one was forked from. Use it from there, or give this one a Host of its own. "
                "For `run_sync`, open the agent by `with`, not by `async with`."
            )
        self._entered, self._lent, self._changing = 0, [], asyncio.Lock()

    async def __aexit__(self, *_exc: object) -> None:
        # In a task of its own: a cancelled caller must not leave processes behind.
        leaving = asyncio.create_task(self._leave())
        try:
            await asyncio.shield(leaving)
        except asyncio.CancelledError:
            await asyncio.wait({leaving})
            raise

    async def _leave(self) -> None:
        async with self._changing:
            self._entered -= 1
            if self._entered == 0:
                await self._close()

    async def _open(self) -> None:
        opening = [asyncio.create_task(self._enter(*each)) for each in self._entrances.items()]
        try:
            for done in asyncio.as_completed(opening):
                await done
        except BaseException:
            for task in opening:
                task.cancel()
            await asyncio.gather(*opening, return_exceptions=True)
            await self._close()
            raise

    async def _enter(self, entrance: "Server | Host", required: bool) -> None:
        try:
            if isinstance(entrance, Host):
                await entrance.__aenter__()
            elif entrance.host is None and entrance.connected:  # closed by whoever opened it
                return
            else:
                await entrance.open()
        except ServerError as error:
            if required:
                raise
            logger.warning("%s", error)
        else:
            if entrance not in self._own:
                self._lent.append(entrance)

    async def _close(self) -> None:
        lent, self._lent = self._lent, []
        hosts = [each.__aexit__() for each in lent if isinstance(each, Host)]
        servers = [*self._own, *(each for each in lent if isinstance(each, Server))]
        await asyncio.gather(*(server.close() for server in servers), *hosts)
        await self._logins.aclose()


def _filtered(server: Server) -> FilteredToolset | Server:
    config = server.config
    if config.allow or config.deny:
        return FilteredToolset(wrapped=server, allow=config.allow, deny=config.deny)
    return server
