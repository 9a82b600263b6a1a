"""From command-line options to an agent with its host."""

import argparse
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING

from universal_mcp_client.app import Agent
from universal_mcp_client.app.recipe import Tool
from universal_mcp_client.app.resources import InContext
from universal_mcp_client.cli.errors import say
from universal_mcp_client.cli.gate import gate, selected
from universal_mcp_client.cli.named import context_of, model_of, output_of, skills_of
from universal_mcp_client.cli.options import roots_of
from universal_mcp_client.config.agent_file import AgentDefinition
from universal_mcp_client.config.servers import ServerConfig
from universal_mcp_client.config.settings import Settings, load_settings
from universal_mcp_client.core.limits import Limits
from universal_mcp_client.core.session import Session
from universal_mcp_client.models.base import Model, ModelSettings
from universal_mcp_client.models.registry import Choice, choose, resolve
from universal_mcp_client.policy.gate import typed
from universal_mcp_client.tools.derived import FilteredToolset
from universal_mcp_client.tools.rules import EitherOf, Needs, Unless, always, destructive, writes
from universal_mcp_client.types.errors import ConfigError
from universal_mcp_client.types.interaction import Interaction
from universal_mcp_client.types.messages import Part
from universal_mcp_client.types.usage import Price

if TYPE_CHECKING:
    from universal_mcp_client.mcp.host import Host


@dataclass(frozen=True, slots=True)
class Composed:
    agent: Agent
    host: "Host | None"
    choice: Choice
    definition: AgentDefinition
    configs: Sequence[ServerConfig]

    async def mentioned(self, resources: Sequence[str], session: Session) -> list[Part]:
        """What is at the resources that a prompt mentions, each as `server:uri`. From then on the
        conversation has them in its context. Raises ConfigError and ServerError."""
        if not resources or self.host is None:
            return []
        profile = self.agent.resolved_model.profile
        context = InContext(servers=self.host.servers, session=session, profile=profile)
        return await context.mentioned(resources)


def compose(options: argparse.Namespace, interaction: Interaction) -> Composed:
    """The agent which the options, its file and the settings describe together, with the agents that
    it may ask."""
    settings = load_settings()
    definition = gate().agent(options.agent or settings.agent)
    if definition.notes:
        say(
            f"{definition.path} has what is Claude Code's alone and has no effect here; "
            f"`umcp agents check {typed(definition.path)}` says what."
        )
    return _Composer(options, settings, interaction).composed(definition)


class _Composer:
    def __init__(
        self, options: argparse.Namespace, settings: Settings, interaction: Interaction
    ) -> None:
        self._options, self._settings, self._interaction = options, settings, interaction
        self._made = dict[Path, Composed]()
        self._models = dict[str, Model]()
        self._hosts = list["tuple[ServerConfig, Host]"]()

    def composed(self, definition: AgentDefinition, chain: tuple[Composed, ...] = ()) -> Composed:
        """`chain` are the agents that lead to this one, the caller last."""
        options, settings = self._options, self._settings
        configs = self._configs(definition, chain)
        choice = self._choice(definition, chain)
        host = self._host(configs)
        needs = self._needs(definition)
        servers = host.servers if host else {}
        agent = Agent(
            self._model(choice.name),
            instructions=definition.instructions,
            tools=[] if host is None else [*_tools(host, definition)],
            output_type=output_of(definition),
            settings=ModelSettings.parse(definition.settings, definition.at("settings")),
            limits=self._limits(definition, None if chain else options.max_turns),
            name=definition.name,
            description=definition.description,
            interaction=self._interaction if needs else None,
            approve=needs,
            result_budget=settings.result_budget,
            context=context_of(definition, servers),
            skills=skills_of(definition, servers),
            resources=definition.resources,
            server_instructions=definition.server_instructions,
        )
        if host is not None:
            host.callbacks.model = lambda: agent.resolved_model
        made = Composed(agent, host, choice, definition, configs)
        if definition.agents:
            asked = self._asked(definition, (*chain, made))
            made = replace(made, agent=agent.replace(tools=[*agent.tools, *asked]))
        return made

    def _asked(self, definition: AgentDefinition, chain: tuple[Composed, ...]) -> Iterator[Agent]:
        """The agents which this one may ask."""
        for number, name in enumerate(definition.agents):
            where = definition.at("agents", number)
            try:
                other = named_agent(name)
            except ConfigError as error:
                raise ConfigError(f"{where}: {error}") from error
            through = [each.definition for each in chain]
            if other.path in [each.path for each in through]:
                circle = " → ".join(each.name for each in (*through, other))
                raise ConfigError(f"{where}: these agents would ask each other for ever: {circle}.")
            if other.path not in self._made:
                self._made[other.path] = self.composed(other, chain)
            yield self._made[other.path].agent

    def _configs(
        self, definition: AgentDefinition, chain: tuple[Composed, ...]
    ) -> Sequence[ServerConfig]:
        options = self._options
        if options.server and not chain:
            return selected(options.server, options.config)
        if definition.servers is None and chain:
            return chain[-1].configs
        if definition.servers == ():
            return []
        return selected(definition.servers or (), options.config, by=definition.path)

    def _host(self, configs: Sequence[ServerConfig]) -> "Host | None":
        """A host of these; what another agent's host has already is shared."""
        if not configs:
            return None
        from universal_mcp_client.mcp.host import Host

        sources = list[object]()
        for config in configs:
            known = [host for other, host in self._hosts if other == config]
            sources.append(known[0][config.name] if known else config)
        host = Host(*sources, interaction=self._interaction, roots=roots_of(self._options))
        self._hosts += [
            (c, host) for c, source in zip(configs, sources, strict=True) if c is source
        ]
        return host

    def _choice(self, definition: AgentDefinition, chain: tuple[Composed, ...]) -> Choice:
        if chain:
            return model_of(definition, lambda: chain[-1].choice)
        if self._options.model:
            return Choice(self._options.model, "--model names it")
        return model_of(definition, lambda: choose(self._settings.model))

    def _model(self, name: str) -> Model:
        if name not in self._models:
            self._models[name] = _model(name, self._settings)
        return self._models[name]

    def _needs(self, definition: AgentDefinition) -> Needs | None:
        """What is asked for before it is called. A file of an agent can add to it, never take away."""
        options, settings = self._options, self._settings
        if options.yes:
            return None
        rules = list[Needs]()
        if settings.approve != "never":
            allowed = (*options.allow, *settings.allow)
            rules.append(Unless(_RULES[settings.approve], allowed))
        if definition.approve is not None:
            rules.append(Unless(_RULES[definition.approve], tuple(options.allow)))
        return EitherOf(tuple(rules)) if rules else None

    def _limits(self, definition: AgentDefinition, turns: int | None) -> Limits:
        values = self._settings.limits.model_dump() | dict(definition.bounds)
        if turns is not None:
            if turns < 1:
                raise ConfigError("--max-turns must be 1 or more.")
            values["turns"] = turns
        return Limits(**values)


_RULES: Mapping[str, Needs] = {"always": always, "writes": writes, "destructive": destructive}


def named_agent(name: str) -> AgentDefinition:
    """Another agent, by its name alone: a file's path would be no part of what was trusted."""
    if not re.fullmatch(r"[\w-]+", name):
        raise ConfigError(f"{name!r} is no name of an agent; a file of its own is none.")
    return gate().agent(name)


def _tools(host: "Host", definition: AgentDefinition) -> Iterator[Tool]:
    """The servers' tools that the file's patterns leave."""
    if definition.tools is None:
        yield host
        return
    allow = [p for p in definition.tools if not p.startswith("!")]
    deny = [p[1:] for p in definition.tools if p.startswith("!")] if definition.tools else ["*"]
    yield FilteredToolset(wrapped=host, allow=allow, deny=deny)


def _model(name: str, settings: Settings) -> Model:
    for pattern, price in settings.prices.items():
        if fnmatchcase(name, pattern):
            return resolve(name, price=Price(**price.model_dump()))
    return resolve(name)
