"""Options that several commands share."""

import argparse
from pathlib import Path
from typing import Any, NoReturn

from universal_mcp_client.types.errors import ConfigError
from universal_mcp_client.ui.console import console


class Parser(argparse.ArgumentParser):
    """argparse with our errors and with examples kept as they are written."""

    def __init__(self, **options: Any) -> None:
        super().__init__(
            formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False, **options
        )

    def error(self, message: str) -> NoReturn:
        raise ConfigError(f"{message}. `{self.prog} --help` shows how.")


def parser(command: str, about: str, examples: str, **options: Any) -> Parser:
    epilog = "examples:\n" + "\n".join(f"  {line}" for line in examples.strip().splitlines())
    made = Parser(prog=f"umcp {command}", description=about, epilog=epilog, **options)
    made.add_argument("--debug", action="store_true", help="log everything, show tracebacks")
    return made


def add_servers(to: argparse.ArgumentParser) -> None:
    to.add_argument("--config", type=Path, metavar="FILE", help="an mcpServers JSON file")
    to.add_argument(
        "--server",
        action="append",
        default=[],
        metavar="S",
        help="a server: its name in the config, a URL, a command line or a file; NAME=… names it",
    )


def add_roots(to: argparse.ArgumentParser) -> None:
    to.add_argument(
        "--root",
        action="append",
        default=[],
        metavar="DIR",
        help="a folder that servers are told to work in; repeatable",
    )


def roots_of(options: argparse.Namespace) -> list[str] | None:
    """The folders that servers are told of, the settings' too; None where there are none."""
    from universal_mcp_client.config.settings import load_settings

    return [*options.root, *load_settings().roots] or None


def add_agent(to: argparse.ArgumentParser) -> None:
    to.add_argument("--agent", metavar="NAME", help="an agent (`umcp agents` lists them)")
    to.add_argument("--model", metavar="M", help="provider:model (`umcp models` lists them)")
    add_servers(to)
    add_roots(to)
    to.add_argument("--max-turns", type=int, metavar="N", help="end the run after N model answers")
    to.add_argument("--yes", action="store_true", help="call every tool without asking")
    to.add_argument(
        "--allow",
        action="append",
        default=[],
        metavar="SERVER:TOOL",
        help="call tools that match (time:*, or a tool of any server) without asking; repeatable",
    )


def print_json(value: object) -> None:
    """Exactly one JSON document on stdout."""
    console.json(value)
