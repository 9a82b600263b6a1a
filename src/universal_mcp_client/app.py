"""The composition root: the one place where agents, models and MCP servers meet."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeVar, overload

from universal_mcp_client.config.sources import ServerSource
from universal_mcp_client.core import agent as core
from universal_mcp_client.core.agent import Tool
from universal_mcp_client.models.base import Model
from universal_mcp_client.tools.rules import Needs
from universal_mcp_client.types.interaction import Interaction
from universal_mcp_client.types.messages import UserContent
from universal_mcp_client.types.tools import JSONSchema

T = TypeVar("T")


@dataclass(frozen=True)
class Agent(core.Agent):
    """An agent that may name its MCP servers.

    `servers` are what `Host` takes: URLs, command lines, files, config dicts, FastMCP servers. They
    are connected for each run, or once for all runs inside `async with agent:`. The other fields
    are those of the base class.

    >>> agent = Agent("openai:gpt-5", servers=["uvx mcp-server-time"])
    >>> result = await agent.run("What time is it in Tokyo?")
    """

    servers: Sequence[ServerSource] = ()

    def __post_init__(self) -> None:
        if self.servers:
            from universal_mcp_client.mcp.host import Host

            host = Host(*self.servers, interaction=self.interaction)
            object.__setattr__(self, "tools", (*self.tools, host))


@overload
async def ask(
    prompt: UserContent,
    *,
    model: str | Model | None = None,
    servers: Sequence[ServerSource] = (),
    tools: Sequence[Tool] = (),
    instructions: str = "",
    interaction: Interaction | None = None,
    approve: Needs | None = None,
    output_type: type[T],
) -> T: ...


@overload
async def ask(
    prompt: UserContent,
    *,
    model: str | Model | None = None,
    servers: Sequence[ServerSource] = (),
    tools: Sequence[Tool] = (),
    instructions: str = "",
    interaction: Interaction | None = None,
    approve: Needs | None = None,
    output_type: JSONSchema | None = None,
) -> Any: ...


async def ask(
    prompt: UserContent,
    *,
    model: str | Model | None = None,
    servers: Sequence[ServerSource] = (),
    tools: Sequence[Tool] = (),
    instructions: str = "",
    interaction: Interaction | None = None,
    approve: Needs | None = None,
    output_type: Any = None,
) -> Any:
    """A tool-augmented model call: a question in, an answer out, tools handled on the way.

    Returns the answer's text, or a value of `output_type`. Tools are called unasked unless there is
    an `interaction` or an `approve`, which mean what they mean to `Agent`. Raises what `Agent.run` raises.

    >>> await ask("What time is it in Tokyo?", servers=["uvx mcp-server-time"])
    """
    agent = Agent(
        model,
        instructions=instructions,
        servers=servers,
        tools=tools,
        interaction=interaction,
        approve=approve,
        output_type=output_type,
    )
    async with agent:
        return (await agent.run(prompt)).output
