"""Weights from Hugging Face's hub, or a mirror of it: `HF_ENDPOINT`, with `HF_TOKEN`.

The hub answers with a redirect to where the bytes lie. The token is for the hub alone, and the hub
alone says which checksum the bytes have.
"""

import os
import re
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPException, HTTPMessage, HTTPResponse
from typing import IO, cast
from urllib.error import URLError
from urllib.parse import urljoin, urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

from universal_mcp_client.config.secrets import shown_url
from universal_mcp_client.types.errors import ConfigError

_SHA256 = re.compile(r'(?:W/)?"?([0-9a-f]{64})"?\Z')
_TIMEOUT = 60.0  # seconds without a byte


@dataclass(frozen=True, slots=True, kw_only=True)
class Download:
    """A file that is coming: its SHA-256 where the hub announced it, its size where anybody did."""

    read: Callable[[int], bytes]
    sha256: str | None
    size: int | None


def url_of(path: str) -> str:
    """Raises ConfigError for what is not OWNER/REPO/FILE.gguf."""
    owner, _, rest = path.partition("/")
    repo, _, file = rest.partition("/")
    if not file.endswith(".gguf") or not owner or not repo:
        raise ConfigError(f"hf:{path}: write hf:OWNER/REPO/FILE.gguf.")
    base = os.environ.get("HF_ENDPOINT", "https://huggingface.co").rstrip("/")
    return f"{base}/{owner}/{repo}/resolve/main/{file}"


@contextmanager
def fetching(url: str) -> Generator[Download]:
    """The file at a hub's URL. Raises ConfigError where it cannot be fetched."""
    token = os.environ.get("HF_TOKEN")
    redirects = _Redirects(url)
    request = Request(url)
    if token:
        request.add_unredirected_header("Authorization", f"Bearer {token}")
        redirects.token = token
    try:
        with cast(HTTPResponse, build_opener(redirects).open(request, timeout=_TIMEOUT)) as answer:
            if _origin(answer.url) == _origin(url):
                redirects.saw(answer.headers)
            yield Download(
                read=answer.read, sha256=redirects.sha256, size=redirects.size or answer.length
            )
    except (URLError, OSError, HTTPException) as error:
        raise ConfigError(f"Cannot fetch {shown_url(url)}: {error}.") from error


class _Redirects(HTTPRedirectHandler):
    """Follows them to HTTP only, and never from TLS to without; remembers what the hub announced."""

    def __init__(self, url: str) -> None:
        self._hub = _origin(url)
        self.token = ""
        self.sha256: str | None = None
        self.size: int | None = None

    def saw(self, headers: HTTPMessage) -> None:
        """The first word of the hub counts."""
        if found := _SHA256.match(headers.get("X-Linked-ETag") or ""):
            self.sha256 = self.sha256 or found[1]
        if (size := headers.get("X-Linked-Size") or "").isdecimal() and len(size) < 20:
            self.size = self.size or int(size)

    def redirect_request(
        self, req: Request, fp: IO[bytes], code: int, msg: str, headers: HTTPMessage, newurl: str
    ) -> Request | None:
        newurl = urljoin(req.full_url, newurl)
        here, there = _origin(req.full_url), _origin(newurl)
        if there[0] not in ("http", "https") or (here[0] == "https" and there[0] == "http"):
            raise URLError(f"it redirects to {shown_url(newurl)}, which is not safe")
        if here == self._hub:
            self.saw(headers)
        following = super().redirect_request(req, fp, code, msg, headers, newurl)
        if following is not None and self.token and here == there == self._hub:
            following.add_unredirected_header("Authorization", f"Bearer {self.token}")
        return following


def _origin(url: str) -> tuple[str, str, int | None]:
    parts = urlsplit(url)
    port = parts.port or {"http": 80, "https": 443}.get(parts.scheme)
    return parts.scheme, parts.hostname or "", port
