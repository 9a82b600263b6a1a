"""The resources that an agent has in its context: put there, and told of when they change."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from hashlib import sha256
from os import PathLike
from typing import TYPE_CHECKING, Any, cast

from universal_mcp_client.core.session import Session
from universal_mcp_client.models.base import Profile
from universal_mcp_client.tools.base import RunContext
from universal_mcp_client.tools.program import with_context
from universal_mcp_client.tools.tokens import IMAGE_TOKENS, estimate_tokens
from universal_mcp_client.types.errors import ConfigError, ServerError
from universal_mcp_client.types.messages import File, Part, Text, user
from universal_mcp_client.types.resources import Resource, ResourceContents
from universal_mcp_client.types.tools import ToolSpec

if TYPE_CHECKING:
    from universal_mcp_client.app.skills import Skills
    from universal_mcp_client.mcp.server import Server

CONTEXT_BUDGET = 30_000
"""Tokens of all that is put into the context when a conversation begins."""

_LEAST = 500  # tokens of what is cut: less is no head of anything
_SMALL = 2_000  # tokens of what is shown again when it changed
_NAMED = 10  # tools that a line about them names


@dataclass(frozen=True, slots=True, kw_only=True)
class _Item:
    """One thing of the context; `key` is its server and URI, where it has them."""

    key: tuple[str, str]
    contents: Sequence[ResourceContents] = ()
    parts: Sequence[Part] = ()
    revision: int = 0

    @property
    def priority(self) -> float:
        found = [c.annotations.priority for c in self.contents]
        return max((p for p in found if p is not None), default=0.5)


@dataclass(slots=True, kw_only=True)
class InContext:
    """What `context` names of `servers`, in one conversation. `profile` says what the model takes."""

    servers: "Mapping[str, Server]"
    session: Session
    profile: Profile
    budget: int = CONTEXT_BUDGET
    _listing: Sequence[ToolSpec] | None = field(default=None, init=False)

    async def opening(self, context: Sequence[Any], run: RunContext[Any]) -> list[Part]:
        """What of `context` this conversation does not have yet, the important first, under the
        budget. Raises ConfigError and ServerError for what cannot be had."""
        return [part for _, parts in await self.each(context, run) for part in parts]

    async def each(
        self, context: Sequence[Any], run: RunContext[Any]
    ) -> list[tuple[str, list[Part]]]:
        """The same, by what it is: `server:uri`, a file's path, or nothing."""
        items = [item for given in context for item in await self._items(given, run)]
        return self._told([i for i in items if i.key not in self.session.readings.told])

    async def mentioned(self, references: Sequence[str]) -> list[Part]:
        """What is at each `server:uri`, under the budget; also of what is in the context already."""
        told = self._told([await self.read(reference) for reference in references])
        return [part for _, parts in told for part in parts]

    def _told(self, items: Sequence[_Item]) -> list[tuple[str, list[Part]]]:
        left, found = self.budget, list[tuple[str, list[Part]]]()
        new = {item.key: item for item in items}
        for item in sorted(new.values(), key=lambda item: -item.priority):
            shown = self._shown(item, max(left, _LEAST))
            left -= sum(_tokens(part) for part in shown)
            found.append((":".join(filter(None, item.key)) if item.contents else "", shown))
            self.session.readings.told[item.key] = item.revision, _digest(item.contents)
        return found

    async def _items(self, given: Any, run: RunContext[Any]) -> list[_Item]:
        match given:
            case str():
                return [await self.read(given)]
            case Resource():
                return [
                    await self.read(f"{given.server}:{given.uri}" if given.server else given.uri)
                ]
            case ResourceContents():
                return [_Item(key=(given.server, given.uri), contents=[given])]
            case PathLike():
                file = File.from_file(cast("PathLike[str]", given))
                contents = ResourceContents(
                    uri=str(given), media_type=file.media_type, data=file.data, name=file.name
                )
                return [_Item(key=("", str(given)), contents=[contents])]
            case _ if callable(given):
                made = await with_context(given, run)
                several = isinstance(made, Sequence) and not isinstance(made, str)
                each = cast(Sequence[Any], made if several else [] if made is None else [made])
                # What a function gives is no name of anything, unless it says so by its type.
                texts = [Text(text=one) if isinstance(one, str) else one for one in each]
                return [item for one in texts for item in await self._items(one, run)]
            case _:
                parts = user(given).parts
                return [_Item(key=("", _digest(parts)), parts=parts)]

    async def read(self, reference: str) -> _Item:
        """What `server:uri` names."""
        from universal_mcp_client.mcp.resources import located, read

        server, uri = await located(self.servers, reference)
        await server.watch(uri)
        revision = server.revision(uri)  # before it is read: what changes then is told of
        contents = await read(server, uri)
        for_the_model = [each for each in contents if each.annotations.for_the_model]
        if contents and not for_the_model:
            raise ConfigError(f"Server {server.name!r} says that {uri} is not meant for models.")
        return _Item(key=(server.name, uri), contents=for_the_model, revision=revision)

    def _shown(self, item: _Item, budget: int) -> list[Part]:
        from universal_mcp_client.mcp.resource_tools import cut
        from universal_mcp_client.mcp.resources import parts_of

        parts: list[Part] = list(item.parts)
        for contents in item.contents:
            fit = partial(
                cut,
                server=item.key[0],
                uri=item.key[1],
                budget=budget,
                readings=self.session.readings,
            )
            new = parts_of(contents, self.profile, fit)
            budget = max(budget - sum(map(_tokens, new)), _LEAST)
            parts += new
        return parts

    async def news(
        self, agent: str, skills: "Skills | None", specs: Sequence[ToolSpec]
    ) -> list[Part]:
        """What the model should know before its next turn: tools and skills that went away, resources
        in its context that changed."""
        lines = self._gone(agent, specs)
        lines += await skills.news() if skills is not None else ()
        for key, told in list(self.session.readings.told.items()):
            server = self.servers.get(key[0])
            if server is None or not told[0] or server.revision(key[1]) == told[0]:
                continue
            lines += await self._again(server, key, told[1])
        return [Text(text="\n".join(lines))] if lines else []

    async def _again(self, server: "Server", key: tuple[str, str], before: str) -> list[str]:

        name, uri = key
        try:
            item = await self.read(f"{name}:{uri}")
        except (ServerError, ConfigError) as error:
            self.session.readings.told[key] = server.revision(uri), ""
            return [f"[{name}:{uri} can no longer be read: {error}]"]
        now = _digest(item.contents)
        self.session.readings.told[key] = item.revision, now
        if now == before:
            return []
        texts = [p.text for p in self._shown(item, _SMALL) if isinstance(p, Text)]
        if len(texts) != len(item.contents):  # images and the like are not shown again
            return [
                f'[{name}:{uri} has changed; read_resource(server="{name}", uri="{uri}") reads it.]'
            ]
        return [f"[{name}:{uri} has changed. It is now:]", *texts]

    def _gone(self, agent: str, specs: Sequence[ToolSpec]) -> list[str]:
        if specs is self._listing:
            return []
        self._listing = specs
        names, known = frozenset(spec.name for spec in specs), self.session.readings.tools
        gone = sorted(known.get(agent, frozenset()) - names)
        known[agent] = names
        if not gone:
            return []
        some = ", ".join(gone[:_NAMED]) + (
            f" and {len(gone) - _NAMED} more" if len(gone) > _NAMED else ""
        )
        return [f"[No longer available: {some}.]"]


def _tokens(part: Part) -> int:
    return estimate_tokens(part.text) if isinstance(part, Text) else IMAGE_TOKENS


def _digest(contents: Sequence[object]) -> str:
    return sha256(repr(contents).encode("utf-8", "replace")).hexdigest()
