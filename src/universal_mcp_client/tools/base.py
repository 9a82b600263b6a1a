"""The one seam between an agent and its tools."""

from collections import Counter
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Generic, Protocol, cast

from typing_extensions import TypeVar

from universal_mcp_client.tools.rules import Approval
from universal_mcp_client.types.events import Event
from universal_mcp_client.types.messages import Message, ToolCall, ToolResult
from universal_mcp_client.types.tools import ToolSpec
from universal_mcp_client.types.usage import Usage

if TYPE_CHECKING:
    from universal_mcp_client.core.limits import Limits, Meter
    from universal_mcp_client.core.session import Session
    from universal_mcp_client.models.base import Model

Deps_co = TypeVar("Deps_co", covariant=True, default=None)


class Progress(Protocol):
    async def __call__(self, progress: float, total: float | None, message: str | None) -> None: ...


async def _ignore(progress: float, total: float | None, message: str | None) -> None:
    return None


async def _unseen(event: Event) -> None:
    return None


@dataclass(frozen=True, kw_only=True)  # with slots, `RunContext[Deps](…)` fails up to Python 3.11
class RunContext(Generic[Deps_co]):
    """What surrounds a run, and inside of it one call. No model ever sees it.

    `deps` is what the program gave to `run(deps=…)`. `call` is the tool call under way, None outside
    of one; `progress(done, total, message)` reports on it. `spent` is told what a tool that asks a
    model itself has used; `meta` goes to the server as `_meta`. `approval` is what the runs around
    this call decided about asking, and `tool` what it decided about: a name that means another tool
    by now is not called. `emit` takes events into the run's stream: a tool that runs an
    agent passes them on. `failures` counts by tool what the model has to call again; `model` is who
    answers, also servers that ask for a model's answer. Outside of a run
    all of these are there, and do nothing.
    """

    deps: Deps_co = cast(Any, None)
    run_id: str = ""
    agent: str = ""
    session: "Session | None" = field(default=None, repr=False)
    call: ToolCall | None = None
    progress: Progress = field(default=_ignore, repr=False)
    spent: Callable[[Usage], None] = field(default=lambda usage: None, repr=False)
    meta: Mapping[str, Any] = field(default_factory=dict[str, Any])
    approval: Approval = field(default_factory=Approval, repr=False)
    tool: ToolSpec | None = field(default=None, repr=False)
    emit: Callable[[Event], Awaitable[None]] = field(default=_unseen, repr=False)
    meter: "Meter | None" = field(default=None, repr=False)
    failures: Counter[str] | None = field(default=None, repr=False)
    model: "Model | None" = field(default=None, repr=False)

    @property
    def messages(self) -> Sequence[Message]:
        """The conversation so far, the prompt of this run included; not to be changed."""
        return self.session.messages if self.session is not None else ()

    @property
    def usage(self) -> Usage:
        """What the run has used until now, with the agents that it called."""
        return self.meter.usage if self.meter is not None else Usage()

    @property
    def limits_left(self) -> "Limits | None":
        """How far the run may still go; None outside of one."""
        return self.meter.left() if self.meter is not None else None


CallContext = RunContext

current_run: ContextVar[RunContext[Any] | None] = ContextVar("current_run", default=None)
"""The run, and inside of a tool the call, that this task belongs to."""


class Toolset(Protocol):
    """Tools that are listed and called together.

    `list_tools` returns the very same object as long as nothing changed, so that what is derived
    from it (names, wire formats) can be kept. `call_tool` returns failures that the model can act
    on as results with `is_error`; it raises only for faults of this program.

    A toolset that needs opening is an async context manager too, which is entered once for each
    run that uses it, also by runs at the same time; see `opened`. One that cannot list all it has
    says so in `left_out`, a sentence each.
    """

    async def list_tools(self) -> Sequence[ToolSpec]: ...

    async def call_tool(self, call: ToolCall, context: CallContext) -> ToolResult: ...


@asynccontextmanager
async def opened(toolset: Toolset) -> AsyncGenerator[Toolset]:
    """Enter a toolset that is a context manager, and leave it afterwards; others pass through."""
    if hasattr(toolset, "__aenter__"):
        async with cast(AbstractAsyncContextManager[object], toolset):
            yield toolset
    else:
        yield toolset


def left_out(toolset: Toolset) -> Sequence[str]:
    """What the newest listing of `toolset` does not have and should, a sentence each."""
    return cast(Sequence[str], getattr(toolset, "left_out", ()))


class Catalogue:
    """The tools of the last listing by name; rebuilt only when the listing is another object."""

    __slots__ = ("_by_name", "_listing")

    def __init__(self) -> None:
        self._listing: Sequence[ToolSpec] | None = None
        self._by_name: dict[str, ToolSpec] = {}

    def __call__(self, listing: Sequence[ToolSpec]) -> Mapping[str, ToolSpec]:
        if listing is not self._listing:
            self._by_name = {spec.name: spec for spec in listing}
            self._listing = listing
        return self._by_name
