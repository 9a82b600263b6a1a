"""What a server lists of one kind, kept until it changed."""

import math
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Generic, TypeVar

import anyio

from universal_mcp_client.mcp.calls import Calls
from universal_mcp_client.tools.sizes import json_size
from universal_mcp_client.types.bounds import LISTING_CHARACTERS

Item = TypeVar("Item")

_PAGES, _ITEMS = 250, 10_000  # of one listing
_DEPTH = 1_000  # the transport reads no deeper


async def pages(fetch: Callable[..., Awaitable[Any]], kind: str, calls: Calls) -> list[Any]:
    """What `fetch(cursor=…)` lists on all its pages, as far as there is an end to them; `kind` is
    the listing's key. What is left out, `calls` is told."""
    found: dict[str, Any] = {}
    repeated: dict[str, None] = {}
    cursors: set[str] = set()
    cursor: str | None = None
    calls.missing.pop(kind, None)
    room = LISTING_CHARACTERS
    calls.lasts.pop(kind, None)
    for _ in range(_PAGES):
        page = await fetch(cursor=cursor)
        if "ttl_ms" in page.model_fields_set:
            calls.lasts[kind] = min(calls.lasts.get(kind, math.inf), page.ttl_ms / 1_000)
        alone = cursor is None and page.next_cursor is None  # one message, which has its own bound
        for item in getattr(page, _attribute(kind)):
            if not alone and _key(item) not in found:
                room -= json_size(item.model_dump(exclude_unset=True), LISTING_CHARACTERS, _DEPTH)
            if room < 0:
                break
            if found.setdefault(_key(item), item) is not item:
                repeated.setdefault(_key(item))
        cursor = page.next_cursor
        if room < 0:
            much = f"{LISTING_CHARACTERS // 1_000_000} million characters"
            calls.left_out(kind, f"it has more than {much}; the rest is left out")
            break
        if cursor is None:
            break
        if len(found) > _ITEMS:
            calls.left_out(kind, f"it has more than {_ITEMS:,}; the rest is left out")
            break
        if cursor in cursors:
            calls.left_out(kind, f"it comes back to the page {cursor[:100]!r}")
            break
        cursors.add(cursor)
    else:
        calls.left_out(kind, f"it does not end after {_PAGES} pages; the rest is left out")
    if repeated:
        names = ", ".join(name[:100] for name in list(repeated)[:5])
        calls.left_out(kind, f"it has {names} more than once; the first counts")
    return list(found.values())[:_ITEMS]


def _key(item: Any) -> str:
    """By what an item is asked for."""
    found = getattr(item, "uri", None) or getattr(item, "uri_template", None) or item.name
    return str(found)


def _attribute(kind: str) -> str:
    return "resource_templates" if kind == "resourceTemplates" else kind


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
        self._fetching = anyio.Lock(fast_acquire=True)  # of no loop: a host outlives them

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
