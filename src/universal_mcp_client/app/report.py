"""What fills a model's context, part by part, before anything is sent."""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from universal_mcp_client.app.context import Kind, Section, servers_of, system_sections
from universal_mcp_client.app.resources import InContext
from universal_mcp_client.app.skills import Skills
from universal_mcp_client.core.output import Output
from universal_mcp_client.core.session import History, Session, session_of
from universal_mcp_client.tools.base import RunContext, opened
from universal_mcp_client.tools.readings import Readings
from universal_mcp_client.tools.rules import Approval
from universal_mcp_client.tools.tokens import IMAGE_TOKENS
from universal_mcp_client.types.messages import (
    Part,
    ResourceLink,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
)
from universal_mcp_client.types.tools import ToolSpec

if TYPE_CHECKING:
    from universal_mcp_client.app.agent import Agent

_RESOURCE = re.compile(r'<resource(?: server="([^"]*)")?(?: uri="([^"]*)")?')


async def report(agent: "Agent[Any, Any]", history: History, deps: Any) -> list[Section]:
    """See `Agent.context_report`. The session of `history` stays as it is."""
    given = session_of(history)
    session = Session(readings=Readings(told=dict(given.readings.told)))
    context = RunContext(deps=deps, agent=agent.name, run_id=uuid4().hex, session=session)
    async with opened(agent.toolset):
        skills = Skills.of(agent) if agent.skills else None
        found = await system_sections(agent, context, skills)
        if agent.output_type not in (None, str):
            form = Output(agent.output_type)
            found.append(Section(kind="output", name=agent.name, text=form.instructions))
        resources = InContext(
            servers=servers_of(agent.toolset),
            session=session,
            profile=agent.resolved_model.profile,
        )
        read = await resources.each(agent.context, context)  # first: what was cut brings a tool
        found += _tools(await agent.guarded(session, Approval(), skills).list_tools())
    found += [_section("resource", name, parts) for name, parts in read]
    return [*found, *_history(given)]


def _tools(specs: Sequence[ToolSpec]) -> Iterator[Section]:
    """By the server that has them; those of the agent itself have none."""
    for server in dict.fromkeys(spec.server for spec in specs):
        texts = [
            json.dumps(
                {"name": s.name, "description": s.description, "parameters": s.input_schema},
                ensure_ascii=False,
            )
            for s in specs
            if s.server == server
        ]
        yield Section(kind="tools", name=server, text="\n".join(texts))


def _history(session: Session) -> Iterator[Section]:
    """Resources that were put in, each by itself, and all that was said."""
    said, read = list[Part](), dict[str, list[Part]]()
    for message in session.messages:
        for part in message.parts:
            match = isinstance(part, Text) and _RESOURCE.match(part.text)
            if message.role == "user" and match:
                name = ":".join(filter(None, match.groups()))
                read.setdefault(name, []).append(part)
            else:
                said.append(part)
    for name, parts in read.items():
        yield _section("resource", name, parts)
    if said:
        yield _section("history", f"{len(session.messages)} messages", said)


def _section(kind: Kind, name: str, parts: Sequence[Part]) -> Section:
    made = Section(kind=kind, name=name, text="\n".join(filter(None, map(_text, parts))))
    return replace(made, others=sum(map(_others, parts)))


def _text(part: object) -> str:
    match part:
        case Text() | Thinking():
            return part.text
        case ToolCall():
            return f"{part.name} {json.dumps(dict(part.arguments), ensure_ascii=False)}"
        case ToolResult():
            return "\n".join(map(_text, part.content))
        case ResourceLink():
            return f"{part.name} {part.uri}"
        case _:
            return ""


def _others(part: object) -> int:
    """Tokens of images, sounds and files."""
    if isinstance(part, ToolResult):
        return sum(map(_others, part.content))
    return 0 if isinstance(part, Text | Thinking | ToolCall | ResourceLink) else IMAGE_TOKENS
