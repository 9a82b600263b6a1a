"""A function as a tool, with what a program says about it."""

from collections.abc import Awaitable, Callable
from dataclasses import KW_ONLY, dataclass, replace
from typing import Any, Generic, ParamSpec, TypeAlias, TypedDict, TypeVar, Unpack, cast, overload

from universal_mcp_client.tools.base import CallContext
from universal_mcp_client.types.errors import ConfigError, Fatal
from universal_mcp_client.types.tools import Annotations, ToolSpec

P = ParamSpec("P")
R_co = TypeVar("R_co", covariant=True)

Enabled: TypeAlias = bool | Callable[..., bool | Awaitable[bool]]


@dataclass(frozen=True, eq=False)
class Tool(Generic[P, R_co]):
    """A function that a model may call, and how. It can still be called as the function it is.

    `name` and `description` are the function's own unless given. After `timeout` seconds the model
    is told that the call was given up: an async function is cancelled, a sync one goes on in its
    thread, where `anyio.from_thread.check_cancelled()` raises from then on. `retries` is how often in
    one run the model may get it wrong (arguments that do not fit, `Retry`) before the run ends with
    `Fatal`; None is no limit. A tool is listed, and can be called, while `enabled` is true: a bool, or
    a function, plain or async, of nothing or of the `RunContext`. `strict` asks for the provider's
    strict mode, or against it. `show_errors=False` keeps what the function raises from the model.

    Raises ConfigError for what is no function, and for a time or a number that is none.
    """

    function: Callable[P, R_co]
    _: KW_ONLY
    name: str = ""
    description: str | None = None
    timeout: float | None = None
    retries: int | None = None
    enabled: Enabled = True
    strict: bool | None = None
    annotations: Annotations = Annotations()
    show_errors: bool = True

    def __post_init__(self) -> None:
        given: Any = self.function
        if isinstance(given, Tool):
            given = given.function
            object.__setattr__(self, "function", given)
        if isinstance(given, type) or not callable(given):
            raise ConfigError(f"{given!r} cannot be a tool: give a function, or an object to call.")
        said = getattr(given, "__name__", "") or type(given).__name__
        for field, value in (("timeout", self.timeout), ("retries", self.retries)):
            if value is not None and not (isinstance(value, int | float) and value >= 0):
                raise ConfigError(f"Tool({said}, {field}={value!r}): give a number, or None.")
        # What help() and inspect.signature() look at.
        object.__setattr__(self, "__wrapped__", given)
        object.__setattr__(self, "__doc__", given.__doc__)

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R_co:
        return self.function(*args, **kwargs)

    def __get__(self, instance: object, owner: type | None = None) -> "Tool[..., R_co]":
        """As a function does: a tool in a class becomes the tool of an object."""
        if instance is None:
            return self
        bound = cast(Any, self.function).__get__(instance, owner)
        return replace(cast("Tool[..., R_co]", self), function=bound)


def count_failure(spec: ToolSpec, context: CallContext, why: object) -> None:
    """Count a call of `spec` that the model has to make again.

    Raises Fatal once that has happened more than `spec.retries` times in the run of `context`.
    """
    counted = context.failures
    if spec.retries is None or counted is None:
        return
    name = context.call.name if context.call is not None else spec.name  # as the model knows it
    counted[name] += 1
    if counted[name] > spec.retries:
        raise Fatal(
            f"The tool {name!r} was called wrongly {counted[name]} times, and has {spec.retries} "
            f"retries. The last time: {why}"
        )


class Options(TypedDict, total=False):
    """What `Tool` takes beside the function."""

    name: str
    description: str | None
    timeout: float | None
    retries: int | None
    enabled: Enabled
    strict: bool | None
    annotations: Annotations
    show_errors: bool


@overload
def tool(function: Callable[P, R_co], /, **options: Unpack[Options]) -> Tool[P, R_co]: ...


@overload
def tool(
    **options: Unpack[Options],
) -> Callable[[Callable[P, R_co]], Tool[P, R_co]]: ...


def tool(function: Any = None, /, **options: Unpack[Options]) -> Any:
    """Make a tool of a function: `@tool`, or `@tool(timeout=5)` with what `Tool` takes.

    >>> @tool(name="weather", retries=2)
    ... def look_up(city: str) -> str: ...
    """
    if function is None:
        return lambda given: Tool(given, **options)
    return Tool(function, **options)
