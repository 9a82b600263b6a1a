"""One connection to one MCP server, in a task of its own.

Whoever opens, uses or closes it may do so from any task: the connection's context managers are
entered and left inside `_live` and nowhere else.
"""

import asyncio
import logging
from contextlib import AsyncExitStack
from contextvars import Context
from typing import Any, Literal, TypeAlias

import httpx2
import mcp_types
from fastmcp import Client
from fastmcp.skills import SkillsClientExtension
from mcp_types.version import MODERN_PROTOCOL_VERSIONS

from universal_mcp_client.auth.flow import LoginAuth
from universal_mcp_client.auth.logins import Logins
from universal_mcp_client.config.servers import ServerConfig
from universal_mcp_client.mcp import eras
from universal_mcp_client.mcp.borrowed import lent, opened_as
from universal_mcp_client.mcp.callbacks import Asked, Callbacks
from universal_mcp_client.mcp.calls import Calls
from universal_mcp_client.mcp.changes import CHANGES, Kind, Watched, listening, told
from universal_mcp_client.mcp.convert import log_message
from universal_mcp_client.mcp.failures import connect_error
from universal_mcp_client.mcp.http import Refusal
from universal_mcp_client.mcp.stderr import StderrTail
from universal_mcp_client.mcp.tasks import Tasks
from universal_mcp_client.mcp.transports import transport_of
from universal_mcp_client.policy.redact import redacted, without_secrets
from universal_mcp_client.tools.program import awaited
from universal_mcp_client.types.errors import AuthenticationError, ServerError, ServerUnavailable

State: TypeAlias = Literal["closed", "connecting", "connected", "needs-login", "failed"]

logger = logging.getLogger(__name__)

_PATIENCE, _REST = 5.0, 30.0  # seconds: to wait for a lost server, and until it is tried again
_ROUNDS = 10_000  # of a request in 2026-07-28: of those that wait alone; see callbacks.ROUNDS
_SETTLING = 2.0  # seconds for other requests over a connection that is let go


class Connection:
    """`state` and `error` say how it is; `client` is the FastMCP client for what our own classes do
    not offer, valid while `state` is "connected".

    One that is lost is opened again by the next request; `opened` says that there was one since
    `open`."""

    def __init__(
        self,
        config: ServerConfig,
        callbacks: Callbacks | None = None,
        logins: Logins | None = None,
    ) -> None:
        self.config = self._given = config
        self.name = config.name
        self.state: State = "closed"
        self.error: ServerError | None = None
        self.client: Client[Any] | None = None
        self.opened = False
        self._wanted = self._lent = False
        self._rest_until = 0.0
        self._hears = True
        self._callbacks = callbacks or Callbacks()
        self._task: asyncio.Task[None] | None = None
        self._ready: asyncio.Future[None] | None = None
        self._stop = asyncio.Event()
        self._session: object = None
        self._stderr: StderrTail | None = None
        self._logins = logins or Logins()
        self._calls = Calls(self.name)
        self._asked = Asked(config, self._callbacks, self._calls)
        self._watched = Watched()
        self._tasks = Tasks()

    # Opening and closing

    async def open(self) -> None:
        """Connect. Raises ServerError when that fails; the task is gone then. Raises ConfigError
        for a client that is connected in another event loop, and for headers that go nowhere."""
        if lent(self._given) is None:
            opened_as(self._given)
        self._wanted = True
        await self._open()

    async def _open(self) -> None:
        if self._task is None or self._task.done():
            self.state, self.error = "connecting", None
            self._stop = asyncio.Event()
            self._calls = Calls(self.name, self._gone, self._hidden)
            self._asked = Asked(self.config, self._callbacks, self._calls)
            self._ready = asyncio.get_running_loop().create_future()
            # In a context of its own: what the server asks for later is not the asking of whoever
            # happened to be the first to need it.
            self._task = asyncio.create_task(
                self._live(self._ready), name=f"mcp:{self.name}", context=Context()
            )
            self._task.add_done_callback(self._settle)
        assert self._ready is not None
        await asyncio.shield(self._ready)

    def _settle(self, task: asyncio.Task[None]) -> None:
        """Whatever ended the task: nobody waits for a connection that it will not make."""
        why = None if task.cancelled() else task.exception()
        if self._ready is not None and not self._ready.done() and task is self._task:
            said = f"Server {self.name!r} cannot be opened: {why!r}."
            self.error = ServerUnavailable(said, server=self.name, unprocessed=True)
            self.error.__cause__ = why
            self._ready.set_exception(self.error)
            self._ready.exception()

    async def close(self) -> None:
        """Disconnect, and wait until the server's process is gone. Never raises."""
        self._wanted = self.opened = False
        await self._end()

    async def _end(self) -> None:
        task = self._task
        if task is None:
            return
        self._stop.set()
        if not task.done() and self._ready is not None and not self._ready.done():
            task.cancel()  # still connecting: there is nothing to end politely
        await asyncio.wait({task})
        if self._task is task:  # and nobody has opened it again meanwhile
            self._task = None
            self.state = self._ended()

    async def _live(self, ready: asyncio.Future[None]) -> None:
        limit = self.config.connect_timeout
        opening = self._calls.begin(limit, longest=limit)
        try:
            async with AsyncExitStack() as stack:
                client = self._lent_client()
                self._stderr = self._stderr_tail(stack)
                client = client or self._make_client()
                async with opening:
                    await stack.enter_async_context(client)
                    if self._stderr is not None:
                        self._stderr.spawned()
                    self._calls.version = client.protocol_version
                    self._check_protocol(client)
                    if self._calls.silent:
                        eras.remember(self.config)
                    self.client, self._session = client, client.session
                    await self._prepare()
                self.state, self.opened, self._rest_until = "connected", True, 0.0
                ready.set_result(None)
                await self._watch(client)
        except (Exception, asyncio.CancelledError) as error:  # noqa: BLE001 - kept in self.error
            stderr = self._stderr.tail() if self._stderr else []
            self.error = connect_error(error, self.config, stderr, self._calls, opening)
            self.error.__cause__ = error
            without_secrets(self.error, self.config, opening)
            if not ready.done():
                eras.forget(self.config)  # it may know more now
                ready.set_exception(self.error)
                ready.exception()  # retrieved: nobody may be waiting any more
        finally:
            self.client = None
            self.state = self._ended()

    def _ended(self) -> State:
        match self.error:
            case None:
                return "closed"
            case AuthenticationError(reason="needs_login" | "expired"):
                return "needs-login"
            case _:
                return "failed"

    def _check_protocol(self, client: "Client[Any]") -> None:
        if (
            self.config.protocol == "2026"
            and client.protocol_version not in MODERN_PROTOCOL_VERSIONS
        ):
            raise ServerUnavailable(
                f"Server {self.name!r} speaks MCP {client.protocol_version}, and its `protocol` is set "
                'to "2026"; "auto" takes either.',
                server=self.name,
                unprocessed=True,
            )

    def _gone(self) -> None:
        """Nothing comes from the server any more."""
        if self.state == "connected" and not self._stop.is_set():
            self.error = self.error or self._closed_by_server()
            self._stop.set()

    def _closed_by_server(self, *, unprocessed: bool = False) -> ServerUnavailable:
        what = f"Server {self.name!r} closed the connection."
        if self._lent:
            what = (
                f"Server {self.name!r}: the fastmcp.Client that was given was closed, or has lost its "
                "connection. Whoever owns it can open it again."
            )
        return ServerUnavailable(what, server=self.name, unprocessed=unprocessed)

    def _lent_client(self) -> "Client[Any] | None":
        """The client that was given, where that was connected when this was opened. No other
        connection replaces one that is lost: its owner may have closed it, and another would have
        other handlers all of a sudden."""
        if not self.opened:
            self._lent = (client := lent(self._given)) is not None
            self.config = self._given if client else opened_as(self._given)
        elif self._lent and (client := lent(self._given)) is None:
            raise self._closed_by_server(unprocessed=True)
        self._calls.lent = self._lent
        return client if self._lent else None

    async def _watch(self, client: "Client[Any]") -> None:
        """Until told to stop. Listens for changes where the server only tells those who listen."""
        self._hears = True
        changes = asyncio.create_task(self._listen(client))
        try:
            await self._stop.wait()
        finally:
            changes.cancel()
            await asyncio.gather(changes, return_exceptions=True)

    async def _listen(self, client: "Client[Any]") -> None:
        version = client.protocol_version
        # A lent client's own handler is told by older servers, and we are not.
        self._hears = await listening(client, self._changed, self._watched) and (
            not self._lent or version in MODERN_PROTOCOL_VERSIONS
        )

    def _stderr_tail(self, stack: AsyncExitStack) -> StderrTail | None:
        if self.config.transport != "stdio":
            return None
        log = logging.getLogger(f"universal_mcp_client.server.{self.name}")
        tail = StderrTail(
            lambda line: self._log(log, line), lambda: log.isEnabledFor(logging.DEBUG)
        )
        stack.callback(tail.close)
        return tail

    def _login(self) -> httpx2.Auth | None:
        if self.config.transport in ("http", "sse"):  # the transport that was given has its own
            given: httpx2.Auth | None = getattr(self.config.instance, "auth", None)
            if given is not None:
                return given
        authorizer = self._logins.authorizer(
            self.config, self._callbacks.interaction, waiting=self._calls.stopped
        )
        return LoginAuth(authorizer) if authorizer else None

    def _make_client(self) -> "Client[Any]":
        transport = transport_of(
            self.config,
            self._calls,
            self._stderr.file if self._stderr else None,
            Refusal(self._login()),
        )
        asked = self._asked
        return Client(
            transport,
            name=self.name,
            timeout=0,  # the clocks are ours, see Call
            init_timeout=0,
            client_info=_identity(),
            message_handler=self._on_message,
            log_handler=self._on_log,
            extensions=[SkillsClientExtension(), self._tasks],
            mode="legacy" if self._only_sessions() else "auto",
            elicitation_handler=asked.elicit,
            sampling_handler=asked.sampling if asked.samples else None,
            sampling_capabilities=mcp_types.SamplingCapability(
                tools=mcp_types.SamplingToolsCapability()
            ),
            roots=asked.roots if asked.rooted else None,
            input_required_max_rounds=_ROUNDS,
        )

    def _only_sessions(self) -> bool:
        """Whether the server is not even asked for more."""
        if self.config.protocol == "2025" or eras.is_silent(self.config):
            return True
        if self.config.transport == "stdio" and self.config.protocol == "auto":
            self._calls.patience = eras.PATIENCE
        return False

    async def _on_message(self, message: "mcp_types.ServerNotification | Exception") -> None:
        if isinstance(message, mcp_types.ResourceUpdatedNotification):
            self._watched.updated(str(message.params.uri))
        elif isinstance(message, mcp_types.ElicitCompleteNotification):
            self._asked.completed(message.params.elicitation_id)
        elif kind := CHANGES.get(type(message)):
            self._changed(kind)

    def _hidden(self, text: str) -> str:
        return redacted(text, self.config, *self._calls.live)

    def _log(self, log: logging.Logger, said: object) -> None:
        if log.isEnabledFor(logging.DEBUG):
            log.debug("%s", self._hidden(str(said)))

    async def _on_log(self, params: "mcp_types.LoggingMessageNotificationParams") -> None:
        message = log_message(params, self.name)
        self._log(logging.getLogger(f"universal_mcp_client.server.{self.name}"), message.data)
        if (log := self._callbacks.log) is not None:
            await awaited(log(message))

    # For those who use the connection

    async def _prepare(self) -> None:
        """Called when a new connection stands; the server counts as open once it returns."""

    def _changed(self, kind: Kind) -> None:
        """Called when the server says that what it lists is no longer the same."""

    def _tells(self, kind: Kind) -> bool:
        """Whether the server says so when what it lists changes."""
        return self.client is not None and self._hears and kind in told(self.client)

    @property
    def connected(self) -> bool:
        """Whether there is a connection now, as far as anybody has noticed."""
        client = self.client
        if client is None or not client.is_connected() or self._calls.ended:
            return False
        return client.session is self._session  # of a lent one, its owner may have begun another

    async def _connected(self) -> "Client[Any]":
        """The client, opened again where the connection was lost. Raises ServerError."""
        if not self._wanted:
            raise ServerUnavailable(
                f"Server {self.name!r} is not open.", server=self.name, unprocessed=True
            )
        if self.client is not None and not self.connected:
            await self._let_go(self.client)
        if self.client is None:
            await self._open()
        if self.client is None:
            raise ServerUnavailable(
                f"Server {self.name!r} was closed.", server=self.name, unprocessed=True
            )
        return self.client

    async def _settled(self) -> bool:
        """Whether there is a connection, for those who can do without. They wait for one that was
        lost to be opened again, but not for long, and not at each time."""
        now = asyncio.get_running_loop().time
        if now() < self._rest_until or not self.opened:
            return False
        if self.connected:
            return True
        try:
            async with asyncio.timeout(_PATIENCE):
                await self._connected()
        except (ServerError, TimeoutError):
            self._rest()
            return False
        return True

    def _rest(self) -> None:
        self._rest_until = asyncio.get_running_loop().time() + _REST

    async def _let_go(self, client: "Client[Any]", error: ServerError | None = None) -> None:
        """Close a connection that is no longer one, so that the next request opens it again. What
        is still under way over it may yet be answered, or refused, which is more than cut off."""
        if self.client is client and self.state == "connected":
            await self._calls.settled(_SETTLING)
        if self.client is client and self.state == "connected":
            self.error = error or self.error or self._closed_by_server()
            await self._end()

    def __repr__(self) -> str:
        version = f", MCP {self.protocol_version}" if self.protocol_version else ""
        return f"<{type(self).__name__} {self.name!r}: {self.state}{version}>"

    @property
    def protocol_version(self) -> str | None:
        return self.client.protocol_version if self.client else None

    @property
    def instructions(self) -> str | None:
        """What the server says of its own use."""
        return self.client.instructions if self.client else None


def _identity() -> mcp_types.Implementation:
    from universal_mcp_client.version import __version__

    return mcp_types.Implementation(
        name="universal-mcp-client", title="Universal MCP Client", version=__version__
    )
