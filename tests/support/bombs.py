"""An HTTP server whose answers have no good end. Prints its port; the path says which answer."""

import asyncio
import zlib
from collections.abc import Iterator

_MEGABYTE = b" " * 1_000_000


def squeezed(pieces: Iterator[bytes]) -> Iterator[bytes]:
    packer = zlib.compressobj(6, wbits=31)
    for piece in pieces:
        yield packer.compress(piece)
    yield packer.flush()


def megabytes(number: int) -> Iterator[bytes]:
    return (_MEGABYTE for _ in range(number))


async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    head = (await reader.readuntil(b"\r\n\r\n")).decode()
    path = head.split()[1]
    encoding, kind, pause = "", "application/json", 0.0
    if "gzip" in path:
        encoding, body = "gzip", squeezed(megabytes(1_000))
    elif "twice" in path:
        encoding, body = "gzip, gzip", squeezed(squeezed(megabytes(50)))
    elif "brotli" in path:
        encoding, body = "br", iter([b"\x00"])
    elif "event" in path:
        kind = "text/event-stream"
        body = (b"data: " + _MEGABYTE for _ in range(1_000))
    elif "drip" in path:
        body, pause = (b" " for _ in range(10_000)), 0.02
    else:
        body = megabytes(1_000)
    lines = [f"Content-Type: {kind}", "Transfer-Encoding: chunked", "Connection: close"]
    lines += [f"Content-Encoding: {encoding}"] if encoding else []
    try:
        writer.write(("HTTP/1.1 200 OK\r\n" + "\r\n".join(lines) + "\r\n\r\n").encode())
        for piece in body:
            if piece:
                writer.write(b"%x\r\n%b\r\n" % (len(piece), piece))
                await writer.drain()
                await asyncio.sleep(pause)
        writer.write(b"0\r\n\r\n")
        await writer.drain()
    except ConnectionError:
        pass
    writer.close()


async def main() -> None:
    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
