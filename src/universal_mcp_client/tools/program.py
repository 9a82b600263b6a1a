"""Functions of the program: plain or async, with the context where they want it, raising anything."""

import inspect
from collections.abc import Callable
from typing import Any

from universal_mcp_client.tools.base import RunContext
from universal_mcp_client.types.errors import Fatal, Retry
from universal_mcp_client.types.messages import ToolCall, ToolResult, failure


async def awaited(value: Any) -> Any:
    """What a plain or an async function of the program returned."""
    return await value if inspect.isawaitable(value) else value


async def with_context(function: Callable[..., Any], context: RunContext[Any], *values: Any) -> Any:
    """Call a function, with the context before `values` where it has a place for it."""
    given = (context, *values) if _takes_context(function, len(values)) else values
    return await awaited(function(*given))


def _takes_context(function: Callable[..., Any], values: int) -> bool:
    try:
        parameters = inspect.signature(function).parameters.values()
    except ValueError:  # a built-in that does not tell
        return False
    places = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    needed = [p for p in places if p.default is p.empty]
    return len(needed) > values or any(p.kind == p.VAR_POSITIONAL for p in parameters)


def told(call: ToolCall, error: Exception) -> ToolResult:
    """What a function raised, in words for the model. `Fatal` is raised again."""
    error = cause_of(error)
    if isinstance(error, Fatal):
        raise error
    text = str(error) if isinstance(error, Retry) else f"{type(error).__name__}: {error}"
    return failure(call, text)


def cause_of(error: Exception) -> Exception:
    """What a task group wraps: `Fatal`, then `Retry`, else the first of its errors."""
    if isinstance(error, ExceptionGroup):
        for kind in (Fatal, Retry, Exception):
            if (found := error.subgroup(kind)) is not None:
                return cause_of(found.exceptions[0])
    return error
