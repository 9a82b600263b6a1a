"""`umcp agents check`: what is wrong with agents' files. Nothing is started, contacted or asked."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, cast

from universal_mcp_client.cli.gate import gate
from universal_mcp_client.cli.named import in_context, is_file, model_of, output_of
from universal_mcp_client.config.agent_file import AgentDefinition
from universal_mcp_client.config.sources import server_configs
from universal_mcp_client.models.base import ModelSettings
from universal_mcp_client.models.registry import Choice, resolve
from universal_mcp_client.policy import project
from universal_mcp_client.policy.gate import looks_like_a_name
from universal_mcp_client.types.errors import ConfigError, UniversalMCPError

_LINE = re.compile(r", line (\d+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """A file with its mistakes, a text of `FILE, line N: …` each, and what has no effect in it."""

    file: str
    errors: Sequence[str] = ()
    notes: Sequence[str] = ()

    def document(self) -> dict[str, Any]:
        """As JSON."""
        errors = [
            {"line": int(found[1]) if (found := _LINE.search(error)) else None, "message": error}
            for error in self.errors
        ]
        return {"file": self.file, "errors": errors, "notes": list(self.notes)}


def checked(given: Sequence[str], config: Path | None) -> list[Checked]:
    """Of these files and names of agents; of all there are where none is given."""
    known = _Known.read(config)
    if not given:
        broken = [Checked(file=_file(e), errors=_lines(e)) for e in known.broken]
        return [*broken, *(known.check(agent) for agent in known.agents.values())]
    found = list[Checked]()
    for each in given:
        try:
            if not each.endswith(".md"):
                agent = known.agents.get(each) or gate().agent(each)
            else:
                path = Path(each).expanduser()
                agent = cast(AgentDefinition, project.definition(path, kind="agent").value)
        except ConfigError as error:
            found.append(Checked(file=each, errors=_lines(error)))
        else:
            found.append(known.check(agent))
    return found


def _lines(error: UniversalMCPError) -> list[str]:
    return str(error).splitlines()


def _file(error: ConfigError) -> str:
    return str(error).split(", line", 1)[0].split(": ", 1)[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Known:
    """What a file may name, trusted or not."""

    agents: Mapping[str, AgentDefinition]
    servers: frozenset[str]
    prompts: frozenset[str]
    broken: Sequence[ConfigError] = field(default=())

    @classmethod
    def read(cls, config: Path | None) -> "_Known":
        here = Path.cwd()
        items, broken = project.everything(here, "agent")
        agents = {item.name: cast(AgentDefinition, item.value) for item in items}
        for name in project.own_names("agent"):
            try:
                if name not in agents and (own := project.own("agent", name)) is not None:
                    agents[name] = cast(AgentDefinition, own)
            except ConfigError as error:
                broken.append(error)
        prompts = {name for name, _ in gate().listed("prompt")}
        servers = {row.value.name for row in gate().servers(config)}
        return cls(
            agents=agents, servers=frozenset(servers), prompts=frozenset(prompts), broken=broken
        )

    def check(self, agent: AgentDefinition) -> Checked:
        return Checked(
            file=str(agent.path), errors=list(self._errors(agent)), notes=list(agent.notes)
        )

    def _errors(self, agent: AgentDefinition) -> Iterator[str]:
        name = model_of(agent, lambda: Choice("local:smollm2-135m", "")).name
        yield from _raised(lambda: resolve(name), agent.at("model"))
        settings = agent.at("settings")
        yield from _raised(lambda: ModelSettings.parse(agent.settings, settings))
        yield from _raised(lambda: output_of(agent))
        for number, given in enumerate(agent.servers or ()):
            yield from self._server(given, agent.at("servers", number))
        for number, given in enumerate(agent.context):
            if is_file(given):
                yield from _raised(partial(in_context, agent, number))
            else:
                yield from self._reference(agent, given, agent.at("context", number))
        for number, given in enumerate(agent.prompts):
            prompt, where = given.removeprefix("/").partition(" ")[0], agent.at("prompts", number)
            if prompt not in self.prompts and ":" in prompt:
                yield from self._reference(agent, prompt, where)
            elif prompt not in self.prompts and agent.servers == ():
                yield f"{where}: there is no prompt {prompt!r}. `umcp prompts` lists them."
        for number, given in enumerate(agent.agents):
            yield from self._agent(agent, given, agent.at("agents", number))

    def _server(self, given: str, where: str) -> Iterator[str]:
        if given in self.servers:
            return
        if looks_like_a_name(given) and self.servers:
            known = ", ".join(sorted(self.servers))
            yield f"{where}: there is no server {given!r}. The servers are: {known}."
        else:
            yield from _raised(lambda: server_configs([given]), where)

    def _reference(self, agent: AgentDefinition, given: str, where: str) -> Iterator[str]:
        """`server:…`, whose server must be one of the agent's."""
        names = self.servers if agent.servers is None else {*_names(agent.servers)}
        server, _, rest = given.partition(":")
        if server not in names and not rest.startswith("//"):
            known = ", ".join(sorted(names)) or "none"
            yield f"{where}: {given}: there is no server {server!r}; the agent has: {known}."

    def _agent(self, agent: AgentDefinition, name: str, where: str) -> Iterator[str]:
        if name not in self.agents:
            known = ", ".join(sorted(self.agents))
            yield f"{where}: there is no agent {name!r}. The agents are: {known}."
            return
        circle = self._circle(name, agent.path, ())
        if circle:
            yield (
                f"{where}: these agents would ask each other for ever: "
                f"{' → '.join((agent.name, *circle))}."
            )

    def _circle(self, name: str, back: Path, through: tuple[str, ...]) -> tuple[str, ...]:
        """The agents from `name` on by which one comes back to a file; none where one does not."""
        found = self.agents.get(name)
        if found is None or name in through:
            return ()
        if found.path == back:
            return (*through, name)
        ways = (self._circle(other, back, (*through, name)) for other in found.agents)
        return next((way for way in ways if way), ())


def _names(servers: Sequence[str]) -> Iterator[str]:
    for given in servers:
        if looks_like_a_name(given):
            yield given
        else:
            try:
                yield from (config.name for config in server_configs([given]))
            except ConfigError:  # told of where it stands
                pass


def _raised(check: Callable[[], object], where: str = "") -> Iterator[str]:
    try:
        check()
    except UniversalMCPError as error:
        for line in _lines(error):
            yield f"{where}: {line}" if where else line
