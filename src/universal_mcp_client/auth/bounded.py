"""Bodies of HTTP answers within bounds, counted after they were decompressed: a few kilobytes may
stand for gigabytes."""

import zlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

import httpx2

HEADERS = {"Accept-Encoding": "gzip"}
"""What requests say, so that nothing else comes."""

_PIECE = 65_536
_GZIP_OR_ZLIB = 32 + zlib.MAX_WBITS
_ENDS = (b"\n\n", b"\r\r", b"\r\n\r\n")


class TooLarge(httpx2.ReadError):
    """The answer is longer than is taken, or in an encoding that is not."""


def bounded(largest: int) -> Callable[[httpx2.Response], Awaitable[None]]:
    """A hook for responses: reading a body of more than `largest` bytes raises TooLarge. Of a stream
    of server-sent events the bound is for each event."""

    async def hook(response: httpx2.Response) -> None:
        codings = [
            c.strip().lower() for c in response.headers.get("content-encoding", "").split(",")
        ]
        codings = [c for c in codings if c not in ("", "identity")]
        if len(codings) > 1 or (codings and codings[0] not in ("gzip", "x-gzip", "deflate")):
            raise TooLarge(
                f"the answer is encoded as {', '.join(codings)[:100]}, which was not asked for",
                request=response.request,
            )
        if codings:
            del response.headers["content-encoding"]  # this is done here, and not once more
            response.headers.pop("content-length", None)
        response.stream = _Body(response, bool(codings), largest)

    return hook


class _Body(httpx2.AsyncByteStream):
    def __init__(self, response: httpx2.Response, compressed: bool, largest: int) -> None:
        assert isinstance(response.stream, httpx2.AsyncByteStream)
        self._inner = response.stream
        self._request = response.request
        self._compressed = compressed
        self._largest = largest
        self._events = response.headers.get("content-type", "").startswith("text/event-stream")

    async def __aiter__(self) -> AsyncIterator[bytes]:
        inflater = zlib.decompressobj(_GZIP_OR_ZLIB) if self._compressed else None
        size, tail = 0, b""
        async for chunk in self._inner:
            for piece in _inflated(chunk, inflater) if inflater else (chunk,):
                size += len(piece)
                if self._events:
                    joined = tail + piece
                    ends = [joined.rfind(mark) + len(mark) for mark in _ENDS if mark in joined]
                    size = len(joined) - max(ends) if ends else size
                    tail = joined[-3:]
                if size > self._largest:
                    raise TooLarge(
                        f"the answer is longer than {self._largest:,} bytes", request=self._request
                    )
                yield piece

    async def aclose(self) -> None:
        await self._inner.aclose()


def _inflated(chunk: bytes, inflater: "zlib._Decompress") -> Iterator[bytes]:
    try:
        while chunk and not inflater.eof:
            piece = inflater.decompress(chunk, _PIECE)
            chunk = inflater.unconsumed_tail
            if piece:
                yield piece
    except zlib.error as error:
        raise TooLarge(f"the answer is not compressed as it says: {error}") from error
