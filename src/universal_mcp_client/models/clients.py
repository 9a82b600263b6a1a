"""A provider's client for each event loop: what one loop has opened is of no use to another."""

import asyncio
import weakref
from collections.abc import AsyncGenerator, Callable
from typing import Any


class Clients:
    """Clients that `make` makes from a model's name, one for each running loop that asks; or the one
    that the program has given, which is its own to close.

    They are closed by `aclose`, when their loop ends (`asyncio.run` closes generators: each client is
    kept by one), and when nobody has the model any more.
    """

    def __init__(self, make: Callable[[str], Any], given: Any = None) -> None:
        self._make, self._given = make, given
        self._kept: dict[
            asyncio.AbstractEventLoop, tuple[Any, AsyncGenerator[None], weakref.finalize[..., Any]]
        ] = {}

    async def __call__(self, model: str) -> Any:
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


async def _keep(client: Any) -> AsyncGenerator[None]:
    try:
        yield
    finally:
        await client.close()


def _close(loop: asyncio.AbstractEventLoop, keeping: AsyncGenerator[None]) -> None:
    if not loop.is_closed():
        loop.call_soon_threadsafe(lambda: loop.create_task(keeping.aclose()))
