"""Whether a browser can be opened here, and opening it."""

import asyncio
import os
import sys
import webbrowser
from collections.abc import Sequence

import anyio.to_thread

from universal_mcp_client.auth.challenge import Challenge
from universal_mcp_client.types.errors import AuthenticationError
from universal_mcp_client.types.interaction import LoginRequest


def can_open() -> bool:
    """A browser on the screen in front of the user: not over SSH, in a container or in CI."""
    if any(os.environ.get(name) for name in ("SSH_CONNECTION", "SSH_TTY", "CI")):
        return False
    if os.environ.get("BROWSER"):
        return True
    if sys.platform in ("darwin", "win32"):
        return True
    if not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        return False
    try:
        webbrowser.get()
    except webbrowser.Error:
        return False
    return True


async def open_browser(url: str) -> bool:
    """Whether it could be opened."""
    return await anyio.to_thread.run_sync(webbrowser.open, url, abandon_on_cancel=True)


async def browser_login(request: LoginRequest) -> str | None:
    """A login for programs without a front end of their own: the browser, or nothing."""
    if request.code or not can_open() or not await open_browser(request.url):
        raise needs_login(request.server, "there is no browser here")
    await asyncio.get_running_loop().create_future()  # until the browser comes back
    return None


def needs_login(server: str, why: str, command: str = "") -> AuthenticationError:
    """The error that tells the command to run."""
    return AuthenticationError(
        f"Server {server!r} wants a login, and {why}. Run: {command or f'umcp login {server}'}",
        server=server,
        reason="needs_login",
    )


def nobody_here(
    server: str, command: str, challenge: Challenge, scopes: Sequence[str], had: bool
) -> AuthenticationError:
    """Why a person is needed where there is none: for more permissions, for a new login in place of
    the one that they `had`, or for the first."""
    if challenge.step_up:
        more = f" --scope '{' '.join(scopes)}'" if scopes else ""
        return AuthenticationError(
            f"Server {server!r} wants more permissions than its login has. Run: {command}{more}",
            server=server,
            reason="needs_login",
        )
    if had:
        return AuthenticationError(
            f"The login at server {server!r} has ended. Run: {command}",
            server=server,
            reason="expired",
        )
    return needs_login(server, "nobody is here to log in", command)
