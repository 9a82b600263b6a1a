"""A toolset around a toolset, and the methods by which every toolset can be asked for one."""

import inspect
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Any, Self, TypeAlias, cast

from universal_mcp_client.config.sources import is_source
from universal_mcp_client.tools.base import CallContext, Catalogue, RunContext, Toolset, left_out
from universal_mcp_client.tools.rules import Needs
from universal_mcp_client.types.errors import ConfigError
from universal_mcp_client.types.interaction import Interaction
from universal_mcp_client.types.messages import ToolCall, ToolResult
from universal_mcp_client.types.tools import ToolSpec

Prepare: TypeAlias = Callable[
    [RunContext[Any], Sequence[ToolSpec]], Sequence[ToolSpec] | Awaitable[Sequence[ToolSpec]]
]
Proceed: TypeAlias = Callable[[ToolCall], Awaitable[ToolResult]]
Intercept: TypeAlias = Callable[
    [ToolCall, RunContext[Any], Proceed], ToolResult | Awaitable[ToolResult]
]


class Wrappable:
    """The methods by which a toolset is wrapped. Each gives a new toolset around this one, which
    stays as it is; they are put together in any order, and what is opened is opened through them."""

    def filtered(self: Toolset, *patterns: str, deny: str | Sequence[str] = ()) -> "WrapperToolset":
        """Only tools that match one of `patterns` (none: all), and none that matches `!pattern` or
        `deny`; see `FilteredToolset`."""
        from universal_mcp_client.tools.derived import FilteredToolset

        denied = [deny] if isinstance(deny, str) else deny
        for pattern in (*patterns, *denied):
            if not isinstance(pattern, str) or pattern in ("", "!"):
                told = f"{pattern!r} is no pattern; write filtered('get_*', '!get_secret')."
                raise ConfigError(f"filtered(): {told}")
        denied = [*denied, *(pattern[1:] for pattern in patterns if pattern.startswith("!"))]
        allowed = [pattern for pattern in patterns if not pattern.startswith("!")]
        return FilteredToolset(wrapped=self, allow=allowed, deny=denied)

    def renamed(self: Toolset, names: Mapping[str, str] | Callable[[str], str]) -> "WrapperToolset":
        """Tools under other names: `{old: new}`, or a function of the old one."""
        from universal_mcp_client.tools.derived import RenamedToolset

        if not isinstance(names, Mapping):
            _check("renamed", names, "name")
        return RenamedToolset(wrapped=self, names=names)

    def prefixed(self: Toolset, prefix: str) -> "WrapperToolset":
        """All tools with `prefix` before their names."""
        from universal_mcp_client.tools.derived import RenamedToolset

        return RenamedToolset(wrapped=self, names=lambda name: f"{prefix}{name}")

    def bound(self: Toolset, /, **values: Any) -> "WrapperToolset":
        """Arguments that the model neither sees nor gives: values, or functions of the `RunContext`,
        plain or async. See `BoundToolset`."""
        from universal_mcp_client.tools.bound import BoundToolset

        return BoundToolset(wrapped=self, values=values)

    def checked(self: Toolset) -> "WrapperToolset":
        """Arguments are held against the tool's schema before a call."""
        from universal_mcp_client.tools.checked import CheckedToolset

        return CheckedToolset(wrapped=self)

    def approved(
        self: Toolset, needs: Needs | None = None, interaction: Interaction | None = None
    ) -> "WrapperToolset":
        """Calls of tools for which `needs(spec)` holds (by default all that are not declared
        read-only) are made only when `interaction` allows them (by default the run's; where there
        is none, they are refused). It adds to what the run asks for."""
        from universal_mcp_client.tools.approval import ApprovedToolset

        if needs is not None:
            _check("approved", needs, "spec")
        return ApprovedToolset(wrapped=self, needs=needs, interaction=interaction)

    def prepared(self: Toolset, prepare: Prepare) -> "WrapperToolset":
        """Of the tools those that `prepare(ctx, specs)` gives, plain or async, asked at each turn."""
        from universal_mcp_client.tools.prepared import PreparedToolset

        _check("prepared", prepare, "ctx", "specs")
        return PreparedToolset(wrapped=self, prepare=prepare)

    def intercepted(self: Toolset, intercept: Intercept) -> "WrapperToolset":
        """Calls go through `intercept(call, ctx, proceed)`, plain or async; `await proceed(call)`
        makes one. See `InterceptedToolset`."""
        from universal_mcp_client.tools.intercepted import InterceptedToolset

        _check("intercepted", intercept, "call", "ctx", "proceed")
        return InterceptedToolset(wrapped=self, intercept=intercept)


def _check(method: str, function: Any, *parameters: str) -> None:
    try:
        inspect.signature(function).bind(*parameters)
    except ValueError:  # a built-in that does not tell
        return
    except TypeError as error:
        form = f"{method}(lambda {', '.join(parameters)}: …)"
        raise ConfigError(f"{method}() takes a function, {form}, not {function!r}.") from error


@dataclass(kw_only=True)
class WrapperToolset(Wrappable):
    """`wrapped` as it is; each feature overrides the half that it changes."""

    wrapped: Toolset
    _catalogue: Catalogue = field(default_factory=Catalogue, init=False, repr=False)

    @property
    def left_out(self) -> Sequence[str]:
        return left_out(self.wrapped)

    async def list_tools(self) -> Sequence[ToolSpec]:
        return await self.wrapped.list_tools()

    async def call_tool(self, call: ToolCall, context: CallContext) -> ToolResult:
        return await self.wrapped.call_tool(call, context)

    async def find(self, name: str) -> ToolSpec | None:
        """The tool of that name, if there is one now."""
        return self._catalogue(await self.list_tools()).get(name)

    async def __aenter__(self) -> Self:
        if hasattr(self.wrapped, "__aenter__"):
            await cast(AbstractAsyncContextManager[Any], self.wrapped).__aenter__()
        return self

    async def __aexit__(self, *exc: Any) -> None:
        if hasattr(self.wrapped, "__aexit__"):
            await cast(AbstractAsyncContextManager[Any], self.wrapped).__aexit__(*exc)


def wrap(toolset: Toolset) -> WrapperToolset:
    """Anybody's own toolset with the methods `filtered`, `renamed`, `bound`, … that ours have.

    Raises ConfigError for what is no toolset.
    """
    if not isinstance(toolset, Wrappable) and (
        is_source(toolset) or not all(hasattr(toolset, n) for n in ("list_tools", "call_tool"))
    ):
        raise ConfigError(
            f"wrap(): {toolset!r} is no toolset, with `list_tools` and `call_tool` as ours have them. "
            "Functions become one by FunctionToolset([…]), MCP servers and clients by Host(…)."
        )
    return WrapperToolset(wrapped=toolset)
