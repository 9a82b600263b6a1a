"""Schemas for providers: the meaning is kept, strict mode only where it says the same."""

import copy
import json
from typing import Any

import jsonschema
import pytest

from universal_mcp_client.models.dialects import DIALECTS, function_specs
from universal_mcp_client.models.schema import normalize
from universal_mcp_client.models.strict import drop_nulls, to_strict
from universal_mcp_client.types.tools import ToolSpec

STRING = {"type": "string"}
OBJECT: dict[str, Any] = {"type": "object"}


def of(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(properties)}


TREE = {
    "type": "object",
    "properties": {"root": {"$ref": "#/definitions/node"}},
    "required": ["root"],
    "definitions": {
        "node": {
            "type": "object",
            "properties": {
                "value": {"type": "integer"},
                "next": {"$ref": "#/definitions/node"},
            },
            "required": ["value"],
        }
    },
}

# A schema, arguments that it takes, arguments that it refuses.
CASES: list[tuple[str, dict[str, Any], list[Any], list[Any]]] = [
    ("plain", of(a=STRING), [{"a": "x"}], [{}, {"a": 1}]),
    ("optional", OBJECT | {"properties": {"a": STRING}}, [{}, {"a": "x"}], [{"a": 1}]),
    ("empty", OBJECT, [{}], []),
    ("no type at the root", {"properties": {"a": STRING}}, [{"a": "x"}], [{"a": 1}]),
    ("recursive draft-07", TREE, [{"root": {"value": 1, "next": {"value": 2}}}], [{"root": {}}]),
    (
        "recursive through the root",
        of(name=STRING) | {"properties": {"name": STRING, "child": {"$ref": "#"}}},
        [{"name": "a", "child": {"name": "b"}}],
        [{"name": "a", "child": {}}],
    ),
    (
        "oneOf of different types",
        of(a={"oneOf": [STRING, {"type": "integer"}]}),
        [{"a": "x"}, {"a": 1}],
        [{"a": 1.5}],
    ),
    (
        "anyOf of objects",
        of(a={"anyOf": [of(x=STRING), of(y=STRING)]}),
        [{"a": {"x": "1"}}, {"a": {"y": "1"}}],
        [{"a": {}}],
    ),
    ("allOf", of(a={"allOf": [of(x=STRING), of(y=STRING)]}), [{"a": {"x": "", "y": ""}}], [{"a": {"x": ""}}]),
    ("type list", of(a={"type": ["string", "null"]}), [{"a": None}, {"a": "x"}], [{"a": 1}]),
    ("enum", of(a={"enum": ["x", 1, None]}), [{"a": 1}, {"a": None}], [{"a": "y"}]),
    ("const", of(a={"const": "x"}), [{"a": "x"}], [{"a": "y"}]),
    ("boolean schemas", of(a=True), [{"a": 1}, {"a": {"b": []}}], [{}]),
    ("open map", of(a=OBJECT | {"additionalProperties": {"type": "integer"}}), [{"a": {"k": 1}}], [{"a": {"k": "x"}}]),
    ("free-form object", of(a=OBJECT), [{"a": {"any": 1}}], [{"a": 1}]),
    ("formats", of(a=STRING | {"format": "date-time"}), [{"a": "2026-07-28T00:00:00Z"}], [{"a": 5}]),
    ("draft-04 bounds", {"$schema": "http://json-schema.org/draft-04/schema#", **of(a={"type": "integer", "minimum": 0, "exclusiveMinimum": True})}, [{"a": 1}], [{"a": 0}]),
    ("draft-07 tuple", {"$schema": "http://json-schema.org/draft-07/schema#", **of(a={"type": "array", "items": [STRING, {"type": "integer"}]})}, [{"a": ["x", 1]}], [{"a": [1]}]),
    ("array of arrays", of(a={"type": "array", "items": {"type": "array", "items": STRING}}), [{"a": [["x"]]}], [{"a": [1]}]),
    ("not", of(a={"type": "string", "not": {"const": "x"}}), [{"a": "y"}], [{"a": "x"}]),
    ("pattern properties", of(a=OBJECT | {"patternProperties": {"^n": {"type": "integer"}}}), [{"a": {"n1": 1}}], [{"a": {"n1": "x"}}]),
]  # fmt: skip


def meaning(schema: dict[str, Any]) -> jsonschema.Draft202012Validator:
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


@pytest.mark.parametrize(
    ("schema", "taken", "refused"), [c[1:] for c in CASES], ids=[c[0] for c in CASES]
)
def test_a_normalized_schema_takes_and_refuses_the_same(
    schema: dict[str, Any], taken: list[Any], refused: list[Any]
) -> None:
    before = copy.deepcopy(schema)
    normal = normalize(schema)
    assert schema == before
    assert normal.schema["type"] == "object"
    assert not {"anyOf", "oneOf", "allOf", "$schema", "definitions"} & normal.schema.keys()
    for arguments in taken:
        assert meaning(normal.schema).is_valid(arguments)
    if not normal.notes:
        for arguments in refused:
            assert not meaning(normal.schema).is_valid(arguments)


@pytest.mark.parametrize(
    ("schema", "taken", "refused"), [c[1:] for c in CASES], ids=[c[0] for c in CASES]
)
def test_strict_mode_takes_what_the_tool_takes(
    schema: dict[str, Any], taken: list[Any], refused: list[Any]
) -> None:
    strict = to_strict(schema)
    if strict is None:
        return
    only_strict(strict)
    for arguments in taken:
        filled = with_nulls(arguments, strict, strict)
        assert meaning(strict).is_valid(filled)
        assert drop_nulls(filled, schema) == arguments
    for arguments in refused:
        assert not meaning(strict).is_valid(with_nulls(arguments, strict, strict))


def only_strict(schema: Any) -> None:
    """OpenAI's rules for strict schemas."""
    if isinstance(schema, list):
        for item in schema:
            only_strict(item)
    if isinstance(schema, dict):
        if "properties" in schema:
            assert schema["additionalProperties"] is False
            assert schema["required"] == list(schema["properties"])
        for value in schema.values():
            only_strict(value)


def with_nulls(value: Any, schema: dict[str, Any], root: dict[str, Any]) -> Any:
    """Arguments as a model in strict mode writes them: null for what it would leave out, as far
    as the schema allows that."""
    if "$ref" in schema:
        at = schema["$ref"]
        return with_nulls(value, root if at == "#" else root["$defs"][at.rsplit("/", 1)[-1]], root)
    for branch in schema.get("anyOf", ()):
        filled = with_nulls(value, branch, root)
        whole = root if branch.get("$ref") == "#" else {**branch, "$defs": root.get("$defs", {})}
        if jsonschema.Draft202012Validator(whole).is_valid(filled):
            return filled
    if not isinstance(value, dict) or "properties" not in schema:
        return value
    filled = dict(value)
    for name, sub in schema["properties"].items():
        if name in value:
            filled[name] = with_nulls(value[name], sub, root)
        elif "null" in json.dumps(sub):
            filled[name] = None
    return filled


@pytest.mark.parametrize(
    "name", ["plain", "optional", "recursive draft-07", "type list", "oneOf of different types"]
)
def test_what_strict_mode_can_say_goes_strict(name: str) -> None:
    assert to_strict(next(c[1] for c in CASES if c[0] == name)) is not None


@pytest.mark.parametrize(
    "name",
    ["open map", "free-form object", "not", "boolean schemas", "pattern properties", "allOf"],
)
def test_what_strict_mode_cannot_say_does_not(name: str) -> None:
    schema = next(c[1] for c in CASES if c[0] == name)
    assert to_strict(schema) is None
    free = ToolSpec(name="free", description="", input_schema=schema)
    plain = ToolSpec(name="plain", description="", input_schema=of(a=STRING))
    one, other = function_specs([free, plain], "openai-strict")
    assert "strict" not in one["function"]
    assert other["function"]["strict"] is True


def test_a_null_that_the_tool_takes_itself_is_kept() -> None:
    schema = {
        "type": "object",
        "properties": {"a": {"type": ["string", "null"]}, "b": STRING},
        "required": ["a"],
    }
    assert drop_nulls({"a": None, "b": None}, schema) == {"a": None}


@pytest.mark.parametrize("dialect", DIALECTS)
def test_every_dialect_of_every_case_is_valid_json_schema(dialect: Any) -> None:
    specs = [
        ToolSpec(name=f"t{i}", description=c[0], input_schema=c[1]) for i, c in enumerate(CASES)
    ]
    for made in function_specs(specs, dialect):
        inner = made.get("function", made)
        meaning(inner.get("parameters") or inner["input_schema"])


def test_a_reference_elsewhere_is_said_in_words() -> None:
    schema = of(a={"$ref": "https://example.com/a.json"})
    normal = normalize(schema)
    assert "example.com" not in json.dumps(normal.schema)
    assert normal.notes
