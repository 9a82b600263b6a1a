"""`umcp login`: log in to a server, once, for every program that uses it."""

import argparse
import time
from collections.abc import Sequence
from dataclasses import replace

from universal_mcp_client.cli.ending import ending
from universal_mcp_client.cli.errors import DONE, say
from universal_mcp_client.cli.gate import selected
from universal_mcp_client.cli.options import add_servers, parser
from universal_mcp_client.config.auth import OAuth, scope_list
from universal_mcp_client.config.servers import ServerConfig
from universal_mcp_client.types.errors import ConfigError
from universal_mcp_client.ui.terminal import TerminalInteraction

EXAMPLES = """
umcp login notion
umcp login https://mcp.example.com/mcp
umcp login notion --no-browser
umcp login notion --device
umcp login notion --scope "read write" --again
"""


def main(argv: Sequence[str]) -> int:
    to = parser("login", "Log in to a server, and keep the login.", EXAMPLES)
    to.add_argument("name", metavar="SERVER", help="a server's name or URL")
    add_servers(to)
    way = to.add_mutually_exclusive_group()
    way.add_argument(
        "--no-browser", action="store_true", help="print the address, and take the answer pasted"
    )
    way.add_argument(
        "--device", action="store_true", help="print a code to type on any device (RFC 8628)"
    )
    to.add_argument("--scope", default="", metavar="S", help="permissions to ask for, besides")
    to.add_argument("--again", action="store_true", help="log in anew, although there is a login")
    options = to.parse_args(argv)
    config = _asking(chosen(options.name, options), options.scope)
    return ending(_main(options, config))


def chosen(name: str, options: argparse.Namespace) -> ServerConfig:
    """The one server that a command is about."""
    known = selected(options.server, options.config) if options.server else []
    for config in known or selected([name], options.config):
        if config.name == name or not known:
            if config.transport not in ("http", "sse"):
                raise ConfigError(f"Server {config.name!r} is no HTTP server; it has no login.")
            return config
    raise ConfigError(f"There is no server {name!r}.")


async def _main(options: argparse.Namespace, config: ServerConfig) -> int:
    from universal_mcp_client.auth.logins import Logins
    from universal_mcp_client.mcp.host import Host

    interaction = TerminalInteraction(browser=not options.no_browser)
    device = True if options.device else False if options.no_browser else None
    logins = Logins()
    try:
        authorizer = logins.authorizer(config, interaction, device=device)
        if authorizer is None:
            raise ConfigError(
                f"Server {config.name!r} takes no login: its config gives it a token, or says none."
            )
        if authorizer.store.warning:
            say(f"warning: {authorizer.store.warning}")
        if await authorizer.log_in(again=options.again or bool(options.scope)):
            say(f"logged in to {config.name!r}{_until(authorizer.login)}.")
            say(f"The login is kept in {authorizer.store.url}.")
        else:
            say(f"server {config.name!r} does not ask for a login.")
            return DONE
    finally:
        await logins.aclose()
    async with Host(config) as host:
        for error in host.failures.values():
            raise error
        count = len(await host.list_tools())
        say(f"The server answers; it has {count} {'tool' if count == 1 else 'tools'}.")
    return DONE


def _asking(config: ServerConfig, scope: str) -> ServerConfig:
    """`config` with the scopes of the command line besides its own."""
    if not scope:
        return config
    settings = OAuth() if config.auth == "auto" else config.auth
    if not isinstance(settings, OAuth):
        raise ConfigError("--scope is for people's logins; this server's config has its own.")
    scopes = (*scope_list(settings.scopes), *scope.split())
    return replace(config, auth=replace(settings, scopes=scopes))


def _until(login: object) -> str:
    from universal_mcp_client.auth.records import Login

    tokens = login.tokens if isinstance(login, Login) else None
    if tokens is None or tokens.expires_at is None:
        return ""
    if tokens.refresh_token:
        return ", and stays so by itself"
    return f" until {time.strftime('%Y-%m-%d %H:%M', time.localtime(tokens.expires_at))}"
