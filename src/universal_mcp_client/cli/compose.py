"""From command-line options to an agent with its host."""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from universal_mcp_client.app import Agent
from universal_mcp_client.app.recipe import Tool
from universal_mcp_client.app.resources import InContext
from universal_mcp_client.cli.gate import gate, selected
from universal_mcp_client.config import definitions
from universal_mcp_client.config.settings import Settings, load_settings
from universal_mcp_client.core.limits import Limits
from universal_mcp_client.core.session import Session
from universal_mcp_client.models.base import Model, ModelSettings
from universal_mcp_client.models.registry import Choice, choose, resolve
from universal_mcp_client.tools.derived import FilteredToolset
from universal_mcp_client.tools.rules import Needs, Unless, destructive, writes
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

    async def mentioned(self, resources: Sequence[str], session: Session) -> list[Part]:
        """What is at the resources that a prompt mentions, each as `server:uri`. From then on the
        conversation has them in its context. Raises ConfigError and ServerError."""
        if not resources or self.host is None:
            return []
        profile = self.agent.resolved_model.profile
        context = InContext(servers=self.host.servers, session=session, profile=profile)
        return await context.mentioned(resources)


def compose(options: argparse.Namespace, interaction: Interaction) -> Composed:
    """The agent which the options, its file and the settings describe together."""
    settings = load_settings()
    definition = gate().agent(options.agent or settings.agent)
    servers: Sequence[str] = options.server or definition.servers or ()
    configs = (
        []
        if definition.servers == () and not options.server
        else selected(servers, options.config, by=None if options.server else definition.path)
    )
    choice = (
        Choice(options.model, "--model names it")
        if options.model
        else Choice(definition.model, f"the agent {definition.name!r} names it")
        if definition.model
        else choose(settings.model)
    )
    host, tools = None, list[Tool]()
    if configs:
        from universal_mcp_client.mcp.host import Host

        host = Host(*configs, interaction=interaction)
        allow = [p for p in definition.tools if not p.startswith("!")]
        deny = [p[1:] for p in definition.tools if p.startswith("!")]
        tools.append(
            FilteredToolset(wrapped=host, allow=allow, deny=deny) if allow or deny else host
        )
    needs = _needs(options, settings)
    agent = Agent(
        _model(choice.name, settings),
        instructions=definition.instructions,
        tools=tools,
        settings=ModelSettings.parse(definition.settings, str(definition.path)),
        limits=_limits(options, definition, settings),
        name=definition.name,
        description=definition.description,
        interaction=interaction if needs else None,
        approve=needs,
        result_budget=settings.result_budget,
    )
    return Composed(agent, host, choice)


def _needs(options: argparse.Namespace, settings: Settings) -> Needs | None:
    """What is asked for before it is called. No file of an agent has a say in it."""
    if options.yes or settings.approve == "never":
        return None
    return Unless(
        destructive if settings.approve == "destructive" else writes,
        (*options.allow, *settings.allow),
    )


def _model(name: str, settings: Settings) -> Model:
    for pattern, price in settings.prices.items():
        if fnmatchcase(name, pattern):
            return resolve(name, price=Price(**price.model_dump()))
    return resolve(name)


def _limits(
    options: argparse.Namespace, definition: definitions.AgentDefinition, settings: Settings
) -> Limits:
    values = settings.limits.model_dump()
    if unknown := definition.limits.keys() - values.keys():
        raise ConfigError(
            f"{definition.path}: unknown limit {sorted(unknown)[0]!r}. "
            f"The limits are: {', '.join(values)}."
        )
    values |= dict(definition.limits)
    if options.max_turns is not None:
        if options.max_turns < 1:
            raise ConfigError("--max-turns must be 1 or more.")
        values["turns"] = options.max_turns
    return Limits(**values)
