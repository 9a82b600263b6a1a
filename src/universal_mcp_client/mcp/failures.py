"""What can go wrong between us and a server, translated at one place."""

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from http import HTTPStatus

import httpx2
import mcp_types
from pydantic import ValidationError

from mcp import MCPError as WireError
from universal_mcp_client.config.servers import ServerConfig
from universal_mcp_client.mcp.transports import Refusal
from universal_mcp_client.types.errors import (
    AuthenticationError,
    ConfigError,
    MCPError,
    ServerError,
    ServerUnavailable,
    UniversalMCPError,
)


class ConnectionLost(ServerUnavailable):
    """Not only one request failed: nothing more can be asked over this connection. `unread` where
    the server did not look at the request, so that it may be sent again."""

    def __init__(self, message: str, *, server: str, unread: bool = False) -> None:
        super().__init__(message, server=server)
        self.unread = unread


WANTS_LOGIN = (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN)

# How a server refuses a session that it does not know, after a restart, say: 404 by the
# specification (basic/transports, session management), 400 by many.
_FORGOTTEN = (HTTPStatus.NOT_FOUND, HTTPStatus.BAD_REQUEST)

_ALL_CLOSED = "Connection closed"  # the SDK's words, where it is more than one response stream


def connect_error(
    error: BaseException,
    config: ServerConfig,
    stderr: Sequence[str],
    garbage: str | None,
    refusal: Refusal,
) -> ServerError:
    """Why a server could not be opened, in words for people, with its last words on stderr."""
    error = _root(error)
    name = config.name
    if isinstance(error, ServerError):
        return error
    if refusal.error is not None:
        return login_error(refusal.error, name)
    refused = refusal.status
    if refused in WANTS_LOGIN:
        return _unwelcome(refused, config)
    reason = _reason(error, config)
    if refused is not None:
        reason = f"it answered with HTTP {refused} {refused.phrase} ({reason})"
    if garbage is not None:
        reason = f"it prints what is not MCP on its standard output: {garbage[:200]!r}"
    said = "".join(f"\n  | {line}" for line in stderr)
    return ServerUnavailable(f"Server {name!r} ({config.target}): {reason}.{said}", server=name)


def login_error(error: UniversalMCPError, server: str) -> ServerError:
    """What went wrong with a login, as the server's failure."""
    if isinstance(error, ServerError):
        return error
    if isinstance(error, ConfigError):
        return AuthenticationError(
            f"Server {server!r} wants a login. {error}", server=server, reason="misconfigured"
        )
    return ServerUnavailable(f"Server {server!r}: {error}", server=server)


def _unwelcome(refused: HTTPStatus | None, config: ServerConfig) -> AuthenticationError:
    """A refusal where there is no login of ours that could answer it."""
    if any(header.lower() == "authorization" for header in config.headers):
        what = "does not take the token of its headers"
    elif config.auth == "none":
        what = 'wants a login, and its config says "auth": "none"'
    else:
        what = "refuses the request"
    return AuthenticationError(
        f"Server {config.name!r} ({config.url}) {what} (HTTP {refused}).", server=config.name
    )


def _reason(error: BaseException, config: ServerConfig) -> str:
    match error:
        case FileNotFoundError() if config.cwd and not _is_folder(config.cwd):
            return f"there is no folder {config.cwd}"
        case FileNotFoundError():
            return f"there is no command {config.command!r}; install it, or put it on the PATH"
        case PermissionError():
            return f"{config.command!r} may not be executed"
        case TimeoutError():
            return f"it did not answer within {config.connect_timeout:g} s"
        case httpx2.ConnectError():
            return f"nothing answers at {config.url} ({error})"
        case httpx2.RequestError():
            return str(error) or type(error).__name__
        case WireError() if error.code == mcp_types.CONNECTION_CLOSED:
            return "it closed the connection before it had answered"
        case WireError():
            return f"{error.message} (JSON-RPC error {error.code})"
        case ValidationError():
            return f"it answered with what is not MCP: {error.errors()[0]['msg']}"
        case _:
            return str(error) or type(error).__name__


def _is_folder(path: str) -> bool:
    from pathlib import Path

    return Path(path).is_dir()


def _root(error: BaseException) -> BaseException:
    """Through groups of one and through wrappers, to the error that tells something."""
    while True:
        if isinstance(error, BaseExceptionGroup) and error.exceptions:
            error = error.exceptions[0]
        elif isinstance(error, RuntimeError) and error.__cause__ is not None:
            error = error.__cause__
        else:
            return error


@contextmanager
def translated(server: str, refusal: Refusal) -> Generator[None]:
    """Raise the libraries' errors of one request as ours; `refusal` knows how the server refused
    it over HTTP."""
    try:
        yield
    except WireError as error:
        if refusal.error is not None:
            raise login_error(refusal.error, server) from error
        if (status := refusal.status) in WANTS_LOGIN:
            raise AuthenticationError(
                f"Server {server!r} refuses the request (HTTP {status}).", server=server
            ) from error
        if refusal.session and status in _FORGOTTEN and _unknown_session(error):
            raise ConnectionLost(
                f"Server {server!r} no longer knows our session.", server=server, unread=True
            ) from error
        if status is not None and error.code == mcp_types.INTERNAL_ERROR:
            raise ServerUnavailable(
                f"Server {server!r} answered with HTTP {status} {status.phrase}: {error.message}.",
                server=server,
            ) from error
        if error.code == mcp_types.CONNECTION_CLOSED:
            lost = ConnectionLost if error.message == _ALL_CLOSED else ServerUnavailable
            raise lost(f"Server {server!r} closed the connection.", server=server) from error
        raise MCPError(error.message, server=server, code=error.code, data=error.data) from error
    except (httpx2.HTTPError, OSError) as error:
        raise ServerUnavailable(
            f"Server {server!r} cannot be reached: {error}", server=server
        ) from error
    except ValidationError as error:
        raise ServerUnavailable(
            f"Server {server!r} answered with what is not MCP: {error.errors()[0]['msg']}",
            server=server,
        ) from error
    except RuntimeError as error:  # fastmcp and mcp raise it for sessions that ended, and for
        # structured content that does not fit the tool's own output schema
        raise ServerUnavailable(f"Server {server!r}: {error}", server=server) from error


def _unknown_session(error: WireError) -> bool:
    """Whether a request of a session was refused for the session's sake: the server says so, or
    its answer is no JSON-RPC, for which the SDK has a text of its own."""
    return error.code == mcp_types.INTERNAL_ERROR or "session" in error.message.lower()
