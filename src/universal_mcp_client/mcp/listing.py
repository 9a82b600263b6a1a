"""What a server lists of one kind, kept until the server says that it changed."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

Item = TypeVar("Item")


class Listing(Generic[Item]):
    """`items` is the last listing, the very same object as long as nothing changed."""

    def __init__(self, fetch: Callable[[], Awaitable[Sequence[Item]]]) -> None:
        self.items: Sequence[Item] = ()
        self._fetch = fetch
        self._stale = True
        self._fetching = asyncio.Lock()

    def changed(self) -> None:
        self._stale = True

    async def __call__(self) -> Sequence[Item]:
        """The items of now. Raises what `fetch` raises; the next call tries again then."""
        if self._stale:
            async with self._fetching:
                if self._stale:
                    await self._renew()
        return self.items

    async def _renew(self) -> None:
        self._stale = False  # first: what changes while it is fetched must not be missed
        try:
            self.items = tuple(await self._fetch())
        except BaseException:
            self._stale = True
            raise
