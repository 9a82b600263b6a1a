"""Where the browser comes back to: a one-request web server on the loopback interface.

Source: RFC 8252, section 7.3; RFC 6749, section 4.1.2; RFC 9207 (`iss`).
"""

import asyncio
import contextlib
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from urllib.parse import parse_qs, urlsplit

PATH = "/callback"
_LONGEST = 16_384

_PAGE = """\
<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title>
<body style="font-family:system-ui;max-width:32em;margin:20vh auto;text-align:center">
<h1>{title}</h1><p>{text}</p></body></html>
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Redirect:
    """The parameters with which an authorization server sent the browser back."""

    code: str | None = field(default=None, repr=False)
    state: str | None = None
    iss: str | None = None
    error: str | None = None
    description: str | None = None

    @classmethod
    def parse(cls, url: str) -> "Redirect":
        """From a whole URL, a path with a query, or the bare query."""
        query = urlsplit(url.strip()).query or url.strip()
        values = {name: found[0] for name, found in parse_qs(query).items()}
        return cls(
            code=values.get("code"),
            state=values.get("state"),
            iss=values.get("iss"),
            error=values.get("error"),
            description=values.get("error_description"),
        )


class Callback:
    """A listening server; `redirect_uri` is its address, `redirect` what arrives there."""

    def __init__(self, host: str, port: int) -> None:
        shown = f"[{host}]" if ":" in host else host
        self.redirect_uri = f"http://{shown}:{port}{PATH}"
        self.redirect: asyncio.Future[Redirect] = asyncio.get_running_loop().create_future()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, ValueError):
            target = await self._target(reader)
            status, title, text = self._answer(target)
            page = _PAGE.format(title=title, text=text).encode()
            head = (
                f"HTTP/1.1 {status}\r\nContent-Type: text/html; charset=utf-8\r\n"
                f"Content-Length: {len(page)}\r\nCache-Control: no-store\r\n"
                "Referrer-Policy: no-referrer\r\nConnection: close\r\n\r\n"
            )
            writer.write(head.encode() + page)
            await writer.drain()
        writer.close()

    @staticmethod
    async def _target(reader: asyncio.StreamReader) -> str:
        line = (await reader.readuntil(b"\r\n")).decode("latin-1")
        while (await reader.readuntil(b"\r\n")) != b"\r\n":
            pass
        method, target, _ = line.split(" ", 2)
        return target if method == "GET" else ""

    def _answer(self, target: str) -> tuple[str, str, str]:
        redirect = Redirect.parse(urlsplit(target).query)
        if urlsplit(target).path != PATH or (redirect.code is None and redirect.error is None):
            return "404 Not Found", "Nothing here", "This address only takes logins."
        if not self.redirect.done():
            self.redirect.set_result(redirect)
        if redirect.error is not None:
            return "200 OK", "Not logged in", "The server said no; the terminal says why."
        return "200 OK", "Logged in", "You can close this page and go back."


@asynccontextmanager
async def listening(host: str, port: int | None) -> AsyncGenerator[Callback]:
    """Listen until the block ends, on a free port where none is given. Raises OSError."""
    callback: Callback | None = None

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        assert callback is not None
        await callback.serve(reader, writer)

    bind = "127.0.0.1" if host == "localhost" else host.strip("[]")
    server = await asyncio.start_server(serve, bind, port or 0, limit=_LONGEST)
    callback = Callback(host.strip("[]"), server.sockets[0].getsockname()[1])
    try:
        yield callback
    finally:
        server.close()
        callback.redirect.cancel()
