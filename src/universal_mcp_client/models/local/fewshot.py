"""A prompt for a tiny model: examples made from the tools' own schemas, as turns of a chat."""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, cast

from universal_mcp_client.models.base import ModelRequest
from universal_mcp_client.models.schema import Schema, normalize
from universal_mcp_client.types.tools import ToolSpec

_QUOTED = re.compile(r"['\"“]([^'\"”]{1,60})['\"”]")
_COMMON = {"the", "and", "for", "with", "what", "that", "thi", "are", "you", "can", "how", "use"}
_NUMBERS = (12, 30, 5, 48, 7, 21)


def conversation(request: ModelRequest, tools: Sequence[ToolSpec]) -> list[dict[str, str]]:
    """The messages for a tiny model: what it can still follow of the real conversation.

    With `tools` it is to choose: examples, then the request. Without, it is to answer: the
    request and what the tools said, in one turn.
    """
    asked = next((m.text for m in reversed(request.messages) if m.role == "user"), "")
    if tools:
        task = "Write the tool call that does what the user asks."
        return [_turn("system", task), *examples(nearest(tools, asked)), _turn("user", asked)]
    results = [r.text for r in request.messages[-1].tool_results]
    if results:
        facts = "\n".join(results)[:1_500]
        said = f"{facts}\n\nFrom this, answer in one short sentence: {asked}"
        return [_turn("user", said)]
    history = [_turn(m.role, m.text) for m in request.messages if m.role in ("user", "assistant")]
    system = [_turn("system", request.instructions)] if request.instructions else []
    return [*system, *[turn for turn in history if turn["content"]][-8:]]


def nearest(tools: Sequence[ToolSpec], asked: str, most: int = 12) -> list[ToolSpec]:
    """At most `most` tools, those that share words with what is asked for last: a tiny model
    leans towards the examples that it read last, and reads slowly."""
    wanted = _stems(asked)

    def score(spec: ToolSpec) -> float:
        name, about = _stems(spec.name), _stems(spec.description)
        return 2.0 * len(wanted & name) + len(wanted & about - name)

    return sorted(tools, key=score)[-most:]


def _stems(text: str) -> set[str]:
    words = re.findall(r"[a-z]+", text.lower().replace("_", " "))
    return {word.removesuffix("s")[:5] for word in words if len(word) > 2} - _COMMON


def _turn(role: str, content: str) -> dict[str, str]:
    return {"role": role, "content": content}


def examples(tools: Sequence[ToolSpec]) -> list[dict[str, str]]:
    """For each tool a request in words and the call that does it."""
    turns: list[dict[str, str]] = []
    for index, spec in enumerate(tools):
        arguments = example_arguments(spec, index)
        turns += [
            _turn("user", _request(spec, arguments)),
            _turn("assistant", f"{spec.name} {_json(arguments)}"),
        ]
    return turns


def example_arguments(spec: ToolSpec, seed: int = 0) -> dict[str, Any]:
    """Values for the required properties, from the schema's own examples where it has some."""
    schema = normalize(spec.input_schema).schema
    defs: Schema = schema.get("$defs") or {}
    properties: Schema = schema.get("properties") or {}
    required = cast(list[str], schema.get("required") or list(properties)[:1])
    return {
        name: _value(name, properties.get(name) or {}, defs, seed + at)
        for at, name in enumerate(required)
        if name in properties
    }


def _value(name: str, schema: Mapping[str, Any], defs: Schema, seed: int, depth: int = 0) -> Any:
    if depth > 4:
        return None
    if isinstance(ref := schema.get("$ref"), str):
        return _value(name, defs.get(ref.rsplit("/", 1)[-1]) or {}, defs, seed, depth + 1)
    for key in ("examples", "enum"):
        if values := schema.get(key):
            return values[seed % len(values)]
    if "const" in schema:
        return schema["const"]
    for key in ("anyOf", "oneOf", "allOf"):
        if branches := schema.get(key):
            return _value(name, branches[0], defs, seed, depth + 1)
    kind = schema.get("type")
    if isinstance(kind, list):
        kind = cast(list[str], kind)[0]
    about = str(schema.get("description") or "")
    match kind:
        case "integer" | "number":
            low = schema.get("minimum", 0)
            return max(_NUMBERS[seed % len(_NUMBERS)], low)
        case "boolean":
            return True
        case "array":
            return [_value(name, schema.get("items") or {}, defs, seed, depth + 1)]
        case "object":
            inner: Schema = schema.get("properties") or {}
            names = schema.get("required") or ()
            return {n: _value(n, inner.get(n) or {}, defs, seed, depth + 1) for n in names}
        case _:
            if "HH:MM" in about:
                return "14:30"
            if quoted := _QUOTED.findall(about):
                return quoted[seed % len(quoted)]
            return f"some {name.replace('_', ' ')}"


def _request(spec: ToolSpec, arguments: Mapping[str, Any]) -> str:
    about = re.split(r"(?<=[.!?])\s|\n", spec.description.strip())[0].rstrip(".")
    said = ", ".join(
        f"{name.replace('_', ' ')} {_plain(value)}" for name, value in arguments.items()
    )
    words = about or spec.name.replace("_", " ")
    return f"{words}: {said}" if said else words


def _plain(value: Any) -> str:
    return value if isinstance(value, str) else _json(value)


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
