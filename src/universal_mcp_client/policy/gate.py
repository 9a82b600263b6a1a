"""The one gate for whatever comes from the project's folder: servers, agents, prompts, skills.

What the user trusted, with just that content, passes. The rest is asked for where somebody can
answer; else the user's own and the package's are used and a line says so, or, where only the
project has what was named, ConfigError says what to type.
"""

import os
import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeAlias, cast

from universal_mcp_client.config.agent_file import AgentDefinition
from universal_mcp_client.config.definitions import PromptDefinition
from universal_mcp_client.config.paths import home, shipped
from universal_mcp_client.config.server_file import read_servers, servers_in
from universal_mcp_client.config.servers import ServerConfig
from universal_mcp_client.config.sources import server_configs
from universal_mcp_client.config.state import check_own
from universal_mcp_client.policy import project, trust
from universal_mcp_client.policy.project import Definition, Item, Kind
from universal_mcp_client.types.errors import ConfigError
from universal_mcp_client.types.resources import Skill

Ask: TypeAlias = Callable[[Sequence[Item]], bool]
"""Shows what these would do, and asks whether they are trusted."""

COMMAND = "umcp trust"
_NAMED = 10  # things that one line names
_HOW = f"`{COMMAND}` shows what it does, and trusts it."


def user_file() -> Path:
    """The user's own servers."""
    return home() / "mcp.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """A definition or a server as a list shows it. `trusted` is None for what is not a project's."""

    value: ServerConfig | Definition
    trusted: bool | None = None


class Gate:
    """`folder` is the current one. Without `ask`, nobody is asked. `say` is told, in a line, what is
    not used."""

    def __init__(
        self,
        folder: Path,
        *,
        ask: Ask | None = None,
        say: Callable[[str], None] = lambda text: None,
    ) -> None:
        self._folder = folder
        self._ask = ask
        self._say = say
        self._left: set[tuple[str, str, str]] = set()  # what was refused already, by its digest too

    def admitted(self, items: Sequence[Item]) -> list[Item]:
        """Those that may be used. The user is asked about the others, once for each content."""
        try:
            known = trust.trusted(items)
        except ConfigError as error:  # the store is not to be believed
            self._once(("store", "", ""), str(error))
            known = []
        fresh = [i for i in items if i not in known and _identity(i) not in self._left]
        if fresh and self._ask is not None and self._ask(fresh):
            self._remember(fresh)
            return [item for item in items if item in known or item in fresh]
        self._left |= {_identity(item) for item in fresh}
        return known

    def _remember(self, items: Sequence[Item]) -> None:
        try:
            trust.trust(items)
        except ConfigError as error:
            self._once(("store", "", ""), f"Trusted for this command only: {error}")

    def _used_without(self, items: Sequence[Item]) -> None:
        """Say, in one line, that these are not used."""
        if items:
            told = f"Not used, since you have not trusted it: {_named(items)}. {_HOW}"
            self._once(("left", told, ""), told)

    def selected(
        self, names: Sequence[str], config: Path | None = None, *, by: Path | None = None
    ) -> list[ServerConfig]:
        """The servers of these names, URLs, command lines and files; without any, all that are
        written down and not switched off.

        They are looked for in `config`, which the user named and which is not asked about, else in
        the project's and the user's file. `by` is the file of the agent that names them.
        Raises ConfigError for a name that nobody or only an untrusted project has.
        """
        if not names:
            return [server for server in self._written(config) if not server.disabled]
        wanted = {text for text in names if looks_like_a_name(text)}
        needs_config = bool(wanted) or config is not None
        known = {s.name: s for s in self._written(config, wanted)} if needs_config else {}
        chosen: list[ServerConfig] = []
        for text in names:
            if text in known:
                chosen.append(known[text])
            elif text in wanted and (written := self._names(config)):
                raise self._unknown(text, written)
            else:
                chosen += _given(text, by)
        return server_configs(chosen)

    def servers(self, config: Path | None = None) -> list[Listed]:
        """All servers that are written down, for showing: variables unexpanded, nobody asked."""
        if config is not None:
            return [Listed(value=server) for server in read_servers(config, expand=False)]
        brought = project.servers(self._folder)
        passed = _passed(brought)
        replaced = {item.name for item in passed}
        return [
            *(Listed(value=s) for s in self._own_servers(expand=False) if s.name not in replaced),
            *(Listed(value=item.value, trusted=item in passed) for item in brought),
        ]

    def agent(self, name: str) -> AgentDefinition:
        """The agent of that name, or of that path. Raises ConfigError where there is none."""
        if name.endswith(".md"):
            return self._agent_of(Path(name).expanduser())
        found = self._definition("agent", name)
        if found is None:
            known = ", ".join(sorted({name for name, _ in self.listed("agent")}))
            raise ConfigError(
                f"There is no agent {name!r}. The agents are: {known}. "
                f"`umcp agents new {name}` makes one."
            )
        return cast(AgentDefinition, found)

    def prompt(self, name: str) -> PromptDefinition | None:
        """The prompt of that name, None where there is none."""
        return cast("PromptDefinition | None", self._definition("prompt", name))

    def prompts(self) -> dict[str, PromptDefinition]:
        """All prompts by name: those of the project that are trusted, the user's, the package's."""
        return cast(dict[str, PromptDefinition], self._all("prompt"))

    def skills(self) -> dict[str, Skill]:
        """All skills by name: those of the project that are trusted, and the user's."""
        return cast(dict[str, Skill], self._all("skill"))

    def _all(self, kind: Kind) -> dict[str, object]:
        brought = self._brought(kind)
        admitted = self.admitted(brought)
        self._used_without([item for item in brought if item not in admitted])
        return self._own(kind) | {item.name: item.value for item in admitted}

    def _brought(self, kind: Kind) -> list[Item]:
        brought, wrong = project.everything(self._folder, kind)
        for error in wrong:
            self._once(("wrong", str(error), ""), str(error))
        return brought

    def _own(self, kind: Kind) -> dict[str, Definition]:
        found = dict[str, Definition]()
        for name in project.own_names(kind):
            try:
                if (mine := project.own(kind, name)) is not None:
                    found[name] = mine
            except ConfigError as error:
                if kind != "skill":  # of which many may have come from elsewhere
                    raise
                self._once(("wrong", str(error), ""), str(error))
        return found

    def listed(self, kind: Kind) -> list[tuple[str, Listed]]:
        """All agents, prompts or skills with their names, for showing; nobody is asked. What the
        project brings and is not trusted stands beside what is used in its place."""
        brought = self._brought(kind)
        passed = _passed(brought)
        rows = [(item.name, Listed(value=item.value, trusted=item in passed)) for item in brought]
        replaced = {item.name for item in passed}
        mine = self._own(kind).items()
        return rows + [(name, Listed(value=each)) for name, each in mine if name not in replaced]

    def _definition(self, kind: Kind, name: str) -> Definition | None:
        mine = project.own(kind, name)
        try:
            item = (project.agent if kind == "agent" else project.prompt)(self._folder, name)
        except ConfigError as error:  # a link, or a mistake: what is there without it is used
            if mine is None:
                raise
            self._once(("wrong", str(error), ""), str(error))
            return mine
        if item is None:
            return mine
        if self.admitted([item]):
            return cast("Definition", item.value)
        if mine is None:
            raise _untrusted(item)
        self._used_without([item])
        return mine

    def _agent_of(self, path: Path) -> AgentDefinition:
        """Of a file that the user named: its words are taken, but what it starts, contacts and
        sets is asked for."""
        item = project.definition(path, kind="agent")
        agent = cast(AgentDefinition, item.value)
        if agent.says_more and not is_own(item.path) and not self.admitted([item]):
            raise _untrusted(item)
        return agent

    def _written(
        self, config: Path | None, only: Collection[str] | None = None
    ) -> list[ServerConfig]:
        """The servers of the files, with the values of their variables."""
        if config is not None:
            return read_servers(config, only=only)
        own = [s.name for s in self._own_servers(expand=False)]
        brought = [
            item
            for item in project.servers(self._folder)
            if (item.name in only if only is not None else _matters(item, own))
        ]
        admitted = self.admitted(brought)
        names = {item.name for item in admitted}
        self._used_without(
            [i for i in brought if i.name not in names and (only is None or i.name in own)]
        )
        mine = set(own if only is None else only) - names
        found = [*self._own_servers(only=mine)] if mine else []
        if admitted:
            path = admitted[0].path
            found += [
                replace(server, cwd=server.cwd or _start(server, path.parent))
                for server in servers_in(admitted[0].text, path, only=names)
            ]
        return found

    def _own_servers(
        self, *, expand: bool = True, only: Collection[str] | None = None
    ) -> list[ServerConfig]:
        file = user_file()
        check_own(file)
        return read_servers(file, expand=expand, only=only) if file.is_file() else []

    def _names(self, config: Path | None) -> list[str]:
        if config is not None:
            return [s.name for s in read_servers(config, expand=False)]
        own = [s.name for s in self._own_servers(expand=False)]
        return [*own, *(i.name for i in project.servers(self._folder) if i.name not in own)]

    def _unknown(self, name: str, written: Sequence[str]) -> ConfigError:
        for item in project.servers(self._folder):
            if item.name == name:
                return _untrusted(item)
        return ConfigError(f"There is no server {name!r}. The servers are: {', '.join(written)}.")

    def _once(self, key: tuple[str, str, str], text: str) -> None:
        if key not in self._left:
            self._left.add(key)
            self._say(text)


def _untrusted(item: Item) -> ConfigError:
    file = "" if item.path.name == project.SERVERS_FILE else f" {typed(item.path)}"
    return ConfigError(
        f"You have not trusted the {item.label} of {item.path} as it is now. "
        f"`{COMMAND}{file}` shows what it does, and trusts it."
    )


def _start(server: ServerConfig, folder: Path) -> str | None:
    """A project's programs start in its folder, not in any other below it."""
    return str(folder) if server.transport == "stdio" else None


def _identity(item: Item) -> tuple[str, str, str]:
    return str(item.path), item.label, item.digest


def _named(items: Sequence[Item]) -> str:
    """`server 'a', server 'b' (/p/.mcp.json); agent 'c' (/p/agents/c.md)`"""
    files: dict[Path, list[str]] = {}
    for item in items[:_NAMED]:
        files.setdefault(item.path, []).append(item.label)
    told = "; ".join(f"{', '.join(labels)} ({path})" for path, labels in files.items())
    return told + (f" and {len(items) - _NAMED} more" if len(items) > _NAMED else "")


def typed(path: Path) -> str:
    """A path as it is typed into a shell: its names may be anybody's."""
    import shlex
    import subprocess

    return subprocess.list2cmdline([path]) if os.name == "nt" else shlex.quote(str(path))


def _passed(items: Sequence[Item]) -> list[Item]:
    try:
        return trust.trusted(items)
    except ConfigError:
        return []


def _matters(item: Item, own: Collection[str]) -> bool:
    """A server that is switched off changes something only where it hides one of the user's."""
    return not cast(ServerConfig, item.value).disabled or item.name in own


def is_own(path: Path) -> bool:
    """Whether an agent's file is the user's or the package's, and not a project's."""
    return any(
        path.is_relative_to(folder.resolve())
        for folder in (home() / "agents", shipped("agents"))
        if folder.is_dir()
    )


def _given(text: str, by: Path | None) -> list[ServerConfig]:
    """A server that is given whole. A file of servers can only be named by the user: its content
    is no part of the agent's file, which is what was trusted."""
    found = server_configs([text])
    if by is not None and not is_own(by.resolve()) and any(config.source for config in found):
        raise ConfigError(
            f"{by}: an agent's servers cannot be {text!r}, a file of servers; "
            f"write them into {project.SERVERS_FILE}, or name it with --config."
        )
    return found


def looks_like_a_name(text: str) -> bool:
    """Whether it can only be the name of a server that is written down."""
    return not any(mark in text for mark in " /\\=:") and not re.search(
        r"\.(py|[cm]?js|json)\Z", text
    )
