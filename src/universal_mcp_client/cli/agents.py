"""`umcp agents`: list, show, new, check, schema."""

import argparse
import json
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import cast

from universal_mcp_client.cli.errors import DONE, USAGE, say
from universal_mcp_client.cli.gate import gate
from universal_mcp_client.cli.options import Parser, parser, print_json
from universal_mcp_client.config.agent_file import AgentDefinition, AgentHead, schema
from universal_mcp_client.policy.files import read_text
from universal_mcp_client.policy.gate import Listed
from universal_mcp_client.types.errors import ConfigError
from universal_mcp_client.ui.console import cell, console

EXAMPLES = """
umcp agents
umcp agents show assistant
umcp agents new reviewer
umcp agents check agents/reviewer.md
umcp run "Review src/" --agent reviewer
"""

_SAID_OTHERWISE = {"disallowedTools", "maxTurns", "effort"}
_SCHEMA = "agent.schema.json"
_TEMPLATE = f"""\
---
# yaml-language-server: $schema={_SCHEMA}
description: What this agent is for, in a line.
# model: anthropic:claude-sonnet-5
# servers: [files, "uvx mcp-server-time"]   # names from the config, URLs, command lines
# tools: ["read_*", "!delete_*"]            # patterns; ! leaves out
# context: ["files:file:///plan.md", ../STYLE.md]  # resources, and files from this folder on
# agents: [researcher]                      # whom it may ask
# approve: always                           # ask before every call
# settings: {{{{temperature: 0}}}}
# limits: {{{{turns: 20}}}}
---
You are {{name}}. Say here what you do, how, and when you stop.
"""


def main(argv: Sequence[str]) -> int:
    to = parser("agents", "Agents are Markdown files: agents/*.md here, yours, and ours.", EXAMPLES)
    actions = to.add_subparsers(dest="action", metavar="ACTION", parser_class=Parser)
    lists = actions.add_parser("list", help="all agents")
    shows = actions.add_parser("show", help="one agent's file")
    shows.add_argument("name")
    makes = actions.add_parser("new", help="make agents/NAME.md here")
    makes.add_argument("name")
    checks = actions.add_parser("check", help="say what is wrong with files; nothing is started")
    checks.add_argument("files", metavar="FILE", nargs="*", help="a file or an agent; without, all")
    checks.add_argument("--config", type=Path, metavar="FILE", help="an mcpServers JSON file")
    schemas = actions.add_parser("schema", help="print the JSON Schema of a file's head")
    for action in (lists, shows, checks):
        action.add_argument("--json", action="store_true")
    for action in (lists, shows, makes, checks, schemas):
        action.add_argument("--debug", action="store_true", help=argparse.SUPPRESS)
    options = to.parse_args(argv or ["list"])
    match options.action:
        case "show":
            return _show(options)
        case "new":
            return _new(options.name)
        case "check":
            return _check(options)
        case "schema":
            print_json(schema())
            return DONE
        case _:
            return _list(options)


def _check(options: argparse.Namespace) -> int:
    from universal_mcp_client.cli.agent_check import checked

    found = checked(options.files, options.config)
    wrong = any(each.errors for each in found)
    if options.json:
        print_json([each.document() for each in found])
        return USAGE if wrong else DONE
    for each in found:
        console.row(cell(f"{each.file}: {'not right' if each.errors else 'right'}"))
        for line in (*each.errors, *each.notes):
            say(line)
    return USAGE if wrong else DONE


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
        for line in agent.notes:
            say(line)
    return DONE


def _agent(row: Listed) -> AgentDefinition:
    return cast(AgentDefinition, row.value)


def _document(row: Listed) -> dict[str, object]:
    agent = _agent(row)
    said = agent.model_dump(mode="json", include=AgentHead.model_fields.keys() - _SAID_OTHERWISE)
    return {
        **said,
        "limits": dict(agent.bounds),
        "instructions": agent.instructions,
        "path": str(agent.path),
        "trusted": row.trusted is not False,
        "notes": list(agent.notes),
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
    with suppress(FileExistsError), (path.parent / _SCHEMA).open("x", encoding="utf-8") as file:
        json.dump(schema(), file, indent=2)
    say(
        f"{path} is ready to be edited. `umcp trust {path.relative_to(Path.cwd())}` once it is as you "
        f"want it, then `umcp run … --agent {name}` uses it."
    )
    return DONE
