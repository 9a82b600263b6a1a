"""What can go wrong between us and a server, translated at one place."""

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from http import HTTPStatus

import httpx2
import mcp_types
from pydantic import ValidationError

from mcp import MCPError as WireError
from universal_mcp_client.config.servers import ServerConfig
from universal_mcp_client.mcp.calls import LONGEST, Call, Calls
from universal_mcp_client.mcp.wire import not_mcp
from universal_mcp_client.types.errors import (
    AuthenticationError,
    ConfigError,
    MCPError,
    ServerError,
    ServerUnavailable,
    UniversalMCPError,
)


class ConnectionLost(ServerUnavailable):
    """Not only one request failed: nothing more can be asked over this connection."""


WANTS_LOGIN = (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN)

# How a server refuses a session that it does not know, after a restart, say: 404 by the
# specification (basic/transports, session management), 400 by many.
_FORGOTTEN = (HTTPStatus.NOT_FOUND, HTTPStatus.BAD_REQUEST)

# The SDK's words and codes where there is no answer of the server's.
_NO_JSON_RPC = "Server returned an error response"
_UNREAD = ("Failed to parse JSON response", "Failed to parse SSE message")
_CLOSED = "it closed the connection before it had answered"
_CUT_OFF = "SSE stream ended"
_NO_ANSWER = ("Unexpected content type", *_UNREAD)
_SENT_AWAY = "Redirect to "
_MADE_HERE = (mcp_types.INTERNAL_ERROR, mcp_types.CONNECTION_CLOSED, mcp_types.PARSE_ERROR)


def connect_error(
    error: BaseException, config: ServerConfig, stderr: Sequence[str], calls: Calls, call: Call
) -> ServerError:
    """Why a server could not be opened, in words for people, with its last words on stderr. `call`
    is the opening as a whole."""
    error = _root(error)
    name = config.name
    if isinstance(call.failure, ConfigError):
        return ServerUnavailable(str(call.failure), server=name, unprocessed=True)
    if isinstance(error, ServerError):
        return error
    if call.login is not None:
        return login_error(call.login, name)
    refused, garbage = call.status, calls.noise
    if call.broke is not None and isinstance(error, WireError):
        error, refused = call.broke, None
    if refused in WANTS_LOGIN:
        return _unwelcome(refused, config)
    reason = _reason(error, config)
    if reason == _CLOSED and config.transport == "stdio" and not stderr:
        reason += ", without a word of why; does the program run its server, as in `mcp.run()`?"
    if refused is not None:
        reason = f"it answered with HTTP {refused} {refused.phrase} ({reason})"
    if garbage is not None:
        reason = f"it prints what is not MCP on its standard output: {garbage[:200]!r}"
    said = "".join(f"\n  | {line}" for line in stderr)
    return ServerUnavailable(
        f"Server {name!r} ({config.target}): {reason}.{said}", server=name, unprocessed=True
    )


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
    if callable(config.headers):
        what = (
            "does not take the headers that its function gives where no run asks: with `deps` None"
        )
    elif any(header.lower() == "authorization" for header in config.headers):
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
            return _CLOSED
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
def translated(server: str, call: Call) -> Generator[None]:
    """Raise the libraries' errors of one request as ours; `call` knows what the transport saw."""
    try:
        yield
    except WireError as error:
        raise _told(error, server, call) from error
    except TimeoutError as error:
        if not call.expired:
            raise ServerUnavailable(
                f"Server {server!r} cannot be reached: {error}", server=server
            ) from error
        if refused := _refused(server, call, ""):
            raise refused from None
        if call.failure is not None:
            raise call.failure from call.failure.__cause__
        raise ServerUnavailable(
            f"Server {server!r} did not answer within {call.seconds or LONGEST:g} s.", server=server
        ) from None
    except (httpx2.HTTPError, OSError) as error:
        raise ConnectionLost(
            f"Server {server!r} cannot be reached: {error}",
            server=server,
            unprocessed=_never_sent(error) or not call.sent,
        ) from error
    except ValidationError as error:
        raise not_mcp(server, error.errors()[0]["msg"]) from error
    except RuntimeError as error:  # fastmcp and mcp raise it for sessions that ended, and for
        # structured content that does not fit the tool's own output schema
        raise ServerUnavailable(
            f"Server {server!r}: {error}", server=server, unprocessed=not call.sent
        ) from error


def _told(error: WireError, server: str, call: Call) -> ServerError:
    """What a JSON-RPC error stands for: the SDK makes them of all that happens."""
    if refused := _refused(server, call, error.message):
        return refused
    if (broke := call.broke) is not None and (error.code in _MADE_HERE or call.cut):
        why = f"Server {server!r} cannot be reached: {str(broke) or type(broke).__name__}"
        if _never_sent(broke):
            return ConnectionLost(why, server=server, unprocessed=True)
        return ServerUnavailable(why, server=server)
    status = call.status
    if status is not None and error.code == mcp_types.INTERNAL_ERROR:
        return ServerUnavailable(
            f"Server {server!r} answered with HTTP {status} {status.phrase}: {error.message}.",
            server=server,
        )
    if status is None and error.message.startswith(_SENT_AWAY):
        return ServerUnavailable(f"Server {server!r} cannot be reached: {error}.", server=server)
    if error.code == mcp_types.CONNECTION_CLOSED:
        closed = f"Server {server!r} closed the connection."
        if call.cut or error.message.startswith(_CUT_OFF):
            return ServerUnavailable(closed, server=server)
        if not call.answered:
            return ConnectionLost(closed, server=server, unprocessed=not call.sent)
    made_up = error.code in (mcp_types.PARSE_ERROR, mcp_types.INVALID_REQUEST)
    if made_up and error.message.startswith(_NO_ANSWER):
        return not_mcp(server, error.message)
    return MCPError(error.message, server=server, code=error.code, data=error.data)


def _refused(server: str, call: Call, said: str) -> ServerError | None:
    """What an HTTP server refused before it had looked at the request."""
    if call.login is not None:
        return login_error(call.login, server)
    if call.status in WANTS_LOGIN:
        return AuthenticationError(
            f"Server {server!r} refuses the request (HTTP {call.status}).", server=server
        )
    if call.session and call.status in _FORGOTTEN and _of_sessions(said):
        return ConnectionLost(
            f"Server {server!r} no longer knows our session.", server=server, unprocessed=True
        )
    return None


def _never_sent(error: BaseException) -> bool:
    return isinstance(error, httpx2.ConnectError | httpx2.ConnectTimeout | httpx2.PoolTimeout)


def _of_sessions(said: str) -> bool:
    """Whether a request of a session was refused for the session's sake: the server says so, or its
    answer is no JSON-RPC, for which the SDK has a text of its own."""
    return said == _NO_JSON_RPC or "session" in said.lower()
