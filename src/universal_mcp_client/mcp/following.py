"""One task of a server, followed from its handle to its result."""

import asyncio
import logging
import math
import time
from collections.abc import Awaitable, Callable, Generator, Mapping
from contextlib import contextmanager
from contextvars import Context
from functools import partial
from typing import Any, Protocol, TypeVar

import anyio
import mcp_types as t
from fastmcp import Client
from mcp.client.session import ClientRequestContext
from mcp_types.version import MODERN_PROTOCOL_VERSIONS
from pydantic import ValidationError

from universal_mcp_client.mcp.calls import Call, current
from universal_mcp_client.mcp.tasks import (
    QUESTION,
    SOONEST,
    Cancel,
    Get,
    Params,
    Payload,
    Status,
    Tasks,
    Update,
)
from universal_mcp_client.tools.base import RunContext
from universal_mcp_client.types.errors import MCPError, ServerError, ServerUnavailable
from universal_mcp_client.types.messages import ToolCall
from universal_mcp_client.types.tasks import TaskHandle

Answer = TypeVar("Answer")
Found = TypeVar("Found", bound=t.Result)

LONGEST = 24 * 3600.0
"""Seconds that a task is waited for, whatever its server says."""

ROUNDS = 100
"""Questions that one task may have."""

_FIRST = 0.1  # seconds, doubled each time up to what the server would like
_WORTH_LISTENING = 0.5  # seconds of the server's interval
_LOST = 30.0  # seconds without a status, until a server counts as gone
_FAREWELL = 2.0  # seconds that whoever cancels waits for the server to take note
_OVER = ("completed", "failed", "cancelled")

logger = logging.getLogger(__name__)


class Ask(Protocol):
    """`Server._ask`: one request, on a connection that is opened again where it was lost."""

    async def __call__(
        self,
        request: Callable[["Client[Any]"], Awaitable[Answer]],
        context: RunContext[Any] | None = None,
        *,
        patient: bool = False,
    ) -> Answer: ...


class Following:
    """One task, from its handle to its result.

    Each question for its status is a request of its own, so that a task outlives its connection.
    `asked` is how many questions the server had, `unheard` whether one was declined because nobody
    is there to answer.
    """

    def __init__(
        self, handle: TaskHandle, ask: Ask, tasks: Tasks, context: RunContext[Any]
    ) -> None:
        self.handle = handle
        self.unheard, self.asked = False, 0
        self._ask, self._tasks, self._context = ask, tasks, context
        self._over = self._legacy = False
        self._woken = asyncio.Event()
        self._began = time.monotonic()
        self._told: tuple[str, str | None] | None = None
        self._answers: dict[str, Any] = {}
        self._delivered: set[str] = set()
        self._pause = _FIRST
        self._input: asyncio.Task[t.CallToolResult | None] | None = None
        self._listening: asyncio.Task[None] | None = None

    async def result(self) -> t.CallToolResult:
        """What the tool answers. Raises ServerError where the task failed or is gone. Whoever is
        cancelled meanwhile cancels the task. Until it is over, its handle is in the session."""
        session = self._context.session
        kept = session.tasks if session is not None else dict[str, TaskHandle]()
        kept[self.handle.call_id] = self.handle
        self._tasks.waiting[self.handle.task_id] = self._woken
        over = False
        try:
            found = await self._followed()
            over = True
            return found
        except ServerUnavailable as error:
            raise ServerUnavailable(
                f"{error} The {self._name} may still go on there; `resume_task` takes it up again.",
                server=error.server,
            ) from error
        except BaseException:
            over = self._over or await self._cancel()
            raise
        finally:
            if self._tasks.waiting.get(self.handle.task_id) is self._woken:
                del self._tasks.waiting[self.handle.task_id]
            if over and kept.get(self.handle.call_id) is self.handle:
                del kept[self.handle.call_id]

    async def _followed(self) -> t.CallToolResult:
        try:
            while True:
                self._woken.clear()
                status = await self._status()
                if status.status in _OVER:
                    return await self._outcome(status)
                if status.status == "input_required" and self._input is None:
                    self._begin_input(status.input_requests or {})
                await self._wait(status)
                if (found := self._of_input()) is not None:
                    return found
        finally:
            left = [each for each in (self._input, self._listening) if each is not None]
            for each in left:
                each.cancel()
            await asyncio.gather(*left, return_exceptions=True)

    # Statuses

    async def _status(self) -> Status:
        """The newest, however often the server has to be asked. Raises ServerUnavailable when it
        could not be asked for a while."""
        trying = time.monotonic()
        pause = 2 * _FIRST
        while True:
            try:
                status = await self._ask(self._got, self._context)
            except MCPError as error:
                self._over = error.code == t.INVALID_PARAMS
                gone = " is not known there (any more; it may have expired)" if self._over else ""
                raise MCPError(
                    f"The {self._name}{gone}: {error}",
                    server=error.server,
                    code=error.code,
                    data=error.data,
                ) from error
            except ServerUnavailable as error:
                if time.monotonic() - trying > _LOST:
                    raise
                logger.debug("%s: %s", self._name, error)
                await anyio.sleep(pause)
                pause *= 2
            else:
                await self._tell(status)
                return status

    async def _got(self, client: "Client[Any]") -> Status:
        self._legacy = client.protocol_version not in MODERN_PROTOCOL_VERSIONS
        status = await self._send(client, Get(params=self._params()), Status)
        if self._listening is None and not self._legacy and status.seconds >= _WORTH_LISTENING:
            # Of nobody's context: it is no request that anybody waits for.
            self._listening = asyncio.create_task(self._listen(client), context=Context())
        return status

    async def _listen(self, client: "Client[Any]") -> None:
        """Hear of the task sooner than it is asked for, where the server tells; polling goes on."""
        wanted = t.SubscriptionFilter.model_validate({"taskIds": [self.handle.task_id]})
        params = t.SubscriptionsListenRequestParams(notifications=wanted)
        try:
            await client.session.send_request(
                t.SubscriptionsListenRequest(params=params),
                t.SubscriptionsListenResult,
                request_read_timeout_seconds=math.inf,
            )
        except Exception as error:  # noqa: BLE001 - a convenience
            logger.debug("%s: its server does not tell of it: %s", self._name, error)

    async def _tell(self, status: Status) -> None:
        said = status.status, status.status_message
        if said != self._told and status.status not in _OVER:
            words = status.status_message or status.status.replace("_", " ")
            self._told = said
            await self._context.progress(round(time.monotonic() - self._began, 1), None, words)

    async def _wait(self, status: Status) -> None:
        """Until the status is worth asking for again."""
        if time.monotonic() - self._began > LONGEST:
            raise ServerError(
                f"The {self._name} was not over after {LONGEST / 3600:g} hours, and is cancelled.",
                server=self.handle.server,
            )
        pause, self._pause = min(self._pause, status.seconds), self._pause * 2
        with anyio.move_on_after(pause):
            await anyio.sleep(SOONEST)  # however often it is woken
            await self._woken.wait()

    async def _outcome(self, status: Status) -> t.CallToolResult:
        self._over = True
        said = f": {status.status_message}" if status.status_message else "."
        if status.status == "cancelled":
            text = f"The server has cancelled the {self._name}{said}"
            return t.CallToolResult(content=[t.TextContent(type="text", text=text)], is_error=True)
        if self._legacy:
            return await self._ask(self._payload, self._context)
        if status.status == "completed":
            return await self._ask(lambda client: self._checked(client, status), self._context)
        error = status.error or {}
        code, message = error.get("code"), error.get("message")
        raise MCPError(
            f"The {self._name} failed" + (f": {message}" if message else said),
            server=self.handle.server,
            code=code if isinstance(code, int) else t.INTERNAL_ERROR,
            data=error.get("data"),
        )

    async def _payload(self, client: "Client[Any]") -> t.CallToolResult:
        """2025-11-25: the result, once it is there; meanwhile the server may ask on its stream."""
        call = self._call()
        try:
            return await self._send(client, Payload(params=self._params()), t.CallToolResult)
        finally:
            self.count(call)

    async def _checked(self, client: "Client[Any]", status: Status) -> t.CallToolResult:
        with self._malformed():
            found = t.CallToolResult.model_validate(status.result, by_name=False)
        if not found.is_error:
            try:
                await client.session.validate_tool_result(self.handle.tool, found)
            except RuntimeError as error:
                raise ServerError(
                    f"The {self._name}: {error}", server=self.handle.server
                ) from error
        return found

    # What it asks

    def _begin_input(self, requests: Mapping[str, Mapping[str, Any]]) -> None:
        new = {key: asked for key, asked in requests.items() if key not in self._delivered}
        if not new and not self._legacy:
            return
        if len(self._delivered) + len(new) > ROUNDS:
            raise ServerError(
                f"The {self._name} has more than {ROUNDS} questions, and is cancelled.",
                server=self.handle.server,
            )
        ask = (
            self._ask(self._payload, self._context, patient=True)
            if self._legacy
            else self._answer(new)
        )
        self._input = asyncio.create_task(ask)
        self._input.add_done_callback(lambda _: self._woken.set())

    def _of_input(self) -> t.CallToolResult | None:
        """The result, where the server sent it as the answer to the question for it."""
        if self._input is None or not self._input.done():
            return None
        done, self._input, self._pause = self._input, None, _FIRST
        try:
            return done.result()
        except ServerUnavailable as error:  # the next status says what is still to be answered
            logger.debug("%s: %s", self._name, error)
            return None

    async def _answer(self, asked: Mapping[str, Mapping[str, Any]]) -> None:
        for key, question in asked.items():
            if key not in self._answers:
                put = partial(self._put, key, question)
                self._answers[key] = await self._ask(put, self._context, patient=True)
        update = Update(params=self._params({key: self._answers[key] for key in asked}))
        await self._ask(lambda client: self._send(client, update, t.Result), self._context)
        self._delivered.update(asked)

    async def _put(self, key: str, asked: Mapping[str, Any], client: "Client[Any]") -> Any:
        """One question, to whoever answers this server's others."""
        with self._malformed():
            question = QUESTION.validate_python(asked, by_name=False)
        call = self._call()
        context = ClientRequestContext(
            session=client.session,
            request_id=f"{self.handle.task_id}/{key}",
            meta=question.params.meta if question.params else None,
        )
        answer = await client.session.dispatch_input_request(context, question)
        self.count(call)
        if isinstance(answer, t.ErrorData):
            raise ServerError(
                f"The {self._name} asks for {question.method}: {answer.message}",
                server=self.handle.server,
            )
        return answer.model_dump(by_alias=True, mode="json", exclude_none=True)

    def _call(self) -> Call | None:
        """The request that this is, which goes on with the model's call."""
        call = current.get()
        if call is not None:
            named = ToolCall(id=self.handle.call_id, name=self.handle.tool)
            call.tool, call.asked = self._context.call or named, self.asked
        return call

    def count(self, call: Call | None) -> None:
        """The questions that were asked in a request of this call."""
        if call is not None:
            self.asked, self.unheard = max(self.asked, call.asked), self.unheard or call.unheard

    # Requests

    @property
    def _name(self) -> str:
        return f"task {self.handle.task_id[:100]} of {self.handle.tool!r}"

    def _params(self, responses: dict[str, Any] | None = None) -> Params:
        return Params(task_id=self.handle.task_id, input_responses=responses)

    async def _send(
        self, client: "Client[Any]", request: t.Request[Any, Any], model: type[Found]
    ) -> Found:
        with self._malformed():
            return await client.session.send_request(request, model)

    @contextmanager
    def _malformed(self) -> Generator[None]:
        try:
            yield
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            where = ".".join(map(str, first["loc"]))
            raise ServerError(
                f"Server {self.handle.server!r} told of the {self._name} what is not MCP: "
                f"{where}: {first['msg']}.",
                server=self.handle.server,
            ) from error

    async def _cancel(self) -> bool:
        """Tell the server that nobody waits any more; whether it has taken note."""
        with anyio.move_on_after(_FAREWELL, shield=True):
            try:
                cancel = Cancel(params=self._params())
                await self._ask(lambda client: self._send(client, cancel, t.Result), self._context)
            except MCPError:  # it was over before
                return True
            except ServerError as error:
                logger.debug("%s was not cancelled: %s", self._name, error)
            else:
                return True
        return False
