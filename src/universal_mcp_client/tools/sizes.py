"""What others send, measured and shortened before it is kept or shown to a model."""

import json
from collections.abc import Mapping
from typing import Any, cast

from universal_mcp_client.types.bounds import (
    PARAMETER_CHARACTERS,
    SCHEMA_CHARACTERS,
    SCHEMA_DEPTH,
)
from universal_mcp_client.types.tools import JSONSchema

TOO_LONG: JSONSchema = {
    "type": "object",
    "description": "The schema of these parameters is too long to be shown.",
}


def shortened(text: str, limit: int) -> str:
    """`text` of at most `limit` characters, ended at a word and with a mark where it was cut."""
    if len(text) <= limit:
        return text
    floor = limit * 4 // 5
    stop = max(text.rfind("\n", floor, limit), text.rfind(" ", floor, limit))
    return text[: stop if stop > 0 else limit].rstrip() + f" [… cut: {len(text):,} characters]"


def json_size(value: object, limit: int, depth: int = SCHEMA_DEPTH) -> int:
    """Characters of `value` as JSON, about; more than `limit` where it is longer or deeper than
    `depth`. Looks at no more than it must to know."""
    size, stack = 0, [(value, 0)]
    while stack:
        node, level = stack.pop()
        size += len(node) + 3 if isinstance(node, str) else 4
        if size > limit or level > depth:
            return limit + 1
        if isinstance(node, Mapping):
            mapping = cast(Mapping[str, object], node)
            size += sum(len(key) + 4 for key in mapping)
            stack += [(item, level + 1) for item in mapping.values()]
        elif isinstance(node, list | tuple):
            stack += [(item, level + 1) for item in cast(list[object], node)]
    return size


def bounded_schema(schema: JSONSchema) -> JSONSchema:
    """`schema` itself where it is of a usual size; else with shorter descriptions, or without
    anything: the server has the last word on arguments."""
    if _is_usual(schema):
        return schema
    if json_size(schema, 100 * SCHEMA_CHARACTERS) > 100 * SCHEMA_CHARACTERS:
        return TOO_LONG
    shorter: JSONSchema = _shorter(schema)
    fits = json_size(shorter, SCHEMA_CHARACTERS) <= SCHEMA_CHARACTERS
    return (schema if shorter == schema else shorter) if fits else TOO_LONG


def _is_usual(schema: JSONSchema) -> bool:
    """Small enough that nothing in it can be too long or too deep; by the encoder written in C, as
    a server may have thousands."""
    try:
        text = json.dumps(schema)
    except (TypeError, ValueError, RecursionError):
        return False
    return len(text) <= PARAMETER_CHARACTERS and text.count("{") + text.count("[") <= SCHEMA_DEPTH


def _shorter(schema: Any) -> Any:
    if isinstance(schema, Mapping):
        return {
            key: shortened(value, PARAMETER_CHARACTERS)
            if key in ("description", "title", "$comment") and isinstance(value, str)
            else _shorter(value)
            for key, value in cast(Mapping[str, Any], schema).items()
        }
    return [_shorter(item) for item in schema] if isinstance(schema, list) else schema
