"""A server as a child process: lines of JSON on its standard input and output.

The SDK's own transport reads strictly and without bounds: one byte that is no UTF-8 ends its reading
while requests wait on, and a line without an end grows for ever.
"""

import logging
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from typing import Any, TextIO

import anyio
import anyio.abc
from anyio.streams.memory import MemoryObjectSendStream
from fastmcp.client.transports.base import ClientTransport, TransportOptions
from mcp.client.stdio import get_default_environment
from mcp.os.posix.utilities import terminate_posix_process_tree
from mcp.os.win32.utilities import (
    close_process_job,
    create_windows_process,
    get_windows_executable_command,
    terminate_windows_process_tree,
)
from mcp.shared.message import SessionMessage

from mcp import ClientSession
from universal_mcp_client.config.servers import ServerConfig
from universal_mcp_client.mcp.calls import Calls
from universal_mcp_client.mcp.lines import Unreadable, message_of, request_of
from universal_mcp_client.mcp.values import too_many_values
from universal_mcp_client.mcp.watchdog import watchdog
from universal_mcp_client.policy.programs import on_the_path
from universal_mcp_client.types.bounds import MESSAGE_BYTES, MESSAGE_VALUES

logger = logging.getLogger(__name__)

_CHUNK = 65_536
_ENDS = 4_000  # bytes at which a message that is not read is looked at, at each end
_GRACE, _REAP = 2.0, 2.0  # seconds: to end by itself, and to be seen dead
_POLL = 0.01
_GONE = (OSError, anyio.BrokenResourceError, anyio.ClosedResourceError)


class Stdio(ClientTransport):
    """Starts the server of `config`, in a process group of its own; its stderr goes to `stderr`.

    It ends as the specification asks (basic/lifecycle, shutdown): its input is closed, after two
    seconds its whole group is told to end, after four it is killed.
    """

    def __init__(self, config: ServerConfig, stderr: TextIO | None, calls: Calls) -> None:
        self._config = config
        self._calls = calls
        self._stderr = stderr

    @asynccontextmanager
    async def connect_session(
        self, *, transport_options: TransportOptions | None = None, **session: Any
    ) -> AsyncGenerator[ClientSession]:
        options = transport_options or TransportOptions()
        process = await self._start()  # no await from here to the group: it must not be lost
        watchdog.watch(process.pid)
        messages, incoming = anyio.create_memory_object_stream[SessionMessage | Exception](0)
        outgoing = Input(process)
        async with anyio.create_task_group() as group:
            group.start_soon(_read, process, messages, self._calls)
            try:
                async with options.session_class(incoming, outgoing, **session) as connected:
                    yield connected
            finally:
                with anyio.CancelScope(shield=True):
                    incoming.close()  # what still comes is read and thrown away, so that it can end
                    await _end(process, outgoing)
                group.cancel_scope.cancel()

    async def _start(self) -> Any:
        config = self._config
        command = on_the_path(config.command)
        env = get_default_environment() | dict(config.env)
        if sys.platform == "win32":
            command = await anyio.to_thread.run_sync(get_windows_executable_command, command)
            return await create_windows_process(
                command, list(config.args), env, self._stderr, config.cwd
            )
        return await anyio.open_process(
            [command, *config.args],
            env=env,
            stderr=self._stderr,
            cwd=config.cwd,
            start_new_session=True,
        )


class Input:
    """The server's standard input as the session wants it. A message that could not be written
    whole has not been read by anybody, as it has no end: BrokenResourceError says so."""

    def __init__(self, process: Any) -> None:
        self._process = process
        self._writing = anyio.Lock()
        self._closed = False

    async def send(self, item: SessionMessage) -> None:
        line = item.message.model_dump_json(by_alias=True, exclude_unset=True) + "\n"
        async with self._writing:
            if self._closed or self._process.returncode is not None:
                raise anyio.BrokenResourceError
            try:
                await self._process.stdin.send(line.encode("utf-8", "replace"))
            except _GONE as error:
                raise anyio.BrokenResourceError from error
            # asyncio only logs that a pipe is broken; what it was told after that went nowhere.
            stream = getattr(getattr(self._process.stdin, "_stream", None), "transport", None)
            if stream is not None and stream.is_closing():
                raise anyio.BrokenResourceError

    async def aclose(self) -> None:
        self._closed = True
        with suppress(*_GONE):
            await self._process.stdin.aclose()

    async def __aenter__(self) -> "Input":
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()


async def _read(
    process: Any, messages: MemoryObjectSendStream[SessionMessage | Exception], calls: Calls
) -> None:
    """To the end of its output, also when nobody listens any more."""
    listened = True
    with suppress(anyio.EndOfStream, *_GONE):
        async with messages:
            async for line in _lines(process.stdout):
                item = message_of(line) if isinstance(line, bytes) else line
                if isinstance(item, Unreadable) and item.noise:
                    calls.heard(item.text)
                elif item is not None and listened:
                    try:
                        await messages.send(item)
                    except _GONE:
                        listened = False


async def _lines(stream: anyio.abc.ByteReceiveStream) -> AsyncGenerator[bytes | Unreadable]:
    kept = bytearray()
    searched, skipping = 0, False
    while True:
        try:
            kept += await stream.receive(_CHUNK)
        except anyio.EndOfStream:
            return
        while (end := kept.find(b"\n", searched)) >= 0:
            with memoryview(kept) as view:
                line = bytes(view[:end])
            del kept[: end + 1]
            searched = 0
            if not skipping:
                if too_many_values(line):
                    yield _unread(line, f"a message of more than {MESSAGE_VALUES:,} values")
                else:
                    yield line
            skipping = False
        searched = len(kept)
        if len(kept) > MESSAGE_BYTES:
            if not skipping:
                why = f"a message of more than {MESSAGE_BYTES // 1_000_000} MB"
                yield _unread(bytes(kept[:_ENDS]), why)
            kept.clear()
            searched, skipping = 0, True


def _unread(line: bytes, why: str) -> Unreadable:
    head, tail = line[:_ENDS], line[_ENDS:][-_ENDS:]
    return Unreadable(why, head.decode("utf-8", "replace"), request_of(head + b" " + tail))


async def _end(process: Any, outgoing: Input) -> None:
    await outgoing.aclose()
    if not await _exited(process, _GRACE):
        if sys.platform == "win32":
            await terminate_windows_process_tree(process)
        else:
            await terminate_posix_process_tree(process, _GRACE)
        if not await _exited(process, _REAP):
            logger.warning("Process %d cannot be ended; it is left alone.", process.pid)
    watchdog.release(process.pid)
    close_process_job(process)
    with suppress(*_GONE):
        await process.stdout.aclose()
    # asyncio's own transport stays open while a grandchild holds the pipe; nothing public ends it.
    transport = getattr(getattr(process, "_process", None), "_transport", None)
    if transport is not None:
        with suppress(PermissionError):
            transport.close()


async def _exited(process: Any, seconds: float) -> bool:
    """Not `process.wait()`, which waits for the pipes too; a grandchild may hold them."""
    deadline = anyio.current_time() + seconds
    while process.returncode is None:
        if anyio.current_time() >= deadline:
            return False
        await anyio.sleep(_POLL)
    return True
