"""What agents and runs are made of, as type checkers see it."""

from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeAlias

from typing_extensions import TypedDict, TypeVar

from universal_mcp_client.app.execution import Observer
from universal_mcp_client.config.sources import ServerSource
from universal_mcp_client.core.limits import Limits
from universal_mcp_client.core.session import History
from universal_mcp_client.models.base import Model, ModelSettings
from universal_mcp_client.tools.base import RunContext, Toolset
from universal_mcp_client.tools.rules import Needs
from universal_mcp_client.types.interaction import Interaction

if TYPE_CHECKING:
    from universal_mcp_client.app.agent import Agent

OutputT = TypeVar("OutputT", default=str)
Deps = TypeVar("Deps", default=None)
D = TypeVar("D", default=None)  # the same where a constructor says what its object is
T = TypeVar("T")

Tool: TypeAlias = "Toolset | Callable[..., Any] | Agent[Any, Any] | object"
"""A toolset, a function, an agent, or a connection that the program has (see `Host`)."""
Instructions: TypeAlias = (
    str | Callable[[RunContext[Deps]], str | Awaitable[str]] | Callable[[], str | Awaitable[str]]
)


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
    skills: Sequence[Any]
    resources: bool
    server_instructions: bool


class Changes(Recipe[Deps], total=False):
    """What `replace` and `override` may change."""

    model: str | Model | None
    instructions: "Instructions[Deps] | Sequence[Instructions[Deps]]"
    validate: Callable[..., Any] | None


class Options(TypedDict, Generic[Deps], total=False):
    """What a single run is given: `history` is the messages so far, or a `Session`, which grows and
    takes one run at a time; with `wait=False` a second one raises RunError instead of waiting. `deps`
    is what `RunContext.deps` has."""

    history: History
    deps: Deps
    wait: bool
