"""Skills before a model: what they are called and for, and `load_skill` for the rest of them."""

import difflib
import logging
import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from anyio import to_thread

from universal_mcp_client.app.context import Section, servers_of
from universal_mcp_client.config.skills import for_the_model
from universal_mcp_client.policy.skills import (
    MANUAL,
    base,
    files_of,
    parts_of,
    read_file,
    skill_in,
    skills_below,
)
from universal_mcp_client.tools.base import CallContext
from universal_mcp_client.tools.marked import marked
from universal_mcp_client.tools.readings import Readings
from universal_mcp_client.tools.tokens import estimate_tokens
from universal_mcp_client.tools.wrapping import WrapperToolset
from universal_mcp_client.types.errors import ConfigError, IntegrityError, ServerError
from universal_mcp_client.types.messages import Text, ToolCall, ToolResult, failure
from universal_mcp_client.types.resources import Skill
from universal_mcp_client.types.tools import Annotations, ToolSpec

if TYPE_CHECKING:
    from universal_mcp_client.app.agent import Agent
    from universal_mcp_client.mcp.server import Server

logger = logging.getLogger(__name__)

LOAD_SKILL = "load_skill"
ALL = "*"
SKILLS = 6_000
"""Tokens of what all skills of an agent are for, in its system prompt."""

_NAMED = 200  # skills or files, by their names alone

_SPEC = ToolSpec(
    name=LOAD_SKILL,
    description=(
        "Load a skill: its instructions, or with `file` another file of it. This only shows text and "
        "never runs anything, scripts neither. Without a name, it tells what each skill is for."
    ),
    input_schema={
        "type": "object",
        "properties": {
            "name": {"type": "string", "description": "The skill's name, as it is listed."},
            "file": {"type": "string", "description": "The path of a file in the skill's folder."},
        },
        "additionalProperties": False,
    },
    annotations=Annotations(title="Load skill", read_only=True, idempotent=True, open_world=False),
)
_ABOUT = (
    "Skills are instructions for kinds of work. Where one is for what you are asked to do, load it "
    "with {tool} first, and work by it as far as your other instructions and the user want that."
)


def tool_name(listing: Sequence[ToolSpec]) -> str:
    """How `load_skill` is called beside these tools."""
    return f"mcp_{LOAD_SKILL}" if any(t.name == LOAD_SKILL for t in listing) else LOAD_SKILL


@dataclass(slots=True, kw_only=True)
class Skills:
    """What `given`, an agent's `skills`, stands for in one run; see `Agent`.

    What was given as a Skill is used only as it was then: its server's word about it counts no more.
    """

    given: Sequence[Any]
    servers: "Mapping[str, Server]"
    readings: Readings = field(default_factory=Readings)
    _fixed: list[Skill] | None = field(default=None, init=False)
    _of_servers: dict[str, set[str]] = field(default_factory=dict[str, set[str]], init=False)
    _seen: list[Sequence[Skill]] = field(default_factory=list[Sequence[Skill]], init=False)
    _found: dict[str, Skill] = field(default_factory=dict[str, Skill], init=False)
    _told: dict[str, Skill] = field(default_factory=dict[str, Skill], init=False)
    _refused: set[str] = field(default_factory=set[str], init=False)
    _silent: dict[str, str] = field(default_factory=dict[str, str], init=False)

    @classmethod
    def of(cls, agent: "Agent[Any, Any]", readings: Readings | None = None) -> "Skills":
        return cls(
            given=agent.skills,
            servers=servers_of(agent.toolset),
            readings=readings or Readings(),
        )

    async def found(self) -> Mapping[str, Skill]:
        """All by the names that the model knows them by: `server/name` where a name is not one
        skill's alone. Raises ConfigError for what was given and is not there."""
        if self._fixed is None:
            self._fixed = await to_thread.run_sync(lambda: list(self._given()))
        listings = [await self._listed(name) for name in self._of_servers]
        if self._found and all(map(_is, listings, self._seen)):
            return self._found
        each = [*self._fixed]
        for wanted, listing in zip(self._of_servers.values(), listings, strict=True):
            first = {skill.name: skill for skill in reversed(listing)}
            each += [s for s in listing if first[s.name] is s and wanted & {ALL, s.name}]
        once = dict[tuple[str, str], Skill]()
        for skill in each:  # what was given as a Skill is before what its server says now
            once.setdefault((skill.server, skill.uri), skill)
        usable = list(filter(for_the_model, once.values()))
        names = Counter(skill.name for skill in usable)
        found = dict[str, Skill]()
        for skill in usable:
            alone = names[skill.name] == 1 or not skill.server
            name = skill.name if alone else f"{skill.server}/{skill.name}"
            if found.setdefault(name, skill) is not skill:
                raise ConfigError(
                    f"Two skills are called {name!r}: {found[name].uri} and {skill.uri}. "
                    "Leave one of them out."
                )
        self._seen, self._found = listings, found
        return found

    def _given(self) -> Iterator[Skill]:
        """What is known without a server's help; what is asked of servers is noted."""
        for given in self.given:
            if isinstance(given, Skill):
                if given.server and given.server not in self.servers:
                    raise ConfigError(
                        f"The skill {given.name!r} is of the server {given.server!r}, which this agent "
                        f"does not have. Its servers are: {', '.join(self.servers) or 'none'}."
                    )
                yield given
            elif given == ALL:
                for name, server in self.servers.items():
                    if server.config.instructions:
                        self._of_servers.setdefault(name, set()).add(ALL)
            elif isinstance(given, str) and (of := given.partition("/"))[0] in self.servers:
                self._of_servers.setdefault(of[0], set()).add(of[2] or ALL)
            else:
                yield from self._in_folder(Path(given).expanduser())

    def _in_folder(self, path: Path) -> Iterator[Skill]:
        """Of a skill's folder, or of all in it."""
        at = path.resolve()
        if (at / MANUAL).is_file():
            yield skill_in(at, name=path.absolute().name)[0]
        elif names := skills_below(at):
            yield from (skill_in((at / name).resolve(), name=name)[0] for name in names)
        else:
            raise ConfigError(
                f"Agent(skills=…): {os.fspath(path)!r} is no folder with a {MANUAL}, no folder of such "
                f"folders, and no server. The servers are: {', '.join(self.servers) or 'none'}."
            )

    async def _listed(self, name: str, *, again: bool = False) -> Sequence[Skill]:
        server = self.servers[name]
        if server.error is not None and not server.connected:
            self._silent[name] = str(server.error)
            return ()
        if name in self._refused and not again:  # it may take a minute to say so, at each turn
            return ()
        try:
            listing = await server.list_skills(again=again)
        except ServerError as error:
            logger.warning("The skills of %r cannot be listed: %s", name, error)
            self._refused.add(name)
            self._silent[name] = str(error)
            return ()
        self._silent.pop(name, None)
        return listing

    async def sections(self, tool: str = LOAD_SKILL) -> list[Section]:
        """What stands of them in the system prompt, under a budget; each server's apart."""
        found = await self.found()
        self._told = dict(found)
        sections, left = list[Section](), SKILLS
        for server in dict.fromkeys(skill.server for skill in found.values()):
            lines, short = list[str](), list[str]()
            for name, skill in found.items():
                if skill.server != server:
                    continue
                line = f"- {name}: {_described(skill)}"
                left -= estimate_tokens(line)
                (lines if left >= 0 else short).append(line if left >= 0 else name)
            if short:
                more = f" and {len(short) - _NAMED:,} more" if len(short) > _NAMED else ""
                lines.append(
                    f"- Also, which {tool} without a name tells of: {', '.join(short[:_NAMED])}{more}"
                )
            text = marked("skills", "\n".join(lines), server=server or None)
            if not sections:
                text = f"{_ABOUT.format(tool=tool)}\n{text}"
            sections.append(Section(kind="skills", name=server, text=text))
        return sections

    async def news(self) -> list[str]:
        """What changed since the model was told: a line each."""
        found = await self.found()
        gone = [name for name in self._told if name not in found]
        new = [name for name in found if name not in self._told]
        lines = [f"[Skills no longer available: {_names(gone)}.]"] if gone else []
        lines += [f"[There is a new skill, {n}: {_described(found[n])}]" for n in new[:10]]
        if new[10:]:
            lines.append(f"[There are more new skills: {_names(new[10:])}.]")
        for name, loaded in list(self.readings.skills.items()):
            if found.get(name) == loaded:
                continue
            del self.readings.skills[name]
            if name in found:
                lines.append(f"[The skill {name}, which you loaded, has changed; load it again.]")
            elif name not in gone:
                lines.append(f"[The skill {name}, which you loaded, is no longer available.]")
        self._told = dict(found)
        return lines

    async def load(self, name: str | None, file: str | None) -> str:
        """A skill's instructions, or a file of it, for the model; without a name, what all are for.
        Raises ConfigError or ServerError, in words for the model, where it cannot be had."""
        found = await self.found()
        if name is None:
            told = "\n".join(f"- {name}: {_described(skill)}" for name, skill in found.items())
            return marked("skills", told or "There are none.")
        skill, changed = self._named(name, found), False
        try:
            text = await self._text(skill, file or MANUAL)
        except IntegrityError:
            if skill in self.given:
                raise
            await self._listed(skill.server, again=True)  # it may only have another one now
            now = self._named(name, await self.found())
            if now == skill:
                raise
            skill, changed = now, True
            text = await self._text(skill, file or MANUAL)
        if file in (None, MANUAL):
            self.readings.skills[name] = skill
            text += _files(await to_thread.run_sync(files_of, skill))
        note = (
            "[It has changed since you were told of it. This is how it is now.]\n"
            if changed
            else ""
        )
        return note + marked("skill", text, name=name, server=skill.server or None, file=file)

    def _named(self, name: str, found: Mapping[str, Skill]) -> Skill:
        if name in found:
            return found[name]
        for skill in found.values():
            if skill.server and name == f"{skill.server}/{skill.name}":
                return skill
        silent = "".join(
            f" The skills of {of!r} cannot be had: {why}" for of, why in self._silent.items()
        )
        if name in self._told:
            raise ConfigError(f"The skill {name!r} is no longer available.{silent}")
        near = difflib.get_close_matches(name[:200], found, n=1)
        hint = (
            f"Did you mean {near[0]!r}?"
            if near
            else f"The skills are: {_names(list(found)) or 'none'}."
        )
        raise ConfigError(f"There is no skill {name[:200]!r}. {hint}{silent}")

    async def _text(self, skill: Skill, file: str) -> str:
        if not skill.server:
            content, kind = await to_thread.run_sync(read_file, skill, file), None
        else:
            path = "/".join(parts_of(file))
            uri = skill.uri if path == MANUAL else f"{base(skill)}{quote(path)}"
            if skill.files is not None and path not in (MANUAL, *files_of(skill)):
                raise ConfigError(f"The skill {skill.name!r} has no file {file[:200]!r}.")
            contents = await self.servers[skill.server].read_skill_file(skill, uri)
            if contents.text is not None:
                return contents.text
            content, kind = contents.data or b"", contents.media_type
        try:
            text = content.decode("utf-8-sig")
            if "\0" not in text:
                return text
        except UnicodeDecodeError:
            pass
        return (
            f"[{file} is no text ({kind or 'binary'}, {len(content):,} bytes), so it is not shown.]"
        )


@dataclass(kw_only=True)
class SkillToolset(WrapperToolset):
    """Adds `load_skill` to the tools of `wrapped`, as soon as there are skills."""

    skills: Skills
    _seen: Sequence[ToolSpec] | None = field(default=None, init=False, repr=False)
    _shown: Sequence[ToolSpec] = field(default=(), init=False, repr=False)
    _name: str = field(default="", init=False, repr=False)

    async def list_tools(self) -> Sequence[ToolSpec]:
        listing = await self.wrapped.list_tools()
        if not self._name and not await self.skills.found():
            return listing
        if listing is not self._seen:
            self._name = tool_name(listing)
            self._seen, self._shown = listing, (*listing, replace(_SPEC, name=self._name))
        return self._shown

    async def find(self, name: str) -> ToolSpec | None:
        return self._catalogue(await self.list_tools()).get(name)

    async def call_tool(self, call: ToolCall, context: CallContext) -> ToolResult:
        await self.list_tools()
        if not self._name or call.name != self._name:
            return await self.wrapped.call_tool(call, context)
        name, file = call.arguments.get("name") or None, call.arguments.get("file") or None
        if not isinstance(name, str | None) or not isinstance(file, str | None):
            return failure(call, "`name` and `file` are texts.")
        try:
            text = await self.skills.load(name, file)
        except (ConfigError, ServerError) as error:
            return failure(call, str(error))
        return ToolResult(call_id=call.id, content=(Text(text=text),))


def _is(one: object, other: object) -> bool:
    return one is other


def _described(skill: Skill) -> str:
    return " ".join(skill.description.split())


def _names(names: Sequence[str]) -> str:
    return ", ".join(names[:_NAMED]) + (
        f" and {len(names) - _NAMED:,} more" if names[_NAMED:] else ""
    )


def _files(files: Sequence[str]) -> str:
    if not files:
        return ""
    named = [" ".join(file.encode("utf-8", "replace").decode().split()) for file in files]
    return f"\n\n[Its files, which `file` shows: {_names(named)}.]"
