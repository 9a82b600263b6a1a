"""`umcp agents`: list, show, new."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from universal_mcp_client.cli.errors import DONE, say
from universal_mcp_client.cli.options import Parser, parser, print_json
from universal_mcp_client.config import definitions
from universal_mcp_client.types.errors import ConfigError

EXAMPLES = """
umcp agents
umcp agents show assistant
umcp agents new reviewer
umcp run "Review src/" --agent reviewer
"""

_TEMPLATE = """\
---
description: What this agent is for, in a line.
# model: anthropic:claude-sonnet-5
# servers: [files, "uvx mcp-server-time"]   # names from the config, URLs, command lines
# tools: ["read_*", "!delete_*"]            # patterns; ! leaves out
# settings: {{temperature: 0}}
# limits: {{turns: 20}}
---
You are {name}. Say here what you do, how, and when you stop.
"""


def main(argv: Sequence[str]) -> int:
    to = parser("agents", "Agents are Markdown files: agents/*.md here, yours, and ours.", EXAMPLES)
    actions = to.add_subparsers(dest="action", metavar="ACTION", parser_class=Parser)
    lists = actions.add_parser("list", help="all agents")
    lists.add_argument("--json", action="store_true")
    shows = actions.add_parser("show", help="one agent's file")
    shows.add_argument("name")
    shows.add_argument("--json", action="store_true")
    makes = actions.add_parser("new", help="make agents/NAME.md here")
    makes.add_argument("name")
    for action in (lists, shows, makes):
        action.add_argument("--debug", action="store_true", help=argparse.SUPPRESS)
    options = to.parse_args(argv or ["list"])
    match options.action:
        case "show":
            return _show(options)
        case "new":
            return _new(options.name)
        case _:
            return _list(options)


def _list(options: argparse.Namespace) -> int:
    found = definitions.agents()
    if options.json:
        print_json([_document(agent) for agent in found.values()])
        return DONE
    width = max(map(len, found), default=0)
    for name, agent in found.items():
        print(f"{name:<{width}}  {agent.description}")
    return DONE


def _show(options: argparse.Namespace) -> int:
    agent = definitions.agent(options.name)
    if options.json:
        print_json(_document(agent))
    else:
        say(str(agent.path))
        print(agent.path.read_text(encoding="utf-8"), end="")
    return DONE


def _document(agent: definitions.AgentDefinition) -> dict[str, object]:
    return {
        "name": agent.name,
        "description": agent.description,
        "model": agent.model,
        "servers": list(agent.servers) if agent.servers is not None else None,
        "tools": list(agent.tools),
        "instructions": agent.instructions,
        "path": str(agent.path),
    }


def _new(name: str) -> int:
    if not name.replace("-", "").replace("_", "").isalnum():
        raise ConfigError(f"{name!r} is no name for an agent; use letters, digits, '-' and '_'.")
    path = Path.cwd() / "agents" / f"{name}.md"
    if path.exists():
        raise ConfigError(f"{path} is there already.")
    path.parent.mkdir(exist_ok=True)
    path.write_text(_TEMPLATE.format(name=name), encoding="utf-8")
    say(f"{path} is ready to be edited; `umcp run … --agent {name}` uses it.")
    return DONE
