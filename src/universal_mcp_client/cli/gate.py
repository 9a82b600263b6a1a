"""The gate of this command: who sits at the terminal is asked, before anything is started."""

import asyncio
import re
import sys
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from universal_mcp_client.cli.errors import in_use, say
from universal_mcp_client.config.servers import ServerConfig
from universal_mcp_client.policy import project
from universal_mcp_client.policy.gate import COMMAND, Gate, user_file
from universal_mcp_client.policy.project import Item
from universal_mcp_client.policy.text import printable
from universal_mcp_client.policy.words import facts
from universal_mcp_client.types.errors import ConfigError
from universal_mcp_client.ui.console import console

_SHOWN = 8_000  # characters; nobody reads more before an answer
_BLANKS = re.compile(" {4,}")


@cache
def gate() -> Gate:
    """One for the whole command, so that nothing is asked twice."""
    return Gate(_here(), ask=_asked if interactive() else None, say=say)


def _here() -> Path:
    try:
        return Path.cwd()
    except FileNotFoundError:
        raise ConfigError("The current folder has been removed; change to another.") from None


def selected(
    servers: Sequence[str], config: Path | None = None, *, by: Path | None = None
) -> list[ServerConfig]:
    """The servers that `--server` names; without, all that are written down. See Gate.selected."""
    found = gate().selected(servers, config, by=by)
    in_use(found)
    return found


def named(name: str, servers: Sequence[str], config: Path | None = None) -> ServerConfig:
    """The server of that name, of `--server` where that is given, else of the config; or what is itself
    a URL or a command line. Raises ConfigError where `--server` gives others."""
    given = selected(servers, config) if servers else []
    for one in given:
        if one.name == name:
            return one
    if given:
        raise ConfigError(
            f"There is no server {name!r}; --server gives: {', '.join(one.name for one in given)}."
        )
    return selected([name], config)[0]


def named_or_all(
    name: str | None, servers: Sequence[str], config: Path | None
) -> list[ServerConfig]:
    """The one that is named, or all."""
    return selected(servers, config) if name is None else [named(name, servers, config)]


def described(items: Sequence[Item]) -> str:
    """What these would do, for a terminal; what runs programs last, next to the question."""
    told = [(item, facts(item, _own(item))) for item in items]
    told.sort(key=lambda each: any(fact.startswith("runs") for fact in each[1]))
    lines: list[str] = []
    for item, does in told:
        lines += ["", _line(f"{item.label} ({item.path})")]
        lines += [f"    {_line(fact)}" for fact in does]
    return "\n".join(lines)


def _line(text: str) -> str:
    """One line, which does not look like several: many blanks are counted."""
    return _BLANKS.sub(lambda b: f" <{len(b[0])} blanks> ", printable(text, lines=False))


def confirmed(question: str) -> bool:
    """Ask the person at the terminal. What was typed before the question was shown is no answer."""
    _forget_what_was_typed()
    with console.asking(f"{question}\n[y]es / [N]o: "):
        return sys.stdin.readline().strip().lower() in ("y", "yes")


def _asked(items: Sequence[Item]) -> bool:
    if _running():  # a blocked loop could not be interrupted
        return False
    text = described(items)
    if len(text) > _SHOWN:
        say(f"this folder brings too much to show it here; `{COMMAND}` does.")
        return False
    console.tell(f"This folder brings what you have not trusted as it is now:\n{text}\n")
    return confirmed(
        "Programs run with all your rights; what the model is told, it may do. Trust all of this? "
        "No goes on without it."
    )


def _own(item: Item) -> list[str]:
    """The names which the user has without the project."""
    if item.kind != "server":
        return project.own_names(item.kind)
    from universal_mcp_client.config.server_file import read_servers

    try:
        return [server.name for server in read_servers(user_file(), expand=False)]
    except ConfigError:  # not there, or broken, which is told where it is used
        return []


def interactive() -> bool:
    return sys.stdin is not None and sys.stdin.isatty() and sys.stderr.isatty()


def _running() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


def _forget_what_was_typed() -> None:
    if sys.platform == "win32":
        import msvcrt

        while msvcrt.kbhit():
            msvcrt.getwch()
    else:
        import termios

        termios.tcflush(sys.stdin, termios.TCIFLUSH)
