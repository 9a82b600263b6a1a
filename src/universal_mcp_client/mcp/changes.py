"""What a server tells of changes in what it lists."""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any, Literal, TypeAlias

import mcp_types
from fastmcp import Client
from mcp.client.subscriptions import SubscriptionLost, listen
from mcp.shared.subscriptions import (
    PromptsListChanged,
    ResourcesListChanged,
    ResourceUpdated,
    ToolsListChanged,
)
from mcp_types.version import MODERN_PROTOCOL_VERSIONS

from mcp import MCPError as WireError

Kind: TypeAlias = Literal["tools", "prompts", "resources"]

CHANGES: Mapping[type[Any], Kind] = {
    mcp_types.ToolListChangedNotification: "tools",
    mcp_types.PromptListChangedNotification: "prompts",
    mcp_types.ResourceListChangedNotification: "resources",
    ToolsListChanged: "tools",
    PromptsListChanged: "prompts",
    ResourcesListChanged: "resources",
}

MOST = 200
"""Resources of one server that are watched at a time."""

_PAUSES = 1.0, 60.0  # seconds, the first and the longest, before listening again

logger = logging.getLogger(__name__)


def told(client: Client[Any]) -> frozenset[Kind]:
    """Of which changes the server tells, by its own word."""
    offered = client.server_capabilities
    kinds: Mapping[Kind, Any] = {
        "tools": offered and offered.tools,
        "prompts": offered and offered.prompts,
        "resources": offered and offered.resources,
    }
    return frozenset(kind for kind, offer in kinds.items() if offer and offer.list_changed)


class Watched:
    """Resources of a server of which somebody wants to know when they change; the newest `MOST`.

    Each has a revision, a number that is another one once the resource may have changed."""

    def __init__(self) -> None:
        self.more = asyncio.Event()  # is wanted than is listened for
        self._revisions = OrderedDict[str, int]()
        self._count = 0

    def __contains__(self, uri: str) -> bool:
        return uri in self._revisions

    @property
    def uris(self) -> list[str]:
        return sorted(self._revisions)

    def add(self, uri: str) -> str | None:
        """Watch it; returns the one that is no longer watched for it."""
        self._revisions[uri] = self._count = self._count + 1
        self.more.set()
        return self._revisions.popitem(last=False)[0] if len(self._revisions) > MOST else None

    def used(self, uri: str) -> None:
        self._revisions.move_to_end(uri)

    def discard(self, uri: str) -> None:
        self._revisions.pop(uri, None)

    def revision(self, uri: str) -> int:
        return self._revisions.get(uri, 0)

    def updated(self, uri: str) -> None:
        """The server says so of `uri`, which may be a part of what is watched."""
        self._count += 1
        for each in self._revisions:
            if uri == each or uri.startswith(f"{each.rstrip('/')}/"):
                self._revisions[each] = self._count

    def all_changed(self) -> None:
        self._count += 1
        for each in self._revisions:
            self._revisions[each] = self._count


def subscribes(client: Client[Any]) -> bool:
    """Whether the server tells of changes in single resources."""
    offered = client.server_capabilities
    return bool(offered and offered.resources and offered.resources.subscribe)


async def listening(client: Client[Any], changed: Callable[[Kind], None], watched: Watched) -> bool:
    """Hear of changes from a server that only tells those who listen (MCP 2026-07-28,
    `subscriptions/listen`), for as long as the connection stands; on one stream for all that is
    wanted, opened anew when more is.

    Such a stream ends: proxies cut it, servers restart, nothing was said for too long. Then it is
    opened again, and all counts as changed, as nobody told what happened in between. Servers of
    older revisions tell without being asked; there is nothing to do for them. False means that
    the server promised to tell, and knows no such request.
    """
    kinds, single = told(client), subscribes(client)
    if client.protocol_version not in MODERN_PROTOCOL_VERSIONS or not (kinds or single):
        return True
    watched.more = asyncio.Event()  # of this loop
    lists: Mapping[str, Any] = {f"{kind}_list_changed": True for kind in kinds}
    clock = asyncio.get_running_loop().time
    pause, longest = _PAUSES
    while client.is_connected():
        began = clock()
        watched.more.clear()
        uris = watched.uris if single else []
        if not kinds and not uris:
            await watched.more.wait()
            continue
        try:
            async with listen(client.session, **lists, resource_subscriptions=uris) as events:
                if pause > _PAUSES[0]:
                    _all_changed(kinds, changed)
                watched.all_changed()  # since they were read, and before this
                if await _more_wanted(events, changed, watched, single):
                    continue
        except (SubscriptionLost, WireError, RuntimeError, TimeoutError) as error:
            logger.debug("Server %r no longer tells of changes: %s", client.name, error)
            if isinstance(error, WireError) and error.code == mcp_types.METHOD_NOT_FOUND:
                return False
        _all_changed(kinds, changed)
        watched.all_changed()
        pause = _PAUSES[0] if clock() - began > longest else pause
        await asyncio.sleep(pause)
        pause = min(pause * 2, longest)
    return True


async def _more_wanted(
    events: AsyncIterator[Any], changed: Callable[[Kind], None], watched: Watched, single: bool
) -> bool:
    """Pass on what is told, until the stream ends, or more is wanted than it has."""

    async def hear() -> None:
        async for event in events:
            if isinstance(event, ResourceUpdated):
                watched.updated(event.uri)
            elif kind := CHANGES.get(type(event)):
                changed(kind)

    hearing = asyncio.create_task(hear())
    more = asyncio.create_task(watched.more.wait())
    try:
        await asyncio.wait({hearing, *({more} if single else ())}, return_when="FIRST_COMPLETED")
        if hearing.done():
            hearing.result()
        return not hearing.done()
    finally:
        hearing.cancel()
        more.cancel()
        await asyncio.gather(hearing, more, return_exceptions=True)


def _all_changed(kinds: frozenset[Kind], changed: Callable[[Kind], None]) -> None:
    for kind in kinds:
        changed(kind)
