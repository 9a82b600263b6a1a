"""The one seam between an agent and its tools."""

from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol, cast

from universal_mcp_client.tools.rules import Approval
from universal_mcp_client.types.messages import ToolCall, ToolResult
from universal_mcp_client.types.tools import ToolSpec
from universal_mcp_client.types.usage import Usage


class Progress(Protocol):
    async def __call__(self, progress: float, total: float | None, message: str | None) -> None: ...


async def _ignore(progress: float, total: float | None, message: str | None) -> None:
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class CallContext:
    """What surrounds one call. `progress(done, total, message)` reports on a long one, `spent` is
    told what a tool that asks a model itself has used; `meta` goes to the server as `_meta`.
    `approval` is what the runs around this call decided about asking; a tool that runs an agent
    passes it on."""

    progress: Progress = _ignore
    spent: Callable[[Usage], None] = lambda usage: None
    meta: Mapping[str, Any] = field(default_factory=dict[str, Any])
    approval: Approval = field(default_factory=Approval)


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
