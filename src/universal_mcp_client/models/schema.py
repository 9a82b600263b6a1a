"""One plain dialect of JSON Schema out of all that servers send.

Servers write draft-04 to 2020-12; providers read 2020-12 with a plain object at its root.
`normalize` rewrites the one into the other and keeps the meaning; what it must loosen it says in
words. docs/tools.md has the table, keyword by keyword.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, cast

Schema = dict[str, Any]

COMBINATORS = ("allOf", "anyOf", "oneOf")
_DROPPED = frozenset(
    {"$schema", "$id", "id", "$anchor", "$dynamicAnchor", "$comment", "$vocabulary"}
)
_ONE = (
    "not",
    "if",
    "then",
    "else",
    "contains",
    "propertyNames",
    "unevaluatedItems",
    "unevaluatedProperties",
    "additionalProperties",
)
_MANY = (*COMBINATORS, "prefixItems")
_NAMED = ("properties", "patternProperties", "dependentSchemas")


_MAX_SUBSCHEMAS = 50_000
_TOO_LONG = "The parameters' schema is too long or too deeply nested to be shown."


class _TooLong(Exception):
    pass


@dataclass(frozen=True, slots=True)
class Normalized:
    """`schema` has an object at its root; `notes` say in words what it leaves out."""

    schema: Schema
    notes: tuple[str, ...] = ()


def normalize(source: Mapping[str, Any]) -> Normalized:
    """`source`, which is left as it is, as a 2020-12 schema with an object at its root."""
    rewriter = _Rewriter(source)
    notes = list[str]()
    try:
        schema = rewriter.schema(source, root=True)
        notes += rewriter.notes
        schema = _plain_root(schema, rewriter, notes)
    except (_TooLong, RecursionError):
        return Normalized({"type": "object", "properties": {}}, (_TOO_LONG,))
    if rewriter.defs:
        schema["$defs"] = {key: value for key, value in sorted(rewriter.defs.items())}
    return Normalized(schema, tuple(dict.fromkeys(notes)))


@dataclass
class _Rewriter:
    source: Mapping[str, Any]
    defs: Schema = field(default_factory=Schema)
    notes: list[str] = field(default_factory=list[str])
    _names: dict[str, str] = field(default_factory=dict[str, str])  # pointer -> name in $defs
    _anchors: dict[str, str] | None = None  # $anchor or $id -> pointer
    _taken: set[str] = field(default_factory=set[str])
    _numbers: dict[str, int] = field(default_factory=dict[str, int])
    _left: int = _MAX_SUBSCHEMAS  # references may bring the same parts over again and again

    def any(self, value: object) -> Schema:
        """A subschema; the boolean ones become their objects."""
        if value is False:
            return {"not": {}}
        return self.schema(cast(Schema, value)) if isinstance(value, Mapping) else {}

    def schema(self, source: Mapping[str, Any], *, root: bool = False) -> Schema:
        out: Schema = {}
        self._left -= 1
        if self._left < 0:
            raise _TooLong
        for key, value in source.items():
            if key in _DROPPED and not (key == "id" and not isinstance(value, str)):
                continue
            if key in ("$defs", "definitions"):
                continue  # what is referred to is brought over when it is met
            if key in ("$ref", "$dynamicRef", "$recursiveRef"):
                out |= self._reference(value)
            elif key in _ONE:
                out[key] = (
                    value
                    if isinstance(value, bool) and key.startswith(("additional", "uneval"))
                    else self.any(value)
                )
            elif key in _MANY and isinstance(value, list):
                out[key] = [self.any(item) for item in cast(list[object], value)]
            elif key in _NAMED and isinstance(value, Mapping):
                out[key] = {k: self.any(v) for k, v in cast(Schema, value).items()}
            elif key == "items":
                self._items(out, value, source.get("additionalItems"))
            elif key == "additionalItems":
                continue
            elif key == "dependencies" and isinstance(value, Mapping):
                self._dependencies(out, cast(Schema, value))
            elif key in ("exclusiveMinimum", "exclusiveMaximum") and isinstance(value, bool):
                self._draft4_bound(out, source, key, value)
            elif key == "required" and not isinstance(value, list):
                continue  # draft-03 wrote a boolean here
            else:
                out[key] = _copy(value)
        return out

    def _items(self, out: Schema, value: object, rest: object) -> None:
        if not isinstance(value, list):
            out["items"] = self.any(value) if value is not False else False
            return
        out["prefixItems"] = [self.any(item) for item in cast(list[object], value)]
        if rest is not None:
            out["items"] = False if rest is False else self.any(rest)

    def _dependencies(self, out: Schema, dependencies: Schema) -> None:
        for name, need in dependencies.items():
            if isinstance(need, list):
                out.setdefault("dependentRequired", {})[name] = _copy(need)
            else:
                out.setdefault("dependentSchemas", {})[name] = self.any(need)

    def _draft4_bound(self, out: Schema, source: Mapping[str, Any], key: str, on: bool) -> None:
        plain = "minimum" if key == "exclusiveMinimum" else "maximum"
        if on and plain in source:
            out.pop(plain, None)
            out[key] = source[plain]

    def _reference(self, ref: object) -> Schema:
        """A reference into this document by way of `$defs`; one that leads out becomes anything."""
        pointer = self._pointer(str(ref))
        if pointer is None or (target := follow(self.source, pointer)) is None:
            self.notes.append(f"Parts are described at {ref}, which is not part of this schema.")
            return {}
        if pointer == "":
            return {"$ref": "#"}
        if pointer not in self._names:
            self._names[pointer] = self._free_name(pointer)
            self.defs[self._names[pointer]] = {}  # known already while it refers to itself
            self.defs[self._names[pointer]] = self.any(target)
        return {"$ref": f"#/$defs/{self._names[pointer]}"}

    def _pointer(self, ref: str) -> str | None:
        base = str(self.source.get("$id") or self.source.get("id") or "")
        if base and ref.startswith(base + "#"):
            ref = ref[len(base) :]
        if ref in ("#", base):
            return ""
        if ref.startswith("#/"):
            return ref[1:]
        if self._anchors is None:
            self._anchors = dict(_anchors(self.source, ""))
        return self._anchors.get(ref)

    def _free_name(self, pointer: str) -> str:
        last = pointer.rsplit("/", 1)[-1] or "def"
        name = "".join(c if c.isascii() and (c.isalnum() or c in "_-.") else "_" for c in last)
        candidate, number = name, self._numbers.get(name, 2)
        while candidate in self._taken:
            candidate, number = f"{name}_{number}", number + 1
        self._numbers[name] = number
        self._taken.add(candidate)
        return candidate


def _plain_root(schema: Schema, rewriter: _Rewriter, notes: list[str]) -> Schema:
    """Providers want `type: object` and no combinators at the root. Their properties are brought
    up; which of the alternatives must hold is said in words, and checked before each call."""
    if "$ref" in schema and schema["$ref"] != "#":
        name = str(schema.pop("$ref")).rsplit("/", 1)[-1]
        schema = {**rewriter.defs[name], **schema}
    schema.pop("$ref", None)
    properties: Schema = dict(schema.get("properties") or {})
    required: list[str] = list(schema.get("required") or [])
    for key in COMBINATORS:
        branches = schema.pop(key, None)
        if not branches:
            continue
        resolved = [_deref(branch, rewriter.defs) for branch in branches]
        for branch in resolved:
            for name, sub in (branch.get("properties") or {}).items():
                properties[name] = _either(properties[name], sub) if name in properties else sub
        needs = [set(cast(list[str], branch.get("required") or [])) for branch in resolved]
        wanted = set.union(*needs) if key == "allOf" else set.intersection(*needs)
        required += sorted(wanted - set(required))
        if key == "allOf":
            rest = [
                {
                    k: v
                    for k, v in b.items()
                    if k not in ("properties", "required", "type", "title", "description")
                }
                for b in resolved
            ]
            if any(rest):
                notes.append(f"All of these must hold: {_json([r for r in rest if r])}")
        else:
            word = "At least one" if key == "anyOf" else "Exactly one"
            notes.append(f"{word} of these must hold: {_json(branches)}")
    for key in ("not", "if", "then", "else", "enum", "const"):
        if key in schema:
            notes.append(f"The arguments must also satisfy {_json({key: schema.pop(key)})}")
    plain: Schema = {**schema, "type": "object", "properties": properties}
    plain.pop("required", None)
    if required:
        plain["required"] = required
    return plain


def _deref(schema: Schema, defs: Schema) -> Schema:
    seen: set[str] = set()
    while "$ref" in schema and (name := str(schema["$ref"]).rsplit("/", 1)[-1]) not in seen:
        seen.add(name)
        schema = {**defs.get(name, {}), **{k: v for k, v in schema.items() if k != "$ref"}}
    return schema


def _either(one: Schema, other: Schema) -> Schema:
    if one == other:
        return one
    branches: list[Schema] = one["anyOf"] if set(one) == {"anyOf"} else [one]
    return {"anyOf": branches if other in branches else [*branches, other]}


def _anchors(node: object, pointer: str) -> "list[tuple[str, str]]":
    found: list[tuple[str, str]] = []
    if isinstance(node, Mapping):
        mapping = cast(Schema, node)
        for key in ("$anchor", "$dynamicAnchor"):
            if isinstance(name := mapping.get(key), str):
                found.append((f"#{name}", pointer))
        if pointer and isinstance(name := mapping.get("$id"), str):
            found.append((name, pointer))
        for key, value in mapping.items():
            found += _anchors(value, f"{pointer}/{key.replace('~', '~0').replace('/', '~1')}")
    elif isinstance(node, list):
        for index, value in enumerate(cast(list[object], node)):
            found += _anchors(value, f"{pointer}/{index}")
    return found


def follow(document: object, pointer: str) -> object:
    """The value at a JSON pointer (RFC 6901), None where there is none."""
    from urllib.parse import unquote

    node = document
    for step in pointer.split("/")[1:]:
        step = unquote(step).replace("~1", "/").replace("~0", "~")
        if isinstance(node, Mapping) and step in node:
            node = cast(Schema, node)[step]
        elif (
            isinstance(node, list)
            and step.isdecimal()
            and int(step) < len(cast(list[object], node))
        ):
            node = cast(list[object], node)[int(step)]
        else:
            return None
    return node


def _copy(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {k: _copy(v) for k, v in cast(Schema, value).items()}
    return [_copy(v) for v in value] if isinstance(value, list) else value


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
