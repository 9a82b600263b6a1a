"""Secrets are taken out of messages before anybody sees them: people, logs, exceptions, models."""

import re
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from typing import Protocol

from universal_mcp_client.config.secrets import (
    HIDDEN,
    replaced,
    says_secret,
    without_url_secrets,
)

_BEARER = re.compile(r"\b(Bearer|Basic|DPoP)\s+[A-Za-z0-9._~+/=-]{8,}", re.IGNORECASE)
_FLAG = re.compile(r"(?<![\w-])(--?[A-Za-z][\w-]*)(=|\s+)(?!-)(\"[^\"]*\"|'[^']*'|[^\s\"']+)")


class Hides(Protocol):
    """What has secrets, such as the entry of a server, each with what is shown in its place."""

    @property
    def hidden(self) -> Mapping[str, str]: ...


def redacted(text: str, *owners: Hides) -> str:
    """`text` without the secrets of `owners`, wherever they stand in it, and without what looks
    like one: a URL's user and `?api_key=…`, what follows `--token`, a bearer token.

    What came from `${VAR}` is shown as that; everything else as …
    """
    for owner in owners:
        text = replaced(text, owner.hidden)
    text = without_url_secrets(text)
    text = _BEARER.sub(rf"\1 {HIDDEN}", text)
    return _FLAG.sub(_without_value, text) if "-" in text else text


def _without_value(found: "re.Match[str]") -> str:
    kept = not says_secret(found[1]) or found[3].startswith(("${", HIDDEN))
    return found[0] if kept else f"{found[1]}{found[2]}{HIDDEN}"


def without_secrets(error: BaseException, *owners: Hides) -> None:
    """Take the secrets of `owners` out of the messages of an error and of those that led to it."""
    hidden = {text: shown for owner in owners for text, shown in owner.hidden.items()}
    seen, waiting = set[int](), [error]
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
def secrets_kept(*owners: Hides) -> Generator[None]:
    """No error leaves this with a secret of `owners` in its message."""
    try:
        yield
    except Exception as error:
        without_secrets(error, *owners)
        raise
