"""What a server is sent on behalf of whoever asks: headers and `_meta` which a program works out of
the context of a call."""

import asyncio
import logging
import re
from collections.abc import Mapping
from typing import Any, Literal, cast

from universal_mcp_client.config.secrets import secrets_in_pairs
from universal_mcp_client.config.servers import ServerConfig
from universal_mcp_client.mcp.calls import Call
from universal_mcp_client.mcp.convert import sendable
from universal_mcp_client.tools.base import RunContext
from universal_mcp_client.tools.program import awaited
from universal_mcp_client.types.errors import ConfigError, RunError, ServerUnavailable

logger = logging.getLogger(__name__)

_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VALUE = re.compile(r"(?:[!-~](?:[\t -~]*[!-~])?)?")  # RFC 9110, 5.5; ASCII is what httpx2 sends
_RESERVED = re.compile(
    r"(?i)mcp-(session-id|protocol-version|method|name|param-.*)|content-(length|type|encoding)"
    r"|accept(-encoding)?|connection|host|last-event-id|transfer-encoding"
)


def fit(headers: object) -> dict[str, str]:
    """Headers that HTTP can carry. Raises ValueError that says which cannot be sent, and why, but
    not what it holds."""
    if not isinstance(headers, Mapping):
        kind = type(headers).__name__
        raise ValueError(f"its headers must be a mapping of names to strings, not {kind}")
    for name, value in cast(Mapping[object, object], headers).items():
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            why = "has no name that HTTP knows"
        elif not isinstance(value, str):
            why = f"must be a string, not {type(value).__name__}"
        elif not _VALUE.fullmatch(value):
            why = "has a line break, a space at an end, or what is not printable ASCII"
        else:
            continue
        raise ValueError(f"its header {name!r:.80} {why}")
    return dict(cast(Mapping[str, str], headers))


async def headers_for(config: ServerConfig, call: Call | None) -> dict[str, str] | None:
    """The headers of an HTTP request that serves `call`, which notes their secrets.

    For a request that no run made (to connect, to list, what the server tells by itself) the
    function gets an empty context. Where it raises for that, the request goes without: never with
    what belongs to a run. Of a call that is over, those that it had; None where it had none yet.
    Raises ConfigError, ServerUnavailable.
    """
    context = call.context if call is not None else None
    if call is not None and call.over and context is not None:
        return call.headers
    try:
        found = await _worked_out(config, "headers", context or RunContext())
        if context is None and isinstance(found, Mapping):  # of nobody, as `{"…": ctx.deps}` is
            items = cast(Mapping[object, object], found).items()
            found = {name: value for name, value in items if value is not None}
        headers = fit(found)
        if reserved := next(filter(_RESERVED.fullmatch, headers), None):
            raise ValueError(f"its header {reserved!r} is one that the protocol itself sets")
    except ServerUnavailable as error:
        if context is not None:
            error.unprocessed = call is not None and call.headers is None
            raise
        logger.debug("%s A request that no run makes goes without.", error)
        return {}
    except ValueError as error:
        raise ConfigError(f"Server {config.name!r}: {error}.") from None
    if call is not None and not call.over:
        call.headers = headers
        call.secrets.update(secrets_in_pairs(headers, all_of_them=True))
    return headers


async def meta_for(config: ServerConfig, context: RunContext[Any]) -> dict[str, Any] | None:
    """The `_meta` of a call: the server's own, and over it that of the context. Raises ConfigError,
    ServerUnavailable."""
    given = await _worked_out(config, "meta", context)
    try:
        return sendable({**cast(Mapping[str, Any], given), **context.meta}) or None
    except (TypeError, ValueError, RecursionError) as error:
        raise ConfigError(
            f"Server {config.name!r}: its meta must be a mapping that JSON can carry: {error}."
        ) from error


async def _worked_out(
    config: ServerConfig, what: Literal["headers", "meta"], context: RunContext[Any]
) -> object:
    given = config.headers if what == "headers" else config.meta
    if not callable(given):
        return given
    task = asyncio.current_task()
    cancels = task.cancelling() if task is not None else 0
    try:
        found: object = await awaited(given(context))
        return found
    except (ConfigError, RunError, KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:
        if isinstance(error, asyncio.CancelledError) and task and task.cancelling() > cancels:
            raise  # it is us who are cancelled, and not what the function waited for
        # Without its text, which nobody has looked through for secrets: the model may read this.
        raise ServerUnavailable(
            f"Server {config.name!r}: its {what} function raised {type(error).__name__}.",
            server=config.name,
            unprocessed=True,
        ) from error
