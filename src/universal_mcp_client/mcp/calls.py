"""Requests under way: the clock of each, and what its transport has to tell of it."""

import asyncio
import logging
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Generator, Mapping
from contextlib import asynccontextmanager, contextmanager, suppress
from contextvars import ContextVar, Token
from http import HTTPStatus
from types import TracebackType
from typing import Any, Self, TypeAlias

import mcp_types

from universal_mcp_client.config.secrets import replacements
from universal_mcp_client.mcp.clock import waiting_on_a_person
from universal_mcp_client.mcp.lines import shown
from universal_mcp_client.tools.base import RunContext
from universal_mcp_client.types.errors import ServerError, UniversalMCPError
from universal_mcp_client.types.messages import ToolCall

RequestId: TypeAlias = str | int

LONGEST = 3600.0
"""Seconds of the server's time after which a request ends, whatever progress it tells of. The
specification asks for such an end (basic/lifecycle, timeouts)."""

MISSING = 20  # reasons that are kept of what listings leave out

current: ContextVar["Call | None"] = ContextVar("mcp_call", default=None)
"""The request that this code serves."""

logger = logging.getLogger(__name__)


class Call:
    """One request of ours, in whatever number of JSON-RPC requests, as an async context manager.

    Its clock stands while a person is asked and starts anew at each sign of life; when it has run
    for `seconds`, or after `fail`, leaving raises TimeoutError, and `failure` says why, if not for
    the time. What the transport tells: whether anything was `sent`; by which HTTP `status` it was
    refused, and whether it then was one of a `session`; the failure of a `login`; what `broke`;
    whether its stream of events was `cut` before the answer; whether it was `answered`.

    `context` is that of the run that asks, None where no run does, `tool` the model's call that it is;
    `asked` and `rounds` count the questions that the server put, and all it asked. `headers` are those which were
    worked out of it last, and `secrets` is what in any of them nobody else may see. `unheard` is
    whether a question of the server's was declined because nobody is there; `task` the id of the task
    by which a tool was answered.
    """

    __slots__ = (
        "_calls", "_latest", "_left", "_loop", "_timer", "_token", "_waits", "answered", "asked", "broke",
        "context", "cut", "failure", "headers", "ids", "login", "over", "posts", "rounds", "seconds", "secrets", "sent",
        "session", "status", "task", "tool", "unheard",
    )  # fmt: skip

    def __init__(self, calls: "Calls", seconds: float | None, longest: float | None = None) -> None:
        self._calls = calls
        self.context: RunContext[Any] | None = None
        self.headers: dict[str, str] | None = None
        self.secrets: set[str] = set()
        self.seconds = seconds
        self._loop = asyncio.get_running_loop()
        self._latest = self._loop.time() + max(longest or LONGEST, seconds or 0.0)
        self._timer = asyncio.timeout(seconds)
        self._left: float | None = None
        self._waits = 0
        self.asked = self.rounds = 0
        self.tool: ToolCall | None = None
        self._token: Token[Call | None] | None = None
        self.ids: list[RequestId] = []
        self.posts: set[asyncio.Timeout] = set()
        self.over = self.answered = self.session = self.cut = self.unheard = False
        self.sent = calls.lent
        self.status: HTTPStatus | None = None
        self.login: UniversalMCPError | None = None
        self.broke: Exception | None = None
        self.failure: UniversalMCPError | None = None
        self.task: str | None = None

    @property
    def hidden(self) -> Mapping[str, str]:
        return replacements(self.secrets, {})

    @property
    def expired(self) -> bool:
        return self._timer.expired()

    async def __aenter__(self) -> Self:
        self._token = current.set(self)
        self._calls.live.add(self)
        self._calls.idle.clear()
        await self._timer.__aenter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.over = True
        self._calls.live.discard(self)
        self._calls.withdraw(self)
        if not self._calls.live:
            self._calls.idle.set()
        for each in self.ids:
            self._calls.pending.pop(each, None)
        now = self._loop.time()
        for post in list(self.posts):  # nobody waits for the rest of their answers
            with suppress(RuntimeError):
                post.reschedule(now)
        if self._token is not None:
            with suppress(ValueError):  # left in another context than entered
                current.reset(self._token)
        await self._timer.__aexit__(kind, error, trace)

    def fail(self, error: UniversalMCPError) -> None:
        """End it now, whatever it waits for."""
        if self.failure is None:
            self.failure = error
            with suppress(RuntimeError):  # it has ended
                self._timer.reschedule(self._loop.time())

    def alive(self) -> None:
        """The server said something about it."""
        if self.seconds is None or self.failure is not None:
            return
        if self._waits:
            self._left = self.seconds
            return
        with suppress(RuntimeError):
            self._timer.reschedule(min(self._loop.time() + self.seconds, self._latest))

    def stop(self) -> None:
        """Somebody is asked; as often as it is stopped, it must be told to `go_on`."""
        if not self._waits and (when := self._timer.when()) is not None:
            self._left = when - self._loop.time()
            with suppress(RuntimeError):
                self._timer.reschedule(None)
        self._waits += 1

    def go_on(self) -> None:
        self._waits -= 1
        if not self._waits and self._left is not None and self.failure is None:
            with suppress(RuntimeError):
                self._timer.reschedule(self._loop.time() + self._left)


class Calls:
    """The requests under way of one connection. `ended` says that nothing comes any more; `noise` is
    the first thing that the server wrote which was no message, `missing` what its newest listings
    had to leave out, `lasts` for how many seconds they are good by the server's own word. `hide` takes secrets out of what the server wrote. What passes over a `lent`
    connection is not seen: any request may have been sent.

    A server is first asked for what it knows (`probe`); `silent` is one that has not answered within
    `patience` seconds."""

    def __init__(
        self,
        server: str,
        on_end: Callable[[], None] = lambda: None,
        hide: Callable[[str], str] = str,
    ) -> None:
        self.server = server
        self.lent = False
        self.hide = hide
        self.live: set[Call] = set()
        self.idle = asyncio.Event()
        self.idle.set()
        self.asked = 0  # while no request was under way
        self._questions: dict[asyncio.Timeout, frozenset[Call]] = {}
        self.pending: dict[RequestId, tuple[str, Call | None]] = {}
        self.unanswered: Counter[RequestId] = Counter()  # requests of the server
        self.ended = False
        self.noise: str | None = None
        self.version: str | None = None
        self.patience: float | None = None
        self.probe: RequestId | None = None
        self.silent = False
        self._give_up: Callable[[], object] = lambda: None
        self._on_end = on_end
        self.missing: dict[str, list[str]] = {}
        self.lasts: dict[str, float] = {}

    def begin(self, seconds: float | None, longest: float | None = None) -> Call:
        return Call(self, seconds or None, longest)

    @contextmanager
    def stopped(self, only: Call | None = None) -> Generator[None]:
        """While a person is asked, the server is not to blame: no clock runs. Which request a
        question belongs to is not always told; then all of the connection stand still."""
        waiting = list(self.live) if only is None else [only]
        for call in waiting:
            call.stop()
        try:
            with waiting_on_a_person():  # who logs in may do so while the server is first asked
                yield
        finally:
            for call in waiting:
                call.go_on()

    @asynccontextmanager
    async def asking(self, only: Call | None = None) -> AsyncGenerator[None]:
        """`stopped`, while a question of the server's is put. Raises TimeoutError once all requests
        have ended that it can be for: nobody waits for the answer any more."""
        async with asyncio.timeout(None) as question:
            self._questions[question] = frozenset(self.live if only is None else (only,))
            try:
                with self.stopped(only):
                    yield
            finally:
                del self._questions[question]

    def withdraw(self, over: Call) -> None:
        """End the questions that can only have been asked for the sake of requests now over."""
        now = asyncio.get_running_loop().time()
        for question, waiting in self._questions.items():
            if over in waiting and waiting.isdisjoint(self.live):
                with suppress(RuntimeError):  # it is ending
                    question.reschedule(now)

    def question(self, only: Call | None = None) -> int:
        """Count a question of the server's, for which of the requests is not always told; returns
        how many that one, or the one that had fewest, has had."""
        least = only or min(self.live, key=lambda call: call.asked, default=self)
        least.asked += 1
        return least.asked

    def of(self, request: Any) -> Call | None:
        found = self.pending.get(key_of(request))
        return found[1] if found else None

    def sending(self, message: Any) -> Call | None:
        """What a message is sent for, as far as it is a request of ours."""
        match message:
            case mcp_types.JSONRPCRequest():
                call = current.get()
                self.pending[key_of(message.id)] = message.method, call
                if call is not None:
                    call.ids.append(key_of(message.id))
                return call
            case mcp_types.JSONRPCNotification(method="notifications/cancelled"):
                self.pending.pop(key_of((message.params or {}).get("requestId")), None)
        return None

    def probed(self, request: RequestId) -> None:
        """The server is asked which revisions it knows."""
        if self.patience is not None and self.probe is None:
            self.probe = key_of(request)
            asyncio.get_running_loop().call_later(self.patience, self._no_answer)

    def _no_answer(self) -> None:
        if self.probe in self.pending:
            self.silent = True
            self._give_up()

    def giving_up(self, tell: Callable[[], object]) -> None:
        """`tell` is called once there is no more waiting for an answer to the probe."""
        self._give_up = tell
        if self.silent:
            tell()

    def unreadable(self, failure: ServerError, request: Any = None) -> None:
        """An answer came that cannot be read: to `request`, where that can still be told; to any
        otherwise, and none of them can be waited for."""
        logger.debug("%s", failure)
        call = self.of(request)
        for each in [call] if call is not None else list(self.live):
            each.fail(failure)

    def heard(self, text: str) -> None:
        """The server wrote what is no message."""
        if self.noise is None or logger.isEnabledFor(logging.DEBUG):
            text = shown(self.hide(text))
            self.noise = self.noise or text
            logger.debug("Server %r prints what is no message: %s", self.server, text)

    def left_out(self, kind: str, what: str) -> None:
        """A part of a listing of that kind is no use."""
        missing = self.missing.setdefault(kind, [])
        if len(missing) < MISSING:
            logger.warning("Server %r: its list of %s: %s", self.server, kind, what)
            missing.append(what)

    async def settled(self, seconds: float) -> None:
        """Return once none is under way, or after so long. No new one should begin any more."""
        self.ended = True
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self.idle.wait()

    def end(self) -> None:
        if not self.ended:
            self.ended = True
            self._on_end()


def key_of(request: Any) -> RequestId:
    """An id as peers may spell it: "7" for 7."""
    if isinstance(request, str) and request.isascii() and request.isdigit() and len(request) < 10:
        return int(request)
    return request if isinstance(request, (str, int)) else ""
