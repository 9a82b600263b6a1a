"""`umcp tokens`: what is stored for whom, until when; never a token itself."""

import argparse
import time
from collections.abc import Sequence
from typing import Any

from universal_mcp_client.cli.ending import ending
from universal_mcp_client.cli.errors import DONE, FAILED, say
from universal_mcp_client.cli.options import parser, print_json
from universal_mcp_client.config.settings import load_settings
from universal_mcp_client.types.errors import ConfigError, TokenStoreError
from universal_mcp_client.ui.console import cell, console

EXAMPLES = """
umcp tokens
umcp tokens --json
umcp tokens migrate disk:~/.universal_mcp/tokens keyring://universal-mcp
umcp tokens key
"""


def main(argv: Sequence[str]) -> int:
    to = parser("tokens", "List the logins that are kept, or move them to another store.", EXAMPLES)
    to.add_argument(
        "action",
        nargs="*",
        metavar="ACTION",
        help="migrate FROM TO: copy all logins, then remove them from FROM; key: print a new key "
        "for OAUTH_STORAGE_ENCRYPTION_KEY",
    )
    to.add_argument("--store", metavar="URL", help="look into this store, not the configured one")
    to.add_argument("--json", action="store_true")
    options = to.parse_args(argv)
    match options.action:
        case []:
            return ending(_list(options))
        case ["key"]:
            from universal_mcp_client.auth.encryption import new_key

            console.answer(new_key())
            return DONE
        case ["migrate", source, target]:
            return ending(_migrate(source, target))
        case _:
            raise ConfigError(
                "Say `umcp tokens`, `umcp tokens migrate FROM TO` or `umcp tokens key`."
            )


async def _list(options: argparse.Namespace) -> int:
    from universal_mcp_client.auth.stores import TokenStore

    store = TokenStore(options.store or load_settings().token_store)
    rows: list[dict[str, Any]] = []
    broken = 0
    try:
        if store.warning:
            say(f"warning: {store.warning}")
        for server in await store.servers():
            try:
                rows.append(_row(server, await store.load(server)))
            except TokenStoreError as error:
                say(str(error))
                broken += 1
    finally:
        await store.aclose()
    if options.json:
        print_json({"store": store.url, "logins": rows})
    else:
        _print(store.url, rows)
    return FAILED if broken else DONE


def _row(server: str, login: Any) -> dict[str, Any]:
    tokens = login.tokens if login else None
    return {
        "server": server,
        "name": login.name if login else "",
        "issuer": login.issuer if login else "",
        "client_id": login.client.client_id if login and login.client else None,
        "scopes": list(tokens.scopes) if tokens else [],
        "expires_at": tokens.expires_at if tokens else None,
        "renewable": bool(tokens and tokens.refresh_token),
        "bound": bool(tokens and tokens.token_type == "DPoP"),
        "state": _state(tokens),
    }


def _state(tokens: Any) -> str:
    if tokens is None:
        return "needs login"
    if tokens.expired():
        return "renewed at next use" if tokens.refresh_token else "expired"
    if tokens.expires_at is None:
        return "valid"
    return f"valid until {time.strftime('%Y-%m-%d %H:%M:%S', time.localtime(tokens.expires_at))}"


def _print(url: str, rows: list[dict[str, Any]]) -> None:
    if not rows:
        say(f"no logins in {url}.")
        return
    console.row(f"{len(rows)} {'login' if len(rows) == 1 else 'logins'} in {url}")
    for row in rows:
        renews = ", renews itself" if row["renewable"] and "valid" in row["state"] else ""
        console.row(f"  {cell(row['server'])}")
        console.row(f"      {row['state']}{renews}; issued by {cell(row['issuer'])}")
        if row["scopes"]:
            console.row(f"      scopes: {cell(' '.join(row['scopes']))}")


async def _migrate(source: str, target: str) -> int:
    from universal_mcp_client.auth.stores import TokenStore

    there, here = TokenStore(source), TokenStore(target)
    moved = 0
    try:
        for server in await there.servers():
            async with there.lock(server):
                login = await there.load(server)
                if login is None:
                    continue
                await here.save(login)
                if await here.load(server) != login:
                    raise TokenStoreError(f"The login at {server} was not kept by {here.url}.")
                if here.url != there.url:
                    await there.delete(server)
                moved += 1
    finally:
        await there.aclose()
        await here.aclose()
    if here.warning:
        say(f"warning: {here.warning}")
    say(f"moved {moved} {'login' if moved == 1 else 'logins'} from {there.url} to {here.url}.")
    return DONE
