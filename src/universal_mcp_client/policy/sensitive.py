"""Fields of a server's form that ask for secrets, which it must not (MCP 2025-11-25, elicitation:
"servers MUST NOT use form mode elicitation to request sensitive information")."""

import re
from collections.abc import Mapping
from typing import Any

_BOUNDARY = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|[_\W]+")
_SECRET = re.compile(
    r"\b(pass ?(word|wd|phrase|code)s?|passwort|kennwort|pwd|secrets?|credentials?"
    r"|(api|access|auth|bearer|refresh|id|session|security|private|ssh|secret|signing|encryption) ?"
    r"(keys?|tokens?)|tokens?|apikeys?|pins?|otp|totp|2fa|mfa|cvv2?|cvc|ssn|iban"
    r"|(one time|verification|recovery|backup|seed) (codes?|phrases?|passwords?)"
    r"|(credit|debit) ?cards?|card numbers?|mnemonic|cookies?)\b",
    re.IGNORECASE,
)


def asks_for_secret(name: str, form: Mapping[str, Any]) -> bool:
    """Whether a field wants a password, a token or the like, by its name, words or format."""
    if str(form.get("format", "")).lower() in ("password", "secret", "token"):
        return True
    told = (name, form.get("title"), form.get("description"))
    words = " ".join(_BOUNDARY.sub(" ", str(text)[:2_000]) for text in told if text)
    return _SECRET.search(words) is not None
