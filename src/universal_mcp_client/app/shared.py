"""What an agent was given, checked, and what agents that were made of one another share of it:
connections, tools and the model."""

from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import cache, cached_property
from operator import is_
from os import PathLike
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeVar, cast

from universal_mcp_client.app.subagents import AgentToolset, HandoffToolset
from universal_mcp_client.config.sources import is_source, server_configs, sources_of
from universal_mcp_client.core.limits import Limits
from universal_mcp_client.models.base import Model, ModelSettings
from universal_mcp_client.models.hosted import HostedTool
from universal_mcp_client.models.registry import choose, resolve
from universal_mcp_client.tools.base import Toolset, opened
from universal_mcp_client.tools.checked import CheckedToolset
from universal_mcp_client.tools.combined import CombinedToolset
from universal_mcp_client.tools.functions import FunctionToolset
from universal_mcp_client.types.errors import ConfigError
from universal_mcp_client.types.interaction import Interaction
from universal_mcp_client.types.resources import Skill

if TYPE_CHECKING:
    from universal_mcp_client.app.agent import Agent
    from universal_mcp_client.mcp.host import Host

T = TypeVar("T")


class SharedModel:
    """A model, made when it is first asked for. One that we made is closed when somebody has left who
    wanted that (`async with agent`), by the last user."""

    def __init__(self, given: str | Model | None) -> None:
        self.given = given
        self._users, self._to_close = 0, False

    @cached_property
    def model(self) -> Model:
        if self.given is None:
            return resolve(choose().name)
        return resolve(self.given) if isinstance(self.given, str) else self.given

    @asynccontextmanager
    async def used(self, *, close: bool) -> AsyncGenerator[None]:
        self._users += 1
        try:
            yield
        finally:
            self._users -= 1
            self._to_close |= close
            if self._to_close and not self._users:
                self._to_close = False
                if isinstance(self.given, str | None) and "model" in self.__dict__:
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

        def made(*of: Any) -> "Callable[[], Host | None]":
            return _host(lambda: agent.resolved_model, *of)

        host = _part(before.host if before else None, made, agent.interaction, agent.servers, *lent)
        return Shared(
            lineage=before.lineage if before else object(),
            model=_part(before.model if before else None, SharedModel, agent.model),
            host=host,
            toolset=_part(
                before.toolset if before else None, _toolset, agent.tools, agent.handoffs, host.made
            ),
        )

    @asynccontextmanager
    async def opened(self, *, close: bool = False) -> AsyncGenerator[None]:
        """Tools and model are there meanwhile; with `close`, an unused model is closed afterwards."""
        async with self.model.made.used(close=close), opened(self.toolset.made()):
            yield


def _host(
    model: Callable[[], Model], interaction: Interaction | None, servers: Any, *lent: object
) -> "Callable[[], Host | None]":
    """For the servers, and for what stands for servers among the tools. What is none is refused at
    once; the libraries behind are imported when it is first asked for."""
    configs = server_configs((*sources_of(servers), *lent))

    @cache
    def made() -> "Host | None":
        if not configs:
            return None
        from universal_mcp_client.mcp.host import Host

        opened = Host(*configs, interaction=interaction)
        opened.callbacks.model = model
        return opened

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
    for name, (fits, takes) in _TAKES.items():
        if not fits(value := getattr(agent, name)):
            raise ConfigError(f"Agent({name}=…) takes {takes}, not {value!r}.")
    if len({other.name for other in agent.handoffs}) < len(agent.handoffs):
        raise ConfigError("Two of the agents in `handoffs` have the same name; give each its own.")
    for tool in agent.tools:
        if kind(tool) is None:
            raise ConfigError(
                f"Agent(tools=…): {tool!r} is no tool; give functions, toolsets, agents and "
                "connections. A command line, a URL or a config goes into servers=[…]."
            )


def _instructions(value: Any) -> bool:
    return isinstance(value, str) or callable(value) or _list(value, _instructions)


def _list(value: Any, fits: Callable[[Any], bool] = lambda item: True) -> bool:
    return isinstance(value, list | tuple) and all(map(fits, cast(list[Any], value)))


_TAKES: Mapping[str, tuple[Callable[[Any], bool], str]] = {
    "model": (
        lambda m: (
            m is None or isinstance(m, str) or (not isinstance(m, type) and hasattr(m, "stream"))
        ),
        "a name such as 'openai:gpt-5' or a Model (a vendor's client: resolve(name, client=…))",
    ),
    "instructions": (_instructions, "a text, a function of the context, or a list of both"),
    "tools": (lambda tools: isinstance(tools, Sequence) and not isinstance(tools, str), "a list"),
    "limits": (lambda limits: isinstance(limits, Limits), "a Limits, such as Limits(turns=10)"),
    "handoffs": (lambda value: _list(value, lambda a: kind(a) == "agent"), "a list of agents"),
    "observers": (lambda value: _list(value, callable), "a list of functions"),
    "skills": (
        lambda value: _list(value, lambda s: isinstance(s, str | PathLike | Skill)),
        'a list of folders, of skills, and of names of servers (["skills", "*"])',
    ),
    "validate": (lambda f: f is None or callable(f), "a function of the output"),
    "approve": (
        lambda f: f is None or callable(f),
        "a function of a ToolSpec, such as `lambda spec: True` to ask before every call",
    ),
    "end_strategy": (lambda value: value in ("exhaustive", "early"), "'exhaustive' or 'early'"),
    "output_retries": (lambda n: isinstance(n, int) and n >= 0, "a number from 0 on"),
    "name": (lambda name: isinstance(name, str) and name != "", "a text that is not empty"),
    "interaction": (
        lambda i: i is None or hasattr(i, "approve"),
        "an Interaction, an object with `approve`, `elicit` and `login`",
    ),
}
