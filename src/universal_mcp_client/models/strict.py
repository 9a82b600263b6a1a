"""OpenAI's strict mode: the schemas that it can express, and the way back.

In strict mode the model's arguments are constrained to a subset of JSON Schema: objects are closed
and all of their properties required. A tool whose schema fits goes strict: optional properties
become nullable, and `drop_nulls` takes the nulls out again before the call. A tool that accepts
what the subset can't say (free-form objects, open maps, `not`, `oneOf` that overlaps …) stays as
it is. Source: OpenAI, "Structured outputs", supported schemas.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, cast

from universal_mcp_client.models.schema import Schema, follow, normalize
from universal_mcp_client.types.events import Completion
from universal_mcp_client.types.messages import ToolCall
from universal_mcp_client.types.tools import ToolSpec

_MAX_PROPERTIES = 5_000
_MAX_DEPTH = 10
_MAX_ENUM = 1_000
_MAX_VIEWS = 256

_KEPT = {
    "title",
    "description",
    "pattern",
    "format",
    "multipleOf",
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "minItems",
    "maxItems",
    "const",
}
_FORMATS = {"date-time", "time", "date", "duration", "email", "hostname", "ipv4", "ipv6", "uuid"}
# Said in the description, and checked against the tool's own schema before the call.
_SAID = {
    "default": "Default: {}.",
    "examples": "Examples: {}.",
    "minLength": "At least {} characters.",
    "maxLength": "At most {} characters.",
    "uniqueItems": "No duplicates.",
    "deprecated": "Deprecated.",
}
_IGNORED = {
    "$defs",
    "$ref",
    "type",
    "enum",
    "properties",
    "required",
    "items",
    "anyOf",
    "oneOf",
    "allOf",
    "additionalProperties",
    "nullable",
    "readOnly",
    "writeOnly",
    "contentEncoding",
    "contentMediaType",
}


class _Inexpressible(Exception):
    pass


def to_strict(source: Mapping[str, Any]) -> Schema | None:
    """The strict form of a tool's schema, or None where there is none that means the same."""
    normal = normalize(source)
    if normal.notes:  # something had to be loosened already
        return None
    defs = cast(Schema, normal.schema.get("$defs", {}))
    counter = [0]
    try:
        schema = _strict({k: v for k, v in normal.schema.items() if k != "$defs"}, 0, counter)
        if defs:
            schema["$defs"] = {name: _strict(sub, 1, counter) for name, sub in defs.items()}
    except (_Inexpressible, RecursionError):
        return None
    return schema if counter[0] <= _MAX_PROPERTIES else None


def _strict(schema: Schema, depth: int, counter: list[int]) -> Schema:
    if depth > _MAX_DEPTH or not schema:
        raise _Inexpressible
    said = [
        words.format(_text(schema[key]))
        for key, words in _SAID.items()
        if key in schema and schema[key] not in (False, [])
    ]
    unknown = {k for k in schema if not k.startswith("x-")} - _KEPT - _IGNORED - _SAID.keys()
    if unknown:
        raise _Inexpressible
    out: Schema = {k: v for k, v in schema.items() if k in _KEPT}
    if "format" in out and out["format"] not in _FORMATS:
        said.append(f"Format: {out.pop('format')}.")
    if said:
        out["description"] = " ".join([*filter(None, [out.get("description")]), *said])
    out.pop("title", None)
    if "$ref" in schema:
        out = (
            _only(out, {"description"}) | {"anyOf": [{"$ref": schema["$ref"]}]}
            if out
            else {"$ref": schema["$ref"]}
        )
        _none_of(schema, "type", "properties", "anyOf", "oneOf", "allOf", "enum", "items")
        return out
    if branches := _branches(schema):
        _none_of(schema, "properties", "items", "enum", "const")
        return _only(out, {"description"}) | {
            "anyOf": [_strict(b, depth, counter) for b in branches]
        }
    types = _types(schema)
    if len([t for t in types if t != "null"]) > 1:
        _none_of(schema, "enum", "const")
        each = [_strict(_narrowed(schema, kind), depth, counter) for kind in types]
        return {k: v for k, v in out.items() if k == "description"} | {"anyOf": each}
    out["type"] = types[0] if len(types) == 1 else types
    if "enum" in schema:
        if len(schema["enum"]) > _MAX_ENUM:
            raise _Inexpressible
        out["enum"] = list(schema["enum"])
    if "object" in types:
        _object(schema, out, depth, counter)
    if "array" in types:
        if not isinstance(schema.get("items"), dict):
            raise _Inexpressible
        out["items"] = _strict(schema["items"], depth + 1, counter)
    return out


def _object(schema: Schema, out: Schema, depth: int, counter: list[int]) -> None:
    properties: Schema = schema.get("properties") or {}
    if schema.get("additionalProperties", False) is not False:
        raise _Inexpressible  # an open map
    if not properties and depth and "additionalProperties" not in schema:
        raise _Inexpressible  # a free-form object
    counter[0] += len(properties)
    required = set(cast(list[str], schema.get("required") or []))
    if not required <= properties.keys():
        raise _Inexpressible
    out["properties"] = {
        name: strict if name in required else _nullable(strict)
        for name, strict in (
            (name, _strict(sub, depth + 1, counter)) for name, sub in properties.items()
        )
    }
    out["required"] = list(properties)
    out["additionalProperties"] = False


def _nullable(schema: Schema) -> Schema:
    if _accepts_null(schema):
        return schema
    if isinstance(schema.get("type"), str) and "const" not in schema:
        enum = {"enum": [*schema["enum"], None]} if "enum" in schema else {}
        return {**schema, "type": [schema["type"], "null"], **enum}
    described = {"description": schema["description"]} if "description" in schema else {}
    rest = {k: v for k, v in schema.items() if k != "description"}
    branches = rest["anyOf"] if set(rest) == {"anyOf"} else [rest]
    return {**described, "anyOf": [*branches, {"type": "null"}]}


def _accepts_null(schema: Mapping[str, Any]) -> bool:
    kind = schema.get("type")
    return (
        kind == "null"
        or (isinstance(kind, list) and "null" in kind)
        or any(_accepts_null(branch) for branch in schema.get("anyOf", ()))
    )


def _branches(schema: Schema) -> list[Schema]:
    """The alternatives of `anyOf`, of a `oneOf` that cannot overlap, of an `allOf` of one."""
    given = [key for key in ("anyOf", "oneOf", "allOf") if key in schema]
    if not given:
        return []
    branches = cast(list[Schema], schema[given[0]])
    if len(given) > 1 or (given[0] == "allOf" and len(branches) != 1):
        raise _Inexpressible
    if given[0] == "oneOf" and not _exclusive(branches):
        raise _Inexpressible
    return branches


def _exclusive(branches: list[Schema]) -> bool:
    if any("$ref" in branch for branch in branches):
        return False
    kinds = [set(_types(b, default=())) for b in branches]
    if all(kinds) and sum(map(len, kinds)) == len(set[str]().union(*kinds)):
        return not ({"integer", "number"} <= set[str]().union(*kinds))
    shared = (
        set[str].intersection(*(set(_constants(branch)) for branch in branches))
        if branches
        else set[str]()
    )
    return any(
        len({v for b in branches for v in _constants(b)[name]})
        == sum(len(_constants(b)[name]) for b in branches)
        for name in shared
    )


def _constants(branch: Schema) -> dict[str, list[str]]:
    """Required properties that have fixed values, with those values as text."""
    found: dict[str, list[str]] = {}
    for name in branch.get("required") or []:
        sub = (branch.get("properties") or {}).get(name) or {}
        values = [sub["const"]] if "const" in sub else sub.get("enum")
        if values:
            found[name] = [repr(value) for value in values]
    return found


def _types(schema: Mapping[str, Any], default: tuple[str, ...] | None = None) -> list[str]:
    kind = schema.get("type")
    if isinstance(kind, str):
        return [kind] + (["null"] if schema.get("nullable") is True else [])
    if isinstance(kind, list) and kind:
        return cast(list[str], kind)
    values = schema.get("enum") or ([schema["const"]] if "const" in schema else [])
    names = {bool: "boolean", int: "integer", float: "number", str: "string", type(None): "null"}
    guessed = list(dict.fromkeys(names.get(type(value), "") for value in values))
    if "properties" in schema:
        guessed = ["object"]
    if (not guessed or "" in guessed) and default is None:
        raise _Inexpressible
    return guessed or list(default or ())


_BY_TYPE = {
    "string": {"pattern", "format", "minLength", "maxLength"},
    "number": {"multipleOf", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"},
    "integer": {"multipleOf", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"},
    "array": {"items", "minItems", "maxItems", "uniqueItems"},
    "object": {"properties", "required", "additionalProperties"},
}


def _narrowed(schema: Schema, kind: str) -> Schema:
    """What a schema with several types says of one of them."""
    mine = _BY_TYPE.get(kind, set[str]())
    said = set[str]().union(*_BY_TYPE.values()) - mine | {"description", "default", "examples"}
    return {k: v for k, v in schema.items() if k not in said} | {"type": kind}


def _only(schema: Schema, allowed: set[str]) -> Schema:
    if schema.keys() - allowed:
        raise _Inexpressible
    return {k: v for k, v in schema.items() if k in allowed}


def _none_of(schema: Schema, *keys: str) -> None:
    if any(key in schema for key in keys):
        raise _Inexpressible


def _text(value: object) -> str:
    import json

    if isinstance(value, list):
        return ", ".join(_text(item) for item in cast(list[object], value))
    return json.dumps(value, ensure_ascii=False)


def drop_nulls(value: Any, source: Mapping[str, Any]) -> Any:
    """Strict arguments as the tool's own schema `source` wants them: without the nulls that stand
    for "not given". A null that the tool itself accepts stays."""
    return _drop(value, source, source)


def meant(call: ToolCall, spec: ToolSpec | None, by_default: bool) -> ToolCall:
    """A call as the tool's own schema wants it, where the model was given the strict one."""
    if spec is None or not (by_default if spec.strict is None else spec.strict):
        return call
    return replace(call, arguments=drop_nulls(call.arguments, spec.input_schema))


def without_nulls(
    completion: Completion, tools: Sequence[ToolSpec], by_default: bool
) -> Completion:
    """An answer whose calls of strict tools are as the tools' own schemas want them."""
    if not completion.message.tool_calls:
        return completion
    specs = {spec.name: spec for spec in tools}
    parts = tuple(
        meant(part, specs.get(part.name), by_default) if isinstance(part, ToolCall) else part
        for part in completion.message.parts
    )
    return replace(completion, message=replace(completion.message, parts=parts))


def _drop(value: Any, schema: Any, root: Mapping[str, Any]) -> Any:
    views = _views(schema, root)
    if isinstance(value, list):
        items = next((v["items"] for v in views if "items" in v), None)
        return [_drop(item, items, root) for item in value]
    if not isinstance(value, Mapping):
        return value
    out: Schema = {}
    for name, item in cast(Schema, value).items():
        subs = [v["properties"][name] for v in views if name in (v.get("properties") or {})]
        needed = any(name in (v.get("required") or ()) for v in views)
        if item is None and subs and not needed and not any(_null_in(s, root) for s in subs):
            continue
        out[name] = _drop(
            item, {"anyOf": subs} if len(subs) > 1 else subs[0] if subs else None, root
        )
    return out


def _views(schema: Any, root: Mapping[str, Any]) -> list[Schema]:
    """The object schemas that may describe a value: through references and combinators, each once."""
    views, seen, waiting = list[Schema](), set[int](), [schema]
    while waiting and len(views) < _MAX_VIEWS:
        node = waiting.pop(0)
        if not isinstance(node, Mapping) or id(node) in seen:
            continue
        seen.add(id(node))
        mapping = cast(Schema, node)
        views.append(mapping)
        if isinstance(ref := mapping.get("$ref"), str) and ref.startswith("#"):
            waiting.append(follow(root, ref[1:]))
        for key in ("anyOf", "oneOf", "allOf"):
            waiting += mapping.get(key) or ()
    return views


def _null_in(schema: Any, root: Mapping[str, Any]) -> bool:
    return schema is True or any(
        _accepts_null(v)
        or v.get("nullable") is True
        or None in (v.get("enum") or ())
        or not (v.keys() - {"title", "description", "default"})
        for v in _views(schema, root)
    )
