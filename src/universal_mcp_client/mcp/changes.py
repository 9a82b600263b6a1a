"""What a server tells of changes in what it lists."""

import asyncio
import logging
from collections.abc import Callable, Mapping
from typing import Any, Literal, TypeAlias

import mcp_types
from fastmcp import Client
from mcp.client.subscriptions import SubscriptionLost, listen
from mcp.shared.subscriptions import PromptsListChanged, ResourcesListChanged, ToolsListChanged
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


async def listening(client: Client[Any], changed: Callable[[Kind], None]) -> bool:
    """Hear of changes from a server that only tells those who listen (MCP 2026-07-28,
    `subscriptions/listen`), for as long as the connection stands.

    Such a stream ends: proxies cut it, servers restart, nothing was said for too long. Then it is
    opened again, and all counts as changed, as nobody told what happened in between. Servers of
    older revisions tell without being asked; there is nothing to do for them. False means that
    the server promised to tell, and knows no such request.
    """
    kinds = told(client)
    if not kinds or client.protocol_version not in MODERN_PROTOCOL_VERSIONS:
        return True
    wanted: Mapping[str, Any] = {f"{kind}_list_changed": True for kind in kinds}
    clock = asyncio.get_running_loop().time
    pause, longest = _PAUSES
    while client.is_connected():
        began = clock()
        try:
            async with listen(client.session, **wanted) as events:
                if pause > _PAUSES[0]:
                    _all_changed(kinds, changed)
                async for event in events:
                    if kind := CHANGES.get(type(event)):
                        changed(kind)
        except (SubscriptionLost, WireError, RuntimeError, TimeoutError) as error:
            logger.debug("Server %r no longer tells of changes: %s", client.name, error)
            if isinstance(error, WireError) and error.code == mcp_types.METHOD_NOT_FOUND:
                return False
        _all_changed(kinds, changed)
        pause = _PAUSES[0] if clock() - began > longest else pause
        await asyncio.sleep(pause)
        pause = min(pause * 2, longest)
    return True


def _all_changed(kinds: frozenset[Kind], changed: Callable[[Kind], None]) -> None:
    for kind in kinds:
        changed(kind)
