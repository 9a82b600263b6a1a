"""A provider's client for each event loop: what one loop has opened is of no use to another."""

import asyncio
import json
import weakref
from collections.abc import AsyncGenerator, Callable
from typing import Any, Generic, Protocol, TypeVar


class Closable(Protocol):
    async def close(self) -> None: ...


C = TypeVar("C", bound=Closable)


def body_for(client: object, content: bytes) -> dict[str, Any]:
    """How a body is handed to a client. Those of other clouds than the vendor's own put the model
    into the URL, and sign: they want to see what it says."""
    if type(client).__name__ in ("AsyncOpenAI", "AsyncAnthropic"):
        return {"content": content}
    return {"body": json.loads(content)}


class Clients(Generic[C]):
    """Clients that `make` makes from a model's name, one for each running loop that asks; or the one
    that the program has given, which is its own to close.

    They are closed by `aclose`, when their loop ends (`asyncio.run` closes generators: each client is
    kept by one), and when nobody has the model any more.
    """

    def __init__(self, make: Callable[[str], C], given: C | None = None) -> None:
        self._make, self._given = make, given
        self._kept: dict[
            asyncio.AbstractEventLoop, tuple[C, AsyncGenerator[None], weakref.finalize[..., Any]]
        ] = {}

    async def __call__(self, model: str) -> C:
        """The client of the running loop."""
        if self._given is not None:
            return self._given
        loop = asyncio.get_running_loop()
        if loop not in self._kept:
            for gone in [other for other in tuple(self._kept) if other.is_closed()]:
                self._forget(gone)
            client = self._make(model)
            await anext(keeping := _keep(client))
            finalizer = weakref.finalize(self, _close, loop, keeping)
            finalizer.atexit = False
            self._kept[loop] = client, keeping, finalizer
        return self._kept[loop][0]

    async def aclose(self) -> None:
        """Close the client of the running loop."""
        if keeping := self._forget(asyncio.get_running_loop()):
            await keeping.aclose()

    def _forget(self, loop: asyncio.AbstractEventLoop) -> AsyncGenerator[None] | None:
        kept = self._kept.pop(loop, None)
        if kept is None:
            return None
        kept[2].detach()
        return kept[1]


async def _keep(client: Closable) -> AsyncGenerator[None]:
    try:
        yield
    finally:
        await client.close()


def _close(loop: asyncio.AbstractEventLoop, keeping: AsyncGenerator[None]) -> None:
    if not loop.is_closed():
        loop.call_soon_threadsafe(lambda: loop.create_task(keeping.aclose()))
