"""Tools as each provider's API takes them."""

import json
import re
from collections.abc import Sequence
from typing import Any, Literal, TypeAlias, get_args

from universal_mcp_client.models.schema import normalize
from universal_mcp_client.models.strict import to_strict
from universal_mcp_client.types.errors import ConfigError
from universal_mcp_client.types.tools import ToolSpec

Dialect: TypeAlias = Literal[
    "openai",
    "openai-strict",
    "openai-responses",
    "openai-responses-strict",
    "anthropic",
    "anthropic-strict",
]
# What strict mode does not know at Anthropic: a tool that bounds its numbers stays as it is.
_BOUNDS = re.compile(r'"(multipleOf|(exclusive)?(min|max)imum|(min|max)Items)":', re.IGNORECASE)
DIALECTS: tuple[Dialect, ...] = get_args(Dialect)


def function_specs(specs: Sequence[ToolSpec], dialect: Dialect) -> list[dict[str, Any]]:
    """The array for the `tools` field of a request. The specs' schemas are left as they are.

    Raises ConfigError for an unknown dialect."""
    if dialect not in DIALECTS:
        raise ConfigError(
            f"There is no format {dialect!r} for tools. The formats are: {', '.join(DIALECTS)}."
        )
    return [_one(spec, dialect) for spec in specs]


def _one(spec: ToolSpec, dialect: Dialect) -> dict[str, Any]:
    wire = dialect.removesuffix("-strict")
    asked = dialect != wire if spec.strict is None else spec.strict
    strict = to_strict(spec.input_schema) if asked else None
    if strict and wire == "anthropic" and _BOUNDS.search(json.dumps(strict)):
        strict = None
    normal = normalize(spec.input_schema)
    tool: dict[str, Any] = {
        "name": spec.name,
        "description": "\n".join([*filter(None, [spec.description]), *normal.notes]),
        "input_schema" if wire == "anthropic" else "parameters": strict or normal.schema,
    }
    if strict or wire == "openai-responses":  # which would rewrite the schema itself without it
        tool["strict"] = strict is not None
    match wire:
        case "anthropic":
            return tool
        case "openai":
            return {"type": "function", "function": tool}
        case _:
            return {"type": "function", **tool}
