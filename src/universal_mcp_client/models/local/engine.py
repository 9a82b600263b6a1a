"""llama.cpp in this process: loaded once a file, used by one request at a time."""

import asyncio
import os
import threading
from collections.abc import AsyncGenerator
from contextlib import closing, suppress
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit

from universal_mcp_client.models.stream import excerpt
from universal_mcp_client.types.errors import (
    BadModelRequest,
    ConfigError,
    ContextOverflow,
    ModelError,
)

CONTEXT = 8_192
"""Tokens of context, or fewer where the model was made for fewer."""


class Engine:
    """One GGUF file. Loading takes about half a second for 100 MB; it happens at the first use."""

    def __init__(self, path: Path, context: int = CONTEXT) -> None:
        self.path = path
        self.context = context
        self._server: Any = None
        self._lock = threading.Lock()

    def _load(self) -> Any:
        with self._lock:
            if self._server is None:
                try:
                    import xllamacpp
                except ImportError as error:
                    raise ConfigError(
                        "local: models need llama.cpp: pip install 'universal-mcp-client[local]'"
                    ) from error
                params = xllamacpp.CommonParams()
                params.model.path = str(self.path)
                params.n_ctx = self.context
                params.n_parallel = 1
                params.verbosity = -1
                params.warmup = False
                params.use_jinja = True
                params.cpuparams.n_threads = max(1, min(8, os.cpu_count() or 1))
                try:
                    self._server = _running(xllamacpp.Server(params))
                except RuntimeError as error:
                    raise BadModelRequest(
                        f"{self.path} cannot be loaded: {error}. Is it a GGUF file?",
                        model=str(self.path),
                    ) from error
            return self._server

    async def stream(self, body: dict[str, Any]) -> AsyncGenerator[dict[str, Any]]:
        """The chunks of a Chat Completions answer. Leaving early stops listening, and the text
        that llama.cpp still makes is thrown away."""
        loop = asyncio.get_running_loop()
        queue: asyncio.Queue[dict[str, Any] | BaseException | None] = asyncio.Queue()
        left = threading.Event()

        def put(item: dict[str, Any] | BaseException | None) -> None:
            if not left.is_set():
                loop.call_soon_threadsafe(queue.put_nowait, item)

        def on_chunk(chunk: Any) -> bool:
            for one in chunk if isinstance(chunk, list) else [chunk]:
                put(one)
            return left.is_set()  # true asks llama.cpp to stop

        def work() -> None:
            try:
                self._load().handle_chat_completions(body | {"stream": True}, on_chunk)
                put(None)
            except BaseException as error:  # noqa: BLE001 (a thread's edge: its end is waited for)
                put(error)

        thread = threading.Thread(target=work, name="llama.cpp", daemon=True)
        thread.start()
        try:
            while (item := await queue.get()) is not None:
                if isinstance(item, ModelError | ConfigError):
                    raise item
                if isinstance(item, Exception):  # of llama.cpp, for a request it cannot read
                    raise self._error({"message": str(item)}) from item
                if isinstance(item, BaseException):
                    raise item
                if "error" in item or "code" in item:
                    raise self._error(item)
                yield item
        finally:
            left.set()

    def _error(self, item: dict[str, Any]) -> ModelError:
        details = item.get("error") if isinstance(item.get("error"), dict) else item
        message = excerpt(str(cast(dict[str, Any], details).get("message", details)))
        kind = ContextOverflow if "context" in message else BadModelRequest
        return kind(f"local:{self.path.stem}: {message}", model=f"local:{self.path.stem}")

    def close(self) -> None:
        with self._lock:
            self._server = None


def _running(server: Any) -> Any:
    """`server`, once its queue and its listener run. xllamacpp's server ends by stopping both and
    waiting for them, with the interpreter's lock; what has not begun by then does not hear it, and
    the wait has no end. Its slots are told by the queue, asked for by the listener, which is on
    this machine alone."""
    address = urlsplit(getattr(server, "listening_address", ""))
    if address.hostname:
        connection = HTTPConnection(address.hostname, address.port, timeout=60.0)
        with suppress(OSError, HTTPException), closing(connection):
            connection.request("GET", "/slots")
            connection.getresponse().read()
    return server
