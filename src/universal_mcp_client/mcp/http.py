"""HTTP to an MCP endpoint: what becomes of each request is noted for the call that it serves."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager, nullcontext
from http import HTTPStatus
from http.cookiejar import DefaultCookiePolicy
from typing import Any

import httpx2
from mcp.client.streamable_http import MCP_SESSION_ID

from universal_mcp_client.auth import http
from universal_mcp_client.auth.flow import LoginAuth
from universal_mcp_client.config.servers import ServerConfig
from universal_mcp_client.mcp.calls import Call, current
from universal_mcp_client.mcp.tenants import headers_for
from universal_mcp_client.mcp.values import Values
from universal_mcp_client.mcp.wire import sent_for
from universal_mcp_client.types.bounds import MESSAGE_BYTES, MESSAGE_VALUES
from universal_mcp_client.types.errors import ServerUnavailable, UniversalMCPError

_TIMEOUT = 30.0  # seconds: to connect, to write, and for what nobody waits for
_EVENTS = "text/event-stream"
_SIGNED = "universal_mcp_client.signed"  # has an Authorization that is no login's
_FAREWELL = 5.0  # seconds for the end of a session to be taken note of


class Refusal(httpx2.Auth):
    """Notes how a server refused the request of a call, and how a login at it went. No body is read
    beyond its bound, whoever reads it; events have one of their own.

    The MCP SDK turns every refusal into the same JSON-RPC error.
    """

    def __init__(self, login: httpx2.Auth | None = None) -> None:
        self.login = login

    async def async_auth_flow(
        self, request: httpx2.Request
    ) -> AsyncGenerator[httpx2.Request, httpx2.Response]:
        call = _call_of(request)
        if self.login is None or _SIGNED in request.extensions:
            _saw(call, request, (yield request))
            return
        async with aclosing(self.login.async_auth_flow(request)) as flow:
            outgoing = await anext(flow)
            try:
                while True:
                    response = yield outgoing
                    _saw(call, request, response)
                    outgoing = await flow.asend(response)
            except StopAsyncIteration:
                # The legacy transport opens with a GET: it is the connection that wants a login then.
                call = call or (current.get() if request.method == "GET" else None)
                if call is not None and isinstance(self.login, LoginAuth):
                    call.login = self.login.error


def _call_of(request: httpx2.Request) -> Call | None:
    """A server need not offer the stream which GET asks for."""
    call = sent_for.get() if request.method == "POST" else None
    return None if call == "notice" else call


def _saw(call: Call | None, request: httpx2.Request, response: httpx2.Response) -> None:
    if response.headers.get("content-encoding", "identity").lower() != "identity":
        raise httpx2.DecodingError(
            "it answers with a compressed body, which was not asked for", request=request
        )
    events = response.headers.get("content-type", "").startswith(_EVENTS)
    response.stream = _Bounded(response.stream, events)
    if call is None:
        return
    call.session = MCP_SESSION_ID in request.headers
    try:
        call.status = HTTPStatus(response.status_code) if response.is_error else None
    except ValueError:  # a number that no standard knows
        call.status = HTTPStatus.INTERNAL_SERVER_ERROR


class Endpoint(httpx2.AsyncClient):
    """What breaks costs the call that it broke for. The SDK would end the whole session, and with
    `answers_elsewhere` (the legacy HTTP+SSE transport) wait for ever.

    Nothing limits how long an answer takes but the call's own clock: with the call ends its request.

    Headers that are a function's are worked out for whoever a request is sent for, whose context
    comes down here with it. No cookies are kept then: one caller's would be sent for another.
    """

    def __init__(
        self,
        config: ServerConfig,
        headers: dict[str, str] | None,
        auth: httpx2.Auth | None,
        *,
        answers_elsewhere: bool = False,
    ) -> None:
        super().__init__(
            headers={"Accept-Encoding": "identity"} | (headers or {}),
            auth=auth,
            timeout=httpx2.Timeout(_TIMEOUT, read=None),
            limits=httpx2.Limits(keepalive_expiry=http.IDLE),
        )
        self._server = config.name
        self._config = config if callable(config.headers) else None
        if self._config is not None:
            self.cookies.jar.set_policy(DefaultCookiePolicy(allowed_domains=()))
        self._elsewhere = answers_elsewhere

    async def send(self, request: httpx2.Request, **options: Any) -> httpx2.Response:
        call = sent_for.get()
        if self._config is not None and not await _signed(request, self._config):
            goes_on = self._elsewhere and request.method == "POST"  # the SDK, if it hears no error
            return httpx2.Response(202 if goes_on else 503, request=request)
        if call is None or call == "notice":
            # GET is the stream of what the server tells by itself, begun by a notice: it may be
            # silent for hours, and the SDK gives it up for good after two failures.
            if request.method != "GET" and (call == "notice" or request.method == "DELETE"):
                seconds = _TIMEOUT if call else _FAREWELL
                request.extensions = {**request.extensions, "timeout": _limits(seconds)}
            return await super().send(request, **options)
        if self._elsewhere:
            return await self._accepted(call, request, options)
        call.cut, call.broke = False, None
        try:
            async with _no_longer_than(call):
                response = await super().send(request, **options)
        except (httpx2.RequestError, TimeoutError) as error:
            call.broke = error
            return httpx2.Response(503, request=request)
        response.stream = _Answer(response, call)
        return response

    async def _accepted(
        self, call: Call, request: httpx2.Request, options: dict[str, Any]
    ) -> httpx2.Response:
        """The answer comes by another way, maybe before this request has ended: all that it can do
        is to be refused, or to fail."""
        name = self._server
        request.extensions = {**request.extensions, "timeout": _limits(_TIMEOUT)}
        try:
            response = await super().send(request, **options)
            await response.aread()
        except httpx2.RequestError as error:
            call.broke = error
            why = f"Server {name!r} cannot be reached: {error}"
            call.fail(ServerUnavailable(why, server=name))
        else:
            if response.is_error:
                why = f"Server {name!r} answered with HTTP {response.status_code}."
                call.fail(ServerUnavailable(why, server=name))
        return httpx2.Response(202, request=request)


async def _signed(request: httpx2.Request, config: ServerConfig) -> bool:
    """Put on the headers of whoever it is sent for; without them it must not go. While it sends a
    notice the SDK writes nothing else, so that does not wait for them for long."""
    call, waited, headers = current.get(), isinstance(sent_for.get(), Call), None
    try:
        async with asyncio.timeout(None if waited else _FAREWELL):
            async with nullcontext() if call is None or call.over else _no_longer_than(call):
                headers = await headers_for(config, call)
    except TimeoutError:
        headers = call.headers if call is not None else None
    except UniversalMCPError as error:
        if call is not None:
            call.fail(error)
    if headers is None:
        return False
    request.headers.update(headers)
    if "authorization" in map(str.lower, headers):
        request.extensions = {**request.extensions, _SIGNED: True}
    return True


def _limits(seconds: float) -> dict[str, float]:
    return dict.fromkeys(("connect", "read", "write", "pool"), seconds)


class _Bounded(httpx2.AsyncByteStream):
    """A body that is read no further than MESSAGE_BYTES and MESSAGE_VALUES. A stream of events has
    no end by itself; of each, the SDK counts the bytes."""

    def __init__(self, inner: Any, events: bool) -> None:
        self._inner = inner
        self._events = events

    async def __aiter__(self) -> AsyncIterator[bytes]:
        read = 0
        values = Values(events=self._events)
        async for chunk in self._inner:
            read += len(chunk)
            if values.too_many(chunk):
                raise httpx2.ReadError(
                    f"it answers with more than {MESSAGE_VALUES:,} values, which are not read"
                )
            if read > MESSAGE_BYTES and not self._events:
                raise httpx2.ReadError(
                    f"it answers with more than {MESSAGE_BYTES // 1_000_000} MB, which are not read"
                )
            yield chunk

    async def aclose(self) -> None:
        await self._inner.aclose()


class _Answer(httpx2.AsyncByteStream):
    """The body of a response, no longer read than its call lasts."""

    def __init__(self, response: httpx2.Response, call: Call) -> None:
        self._inner: Any = response.stream
        self._call = call
        self._events = response.headers.get("content-type", "").startswith(_EVENTS)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        chunks = aiter(self._inner)
        while True:
            try:
                async with _no_longer_than(self._call):
                    chunk = await anext(chunks, None)
            except (httpx2.RequestError, TimeoutError) as error:
                self._call.broke, self._call.cut = error, self._events
                raise httpx2.StreamError(str(error)) from error  # costs this request alone
            if chunk is None:
                self._call.cut = self._events
                return
            yield chunk

    async def aclose(self) -> None:
        await self._inner.aclose()


@asynccontextmanager
async def _no_longer_than(call: Call) -> AsyncGenerator[None]:
    timer = asyncio.timeout(0 if call.over else None)
    async with timer:
        call.posts.add(timer)
        try:
            yield
        finally:
            call.posts.discard(timer)
