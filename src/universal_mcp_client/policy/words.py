"""What a thing of a project would do, in plain words. Nothing is expanded, started or contacted.

Nothing of it is left out either, as ServerConfig.target does with what looks like a secret: behind
that, anything could be hidden from whoever decides.
"""

import json
import re
import shlex
import unicodedata
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

from universal_mcp_client.config.agent_file import AgentDefinition
from universal_mcp_client.config.definitions import PromptDefinition
from universal_mcp_client.config.server_file import entries_in
from universal_mcp_client.config.servers import ServerConfig
from universal_mcp_client.config.variables import VARIABLE
from universal_mcp_client.policy.project import Item
from universal_mcp_client.policy.skills import files_of
from universal_mcp_client.types.resources import Skill

_TOLD = {
    "type", "transport", "command", "args", "env", "cwd", "url", "headers", "auth", "oauth",
    "disabled", "enabled", "timeout", "connectTimeout", "required", "tools",
    "sampling",
}  # fmt: skip
_EXCERPT = 300  # characters of a text
_NAMED = 20  # files


def facts(item: Item, own: Collection[str] = ()) -> list[str]:
    """What it runs, whom it contacts, what it reads, is given and says; a line each.

    `own` are the names of that kind which the user has without the project.
    """
    match item.value:
        case ServerConfig():
            lines = [*_server(item, item.value)]
        case AgentDefinition():
            lines = [*_agent(item.value, item.path.parent.parent)]
        case PromptDefinition():
            lines = [*_prompt(item.value)]
        case Skill():
            lines = [*_skill(item.value, item.text)]
    return [*_name(item, own), *lines]


def _name(item: Item, own: Collection[str]) -> Iterator[str]:
    if item.name in own:
        yield f"takes the place of the {item.kind} {item.name!r} that you have"
    elif alike := [name for name in own if _outline(name) == _outline(item.name)]:
        yield f"is called almost as the {item.kind} {alike[0]!r} that you have"
    yield from _beyond_ascii(item.name)


def _beyond_ascii(text: str) -> Iterator[str]:
    """Letters that look like others are told apart so."""
    if not text.isascii():
        yield f"which has letters beyond ASCII: {text!a}"


def _outline(name: str) -> str:
    return re.sub(r"[-_. ]", "", unicodedata.normalize("NFKC", name).casefold())


def _server(item: Item, server: ServerConfig) -> Iterator[str]:
    entry = cast(Mapping[str, Any], entries_in(item.text, item.path)[item.name])
    if server.transport == "stdio":
        line = shlex.join([server.command, *server.args])
        yield f"runs: {line}"
        yield from _beyond_ascii(line)
        if server.cwd:
            yield f"in the folder {entry.get('cwd')}"
        if server.env:
            yield f"with the environment {_pairs(server.env)}"
        places = {item.path.parent, Path(server.cwd or item.path.parent)}
        if inside := _inside([server.command, *server.args], places):
            yield _changeable(inside)
    else:
        yield f"contacts {server.url}"
        yield from _beyond_ascii(server.url)
        if server.fixed_headers:
            yield f"sends it the headers {_pairs(server.fixed_headers)}"
    login = entry.get("oauth", entry.get("auth"))
    if isinstance(login, Mapping):
        yield f"logs in with {_pairs(cast(Mapping[str, object], login))}"
    if names := sorted(set(_variables(entry))):
        yield f"is given the values of your variables {', '.join(names)}"
    for key in sorted(entry.keys() - _TOLD):
        yield f"{key}: {json.dumps(entry[key], ensure_ascii=False)}"
    if server.sampling:
        yield "may ask your model what it likes, at your cost, and is told the answers (sampling)"
    if server.disabled:
        yield "is switched off: used only where it is named"


def _agent(agent: AgentDefinition, folder: Path) -> Iterator[str]:
    if agent.servers is None:
        yield "uses all servers of the configuration"
    for source in agent.servers or ():
        target = re.sub(r"\A[A-Za-z0-9][A-Za-z0-9_.-]*=", "", source)
        if re.match(r"https?://", target):
            yield f"contacts {source}"
        elif re.search(r"[\s/\\=]|\.(py|[cm]?js)\Z", source):
            yield f"runs: {source}"
            if inside := _inside(target.split(), [folder]):
                yield _changeable(inside)
        else:
            yield f"uses the server {source!r} of the configuration; runs {source} where there is none"
    if agent.model is not None:
        yield f"sends the conversation to the model {agent.model}"
    if agent.tools is not None:
        yield f"uses the tools {', '.join(agent.tools) or '(none)'}"
    if agent.agents:
        yield f"asks the agents {', '.join(agent.agents)}, which have servers and models of their own"
    if agent.context:
        yield f"sends the model what is in {', '.join(agent.context)}, as it is then"
    if agent.prompts:
        yield f"begins with the prompts {'; '.join(agent.prompts)}"
    if agent.skills is not None:
        yield f"is told of the skills {', '.join(agent.skills) or '(none)'}"
    if agent.resources:
        yield "lets the model list and read all that its servers have to read"
    if agent.output is not None:
        form = agent.output if isinstance(agent.output, str) else json.dumps(agent.output)
        yield f"answers in the form {_excerpt(form)}"
    if agent.approve is not None:
        yield f"asks you besides: {agent.approve}"
    if agent.settings:
        yield f"with the settings {_pairs(agent.settings)}"
    if agent.bounds:
        yield f"with the limits {_pairs(agent.bounds)}"
    if not agent.server_instructions:
        yield "does not tell the model what servers say of their own use"
    yield f"instructs the model: {_excerpt(agent.instructions)}"


def _prompt(prompt: PromptDefinition) -> Iterator[str]:
    yield f"puts a text into the conversation: {_excerpt(prompt.text)}"


def _skill(skill: Skill, text: str) -> Iterator[str]:
    yield f"tells the model: {skill.description}"
    yield f"instructs it where it wants that: {_excerpt(text)}"
    if files := files_of(skill):
        more = f" and {len(files) - _NAMED} more" if len(files) > _NAMED else ""
        yield f"lets it read {', '.join(files[:_NAMED])}{more}; nothing of this is run by umcp"


def _excerpt(text: str) -> str:
    flat = " ".join(text.split())
    more = f" … ({len(text):,} characters)" if len(flat) > _EXCERPT else ""
    return f"{flat[:_EXCERPT]}{more}" if flat else "(nothing)"


def _pairs(values: Mapping[str, object]) -> str:
    return ", ".join(f"{key}={shlex.quote(str(value))}" for key, value in values.items())


def _variables(value: object) -> Iterator[str]:
    """The names of the environment's variables in all strings of a parsed value."""
    if isinstance(value, str):
        yield from (match.group(1) for match in VARIABLE.finditer(value))
    elif isinstance(value, Mapping):
        for inner in cast(Mapping[str, object], value).values():
            yield from _variables(inner)
    elif isinstance(value, list):
        for inner in cast(list[object], value):
            yield from _variables(inner)


def _inside(words: Sequence[str], folders: Collection[Path]) -> list[str]:
    """Which of a command line's words are files in these folders."""
    return [word for word in words if any(_lies_in(folder, word) for folder in folders)]


def _lies_in(folder: Path, word: str) -> bool:
    path = folder / word
    return path.is_relative_to(folder) and _is_file(path)


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):  # too long for a name; a zero in it
        return False


def _changeable(files: Sequence[str]) -> str:
    return f"{', '.join(files)}: of this folder; trust stays when what is in there changes"
