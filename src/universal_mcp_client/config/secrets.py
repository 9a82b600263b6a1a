"""Which texts of a server's configuration nobody else may see, and how it is shown without them."""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from urllib.parse import quote, quote_plus, unquote, urlsplit

HIDDEN = "…"
_SHORTEST = 4  # characters; replacing shorter ones would break words, not hide secrets

_NAMES = (
    r"(?:[\w.-]*?[_.-])?(?:api[_-]?key|access[_-]?key|apikey|key|token|secret|password|passwd|passphrase|pwd|pat"
    r"|auth|authorization|bearer|credentials?|cookie|session[_-]?id|sig|signature|connection[_-]?string|dsn)"
    r"(?:[_-]?(?:id|value))?"
)
_SECRET_NAME = re.compile(rf"-*(?:{_NAMES})\Z", re.IGNORECASE)
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_PLAIN = re.compile(
    r"(?i:true|false|yes|no|on|off|none|null|debug|info|warn(?:ing)?|error|production|development|test)"
    r"|[\d.,:-]+|(?:~|\.{1,2})?/[^\s:@?]*|[A-Za-z]:[\\/][^\s@?]*"
)
"""Values that are no secrets where their name does not say so: switches, numbers, paths."""
_URL_USER = re.compile(r"(?<=://)[^\s/?#@]+@")
_QUERY_VALUE = re.compile(r"(?<=[?&;])([^\s=&;?#\"'<>]+)=([^\s&;#\"'<>)\]}]*)")


def says_secret(name: str) -> bool:
    """The name of a variable, flag, header or parameter promises a secret: `--api-key`, `authToken`."""
    return _SECRET_NAME.match(_CAMEL.sub("_", name.strip())) is not None


def shown_url(url: str) -> str:
    """A URL without its user, password and the values of its query."""
    if "://" not in url:
        return url
    rest, mark, fragment = url.partition("#")
    address, query, values = _URL_USER.sub(f"{HIDDEN}@", rest, count=1).partition("?")
    pairs = (_hidden_pair(pair) for pair in values.split("&"))
    return address + query + "&".join(pairs) + mark + (HIDDEN if fragment else "")


def _hidden_pair(pair: str) -> str:
    name, equals, value = pair.partition("=")
    if re.fullmatch(r"(?:\$\{\w+\})+", value):  # as it is written, and so no secret
        return pair
    return f"{name}={HIDDEN}" if equals and value else HIDDEN if len(pair) > 20 else pair


def shown_words(words: Sequence[str]) -> list[str]:
    """A command line's words without what follows flags such as `--token`, and without what URLs
    and headers in it hold."""
    shown, hide = list[str](), False
    for word in words:
        flag, equals, value = word.partition("=")
        if _is_reference(word) or not word:
            shown.append(word)
        elif hide and not word.startswith("--"):
            shown.append(HIDDEN)
        elif equals and says_secret(flag) and not _is_reference(value):
            shown.append(f"{flag}={HIDDEN}")
        elif equals and flag.startswith("-") and "://" in value:
            shown.append(f"{flag}={shown_url(value)}")
        elif header := re.match(r"([\w-]+):\s*(?=\S)(?!//)", word):
            known = says_secret(header[1]) and "${" not in word
            shown.append(header[0] + HIDDEN if known else word)
        else:
            shown.append(shown_url(word))
        hide = word.startswith("-") and not equals and says_secret(word)
    return shown


def _is_reference(text: str) -> bool:
    return re.fullmatch(r"\$\{[^}]*\}", text) is not None


def secrets_in_url(url: str) -> list[str]:
    """What `shown_url` leaves out, as it stands there and decoded."""
    if "://" not in url:
        return []
    try:
        parts = urlsplit(url)
    except ValueError:
        return []
    user, _, host = parts.netloc.rpartition("@")
    found = [user, *user.split(":", 1)] if host and user else []
    for pair in parts.query.split("&"):
        name, _, value = pair.partition("=")
        found += [value] if says_secret(unquote(name)) or not _PLAIN.fullmatch(value) else []
    return [text for each in found for text in (each, unquote(each))]


def secrets_in_words(words: Sequence[str]) -> list[str]:
    """What `shown_words` leaves out."""
    found, hide = list[str](), False
    for word in words:
        flag, equals, value = word.partition("=")
        if hide and not word.startswith("--"):
            found.append(word)
        elif equals and says_secret(flag):
            found.append(value)
        elif (header := re.match(r"([\w-]+):\s*(.+)", word)) and says_secret(header[1]):
            found += credentials(header[2])
        found += secrets_in_url(value if equals and flag.startswith("-") else word)
        hide = word.startswith("-") and not equals and says_secret(word)
    return found


def secrets_in_pairs(pairs: Mapping[str, str], *, all_of_them: bool = False) -> list[str]:
    """The values of environment variables or headers; switches, numbers and paths are none, unless
    their name says so."""
    found = list[str]()
    for name, value in pairs.items():
        if all_of_them or says_secret(name) or not _PLAIN.fullmatch(value.strip()):
            found += credentials(value)
            found += secrets_in_url(value)
    return found


def credentials(value: str) -> list[str]:
    """A header's value, and what stands in it after `Bearer` or the like."""
    scheme, _, rest = value.strip().partition(" ")
    return [value, rest.strip()] if rest and scheme.isalpha() else [value]


def replacements(values: Iterable[str], expanded: Mapping[str, str]) -> dict[str, str]:
    """From each text to be hidden to what is put in its place: `${VAR}` for what came from there.

    Texts of several lines are hidden line by line, and everything also as URLs and JSON write it.
    """
    out: dict[str, str] = {}
    for value, shown in [*((v, HIDDEN) for v in values), *expanded.items()]:
        for part in {value, value.strip(), *value.splitlines()}:
            if len(part) >= _SHORTEST:
                for form in (part, quote(part), quote(part, safe=""), quote_plus(part)):
                    out[form] = shown
                out[json.dumps(part)[1:-1]] = shown
                out[json.dumps(part, ensure_ascii=False)[1:-1]] = shown
    return out


def replaced(text: str, hidden: Mapping[str, str]) -> str:
    """`text` with every key of `hidden` replaced, the longest first."""
    if not hidden or not text:
        return text
    ordered = sorted(hidden, key=len, reverse=True)
    return re.sub("|".join(map(re.escape, ordered)), lambda found: hidden[found[0]], text)


def without_url_secrets(text: str) -> str:
    """Prose in which URLs may stand, without their users and what `?api_key=` and the like hold."""
    if "://" in text:
        text = _URL_USER.sub(f"{HIDDEN}@", text)
    if "=" in text:
        text = _QUERY_VALUE.sub(
            lambda m: f"{m[1]}={HIDDEN}" if _must_go(m[1], m[2]) else m[0], text
        )
    return text


def _must_go(name: str, value: str) -> bool:
    shown = not value or value.startswith(("${", HIDDEN))
    return not shown and says_secret(unquote(name))
