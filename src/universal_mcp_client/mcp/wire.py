"""Between a transport and its session: what passes is noted for the request it belongs to."""

import logging
from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from contextvars import ContextVar
from dataclasses import replace
from types import TracebackType
from typing import Any, Literal, Self, cast

import anyio
import mcp_types
from fastmcp.client.transports.base import ClientTransport, TransportOptions
from mcp.shared.message import SessionMessage
from mcp_types import methods
from pydantic import ValidationError

from mcp import ClientSession
from universal_mcp_client.mcp.calls import Call, Calls, key_of
from universal_mcp_client.mcp.lines import Unreadable, request_of, shown
from universal_mcp_client.types.bounds import REQUESTS_OPEN
from universal_mcp_client.types.errors import ServerUnavailable

logger = logging.getLogger(__name__)

sent_for: ContextVar["Call | Literal['notice'] | None"] = ContextVar("mcp_sent_for", default=None)
"""What the message that is being written serves: a call, or it is a "notice", which nobody waits for
an answer to. The SDK's HTTP transports write each message in the context of its sender."""

_LISTS = {
    "tools/list": "tools",
    "prompts/list": "prompts",
    "resources/list": "resources",
    "resources/templates/list": "resourceTemplates",
}


_PROBE = "server/discover"


class Watched(ClientTransport):
    """A transport whose messages `calls` is told of."""

    def __init__(self, inner: ClientTransport, calls: Calls) -> None:
        self.inner = inner
        self.calls = calls

    @property
    def legacy_only(self) -> bool:  # type: ignore[override]
        return self.inner.legacy_only

    @asynccontextmanager
    async def connect_session(
        self, *, transport_options: TransportOptions | None = None, **session: Any
    ) -> AsyncGenerator[ClientSession]:
        options = transport_options or TransportOptions()

        def watched(read_stream: Any, write_stream: Any, **more: Any) -> ClientSession:
            return options.session_class(
                Incoming(read_stream, self.calls), Outgoing(write_stream, self.calls), **more
            )

        made = replace(
            options,
            session_class=cast(type[ClientSession], watched),
            backend_mode=options.backend_mode or "auto",  # of a transport to many servers
        )
        async with self.inner.connect_session(transport_options=made, **session) as connected:
            yield connected

    async def close(self) -> None:
        await self.inner.close()  # type: ignore[no-untyped-call]

    def get_session_id(self) -> str | None:
        return self.inner.get_session_id()


class _Stream:
    def __init__(self, inner: Any, calls: Calls) -> None:
        self._inner = inner
        self._calls = calls

    async def __aenter__(self) -> Self:
        await self._inner.__aenter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> bool | None:
        left: bool | None = await self._inner.__aexit__(kind, error, trace)
        return left

    async def aclose(self) -> None:
        await self._inner.aclose()


class Outgoing(_Stream):
    async def send(self, item: SessionMessage) -> None:
        call = self._calls.sending(item.message)
        notice = not isinstance(item.message, mcp_types.JSONRPCRequest)
        if isinstance(item.message, mcp_types.JSONRPCRequest) and item.message.method == _PROBE:
            self._calls.probed(item.message.id)
        token = sent_for.set("notice" if notice else call)
        try:
            await self._inner.send(item)
        finally:
            sent_for.reset(token)
            if isinstance(item.message, mcp_types.JSONRPCResponse | mcp_types.JSONRPCError):
                self._calls.unanswered -= Counter([key_of(item.message.id)])
        if call is not None:
            call.sent = True


class Incoming(_Stream):
    @property
    def last_context(self) -> Any:
        return getattr(self._inner, "last_context", None)

    def __aiter__(self) -> Self:
        return self

    async def receive(self) -> SessionMessage:
        try:
            return await self.__anext__()
        except StopAsyncIteration:
            raise anyio.EndOfStream from None

    async def __anext__(self) -> SessionMessage:
        while True:
            try:
                item = await self._next()
            except BaseException:
                self._calls.end()
                raise
            if isinstance(item, Exception):
                self._unreadable(item)
            else:
                if self._too_many_questions(item.message):
                    continue
                self._seen(item.message)
                return cast(SessionMessage, item)

    async def _next(self) -> Any:
        """What comes next; or, once, in the place of a server that does not answer which revisions it
        knows, that it knows no such request."""
        calls = self._calls
        if calls.version is not None or calls.patience is None:
            return await self._inner.__anext__()
        with anyio.CancelScope() as waiting:
            calls.giving_up(waiting.cancel)
            return await self._inner.__anext__()
        calls.patience = None
        error = mcp_types.ErrorData(code=mcp_types.METHOD_NOT_FOUND, message="No answer.")
        refusal = mcp_types.JSONRPCError(jsonrpc="2.0", id=cast(Any, calls.probe), error=error)
        return SessionMessage(refusal)

    def _too_many_questions(self, message: Any) -> bool:
        """Each takes a task until its answer is written, which a server may never read."""
        if not isinstance(message, mcp_types.JSONRPCRequest):
            return False
        calls = self._calls
        if calls.unanswered.total() < REQUESTS_OPEN:
            calls.unanswered[key_of(message.id)] += 1
            return False
        why = f"Server {calls.server!r} asks for more than {REQUESTS_OPEN} things at once."
        calls.unreadable(ServerUnavailable(why, server=calls.server))
        return True

    def _unreadable(self, error: Exception) -> None:
        """Goes no further: the session could not say for which request it stands."""
        if isinstance(error, ValidationError):
            first = error.errors(include_url=False)[0]
            said = str(first.get("input", ""))
            error = Unreadable(first["msg"], said, request_of(said.encode("utf-8", "replace")))
        calls = self._calls
        if not isinstance(error, Unreadable):  # the stream broke: its end follows
            logger.debug("Server %r: %s", calls.server, calls.hide(str(error)))
            return
        text = shown(calls.hide(error.text))
        calls.noise = calls.noise or text
        calls.unreadable(not_mcp(calls.server, f"{error.why}: {text!r}"), error.request)

    def _seen(self, message: Any) -> None:
        match message:
            case mcp_types.JSONRPCResponse():
                if key_of(message.id) == self._calls.probe:
                    self._calls.silent = False  # it is slow to start
                found = self._calls.pending.pop(key_of(message.id), None)
                if found is not None and found[0] in _LISTS:
                    self._without_the_malformed(message, found[0])
                elif found is not None and found[0] == "tools/call" and found[1] is not None:
                    _as_task(message, found[1])
            case mcp_types.JSONRPCError():
                found = self._calls.pending.pop(key_of(message.id), None)
                if found is not None and found[1] is not None:
                    found[1].answered = True
            case mcp_types.JSONRPCNotification(method="notifications/progress"):
                call = self._calls.of((message.params or {}).get("progressToken"))
                if call is not None:
                    call.alive()
            case mcp_types.JSONRPCNotification(method="notifications/cancelled"):
                self._calls.unanswered.pop(key_of((message.params or {}).get("requestId")), None)
            case _:
                pass

    def _without_the_malformed(self, message: mcp_types.JSONRPCResponse, method: str) -> None:
        """The session refuses a listing for one malformed item: each costs only itself."""
        key, version = _LISTS[method], self._calls.version or "2025-11-25"
        items: Any = message.result.get(key)
        if not isinstance(items, list) or _fault(method, version, message.result) is None:
            return
        kept: list[Any] = []
        for item in items:
            fault = _fault(method, version, {**message.result, key: [item]})
            if fault is None:
                kept.append(item)
            else:
                name = item.get("name") if isinstance(item, dict) else item
                self._calls.left_out(key, f"{shown(str(name))!r} is malformed: {fault}")
        message.result = {**message.result, key: kept}


def _as_task(message: mcp_types.JSONRPCResponse, call: Call) -> None:
    """A call that asked for a task (2025-11-25) got one, for which the session has no type: it is
    noted, and goes up as an answer that no schema is held against."""
    task: Any = message.result.get("task")
    if isinstance(task, dict) and isinstance(task.get("taskId"), str):
        call.task = task["taskId"]
        message.result = {"content": [], "isError": True}


def _fault(method: str, version: str, result: Any) -> str | None:
    try:
        methods.parse_server_result(method, version, result)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        return f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
    except (KeyError, ValueError):
        return None
    return None


def not_mcp(server: str, why: str) -> ServerUnavailable:
    return ServerUnavailable(
        f"Server {server!r} answered with what is not MCP: {why}.", server=server
    )
