"""What an agent's file names besides servers: its model, files, prompts and the form of its answer."""

import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from universal_mcp_client.app.skills import ALL
from universal_mcp_client.cli.gate import gate
from universal_mcp_client.cli.typed import understood
from universal_mcp_client.config.agent_file import AgentDefinition
from universal_mcp_client.config.json_text import parsed
from universal_mcp_client.models.registry import Choice
from universal_mcp_client.policy.files import LARGEST, read_below, read_text
from universal_mcp_client.policy.gate import is_own
from universal_mcp_client.tools.marked import marked
from universal_mcp_client.types.errors import ConfigError
from universal_mcp_client.types.messages import Part, Text, messages_of
from universal_mcp_client.types.resources import Resource, ResourceContents, Skill

if TYPE_CHECKING:
    from universal_mcp_client.mcp.server import Server

_CLAUDE = re.compile(r"(sonnet|opus|haiku|fable)(\[.*\])?")
_PATH = re.compile(r"~|\.{0,2}[/\\]|[A-Za-z]:[/\\]")


def model_of(agent: AgentDefinition, otherwise: Callable[[], Choice]) -> Choice:
    """The model that the file names. Claude Code's short names mean the newest of that name, where
    there is a key for it."""
    name = agent.model
    if name is None:
        return otherwise()
    why = f"the agent {agent.name!r} names it"
    if (short := _CLAUDE.fullmatch(name)) is None:
        return Choice(f"anthropic:{name}" if name.startswith("claude-") else name, why)
    from universal_mcp_client.models.prices import newest_claude

    if os.environ.get("ANTHROPIC_API_KEY") and (newest := newest_claude(short[1])):
        return Choice(newest, f"{why} as {name}")
    instead = otherwise()
    return Choice(instead.name, f"{instead.why}; {name} would need ANTHROPIC_API_KEY")


def output_of(agent: AgentDefinition) -> dict[str, Any] | None:
    """The JSON Schema of its answer. Raises ConfigError for what is none."""
    if not isinstance(agent.output, str):
        schema: object = agent.output
    else:
        path = _place(agent, agent.output)
        schema = parsed(_read(agent, agent.output, "output"), path)
        if not isinstance(schema, dict):
            raise ConfigError(f"{path} must hold a JSON object, a JSON Schema.")
    if schema is None:
        return None
    from universal_mcp_client.core.output import Output

    try:
        Output(schema)
    except ConfigError:
        raise ConfigError(
            f"{agent.at('output')}: 'output' is no JSON Schema, or one too large."
        ) from None
    return cast(dict[str, Any], schema)


def is_file(reference: str) -> bool:
    """Whether an item of `context` is a file, and not a resource's URI."""
    return ":" not in reference or _PATH.match(reference) is not None


def context_of(agent: AgentDefinition, servers: "Mapping[str, Server]") -> list[Any]:
    """What `Agent(context=…)` takes. Raises ConfigError for a file that cannot be had, and a prompt of
    a file that is not there or not trusted."""
    found = [in_context(agent, number) for number in range(len(agent.context))]
    for number, given in enumerate(agent.prompts):
        where = agent.at("prompts", number)
        gate().prompt(given.removeprefix("/").partition(" ")[0])  # whoever is asked is asked now
        found.append(_Begin(given.removeprefix("/"), servers, where))
    return found


def skills_of(agent: AgentDefinition, servers: "Mapping[str, Server]") -> list[Skill | str]:
    """What `Agent(skills=…)` takes: all that are trusted and those of the servers where the file does
    not say. Raises ConfigError for one that nobody has."""
    if agent.skills == ():
        return []
    known = gate().skills()
    if agent.skills is None:
        return [*known.values(), ALL]
    found = list[Skill | str]()
    for number, name in enumerate(agent.skills):
        if name not in known and name.partition("/")[0] not in servers:
            raise ConfigError(
                f"{agent.at('skills', number)}: there is no skill {name!r} that you have or trust. "
                f"The skills are: {', '.join(known) or 'none'}; one of a server is written SERVER/NAME."
            )
        found.append(known.get(name, name))
    return found


def in_context(agent: AgentDefinition, number: int) -> Any:
    """An item of `context`. Raises ConfigError for a file that cannot be had."""
    given = agent.context[number]
    if not is_file(given):
        return given
    if is_own(agent.path):
        if not (path := _place(agent, given)).is_file():
            raise ConfigError(f"{agent.at('context', number)}: there is no file {path}.")
        return path
    text = _read(agent, given, "context", number)
    return ResourceContents(uri=given, name=given, text=text)


class _Begin:
    """A prompt of `prompts`, filled in when a conversation begins."""

    def __init__(self, given: str, servers: "Mapping[str, Server]", where: str) -> None:
        self._given, self._servers, self._where = given, servers, where

    async def __call__(self) -> list[Part | Resource]:
        try:
            typed = await understood(f"/{self._given}", self._servers)
        except ConfigError as error:
            raise ConfigError(f"{self._where}: {error}") from error
        if typed.prompt == f"/{self._given}":
            raise ConfigError(f"{self._where}: there is no prompt {self._given!r}.")
        found = list[Part | Resource]()
        for reference in typed.resources(self._servers):
            name, _, uri = reference.partition(":")
            found.append(Resource(uri=uri, name=uri, server=name))
        for message in messages_of(typed.prompt):
            told = message.role == "assistant"
            found += (
                Text(text=marked("assistant", part.text))
                if told and isinstance(part, Text)
                else part
                for part in message.parts
            )
        return found


def _place(agent: AgentDefinition, given: str) -> Path:
    return Path(os.path.normpath(agent.path.parent / Path(given).expanduser()))


def _read(agent: AgentDefinition, given: str, *keys: str | int) -> str:
    """The text of a file that an agent's file names: of a project's, in place and in its folder."""
    path = _place(agent, given)
    try:
        if is_own(agent.path):
            return read_text(path)
        folder = agent.path.parent
        root = folder.parent if folder.name == "agents" else folder
        if not path.is_relative_to(root) or Path(given).is_absolute() or given.startswith("~"):
            raise ConfigError(f"{given} is not in the folder {root}.")
        return read_below(root, *path.relative_to(root).parts, largest=LARGEST)
    except ConfigError as error:
        raise ConfigError(f"{agent.at(*keys)}: {error}") from error
