"""What an agent was given, checked, and what agents that were made of one another share of it:
connections, tools and the model."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any, TypeGuard, cast

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

if TYPE_CHECKING:
    from universal_mcp_client.app.agent import Agent
    from universal_mcp_client.mcp.host import Host


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


class SharedTools:
    """The toolset of an agent, made when it is first asked for, and what it was made of."""

    def __init__(self, agent: "Agent[Any, Any]", host: "Callable[[], Host | None]") -> None:
        self.made_of = (agent.tools, agent.handoffs, agent.servers, agent.interaction)
        self.host = host

    def serves(self, agent: "Agent[Any, Any]") -> bool:
        """Whether these are an agent's tools too."""
        return _same(self.made_of, (agent.tools, agent.handoffs, agent.servers, agent.interaction))

    @cached_property
    def toolset(self) -> Toolset:
        tools, handoffs, _, _ = self.made_of
        functions = [tool for tool in tools if _is_function(tool)]
        toolsets: list[Toolset] = [FunctionToolset(cast(Any, functions))] if functions else []
        for tool in tools:
            if is_agent(tool):
                toolsets.append(AgentToolset(tool))
            elif is_toolset(tool):
                toolsets.append(cast(Toolset, tool))
        if handoffs:
            toolsets.append(HandoffToolset(handoffs))
        if (host := self.host()) is not None:
            toolsets.append(host)
        return CheckedToolset(wrapped=CombinedToolset(toolsets))


@dataclass(frozen=True, slots=True, eq=False)
class Shared:
    """What agents that were made of one another have in common."""

    lineage: object
    model: SharedModel
    tools: SharedTools

    @staticmethod
    def of(agent: "Agent[Any, Any]") -> "Shared":
        return Shared(object(), SharedModel(agent.model), SharedTools(agent, _host(agent)))

    def fit_for(self, agent: "Agent[Any, Any]") -> "Shared":
        """The same for an agent that differs; as little as possible is made anew."""
        model = self.model if agent.model is self.model.given else SharedModel(agent.model)
        tools = self.tools
        if not tools.serves(agent):
            before, _, servers, interaction = tools.made_of
            kept = _same((servers, interaction), (agent.servers, agent.interaction)) and not any(
                is_connection(tool) for tool in (*before, *agent.tools)
            )
            tools = SharedTools(agent, tools.host if kept else _host(agent))
        return Shared(self.lineage, model, tools)


def _same(one: tuple[object, ...], other: tuple[object, ...]) -> bool:
    return all(a is b for a, b in zip(one, other, strict=True))


def _host(agent: "Agent[Any, Any]") -> "Callable[[], Host | None]":
    """For the servers, and for what stands for servers among the tools. What is none is refused at
    once; the libraries behind are imported when it is first asked for."""
    sources = (*sources_of(agent.servers), *(t for t in agent.tools if is_connection(t)))
    configs, interaction = server_configs(sources), agent.interaction

    @cache
    def made() -> "Host | None":
        if not configs:
            return None
        from universal_mcp_client.mcp.host import Host

        return Host(*configs, interaction=interaction)

    return made


def is_agent(tool: object) -> "TypeGuard[Agent[Any, Any]]":
    from universal_mcp_client.app.agent import Agent

    return isinstance(tool, Agent)


def is_toolset(tool: object) -> bool:
    return hasattr(tool, "call_tool") and hasattr(tool, "list_tools") and not is_connection(tool)


def is_connection(tool: object) -> bool:
    """What stands for servers, and is no toolset that opens them: our own `Host` is."""
    return is_source(tool) and not hasattr(tool, "toolset")


def _is_function(tool: object) -> bool:
    return (
        callable(tool) and not is_toolset(tool) and not is_agent(tool) and not is_connection(tool)
    )


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
        if not is_agent(other):
            raise ConfigError(f"Agent(handoffs=…) takes agents, not {other!r}.")
    if isinstance(agent.tools, str | Mapping) or not isinstance(agent.tools, Sequence):
        raise ConfigError(f"Agent(tools=…) takes a list, not {agent.tools!r}.")
    for tool in agent.tools:
        known = is_agent(tool) or is_toolset(tool) or is_connection(tool) or callable(tool)
        if not known and not isinstance(tool, HostedTool):
            raise ConfigError(
                f"Agent(tools=…): {tool!r} is no tool; give functions, toolsets, agents and "
                "connections. A command line, a URL or a config goes into servers=[…]."
            )
