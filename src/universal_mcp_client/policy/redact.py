"""Secrets are taken out of messages before anybody sees them: people, logs, exceptions, models."""

import re
from collections.abc import Generator
from contextlib import contextmanager

from universal_mcp_client.config.secrets import (
    HIDDEN,
    replaced,
    says_secret,
    without_url_secrets,
)
from universal_mcp_client.config.servers import ServerConfig

_BEARER = re.compile(r"\b(Bearer|Basic|DPoP)\s+[A-Za-z0-9._~+/=-]{8,}", re.IGNORECASE)
_FLAG = re.compile(r"(?<![\w-])(--?[A-Za-z][\w-]*)(=|\s+)(?!-)(\"[^\"]*\"|'[^']*'|[^\s\"']+)")


def redacted(text: str, *configs: ServerConfig) -> str:
    """`text` without the secrets of `configs`, wherever they stand in it, and without what looks
    like one: a URL's user and `?api_key=…`, what follows `--token`, a bearer token.

    What came from `${VAR}` is shown as that; everything else as …
    """
    for config in configs:
        text = replaced(text, config.hidden)
    text = without_url_secrets(text)
    text = _BEARER.sub(rf"\1 {HIDDEN}", text)
    return _FLAG.sub(_without_value, text) if "-" in text else text


def _without_value(found: "re.Match[str]") -> str:
    kept = not says_secret(found[1]) or found[3].startswith(("${", HIDDEN))
    return found[0] if kept else f"{found[1]}{found[2]}{HIDDEN}"


def without_secrets(error: BaseException, config: ServerConfig) -> None:
    """Take the secrets of `config` out of the messages of an error and of those that led to it."""
    hidden, seen, waiting = config.hidden, set[int](), [error]
    while waiting:
        each = waiting.pop()
        if id(each) in seen:
            continue
        seen.add(id(each))
        if not isinstance(each, OSError) and any(isinstance(a, str) for a in each.args):
            each.args = tuple(
                without_url_secrets(replaced(a, hidden)) if isinstance(a, str) else a
                for a in each.args
            )
        waiting += [e for e in (each.__cause__, each.__context__) if e is not None]
        if isinstance(each, BaseExceptionGroup):
            waiting += each.exceptions


@contextmanager
def secrets_kept(config: ServerConfig) -> Generator[None]:
    """No error leaves this with a secret of `config` in its message."""
    try:
        yield
    except Exception as error:
        without_secrets(error, config)
        raise
