"""Tasks: calls that a server answers with a task, and goes on with by itself.

In MCP 2026-07-28 they are an extension (SEP-2663): any call may be answered with one. In 2025-11-25
they are asked for by the call, of tools which say so (basic/utilities/tasks).
"""

import asyncio
from collections.abc import Sequence
from typing import Annotated, Any, ClassVar, Literal, TypeVar

import mcp_types as t
from fastmcp import Client
from mcp.client.extension import ClaimContext, ClientExtension, NotificationBinding, ResultClaim
from mcp_types.version import MODERN_PROTOCOL_VERSIONS
from pydantic import Field, TypeAdapter

from universal_mcp_client.mcp.calls import current
from universal_mcp_client.tools.base import Progress

Answer = TypeVar("Answer")
Found = TypeVar("Found", bound=t.Result)

SOONEST, _LATEST = 0.1, 60.0  # seconds between two questions for the status, at least and at most
_UNTOLD = 1000.0  # milliseconds, where the server does not say

_TaskId = Annotated[str, Field(min_length=1, max_length=4096)]


class Created(t.Result):
    """The answer to a call, SEP-2663 `CreateTaskResult`; `inputRequests` come with the status."""

    result_type: Literal["task"]
    task_id: _TaskId


class Status(t.Result):
    """A task in both eras: `pollInterval` in 2025-11-25, `pollIntervalMs` since; milliseconds."""

    task_id: _TaskId
    status: Literal["working", "input_required", "completed", "failed", "cancelled"]
    status_message: str | None = None
    poll_interval_ms: float | None = None
    poll_interval: float | None = None
    result: dict[str, Any] | None = None
    error: dict[str, Any] | None = None
    input_requests: dict[str, dict[str, Any]] | None = None

    @property
    def seconds(self) -> float:
        """Between two questions, as the server would like it, within reason."""
        told = self.poll_interval_ms if self.poll_interval_ms is not None else self.poll_interval
        return min(max(SOONEST, (_UNTOLD if told is None else told) / 1000), _LATEST)


class Told(t.NotificationParams):
    task_id: _TaskId


class Params(t.RequestParams):
    task_id: str
    input_responses: dict[str, Any] | None = None


class Get(t.Request[Params, Literal["tasks/get"]]):
    name_param: ClassVar[str | None] = "taskId"  # HTTP's `Mcp-Name`
    method: Literal["tasks/get"] = "tasks/get"
    params: Params


class Update(t.Request[Params, Literal["tasks/update"]]):
    name_param: ClassVar[str | None] = "taskId"
    method: Literal["tasks/update"] = "tasks/update"
    params: Params


class Cancel(t.Request[Params, Literal["tasks/cancel"]]):
    name_param: ClassVar[str | None] = "taskId"
    method: Literal["tasks/cancel"] = "tasks/cancel"
    params: Params


class Payload(t.Request[Params, Literal["tasks/result"]]):
    method: Literal["tasks/result"] = "tasks/result"
    params: Params


QUESTION: TypeAdapter[Any] = TypeAdapter(t.InputRequest)


class Tasks(ClientExtension):
    """The tasks of one server: declares the extension, and wakes those who wait for a task of which
    the server tells something."""

    identifier = "io.modelcontextprotocol/tasks"

    def __init__(self) -> None:
        self.waiting: dict[str, asyncio.Event] = {}

    def claims(self) -> Sequence[ResultClaim[Any]]:
        return (ResultClaim(result_type="task", model=Created, resolve=self._resolve),)

    def notifications(self) -> Sequence[NotificationBinding[Any]]:
        return [
            NotificationBinding(method=method, params_type=Told, handler=self._told)
            for method in ("notifications/tasks", "notifications/tasks/status")
        ]

    async def _resolve(self, created: Created, _context: ClaimContext) -> t.CallToolResult:
        """The call has its answer; what becomes of the task are requests of their own."""
        if (call := current.get()) is not None:
            call.task = created.task_id
        return t.CallToolResult(content=[], is_error=True)  # which is held against no schema

    async def _told(self, told: Told) -> None:
        if (event := self.waiting.get(told.task_id)) is not None:
            event.set()


def runs_as_task(client: "Client[Any]", support: str | None, wanted: bool) -> bool:
    """Whether a call has to ask for a task (2025-11-25): the tool says so (`execution.taskSupport`
    is "required"), or may and it is `wanted`, at a server that has such calls."""
    if client.protocol_version in MODERN_PROTOCOL_VERSIONS:
        return False
    if support != "required" and not (support == "optional" and wanted):
        return False
    tasks = client.server_capabilities and client.server_capabilities.tasks
    return bool(tasks and tasks.requests and tasks.requests.tools and tasks.requests.tools.call)


async def call_as_task(
    client: "Client[Any]",
    name: str,
    arguments: dict[str, Any],
    meta: Any,
    progress: Progress,
) -> t.CallToolResult:
    """A call that asks for a task; `mcp/wire.py` notes the one that is made."""
    params = t.CallToolRequestParams(
        name=name, arguments=arguments, task=t.TaskMetadata(), _meta=meta or None
    )
    return await client.session.send_request(
        t.CallToolRequest(params=params), t.CallToolResult, progress_callback=progress
    )
