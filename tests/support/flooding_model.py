"""A model server that floods: `python flooding_model.py PORT`, until its input ends.

The first part of the path says with what, the last in which format: `/text/v1/messages`.
"""

import asyncio
import json
import sys

HEAD = b"HTTP/1.1 %s\r\ncontent-type: %s\r\ntransfer-encoding: chunked\r\n\r\n"


def chat(delta: str) -> bytes:
    return b'data: {"choices": [{"index": 0, "delta": %s}]}\n\n' % delta.encode()


def messages(kind: str, fields: str) -> bytes:
    return f'event: {kind}\ndata: {{"type": "{kind}", "index": 0, {fields}}}\n\n'.encode()


TEXT = json.dumps("🙂ä" * 20_000)
OBJECTS = ",".join(["{}"] * 1_300_000)
OTHERS = {
    "line": b"event: message_start\ndata: " + b"x" * 65_536,
    "lines": b"data: x\n" * 8_192,
    "error": b'{"error": {"message": "' + b"x " * 32_768,
}
CHAT = OTHERS | {
    "text": chat(f'{{"content": {TEXT}}}'),
    "calls": chat(json.dumps({"tool_calls": [{"index": n, "id": str(n)} for n in range(2_000)]})),
    "objects": chat(f'{{"tool_calls": [{OBJECTS}]}}'),
}
TOOL = '"content_block": {"type": "tool_use", "id": "a", "name": "b", "input": {}}'
MESSAGES = OTHERS | {
    "text": messages("content_block_start", '"content_block": {"type": "text", "text": ""}')
    + messages("content_block_delta", f'"delta": {{"type": "text_delta", "text": {TEXT}}}'),
    "calls": messages("content_block_start", TOOL) * 500,
    "objects": messages(
        "content_block_start", f'"content_block": {{"type": "x", "x": [{OBJECTS}]}}'
    ),
}


async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        head = await reader.readuntil(b"\r\n\r\n")
        kind = head.split(b"/", 2)[1].decode()
        error = kind == "error"
        writer.write(
            HEAD
            % (
                b"500 Oops" if error else b"200 OK",
                b"application/json" if error else b"text/event-stream",
            )
        )
        flood = (MESSAGES if b"/messages" in head.split(b"\r\n", 1)[0] else CHAT)[kind]
        sent = 0
        while sent < 1_000_000_000:
            sent += len(flood)
            writer.write(b"%x\r\n%s\r\n" % (len(flood), flood))
            await writer.drain()
            if kind == "line" and sent == len(flood):
                flood = b"x" * 65_536
            if error and sent == len(flood):
                flood = b"x " * 32_768
    except (ConnectionError, asyncio.IncompleteReadError):
        pass
    finally:
        writer.close()


async def main(port: int) -> None:
    async with await asyncio.start_server(serve, "127.0.0.1", port):
        print("ready", flush=True)
        await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
