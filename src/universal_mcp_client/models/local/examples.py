"""Example requests and calls, made from a tool's own schema and from nothing else."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar, cast

from universal_mcp_client.models.local.request import is_time, shown
from universal_mcp_client.models.schema import Schema, normalize
from universal_mcp_client.types.tools import ToolSpec

VARIANTS = 2
"""How many different examples there are for a tool."""

_NUMBERS = (12, 30, 5, 48, 7, 21)
_WORDS = ("silver lamp", "the boat leaves at noon", "paper", "old maps of the town", "green door")
_TIMES = ("14:30", "08:05")
_MAX_DEPTH = 4
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Example:
    request: str
    call: str


def example(spec: ToolSpec, variant: int) -> Example:
    """The `variant`th example for a tool, with values for its required arguments."""
    schema = normalize(spec.input_schema).schema
    properties: Schema = schema.get("properties") or {}
    required = cast(list[str], schema.get("required") or list(properties)[:1])
    sampler = _Sampler(cast(Schema, schema.get("$defs") or {}), variant)
    arguments = {
        name: sampler.value(name, properties[name], at)
        for at, name in enumerate(required)
        if name in properties
    }
    return Example(_request(spec, arguments), f"{spec.name} {_json(arguments)}")


def _request(spec: ToolSpec, arguments: Mapping[str, Any]) -> str:
    """The tool's description as a request: its first sentence, and the values by name."""
    about = re.split(r"(?<=[.!?])\s|\n", spec.description.strip())[0].rstrip(".")
    words = about or spec.name.replace("_", " ")
    said = ", ".join(f"{k.replace('_', ' ')} {_plain(v)}" for k, v in arguments.items())
    return f"{words}: {said}" if said else words


@dataclass(frozen=True, slots=True)
class _Sampler:
    defs: Schema
    variant: int

    def value(self, name: str, schema: Any, at: int, depth: int = 0) -> Any:
        """A value for a property; the `at`th of its object, so that neighbours differ."""
        if not isinstance(schema, Mapping) or depth > _MAX_DEPTH:
            return None
        form = cast(Schema, schema)
        if isinstance(ref := form.get("$ref"), str):
            return self.value(name, self.defs.get(ref.rsplit("/", 1)[-1]), at, depth + 1)
        if "const" in form:
            return form["const"]
        if values := form.get("enum"):
            return values[self.variant % len(values)]
        if (given := form.get("examples")) and self.variant < len(given):
            return given[self.variant]
        for key in ("anyOf", "oneOf", "allOf"):
            if branches := form.get(key):
                return self.value(name, branches[0], at, depth + 1)
        kind = form.get("type")
        if isinstance(kind, list):
            kind = cast(list[str], kind)[0]
        match kind:
            case "integer" | "number":
                return max(_pick(_NUMBERS, at + self.variant), form.get("minimum", 0))
            case "boolean":
                return True
            case "array":
                return [self.value(name, form.get("items"), at, depth + 1)]
            case "object":
                inner: Schema = form.get("properties") or {}
                names: Sequence[str] = form.get("required") or ()
                return {n: self.value(n, inner.get(n), i, depth + 1) for i, n in enumerate(names)}
            case _:
                if is_time(form):
                    return _pick(_TIMES, self.variant)
                given = shown(str(form.get("description") or ""))
                return _pick(given or _WORDS, at + self.variant)


def _pick(values: Sequence[_T], index: int) -> _T:
    return values[index % len(values)]


def _plain(value: Any) -> str:
    return value if isinstance(value, str) else _json(value)


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
