"""Agents and prompts as Markdown files: a head of YAML between `---` lines, then the text."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from universal_mcp_client.types.errors import ConfigError
from universal_mcp_client.types.resources import PromptArgument

_LONGEST_HEAD = 8_192  # characters
_DEEPEST, _MOST = 20, 500  # levels of it, and values
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
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
    """`prompts/NAME.md`: a text with `{{places}}` for its `arguments`."""

    name: str
    path: Path
    text: str
    description: str = ""
    arguments: tuple[PromptArgument, ...] = ()

    def render(self, values: Mapping[str, str]) -> str:
        """The text with its places filled. Raises ConfigError for a missing or unknown argument, and
        for a value that is none of its choices."""
        filled = prompt_values(self.name, self.arguments, values)
        return _PLACE.sub(lambda place: filled.get(place.group(1), ""), self.text)


def prompt_values(
    name: str, arguments: Sequence[PromptArgument], values: Mapping[str, str]
) -> dict[str, str]:
    """The values of a prompt's arguments, defaults among them. Raises ConfigError for what is wrong
    with them."""
    known = {argument.name: argument for argument in arguments}
    if unknown := sorted(values.keys() - known):
        raise ConfigError(
            f"Prompt {name!r} has no argument {unknown[0]!r}; it takes: {', '.join(known) or 'none'}."
        )
    for argument in arguments:
        value = values.get(argument.name, argument.default)
        if value is None and argument.required:
            about = f" ({argument.description})" if argument.description else ""
            usage = " ".join(f"{each}=…" for each in known)
            raise ConfigError(
                f"Prompt {name!r} needs {argument.name!r}{about}: write /{name} {usage}."
            )
        if value is not None and argument.choices and value not in argument.choices:
            raise ConfigError(
                f"Prompt {name!r}: {argument.name!r} is one of {', '.join(argument.choices)}, "
                f"not {value!r}."
            )
    given = {name: values.get(name, each.default) for name, each in known.items()}
    return {name: value for name, value in given.items() if value is not None}


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
    arguments = _arguments(head.get("arguments") or {}, path)
    for place in _PLACE.findall(body):
        if place not in {argument.name for argument in arguments}:
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


_ARGUMENT = {"name", "title", "description", "required", "default", "choices"}


def _arguments(given: object, path: Path) -> tuple[PromptArgument, ...]:
    """Names with a description or with what MCP says of an argument, or a list of such."""
    if isinstance(given, Mapping):
        named = cast(Mapping[object, object], given)
        items = [
            {"name": name, **value}
            if isinstance(value, Mapping)
            else {"name": name, "description": "" if value is None else value}
            for name, value in named.items()
        ]
    elif isinstance(given, list) and all(isinstance(each, Mapping) for each in given):
        items = [dict(each) for each in cast(list[Mapping[str, object]], given)]
    else:
        raise ConfigError(
            f"{path}: 'arguments' must be a mapping of names, or a list of {{name: …, description: …}}."
        )
    found = [_argument(item, path) for item in items]
    if twice := {a.name for a in found if [b.name for b in found].count(a.name) > 1}:
        raise ConfigError(f"{path}: the argument {sorted(twice)[0]!r} is there twice.")
    return tuple(found)


def _argument(item: Mapping[Any, Any], path: Path) -> PromptArgument:
    name = item.get("name")
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise ConfigError(f"{path}: {name!r} is no name of an argument; use letters, digits and _.")
    _only(item, _ARGUMENT, path)
    default, required = item.get("default"), item.get("required", item.get("default") is None)
    if not isinstance(required, bool):
        raise ConfigError(f"{path}: 'required' of {name!r} must be true or false.")
    choices = _strings(item.get("choices") or (), f"choices of {name}", path)
    if choices and default is not None and str(default) not in choices:
        raise ConfigError(f"{path}: the default of {name!r} is none of its choices.")
    return PromptArgument(
        name=name,
        title=str(item["title"]) if item.get("title") else None,
        description=str(item.get("description") or ""),
        required=required,
        default=None if default is None else str(default),
        choices=choices,
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
