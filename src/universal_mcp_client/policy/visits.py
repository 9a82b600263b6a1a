"""Web addresses that a server asks a person to visit."""

import ipaddress
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit, urlunsplit


@dataclass(frozen=True, slots=True)
class Visit:
    """`url` without a user's name and password in it, its `host` as it is looked up (look-alikes
    show as `xn--…`), and what to be warned of."""

    url: str
    host: str
    warning: str = ""


def visit(url: str) -> Visit:
    """What may be shown of a server's URL. Raises ValueError, in words, for all but https, and http
    on this machine (MCP 2025-11-25, elicitation, safe URL handling)."""
    if len(url) > 8_000 or any(c <= " " or c == "\\" or c == "\x7f" for c in url):
        raise ValueError("it is not a web address")
    try:
        parts: SplitResult = urlsplit(url)
        name, port = parts.hostname or "", parts.port
        host = name if ":" in name else name.encode("idna").decode("ascii")
    except (ValueError, UnicodeError) as error:
        raise ValueError("it is not a web address") from error
    if parts.scheme not in ("http", "https") or not host:
        raise ValueError(f"it is no https address, but one of {parts.scheme or 'no scheme'!r}")
    if parts.scheme == "http" and not _here(host):
        raise ValueError("it is http, which others can read and change on the way; https is needed")
    where = f"[{host}]" if ":" in host else host
    netloc = where if port is None else f"{where}:{port}"
    warnings = []
    if parts.scheme == "http":
        warnings.append("it is a program on this machine, and not encrypted")
    if "@" in parts.netloc:
        warnings.append("a name before the host was left out of it")
    if "xn--" in host:
        warnings.append("letters of other alphabets in the host may look like ones that you know")
    return Visit(urlunsplit(parts._replace(netloc=netloc)), host, "; ".join(warnings))


def _here(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
