"""A server of another host, under a name that is free here."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, cast

from universal_mcp_client.mcp.server import Server
from universal_mcp_client.tools.wrapping import Wrappable


def renamed(server: Server, name: str) -> Server:
    """`server` itself where that is its name already."""
    return server if server.name == name else cast(Server, Renamed(server, name))


class Renamed(Wrappable):
    def __init__(self, server: Server, name: str) -> None:
        self.original = server
        self._listings: dict[str, tuple[Sequence[Any], Sequence[Any]]] = {}
        self.name = name
        self.config = replace(server.config, name=name)

    def __getattr__(self, attribute: str) -> Any:
        found = getattr(self.original, attribute)
        if not attribute.startswith("list_"):
            return found

        async def listed() -> Sequence[Any]:
            """One listing is relabelled once: that it is the same tells that nothing changed."""
            items = await found()
            before, after = self._listings.get(attribute, ((), ()))
            if items is not before:
                after = [replace(item, server=self.name) for item in items]
                self._listings[attribute] = items, after
            return after

        return listed
