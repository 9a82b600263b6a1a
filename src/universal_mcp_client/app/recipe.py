"""What agents and runs are made of: the fields themselves, and the same as type checkers see them."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, fields
from os import PathLike
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeAlias, cast
from weakref import WeakKeyDictionary

from typing_extensions import TypedDict, TypeVar

from universal_mcp_client.app.execution import Observer
from universal_mcp_client.app.shared import Shared, check
from universal_mcp_client.app.sync import Held
from universal_mcp_client.config.sources import ServerSource
from universal_mcp_client.core.limits import Limits
from universal_mcp_client.core.session import History
from universal_mcp_client.models.base import Model, ModelSettings
from universal_mcp_client.tools.base import RunContext, Toolset
from universal_mcp_client.tools.budgeted import DEFAULT_BUDGET
from universal_mcp_client.tools.rules import Needs
from universal_mcp_client.types.interaction import Interaction
from universal_mcp_client.types.resources import Skill

if TYPE_CHECKING:
    from universal_mcp_client.app.agent import Agent

OutputT = TypeVar("OutputT", default=str)
Deps = TypeVar("Deps", default=None)
T = TypeVar("T")

Tool: TypeAlias = "Toolset | Callable[..., Any] | Agent[Any, Any] | object"
"""A toolset, a function, an agent, or a connection that the program has (see `Host`)."""
Instructions: TypeAlias = (
    str | Callable[[RunContext[Deps]], str | Awaitable[str]] | Callable[[], str | Awaitable[str]]
)
Validate: TypeAlias = (
    Callable[[OutputT], OutputT | Awaitable[OutputT | None] | None]
    | Callable[[RunContext[Deps], OutputT], OutputT | Awaitable[OutputT | None] | None]
)


@dataclass(frozen=True, eq=False)
class Override:
    """What `Agent.override` changes within a block."""

    changes: Mapping[str, Any]


@dataclass(frozen=True, repr=False)
class Fields(Generic[OutputT, Deps]):
    """What an agent is made of. A class of its own, as type checkers take the constructor of a
    dataclass from its fields, and an agent's says more: of what type its answer is."""

    model: str | Model | None = None
    instructions: "Instructions[Deps] | Sequence[Instructions[Deps]]" = ""
    tools: Sequence[Tool] = ()
    output_type: Any = None
    settings: ModelSettings = ModelSettings()
    limits: Limits = Limits()
    name: str = "agent"
    description: str = ""
    interaction: Interaction | None = None
    approve: Needs | None = None
    result_budget: int = DEFAULT_BUDGET
    servers: "ServerSource | Sequence[ServerSource]" = ()
    deps_type: Any = None
    validate: Validate[OutputT, Deps] | None = None
    output_retries: int = 2
    end_strategy: Literal["exhaustive", "early"] = "exhaustive"
    handoffs: "Sequence[Agent[Any, Any]]" = ()
    observers: Sequence[Observer] = ()
    context: Sequence[Any] = ()
    skills: Sequence[str | PathLike[str] | Skill] = ()
    resources: bool = False
    server_instructions: bool = True
    _shared: Shared = field(default=cast(Any, None), repr=False, compare=False)
    _overridden: "WeakKeyDictionary[Override, Fields[Any, Any]]" = field(
        default_factory=WeakKeyDictionary["Override", "Fields[Any, Any]"],
        init=False,
        repr=False,
        compare=False,
    )
    _open: list[AsyncExitStack] = field(
        default_factory=list[AsyncExitStack], init=False, repr=False, compare=False
    )
    _held: list[Held[Any]] = field(
        default_factory=list[Held[Any]], init=False, repr=False, compare=False
    )

    def __repr__(self) -> str:
        """What differs from the defaults."""
        shown = {f.name: getattr(self, f.name) for f in fields(self) if f.repr}
        said = [f"{k}={v!r}" for k, v in shown.items() if v != getattr(type(self), k, None)]
        return f"{type(self).__name__}({', '.join(said)})"

    def __post_init__(self) -> None:
        agent = cast("Agent[Any, Any]", self)
        check(agent)
        object.__setattr__(self, "_shared", Shared.of(agent, self._shared))


Fields.__init__.__qualname__ = "Agent.__init__"  # what Python calls it when an argument is wrong


class Recipe(TypedDict, Generic[Deps], total=False):
    """What an agent is made of, besides its model and the form of its answer."""

    tools: Sequence[Tool]
    servers: "ServerSource | Sequence[ServerSource]"
    deps_type: type[Deps] | None
    settings: ModelSettings
    limits: Limits
    name: str
    description: str
    interaction: Interaction | None
    approve: Needs | None
    result_budget: int
    output_retries: int
    end_strategy: Literal["exhaustive", "early"]
    handoffs: "Sequence[Agent[Any, Any]]"
    observers: Sequence[Observer]
    context: Sequence[Any]
    skills: Sequence[str | PathLike[str] | Skill]
    resources: bool
    server_instructions: bool


class Changes(Recipe[Deps], total=False):
    """What `replace` and `override` may change."""

    model: str | Model | None
    instructions: "Instructions[Deps] | Sequence[Instructions[Deps]]"
    validate: Callable[..., Any] | None


class Options(TypedDict, Generic[Deps], total=False):
    """What a single run is given; see `Agent.run`."""

    history: History
    deps: Deps
    wait: bool
