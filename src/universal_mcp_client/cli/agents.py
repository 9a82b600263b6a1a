"""`umcp agents`: list, show, new."""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import cast

from universal_mcp_client.cli.errors import DONE, say
from universal_mcp_client.cli.gate import gate
from universal_mcp_client.cli.options import Parser, parser, print_json
from universal_mcp_client.config.definitions import AgentDefinition
from universal_mcp_client.policy.files import read_text
from universal_mcp_client.policy.gate import Listed
from universal_mcp_client.types.errors import ConfigError
from universal_mcp_client.ui.console import cell, console

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
    found = gate().listed("agent")
    if options.json:
        print_json([_document(row) for _, row in found])
        return DONE
    width = max((len(name) for name, _ in found), default=0)
    for name, row in found:
        mark = "(not trusted) " if row.trusted is False else ""
        console.row(cell(f"{name:<{width}}  {mark}{_agent(row).description}"))
    if any(row.trusted is False for _, row in found):
        say("what is not trusted is not used; `umcp trust` shows what it does, and trusts it.")
    return DONE


def _show(options: argparse.Namespace) -> int:
    """The agent that --agent NAME would use; one that is not trusted where there is no other."""
    rows = [row for name, row in gate().listed("agent") if name == options.name]
    row = min(rows, key=lambda row: row.trusted is False, default=None)
    if row is None:
        row = Listed(value=gate().agent(options.name))
    agent = _agent(row)
    if options.json:
        print_json(_document(row))
    else:
        say(f"{agent.path}{' (not trusted)' if row.trusted is False else ''}")
        console.answer(read_text(agent.path), end="")
    return DONE


def _agent(row: Listed) -> AgentDefinition:
    return cast(AgentDefinition, row.value)


def _document(row: Listed) -> dict[str, object]:
    agent = _agent(row)
    return {
        "name": agent.name,
        "description": agent.description,
        "model": agent.model,
        "servers": list(agent.servers) if agent.servers is not None else None,
        "tools": list(agent.tools),
        "instructions": agent.instructions,
        "path": str(agent.path),
        "trusted": row.trusted is not False,
    }


def _new(name: str) -> int:
    if not name.replace("-", "").replace("_", "").isalnum():
        raise ConfigError(f"{name!r} is no name for an agent; use letters, digits, '-' and '_'.")
    path = Path.cwd() / "agents" / f"{name}.md"
    if path.parent.is_symlink():
        raise ConfigError(f"{path.parent} is a link; agents of a project are kept in place.")
    path.parent.mkdir(exist_ok=True)
    try:
        with path.open("x", encoding="utf-8") as file:  # never through a link
            file.write(_TEMPLATE.format(name=name))
    except FileExistsError:
        raise ConfigError(f"{path} is there already.") from None
    say(
        f"{path} is ready to be edited. `umcp trust {path.relative_to(Path.cwd())}` once it is as you "
        f"want it, then `umcp run … --agent {name}` uses it."
    )
    return DONE
