"""`umcp trust`: what this folder brings, in plain words, and the user's word that it may."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from universal_mcp_client.cli.errors import DONE, FAILED, say
from universal_mcp_client.cli.gate import confirmed, described, interactive
from universal_mcp_client.cli.options import parser, print_json
from universal_mcp_client.policy import project, trust
from universal_mcp_client.policy.project import Item, Kind
from universal_mcp_client.policy.skills import MANUAL
from universal_mcp_client.policy.words import facts
from universal_mcp_client.types.errors import ConfigError
from universal_mcp_client.ui.console import console

EXAMPLES = """
umcp trust
umcp trust agents/reviewer.md
umcp trust --show
umcp trust --revoke
"""


def main(argv: Sequence[str]) -> int:
    to = parser(
        "trust",
        "Trust the servers, agents, prompts and skills of this folder as they are now. They are shown "
        "first; at a terminal you are asked, elsewhere the command is your word.",
        EXAMPLES,
    )
    to.add_argument("files", nargs="*", type=Path, metavar="FILE", help="only what is in these")
    to.add_argument("--show", action="store_true", help="only show what there is")
    to.add_argument("--revoke", action="store_true", help="trust it no longer")
    to.add_argument("--yes", action="store_true", help="do not ask")
    to.add_argument("--json", action="store_true", help="only show what there is, as JSON")
    options = to.parse_args(argv)
    items, wrong = _of(options.files) if options.files else _here()
    for error in wrong:
        say(str(error))
    if options.json:
        _print(items)
    elif items:
        known = trust.trusted(items)
        for title, some in (
            ("Trusted as it is now:", [i for i in items if i in known]),
            ("Not trusted as it is now:", [i for i in items if i not in known]),
        ):
            if some:
                console.row(f"{title}\n{described(some)}\n")
    else:
        say("this folder brings nothing that needs trust.")
    if items and not options.show and not options.json:
        _decide(items, options)
    return FAILED if wrong else DONE


def trusted_now(items: Sequence[Item], *, ask: bool) -> None:
    """Trust them, after a yes where somebody is asked."""
    new = [item for item in items if item not in trust.trusted(items)]
    if not new:
        say("all of it is trusted already.")
    elif not ask or confirmed("Trust all that is not trusted yet?"):
        trust.trust(new)
        say(f"trusted as it is now: {', '.join(item.label for item in new)}.")
    else:
        say("nothing was trusted.")


def _decide(items: Sequence[Item], options: argparse.Namespace) -> None:
    if options.revoke:
        trust.forget(items)
        say("none of it is trusted any more.")
    else:
        trusted_now(items, ask=interactive() and not options.yes)


def _here() -> tuple[list[Item], list[ConfigError]]:
    kinds: tuple[Kind, ...] = ("server", "agent", "prompt", "skill")
    found = [project.everything(Path.cwd(), kind) for kind in kinds]
    return [i for items, _ in found for i in items], [e for _, wrong in found for e in wrong]


def _of(files: Sequence[Path]) -> tuple[list[Item], list[ConfigError]]:
    items: list[Item] = []
    for file in files:
        path = file.expanduser()
        if path.name == MANUAL or (path / MANUAL).is_file():
            items.append(project.skill(path.parent if path.name == MANUAL else path))
            continue
        match path.suffix, path.absolute().parent.name:
            case ".json", _:
                items += project.servers_of(path.parent.resolve() / path.name)
            case ".md", "prompts":
                items.append(project.definition(path, kind="prompt"))
            case ".md", _:
                items.append(project.definition(path, kind="agent"))
            case _:
                raise ConfigError(
                    f"{path} is no {project.SERVERS_FILE}, no agent, no prompt and no skill."
                )
    return items, []


def _print(items: Sequence[Item]) -> None:
    known = trust.trusted(items)
    print_json(
        [
            {
                "kind": item.kind,
                "name": item.name,
                "path": str(item.path),
                "sha256": item.digest,
                "trusted": item in known,
                "does": facts(item),
            }
            for item in items
        ]
    )
