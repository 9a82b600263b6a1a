"""Prompts as Markdown files: a head of YAML between `---` lines, then the text."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias, cast

from universal_mcp_client.config.head import Key, split
from universal_mcp_client.types.errors import ConfigError
from universal_mcp_client.types.resources import PromptArgument

At: TypeAlias = Callable[..., str]  # from keys to `FILE, line N`

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_PLACE = re.compile(r"\{\{\s*([A-Za-z_][A-Za-z0-9_]*)\s*\}\}")


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


def parse_prompt(text: str, name: str, path: Path) -> PromptDefinition:
    """The prompt that a file's `text` describes. Raises ConfigError that names the file and the line."""
    head, body = split(text, path)
    values = head.values
    _only(values, {"name", "description", "arguments"}, head.at)
    arguments = _arguments(values.get("arguments") or {}, partial(head.at, "arguments"))
    for place in _PLACE.findall(body):
        if place not in {argument.name for argument in arguments}:
            raise ConfigError(
                f"{path}: the text uses {{{{{place}}}}}, but {place!r} is not among the head's arguments."
            )
    return PromptDefinition(
        name=str(values.get("name") or name),
        path=path,
        text=body.strip(),
        description=str(values.get("description") or ""),
        arguments=arguments,
    )


_ARGUMENT = {"name", "title", "description", "required", "default", "choices"}


def _arguments(given: object, at: At) -> tuple[PromptArgument, ...]:
    """Names with a description or with what MCP says of an argument, or a list of such."""
    if isinstance(given, Mapping):
        named = cast(Mapping[object, object], given)
        items: list[tuple[Key, dict[str, object]]] = [
            (
                str(name),
                {"name": name, **value}
                if isinstance(value, Mapping)
                else {"name": name, "description": "" if value is None else value},
            )
            for name, value in named.items()
        ]
    elif isinstance(given, list) and all(isinstance(each, Mapping) for each in given):
        items = [*enumerate(cast(list[dict[str, object]], given))]
    else:
        raise ConfigError(
            f"{at()}: 'arguments' must be a mapping of names, or a list of {{name: …, description: …}}."
        )
    found = [_argument(item, partial(at, key)) for key, item in items]
    if twice := {a.name for a in found if [b.name for b in found].count(a.name) > 1}:
        raise ConfigError(f"{at()}: the argument {sorted(twice)[0]!r} is there twice.")
    return tuple(found)


def _argument(item: Mapping[Any, Any], at: At) -> PromptArgument:
    name = item.get("name")
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise ConfigError(f"{at()}: {name!r} is no name of an argument; use letters, digits and _.")
    _only(item, _ARGUMENT, at)
    default, required = item.get("default"), item.get("required", item.get("default") is None)
    if not isinstance(required, bool):
        raise ConfigError(f"{at()}: 'required' of {name!r} must be true or false.")
    choices = _strings(item.get("choices") or (), f"choices of {name}", at)
    if choices and default is not None and str(default) not in choices:
        raise ConfigError(f"{at()}: the default of {name!r} is none of its choices.")
    return PromptArgument(
        name=name,
        title=str(item["title"]) if item.get("title") else None,
        description=str(item.get("description") or ""),
        required=required,
        default=None if default is None else str(default),
        choices=choices,
    )


def _only(head: Mapping[str, Any], known: set[str], at: At) -> None:
    for key in head.keys() - known:
        import difflib

        near = difflib.get_close_matches(str(key), known, n=1)
        hint = f"Did you mean {near[0]!r}?" if near else f"Known keys: {', '.join(sorted(known))}."
        raise ConfigError(f"{at(key)}: unknown key {key!r}. {hint}")


def _strings(value: object, key: str, at: At) -> tuple[str, ...]:
    items: Sequence[object] = [value] if isinstance(value, str) else cast(Sequence[object], value)
    if not isinstance(items, list | tuple) or not all(isinstance(item, str) for item in items):
        raise ConfigError(f"{at()}: {key!r} must be a list of strings.")
    return tuple(cast(Sequence[str], items))
