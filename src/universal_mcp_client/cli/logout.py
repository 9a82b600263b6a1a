"""`umcp logout`: end a login, here and at the server."""

from collections.abc import Sequence

from universal_mcp_client.cli.ending import ending
from universal_mcp_client.cli.errors import DONE, FAILED, say
from universal_mcp_client.cli.login import chosen
from universal_mcp_client.cli.options import add_servers, parser
from universal_mcp_client.config.servers import ServerConfig
from universal_mcp_client.types.errors import ConfigError, ServerError

EXAMPLES = """
umcp logout notion
umcp logout https://mcp.example.com/mcp
"""


def main(argv: Sequence[str]) -> int:
    to = parser("logout", "Revoke a login where the server offers that, and forget it.", EXAMPLES)
    to.add_argument("name", metavar="SERVER", help="a server's name or URL")
    add_servers(to)
    options = to.parse_args(argv)
    return ending(_main(chosen(options.name, options)))


async def _main(config: ServerConfig) -> int:
    from universal_mcp_client.auth.logins import Logins

    logins = Logins()
    try:
        authorizer = logins.authorizer(config)
        if authorizer is None:
            raise ConfigError(f"Server {config.name!r} takes no login.")
        try:
            found = await authorizer.log_out()
        except ServerError as error:
            say(f"the login is forgotten here, but could not be revoked: {error}")
            return FAILED
    finally:
        await logins.aclose()
    say(f"logged out of {config.name!r}." if found else f"there was no login at {config.name!r}.")
    return DONE
