"""The head of a Markdown file, YAML between `---` lines, of which every value knows its line."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, TypeAlias, cast

from universal_mcp_client.types.errors import ConfigError

Key: TypeAlias = str | int

_LONGEST = 16_384  # characters
_DEEPEST, _MOST = 20, 500  # levels of it, and values
_LOOSE = re.compile(r"^(description: +)(?!['\"|>&*!])(.*:.*)$", re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """`values` are plain: strings, numbers, lists and mappings with names."""

    path: Path
    values: Mapping[str, Any] = field(default_factory=dict[str, Any])
    lines: Mapping[tuple[Key, ...], int] = field(default_factory=dict[tuple[Key, ...], int])

    def line(self, *keys: Key) -> int:
        """The line of the file in which a value stands, or what is around it."""
        return next(
            (self.lines[keys[:n]] for n in range(len(keys), 0, -1) if keys[:n] in self.lines), 1
        )

    def at(self, *keys: Key) -> str:
        """`FILE, line N`."""
        return f"{self.path}, line {self.line(*keys)}" if self.lines else str(self.path)


def split(text: str, path: Path) -> tuple[Head, str]:
    """The head, and the text below it. Raises ConfigError that names the file and the line."""
    first, *lines = text.split("\n")
    end = next((at for at, line in enumerate(lines) if line.rstrip() == "---"), None)
    if first.rstrip() != "---" or end is None:
        return Head(path=path), text
    written = "\n".join(lines[:end])
    if len(written) > _LONGEST:
        raise ConfigError(
            f"{path}: the head between the --- lines has {len(written)} characters; "
            f"at most {_LONGEST} are read."
        )
    return _head(written, path), "\n".join(lines[end + 1 :])


def _head(written: str, path: Path) -> Head:
    import yaml

    try:
        return _parsed(written, path)
    except yaml.YAMLError as error:
        # Claude Code takes a description with colons that YAML wants in quotes.
        quoted = _LOOSE.sub(lambda m: m[1] + "'" + m[2].replace("'", "''") + "'", written)
        if quoted != written:
            try:
                return _parsed(quoted, path)
            except yaml.YAMLError:
                pass
        mark = getattr(error, "problem_mark", None)
        where = f", line {mark.line + 2}, column {mark.column + 1}" if mark else ""
        raise ConfigError(f"{path}{where}: {getattr(error, 'problem', error)}.") from error


def _parsed(written: str, path: Path) -> Head:
    import yaml

    _check_size(yaml.parse(written, Loader=_loader()), path)
    loader = _loader()(written)
    try:
        node = loader.get_single_node()
        values: object = {} if node is None else loader.construct_document(node)
    except (RecursionError, ValueError) as error:  # too deep; no date; a number of 5,000 digits
        raise ConfigError(f"{path}: the head cannot be read: {error}.") from error
    finally:
        loader.dispose()
    if values is None:
        return Head(path=path)
    if not isinstance(values, dict):
        raise ConfigError(f"{path}: the head between the --- lines must be `key: value` lines.")
    head = Head(path=path, values=cast(dict[str, Any], values), lines=dict(_lines(node, (), path)))
    _check_plain(values, (), head)
    return head


@cache
def _loader() -> Any:
    """The safe one, to which a date is a text."""
    import yaml

    made: Any = type("Loader", (getattr(yaml, "CSafeLoader", yaml.SafeLoader),), {})
    resolvers = made.yaml_implicit_resolvers.items()
    made.yaml_implicit_resolvers = {
        first: [each for each in found if each[0] != "tag:yaml.org,2002:timestamp"]
        for first, found in resolvers
    }
    return made


def _check_size(events: Iterator[Any], path: Path) -> None:
    import yaml

    depth = values = 0
    for event in events:
        if isinstance(event, yaml.AliasEvent):  # by which a few lines stand for millions
            raise ConfigError(f"{path}: the head may not use aliases (*name).")
        depth += isinstance(event, yaml.CollectionStartEvent)
        depth -= isinstance(event, yaml.CollectionEndEvent)
        values += isinstance(event, yaml.ScalarEvent)
        if values > _MOST:
            raise ConfigError(f"{path}: the head has more than {_MOST} values.")
        if depth > _DEEPEST:
            raise ConfigError(f"{path}: the head is nested more than {_DEEPEST} levels deep.")


def _lines(node: Any, at: tuple[Key, ...], path: Path) -> Iterator[tuple[tuple[Key, ...], int]]:
    """Of each value below `node`, its line in the file; the head's first is the second."""
    if node.id == "mapping":
        names = set[str]()
        for key, value in node.value:
            name, line = str(key.value), key.start_mark.line + 2
            if name in names:
                raise ConfigError(f"{path}, line {line}: {name!r} is there twice.")
            names.add(name)
            yield (*at, name), line
            yield from _lines(value, (*at, name), path)
    elif node.id == "sequence":
        for number, item in enumerate(node.value):
            yield (*at, number), item.start_mark.line + 2
            yield from _lines(item, (*at, number), path)


def _check_plain(value: object, at: tuple[Key, ...], head: Head) -> None:
    if isinstance(value, dict):
        for name, inner in cast(dict[object, object], value).items():
            if not isinstance(name, str):
                where = head.at(*at, str(name))
                raise ConfigError(f"{where}: the key {name!r} is no text; put it in quotes.")
            _check_plain(inner, (*at, name), head)
    elif isinstance(value, list):
        for number, inner in enumerate(cast(list[object], value)):
            _check_plain(inner, (*at, number), head)
    elif not isinstance(value, str | int | float | None):
        where, kind = head.at(*at), type(value).__name__
        raise ConfigError(f"{where}: {at[-1]!r} is a {kind} to YAML; put it in quotes.")
