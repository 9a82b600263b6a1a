"""`umcp skills`: those of folders and servers, and one of them whole."""

import argparse
from collections.abc import Sequence

from universal_mcp_client.cli.ending import ending
from universal_mcp_client.cli.errors import DONE, say
from universal_mcp_client.cli.gate import gate, selected
from universal_mcp_client.cli.options import Parser, add_servers, parser, print_json
from universal_mcp_client.policy.gate import Listed
from universal_mcp_client.policy.skills import MANUAL, files_of, folder_of, read_file
from universal_mcp_client.types.errors import ConfigError, ServerError
from universal_mcp_client.types.resources import Skill
from universal_mcp_client.ui.console import cell, console

EXAMPLES = """
umcp skills
umcp skills list --server https://example.com/mcp
umcp skills show release-notes
"""


def main(argv: Sequence[str]) -> int:
    to = parser(
        "skills",
        "Skills are folders with a SKILL.md: .claude/skills and skills here, yours, and those of servers.",
        EXAMPLES,
    )
    actions = to.add_subparsers(dest="action", metavar="ACTION", parser_class=Parser)
    lists = actions.add_parser("list", help="all skills")
    shows = actions.add_parser("show", help="a skill's instructions, and the names of its files")
    shows.add_argument("name", metavar="NAME", help="its name, or SERVER/NAME")
    for action in (lists, shows):
        add_servers(action)
        action.add_argument("--json", action="store_true", help="print JSON")
        action.add_argument("--debug", action="store_true", help=argparse.SUPPRESS)
    options = to.parse_args(argv or ["list"])
    return ending(_show(options) if options.action == "show" else _list(options))


async def _list(options: argparse.Namespace) -> int:
    mine, theirs = gate().listed("skill"), await _of_servers(options)
    if options.json:
        print_json([*(_document(_skill(row), row) for _, row in mine), *map(_document, theirs)])
        return DONE
    for name, row in mine:
        mark = "(not trusted) " if row.trusted is False else ""
        console.row(cell(f"{name}  {mark}{_skill(row).description}"))
    for skill in theirs:
        console.row(cell(f"{skill.server}/{skill.name}  {skill.description}"))
    if any(row.trusted is False for _, row in mine):
        say("what is not trusted is not used; `umcp trust` shows what it does, and trusts it.")
    if not mine and not theirs:
        say("no skills.")
    return DONE


async def _show(options: argparse.Namespace) -> int:
    """The one that an agent would have; one that is not trusted where there is no other."""
    rows = [row for name, row in gate().listed("skill") if name == options.name]
    row = min(rows, key=lambda row: row.trusted is False, default=None)
    if row is not None:
        skill = _skill(row)
        say(f"{folder_of(skill)}{' (not trusted)' if row.trusted is False else ''}")
        text = read_file(skill, MANUAL).decode("utf-8-sig")
    else:
        skill, text = await _read(options)
    if options.json:
        print_json(_document(skill, row) | {"text": text})
        return DONE
    console.answer(text.rstrip())
    if files := files_of(skill):
        say(f"its files: {', '.join(files)}")
    return DONE


async def _read(options: argparse.Namespace) -> tuple[Skill, str]:
    from universal_mcp_client.mcp.host import Host

    async with Host(*selected(options.server, options.config)) as host:
        found = [
            skill
            for name in host.servers
            if name not in host.failures
            for skill in await host[name].list_skills()
            if options.name in (skill.name, f"{skill.server}/{skill.name}")
        ]
        for error in host.failures.values():
            say(str(error))
        if not found:
            raise ConfigError(f"There is no skill {options.name!r}; `umcp skills` lists them.")
        if len(found) > 1:
            names = " and ".join(f"{skill.server}/{skill.name}" for skill in found)
            raise ConfigError(f"There are several: {names}. Say which one is meant.")
        return found[0], await host[found[0].server].read_skill(found[0])


async def _of_servers(options: argparse.Namespace) -> list[Skill]:
    configs = selected(getattr(options, "server", ()), getattr(options, "config", None))
    if not configs:
        return []
    from universal_mcp_client.mcp.host import Host

    found = list[Skill]()
    async with Host(*configs) as host:
        for name in host.servers:
            try:
                found += await host[name].list_skills()
            except ServerError as error:
                say(str(error))
    return found


def _skill(row: Listed) -> Skill:
    assert isinstance(row.value, Skill)
    return row.value


def _document(skill: Skill, row: Listed | None = None) -> dict[str, object]:
    return {
        "name": skill.name,
        "description": skill.description,
        "server": skill.server or None,
        "uri": skill.uri,
        "trusted": row.trusted is not False if row else None,
        "files": files_of(skill),
    }
