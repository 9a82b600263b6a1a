"""What stands before a model besides the conversation: the agent's instructions, those of its
servers, skills, and the resources that it has in its context. See docs/context.md."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, cast

from universal_mcp_client.tools.base import RunContext, Toolset
from universal_mcp_client.tools.marked import marked
from universal_mcp_client.tools.program import with_context
from universal_mcp_client.tools.tokens import estimate_tokens

if TYPE_CHECKING:
    from universal_mcp_client.app.agent import Agent
    from universal_mcp_client.app.skills import Skills
    from universal_mcp_client.mcp.server import Server

SERVER_INSTRUCTIONS = 4_000
"""Tokens of all servers' instructions together."""

Kind: TypeAlias = Literal[
    "instructions", "server", "skills", "resource", "tools", "history", "output"
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A part of the context, by what it is and whose (`name`), with its `text`. `others` are the tokens
    of what is no text, such as images."""

    kind: Kind
    name: str
    text: str = field(repr=False)
    others: int = 0

    @property
    def tokens(self) -> int:
        """An estimate that errs high."""
        return estimate_tokens(self.text) + self.others


def servers_of(toolset: Toolset) -> "Mapping[str, Server]":
    """The MCP servers that the tools of an agent come from, by name; not those of other agents."""
    return {name: server for host in _hosts(toolset) for name, server in host.items()}


def _hosts(toolset: object) -> "Iterator[Mapping[str, Server]]":
    if isinstance(servers := getattr(toolset, "servers", None), Mapping):
        yield cast("Mapping[str, Server]", servers)
    for each in (getattr(toolset, "wrapped", None), *getattr(toolset, "toolsets", ())):
        if each is not None:
            yield from _hosts(each)


async def system_sections(
    agent: "Agent[Any, Any]", context: RunContext[Any], skills: "Skills | None" = None
) -> list[Section]:
    """What goes into the system prompt, in order. `skills` are the agent's, as its run has them.
    Raises ConfigError for a skill that is not there."""
    found = [
        Section(kind="instructions", name=agent.name, text=await told(agent.instructions, context))
    ]
    if agent.server_instructions:
        found += server_sections(servers_of(agent.toolset))
    if skills is not None or agent.skills:
        from universal_mcp_client.app.skills import Skills, tool_name

        taken = await agent.toolset.list_tools()
        found += await (skills or Skills.of(agent)).sections(tool_name(taken))
    return [section for section in found if section.text]


def server_sections(servers: "Mapping[str, Server]") -> list[Section]:
    """What servers say of their own use, each marked as its server's word, under a budget."""
    found, left = list[Section](), SERVER_INSTRUCTIONS
    for name, server in servers.items():
        text = (server.instructions or "").strip() if server.config.instructions else ""
        if not text or left <= 0:
            continue
        if (tokens := estimate_tokens(text)) > left:
            text = f"{text[: len(text) * left // tokens]} [… cut]"
        left -= tokens
        found.append(
            Section(kind="server", name=name, text=marked("server_instructions", text, server=name))
        )
    return found


async def told(given: Any, context: RunContext[Any]) -> str:
    """An agent's own instructions: a text, a function of the context, or several of both."""
    if isinstance(given, str):
        return given
    if callable(given):
        return str(await with_context(given, context) or "")
    return "\n\n".join(
        filter(None, [await told(each, context) for each in cast(Sequence[Any], given)])
    )
