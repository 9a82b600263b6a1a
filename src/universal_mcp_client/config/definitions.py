"""Agents and prompts as Markdown files: a head of YAML between `---` lines, then the text."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from universal_mcp_client.config.paths import home, shipped
from universal_mcp_client.types.errors import ConfigError

_HEAD = re.compile(r"\A---\s*\n(.*?)^---\s*\n", re.DOTALL | re.MULTILINE)
_PLACE = re.compile(r"\{\{\s*([A-Za-z_][A-Za-z0-9_]*)\s*\}\}")


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentDefinition:
    """`agents/NAME.md`: its body is the instructions.

    `servers` are names from the config, URLs or command lines; None means all of the config's.
    `tools` are patterns over the public tool names, with `!` in front to leave out.
    """

    name: str
    path: Path
    instructions: str
    description: str = ""
    model: str | None = None
    servers: tuple[str, ...] | None = None
    tools: tuple[str, ...] = ()
    settings: Mapping[str, Any] = field(default_factory=dict[str, Any])
    limits: Mapping[str, Any] = field(default_factory=dict[str, Any])


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptDefinition:
    """`prompts/NAME.md`: a text with `{{places}}` for its `arguments` (name to description)."""

    name: str
    path: Path
    text: str
    description: str = ""
    arguments: Mapping[str, str] = field(default_factory=dict[str, str])

    def render(self, values: Mapping[str, str]) -> str:
        """The text with its places filled. Raises ConfigError for a missing or unknown argument."""
        if missing := [name for name in self.arguments if name not in values]:
            raise ConfigError(
                f"Prompt {self.name!r} needs {missing[0]!r} ({self.arguments[missing[0]]}): "
                f"write /{self.name} {' '.join(f'{name}=…' for name in self.arguments)}."
            )
        if unknown := values.keys() - self.arguments.keys():
            raise ConfigError(
                f"Prompt {self.name!r} has no argument {sorted(unknown)[0]!r}; "
                f"it takes: {', '.join(self.arguments) or 'none'}."
            )
        return _PLACE.sub(lambda place: values[place.group(1)], self.text)


def agents() -> dict[str, AgentDefinition]:
    """All agents by name: the project's `agents/`, then the user's, then those shipped."""
    return {name: _agent(name, path) for name, path in _files("agents").items()}


def agent(name: str) -> AgentDefinition:
    """An agent by name, or by the path of its file. Raises ConfigError where there is none."""
    if name.endswith(".md"):
        return _agent(Path(name).stem, Path(name))
    files = _files("agents")
    if name not in files:
        raise ConfigError(
            f"There is no agent {name!r}. The agents are: {', '.join(sorted(files))}. "
            f"`umcp agents new {name}` makes one."
        )
    return _agent(name, files[name])


def prompts() -> dict[str, PromptDefinition]:
    """All prompts by name, from the same places."""
    return {name: _prompt(name, path) for name, path in _files("prompts").items()}


def folders(kind: str) -> list[Path]:
    """Where definitions are looked for, the most particular first."""
    return [Path.cwd() / kind, home() / kind, shipped(kind)]


def _files(kind: str) -> dict[str, Path]:
    found: dict[str, Path] = {}
    for folder in folders(kind):
        for path in sorted(folder.glob("*.md")) if folder.is_dir() else ():
            if path.stem != "README":
                found.setdefault(path.stem, path)
    return found


def _agent(name: str, path: Path) -> AgentDefinition:
    head, body = _read(path)
    known = {"name", "description", "model", "servers", "tools", "settings", "limits"}
    _only(head, known, path)
    servers = head.get("servers")
    return AgentDefinition(
        name=str(head.get("name") or name),
        path=path,
        instructions=body.strip(),
        description=str(head.get("description") or ""),
        model=head.get("model"),
        servers=None if servers is None else _strings(servers, "servers", path),
        tools=_strings(head.get("tools") or (), "tools", path),
        settings=_mapping(head, "settings", path),
        limits=_mapping(head, "limits", path),
    )


def _prompt(name: str, path: Path) -> PromptDefinition:
    head, body = _read(path)
    _only(head, {"name", "description", "arguments"}, path)
    arguments = {key: str(value) for key, value in _mapping(head, "arguments", path).items()}
    for place in _PLACE.findall(body):
        if place not in arguments:
            raise ConfigError(
                f"{path}: the text uses {{{{{place}}}}}, but {place!r} is not among the head's arguments."
            )
    return PromptDefinition(
        name=str(head.get("name") or name),
        path=path,
        text=body.strip(),
        description=str(head.get("description") or ""),
        arguments=arguments,
    )


def _read(path: Path) -> tuple[dict[str, Any], str]:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"Cannot read {path}: {error}.") from error
    found = _HEAD.match(text)
    if found is None:
        return {}, text
    import yaml

    try:
        head: object = yaml.safe_load(found.group(1)) or {}
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f", line {mark.line + 2}, column {mark.column + 1}" if mark else ""
        raise ConfigError(f"{path}{where}: {getattr(error, 'problem', error)}.") from error
    if not isinstance(head, dict):
        raise ConfigError(f"{path}: the head between the --- lines must be `key: value` lines.")
    return cast(dict[str, Any], head), text[found.end() :]


def _only(head: Mapping[str, Any], known: set[str], path: Path) -> None:
    for key in head.keys() - known:
        import difflib

        near = difflib.get_close_matches(str(key), known, n=1)
        hint = f"Did you mean {near[0]!r}?" if near else f"Known keys: {', '.join(sorted(known))}."
        raise ConfigError(f"{path}: unknown key {key!r}. {hint}")


def _strings(value: object, key: str, path: Path) -> tuple[str, ...]:
    items: Sequence[object] = [value] if isinstance(value, str) else cast(Sequence[object], value)
    if not isinstance(items, list | tuple) or not all(isinstance(item, str) for item in items):
        raise ConfigError(f"{path}: {key!r} must be a list of strings.")
    return tuple(cast(Sequence[str], items))


def _mapping(head: Mapping[str, Any], key: str, path: Path) -> Mapping[str, Any]:
    value = head.get(key) or {}
    if not isinstance(value, dict):
        raise ConfigError(f"{path}: {key!r} must be a mapping of names to values.")
    return cast(Mapping[str, Any], value)
