"""What an agent was given, checked, and what agents that were made of one another share of it:
connections, tools and the model."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from operator import is_
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeVar

from universal_mcp_client.app.subagents import AgentToolset, HandoffToolset
from universal_mcp_client.config.sources import is_source, server_configs, sources_of
from universal_mcp_client.core.limits import Limits
from universal_mcp_client.models.base import Model, ModelSettings
from universal_mcp_client.models.hosted import HostedTool
from universal_mcp_client.models.registry import choose, resolve
from universal_mcp_client.tools.base import Toolset
from universal_mcp_client.tools.checked import CheckedToolset
from universal_mcp_client.tools.combined import CombinedToolset
from universal_mcp_client.tools.functions import FunctionToolset
from universal_mcp_client.types.errors import ConfigError
from universal_mcp_client.types.interaction import Interaction

if TYPE_CHECKING:
    from universal_mcp_client.app.agent import Agent
    from universal_mcp_client.mcp.host import Host

T = TypeVar("T")


class SharedModel:
    """A model, made when it is first asked for; one that we made is closed by the last who leaves."""

    def __init__(self, given: str | Model | None) -> None:
        self.given = given
        self.entered = 0

    @cached_property
    def model(self) -> Model:
        if self.given is None:
            return resolve(choose().name)
        return resolve(self.given) if isinstance(self.given, str) else self.given

    async def leave(self) -> None:
        self.entered -= 1
        if not self.entered and isinstance(self.given, str | None) and "model" in self.__dict__:
            await self.model.aclose()


@dataclass(frozen=True, slots=True, eq=False)
class Part(Generic[T]):
    """Something that was made of certain objects."""

    of: tuple[object, ...]
    made: T


def _part(before: Part[T] | None, make: Callable[..., T], *of: Any) -> Part[T]:
    """As it was before, where it would be made of the very same objects."""
    if before is not None and len(of) == len(before.of) and all(map(is_, of, before.of)):
        return before
    return Part(of, make(*of))


@dataclass(frozen=True, slots=True, eq=False)
class Shared:
    """What agents that were made of one another have in common. Host and toolset are made when they
    are first asked for."""

    lineage: object
    model: Part[SharedModel]
    host: "Part[Callable[[], Host | None]]"
    toolset: Part[Callable[[], Toolset]]

    @staticmethod
    def of(agent: "Agent[Any, Any]", before: "Shared | None") -> "Shared":
        """For an agent, made of one that had `before`."""
        lent = [tool for tool in agent.tools if kind(tool) == "connection"]
        host = _part(
            before.host if before else None, _host, agent.interaction, agent.servers, *lent
        )
        return Shared(
            lineage=before.lineage if before else object(),
            model=_part(before.model if before else None, SharedModel, agent.model),
            host=host,
            toolset=_part(
                before.toolset if before else None, _toolset, agent.tools, agent.handoffs, host.made
            ),
        )


def _host(
    interaction: Interaction | None, servers: Any, *lent: object
) -> "Callable[[], Host | None]":
    """For the servers, and for what stands for servers among the tools. What is none is refused at
    once; the libraries behind are imported when it is first asked for."""
    configs = server_configs((*sources_of(servers), *lent))

    @cache
    def made() -> "Host | None":
        if not configs:
            return None
        from universal_mcp_client.mcp.host import Host

        return Host(*configs, interaction=interaction)

    return made


def _toolset(
    tools: Sequence[Any],
    handoffs: "Sequence[Agent[Any, Any]]",
    host: "Callable[[], Host | None]",
) -> Callable[[], Toolset]:
    @cache
    def made() -> Toolset:
        functions = [tool for tool in tools if kind(tool) == "function"]
        toolsets: list[Toolset] = [FunctionToolset(functions)] if functions else []
        for tool in tools:
            if (what := kind(tool)) in ("agent", "toolset"):
                toolsets.append(AgentToolset(tool) if what == "agent" else tool)
        if handoffs:
            toolsets.append(HandoffToolset(handoffs))
        if (servers := host()) is not None:
            toolsets.append(servers)
        return CheckedToolset(wrapped=CombinedToolset(toolsets))

    return made


def kind(
    tool: object,
) -> Literal["agent", "connection", "toolset", "hosted", "function"] | None:
    """What was given as a tool; None for what is none."""
    from universal_mcp_client.app.agent import Agent

    if isinstance(tool, Agent):
        return "agent"
    if is_source(tool) and not hasattr(tool, "toolset"):  # our own Host is a toolset
        return "connection"
    if hasattr(tool, "call_tool") and hasattr(tool, "list_tools"):
        return "toolset"
    if isinstance(tool, HostedTool):
        return "hosted"
    return "function" if callable(tool) else None


def check(agent: "Agent[Any, Any]") -> None:
    """What programs without a type checker get wrong, said where it is written."""
    object.__setattr__(agent, "settings", ModelSettings.of(agent.settings, "Agent(settings=…)"))
    if not isinstance(agent.limits, Limits):
        raise ConfigError(
            f"Agent(limits=…) takes a Limits, such as Limits(turns=10), not {agent.limits!r}."
        )
    if not (agent.model is None or isinstance(agent.model, str) or hasattr(agent.model, "stream")):
        raise ConfigError(
            f"Agent(model=…) takes a name such as 'openai:gpt-5' or a Model, not {agent.model!r}. "
            "A vendor's client is given by resolve(name, client=…)."
        )
    for other in agent.handoffs:
        if kind(other) != "agent":
            raise ConfigError(f"Agent(handoffs=…) takes agents, not {other!r}.")
    if len({other.name for other in agent.handoffs}) < len(agent.handoffs):
        raise ConfigError("Two of the agents in `handoffs` have the same name; give each its own.")
    if isinstance(agent.tools, str | Mapping) or not isinstance(agent.tools, Sequence):
        raise ConfigError(f"Agent(tools=…) takes a list, not {agent.tools!r}.")
    for tool in agent.tools:
        if kind(tool) is None:
            raise ConfigError(
                f"Agent(tools=…): {tool!r} is no tool; give functions, toolsets, agents and "
                "connections. A command line, a URL or a config goes into servers=[…]."
            )
