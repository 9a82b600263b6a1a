"""Agents and prompts as Markdown files: a head of YAML between `---` lines, then the text."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from universal_mcp_client.types.errors import ConfigError

_LONGEST_HEAD = 8_192  # characters
_DEEPEST, _MOST = 20, 500  # levels of it, and values
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


def parse_agent(text: str, name: str, path: Path) -> AgentDefinition:
    """The agent that a file's `text` describes. Raises ConfigError that names the file."""
    head, body = _parts(text, path)
    known = {"name", "description", "model", "servers", "tools", "settings", "limits"}
    _only(head, known, path)
    servers = head.get("servers")
    return AgentDefinition(
        name=str(head.get("name") or name),
        path=path,
        instructions=body.strip(),
        description=str(head.get("description") or ""),
        model=_string(head, "model", path),
        servers=None if servers is None else _strings(servers, "servers", path),
        tools=_strings(head.get("tools") or (), "tools", path),
        settings=_mapping(head, "settings", path),
        limits=_mapping(head, "limits", path),
    )


def parse_prompt(text: str, name: str, path: Path) -> PromptDefinition:
    """The prompt that a file's `text` describes. Raises ConfigError that names the file."""
    head, body = _parts(text, path)
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


def _parts(text: str, path: Path) -> tuple[dict[str, Any], str]:
    """The head's values, and the text below it."""
    first, *lines = text.split("\n")
    end = next((at for at, line in enumerate(lines) if line.rstrip() == "---"), None)
    if first.rstrip() != "---" or end is None:
        return {}, text
    written = "\n".join(lines[:end])
    if len(written) > _LONGEST_HEAD:
        raise ConfigError(
            f"{path}: the head between the --- lines has {len(written)} characters; "
            f"at most {_LONGEST_HEAD} are read."
        )
    head = _head(written, path)
    if not isinstance(head, dict):
        raise ConfigError(f"{path}: the head between the --- lines must be `key: value` lines.")
    return cast(dict[str, Any], head), "\n".join(lines[end + 1 :])


def _head(written: str, path: Path) -> object:
    import yaml

    loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        depth = values = 0
        for event in yaml.parse(written, Loader=loader):
            if isinstance(event, yaml.AliasEvent):  # by which a few lines stand for millions
                raise ConfigError(f"{path}: the head may not use aliases (*name).")
            depth += isinstance(event, yaml.CollectionStartEvent)
            depth -= isinstance(event, yaml.CollectionEndEvent)
            values += isinstance(event, yaml.ScalarEvent)
            if values > _MOST:
                raise ConfigError(f"{path}: the head has more than {_MOST} values.")
            if depth > _DEEPEST:
                raise ConfigError(f"{path}: the head is nested more than {_DEEPEST} levels deep.")
        return yaml.load(written, loader) or {}
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f", line {mark.line + 2}, column {mark.column + 1}" if mark else ""
        raise ConfigError(f"{path}{where}: {getattr(error, 'problem', error)}.") from error
    except (RecursionError, ValueError) as error:  # too deep; no date; a number of 5,000 digits
        raise ConfigError(f"{path}: the head cannot be read: {error}.") from error


def _only(head: Mapping[str, Any], known: set[str], path: Path) -> None:
    for key in head.keys() - known:
        import difflib

        near = difflib.get_close_matches(str(key), known, n=1)
        hint = f"Did you mean {near[0]!r}?" if near else f"Known keys: {', '.join(sorted(known))}."
        raise ConfigError(f"{path}: unknown key {key!r}. {hint}")


def _string(head: Mapping[str, Any], key: str, path: Path) -> str | None:
    value = head.get(key)
    if value is not None and not isinstance(value, str):
        raise ConfigError(f"{path}: {key!r} must be a string.")
    return value


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
