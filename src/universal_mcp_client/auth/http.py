"""Requests to authorization servers: bounded, kept to their origin, and without secrets in errors."""

import asyncio
import time
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

import httpx2

from universal_mcp_client.auth.bounded import HEADERS, bounded
from universal_mcp_client.types.bounds import LOGIN_BYTES, LOGIN_SECONDS
from universal_mcp_client.types.errors import AuthenticationError, ServerUnavailable

_REDIRECTS = 5
_LOOPBACK = ("localhost", "127.0.0.1", "::1")

IDLE = 4.0
"""Seconds after which an idle connection is given up. Many servers close theirs after 5 (Node,
uvicorn, Apache), and a request that meets the closing one is lost: we have to be first."""


class AuthorizationHTTP:
    """An HTTP client for one login. `skew` is by how much the other side's clock is ahead of ours,
    in seconds, as far as its answers tell (RFC 9110, `Date`)."""

    def __init__(self, server: str, server_url: str) -> None:
        self.server = server
        self.skew = 0.0
        self._plain = urlsplit(server_url).scheme == "http"
        self._client: httpx2.AsyncClient | None = None

    async def get(self, url: str, headers: Mapping[str, str] | None = None) -> httpx2.Response:
        """GET; redirects are followed within the origin only."""
        response = await self._send("GET", url, headers=dict(headers or {}))
        for _ in range(_REDIRECTS):
            following = response.next_request
            if following is None or _origin(str(following.url)) != _origin(url):
                break
            response = await self._send("GET", str(following.url), headers=dict(headers or {}))
        return response

    async def post(
        self,
        url: str,
        *,
        data: Mapping[str, str] | None = None,
        json: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> httpx2.Response:
        """POST a form or JSON. Never follows a redirect: what it carries is for this URL alone."""
        return await self._send("POST", url, data=data, json=json, headers=dict(headers or {}))

    async def _send(self, method: str, url: str, **parts: Any) -> httpx2.Response:
        self.check(url)
        parts["headers"] = {"Accept": "application/json"} | parts["headers"]
        if self._client is None:
            self._client = httpx2.AsyncClient(
                timeout=LOGIN_SECONDS,
                follow_redirects=False,
                headers=HEADERS,
                event_hooks={"response": [bounded(LOGIN_BYTES)]},
                limits=httpx2.Limits(keepalive_expiry=IDLE),
            )
        try:
            async with asyncio.timeout(LOGIN_SECONDS):
                response = await self._client.request(method, url, **parts)
        except (httpx2.HTTPError, httpx2.InvalidURL, TimeoutError) as error:
            raise ServerUnavailable(
                f"The authorization server of {self.server!r} cannot be reached at {bare(url)}: "
                f"{str(error) or f'no whole answer within {LOGIN_SECONDS:g} s'}.",
                server=self.server,
            ) from error
        self._learn_skew(response)
        return response

    def check(self, url: str) -> None:
        """OAuth 2.1, section 1.5: only over TLS. Plain HTTP serves development: on this machine, or
        where the MCP server itself is reached so."""
        parts = urlsplit(url)
        if parts.scheme == "https":
            return
        if parts.scheme == "http" and (self._plain or parts.hostname in _LOOPBACK):
            return
        raise AuthenticationError(
            f"Server {self.server!r} names {bare(url)} for its logins, which is not HTTPS.",
            server=self.server,
            reason="misconfigured",
        )

    def _learn_skew(self, response: httpx2.Response) -> None:
        try:
            theirs = parsedate_to_datetime(response.headers.get("date", "")).timestamp()
        except ValueError:
            return
        skew = theirs - time.time()
        self.skew = skew if abs(skew) > 5 else 0.0  # less is the journey and the header's second

    def now(self) -> int:
        """The other side's time, for what is signed for it."""
        return int(time.time() + self.skew)

    async def aclose(self) -> None:
        if self._client is not None:
            await self._client.aclose()
            self._client = None


def _origin(url: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port


def bare(url: str) -> str:
    """A URL that may be shown: without user, query and fragment."""
    parts = urlsplit(url)
    port = f":{parts.port}" if parts.port else ""
    return f"{parts.scheme}://{parts.hostname}{port}{parts.path}"


def redacted(text: str, *secrets: str | None) -> str:
    """`text`, which another party wrote, without the secrets that we had told it, and short."""
    for secret in secrets:
        if secret:
            text = text.replace(secret, "…")
    line = " ".join(text.split())
    return line if len(line) <= 300 else line[:299] + "…"
