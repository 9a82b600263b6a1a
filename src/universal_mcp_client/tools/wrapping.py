"""What every toolset can be asked for: itself with something around it."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

from universal_mcp_client.config.sources import is_source
from universal_mcp_client.tools.base import RunContext, Toolset
from universal_mcp_client.tools.rules import Needs
from universal_mcp_client.types.errors import ConfigError
from universal_mcp_client.types.interaction import Interaction
from universal_mcp_client.types.messages import ToolCall, ToolResult
from universal_mcp_client.types.tools import ToolSpec

if TYPE_CHECKING:
    from universal_mcp_client.tools.wrapper import WrapperToolset

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
        from universal_mcp_client.tools.filtered import FilteredToolset

        denied = [*([deny] if isinstance(deny, str) else deny)]
        denied += [pattern[1:] for pattern in patterns if pattern.startswith("!")]
        if not all((*patterns, *denied)):
            raise ConfigError("filtered(): a pattern is empty; write one such as 'get_*'.")
        allowed = [pattern for pattern in patterns if not pattern.startswith("!")]
        return FilteredToolset(wrapped=self, allow=allowed, deny=denied)

    def renamed(self: Toolset, names: Mapping[str, str] | Callable[[str], str]) -> "WrapperToolset":
        """Tools under other names: `{old: new}`, or a function of the old one."""
        from universal_mcp_client.tools.renamed import RenamedToolset

        return RenamedToolset(wrapped=self, names=names)

    def prefixed(self: Toolset, prefix: str) -> "WrapperToolset":
        """All tools with `prefix` before their names."""
        from universal_mcp_client.tools.renamed import RenamedToolset

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

        return ApprovedToolset(wrapped=self, needs=needs, interaction=interaction)

    def prepared(self: Toolset, prepare: Prepare) -> "WrapperToolset":
        """Of the tools those that `prepare(ctx, specs)` gives, plain or async, asked at each turn."""
        from universal_mcp_client.tools.prepared import PreparedToolset

        return PreparedToolset(wrapped=self, prepare=prepare)

    def intercepted(self: Toolset, intercept: Intercept) -> "WrapperToolset":
        """Calls go through `intercept(call, ctx, proceed)`, plain or async; `await proceed(call)`
        makes one. See `InterceptedToolset`."""
        from universal_mcp_client.tools.intercepted import InterceptedToolset

        return InterceptedToolset(wrapped=self, intercept=intercept)


def wrap(toolset: Toolset) -> "WrapperToolset":
    """Anybody's own toolset with the methods `filtered`, `renamed`, `bound`, … that ours have.

    Raises ConfigError for what is no toolset.
    """
    from universal_mcp_client.tools.wrapper import WrapperToolset

    if not isinstance(toolset, Wrappable) and (
        is_source(toolset) or not all(hasattr(toolset, n) for n in ("list_tools", "call_tool"))
    ):
        raise ConfigError(
            f"wrap(): {toolset!r} is no toolset, with `list_tools` and `call_tool` as ours have them. "
            "Functions become one by FunctionToolset([…]), MCP servers and clients by Host(…)."
        )
    return WrapperToolset(wrapped=toolset)
