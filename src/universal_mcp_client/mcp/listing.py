"""What a server lists of one kind, kept until it changed."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

Item = TypeVar("Item")


class Listing(Generic[Item]):
    """`items` is the last listing, the very same object as long as nothing changed.

    It is fetched again after `changed`, and where the last one is older than `lasts()` seconds.
    """

    def __init__(
        self, fetch: Callable[[], Awaitable[Sequence[Item]]], lasts: Callable[[], float]
    ) -> None:
        self.items: Sequence[Item] = ()
        self._fetch = fetch
        self._lasts = lasts
        self._stale = True
        self._fetched = 0.0
        self._fetching = asyncio.Lock()

    def changed(self) -> None:
        self._stale = True

    def _fresh(self) -> bool:
        return not self._stale and time.monotonic() - self._fetched <= self._lasts()

    async def __call__(self) -> Sequence[Item]:
        """The items of now. Raises what `fetch` raises; the next call tries again then."""
        if not self._fresh():
            async with self._fetching:
                if not self._fresh():
                    await self._renew()
        return self.items

    async def _renew(self) -> None:
        self._stale = False  # first: what changes while it is fetched must not be missed
        try:
            items = tuple(await self._fetch())
        except BaseException:
            self._stale = True
            raise
        self._fetched = time.monotonic()
        if items != self.items:
            self.items = items
