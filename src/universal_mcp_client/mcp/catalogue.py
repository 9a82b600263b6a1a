"""What a server lists, kept until it changes, and how it is asked for anything."""

import logging
import math
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar

from fastmcp import Client
from fastmcp.skills import SkillsClientExtension
from mcp_types import URL_ELICITATION_REQUIRED

from mcp import MCPError as WireError
from universal_mcp_client.mcp.changes import Kind
from universal_mcp_client.mcp.connection import Connection
from universal_mcp_client.mcp.convert import (
    prompt,
    resource,
    resource_template,
    skill_of,
    tool_spec,
)
from universal_mcp_client.mcp.failures import ConnectionLost, translated
from universal_mcp_client.mcp.listing import Listing, pages
from universal_mcp_client.policy.redact import secrets_kept
from universal_mcp_client.tools.base import RunContext
from universal_mcp_client.types.errors import ServerError, ServerUnavailable
from universal_mcp_client.types.resources import Prompt, Resource, ResourceTemplate, Skill
from universal_mcp_client.types.tools import ToolSpec

Answer = TypeVar("Answer")

_UNTOLD = 60.0  # seconds that a listing lasts of a server which does not say when it changes
_LEAST, _MOST = 5.0, 24 * 3600.0  # where it says how long its listings last

logger = logging.getLogger(__name__)


class Catalogue(Connection):
    """The tools, resources, prompts and skills that a server has."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._outdated = ""
        self._tools = Listing(self._fetch_tools, lambda: self._lasts("tools"))
        self._resources = Listing(self._fetch_resources, lambda: self._lasts("resources"))
        self._templates = Listing(
            self._fetch_templates, lambda: self._lasts("resources", "resourceTemplates")
        )
        self._prompts = Listing(self._fetch_prompts, lambda: self._lasts("prompts"))
        self._skills = Listing(self._fetch_skills, lambda: _UNTOLD)  # of which nobody is told

    def _changed(self, kind: Kind) -> None:
        match kind:
            case "tools":
                self._tools.changed()
            case "prompts":
                self._prompts.changed()
            case "resources":
                self._resources.changed()
                self._templates.changed()
                self._skills.changed()

    def _lasts(self, kind: Kind, key: str = "") -> float:
        """Until the server tells of a change, or as long as it says; longer than a moment, as servers
        that know nothing of it say 0 (SEP-2549, `ttlMs`)."""
        if self._tells(kind):
            return math.inf
        said = self._calls.lasts.get(key or kind)
        return _UNTOLD if said is None else min(max(said, _LEAST), _MOST)

    async def _ask(
        self,
        request: Callable[["Client[Any]"], Awaitable[Answer]],
        context: RunContext[Any] | None = None,
        *,
        patient: bool = False,
    ) -> Answer:
        """What the server answers; asked again on a new connection, where it surely has not seen the
        request on the old one. `context` is that of the run that asks. A `patient` one has no clock."""
        for again in (True, False):
            client = await self._connected()
            opening = self.state == "connecting"  # which has its own time
            call = self._calls.begin(None if opening or patient else self.config.timeout)
            call.context = context
            try:
                with secrets_kept(self.config, call), translated(self.name, call):
                    async with call:
                        try:
                            return await request(client)
                        except WireError as error:
                            if error.code != URL_ELICITATION_REQUIRED:
                                raise
                            await self._asked.visited(error)
                            return await request(client)
            except ServerUnavailable as error:
                if isinstance(error, ConnectionLost) or not self.connected:
                    await self._let_go(client, error)
                    if again and error.unprocessed:
                        continue
                    if self._lent:
                        raise self._closed_by_server() from error
                raise
        raise AssertionError("unreachable")

    async def _offers(self, kind: Kind) -> bool:
        """Whether the server has such things at all; one that does not say is asked."""
        capabilities = (await self._connected()).server_capabilities
        return capabilities is None or getattr(capabilities, kind) is not None

    @property
    def missing(self) -> Sequence[str]:
        """What its newest listings had to leave out, and why: malformed items, pages without end."""
        return [f"{kind}: {what}" for kind, found in self._calls.missing.items() for what in found]

    @property
    def left_out(self) -> Sequence[str]:
        """What of this concerns tools, as sentences; and that a newer listing was not to be had."""
        found = [
            f"Server {self.name!r}, its tools: {w}." for w in self._calls.missing.get("tools", ())
        ]
        return [*([self._outdated] if self._outdated else ()), *found]

    async def list_tools(self) -> Sequence[ToolSpec]:
        """The server's tools; those that it had last while it tells of none."""
        if await self._settled():
            try:
                found = await self._tools()
                self._outdated = ""
                return found
            except ServerError as error:
                self._outdated = f"{error} Its tools may no longer be what it listed before."
                logger.warning("%s", self._outdated)
                self._rest()
        return self._tools.items

    async def _fetch_tools(self) -> Sequence[ToolSpec]:
        if not await self._offers("tools"):
            return ()
        found = await self._ask(lambda client: pages(client.list_tools_mcp, "tools", self._calls))
        return [tool_spec(tool, self.name) for tool in found]

    async def list_resources(self) -> Sequence[Resource]:
        """What can be read."""
        await self._connected()
        return await self._resources()

    async def _fetch_resources(self) -> Sequence[Resource]:
        if not await self._offers("resources"):
            return ()
        found = await self._ask(
            lambda client: pages(client.list_resources_mcp, "resources", self._calls)
        )
        return [resource(one, self.name) for one in found]

    async def list_resource_templates(self) -> Sequence[ResourceTemplate]:
        """The families of what can be read."""
        await self._connected()
        return await self._templates()

    async def _fetch_templates(self) -> Sequence[ResourceTemplate]:
        if not await self._offers("resources"):
            return ()
        found = await self._ask(
            lambda client: pages(
                client.list_resource_templates_mcp, "resourceTemplates", self._calls
            )
        )
        return [resource_template(template, self.name) for template in found]

    async def list_prompts(self) -> Sequence[Prompt]:
        """The server's prompts under their own names."""
        await self._connected()
        return await self._prompts()

    async def _fetch_prompts(self) -> Sequence[Prompt]:
        if not await self._offers("prompts"):
            return ()
        found = await self._ask(
            lambda client: pages(client.list_prompts_mcp, "prompts", self._calls)
        )
        return [prompt(one, self.name) for one in found]

    async def list_skills(self, *, again: bool = False) -> Sequence[Skill]:
        """The skills that the server describes; none of their files is read yet. What was listed in
        the last minute is not asked for, unless `again`."""
        if again:
            self._skills.changed()
        return await self._skills()

    async def _fetch_skills(self) -> Sequence[Skill]:
        capabilities = (await self._connected()).server_capabilities
        offered = (capabilities.extensions if capabilities else None) or {}
        if SkillsClientExtension.identifier not in offered:
            return ()
        return [
            skill_of(found, self.name)
            for found in await self._ask(lambda client: client.list_skills())
        ]
