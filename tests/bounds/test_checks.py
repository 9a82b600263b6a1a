"""Schemas made to take for ever: the check ends, and the call goes on."""

import gc
import sys
from typing import Any

import pytest
from tests.support.hostile import run_hostile

from universal_mcp_client import Text, ToolCall
from universal_mcp_client.core.output import Output
from universal_mcp_client.models.schema import normalize
from universal_mcp_client.models.strict import drop_nulls, to_strict
from universal_mcp_client.tools.base import CallContext
from universal_mcp_client.tools.checked import CheckedToolset
from universal_mcp_client.types.messages import ToolResult
from universal_mcp_client.types.tools import ToolSpec

DOUBLING = {f"d{n}": {"allOf": [{"$ref": f"#/$defs/d{n + 1}"}] * 2} for n in range(40)} | {
    "d40": {"type": "object"}
}
EITHER = {f"d{n}": {"anyOf": [{"$ref": f"#/$defs/d{n + 1}"}] * 2} for n in range(40)} | {
    "d40": {"type": "string"}
}
ENDLESS: dict[str, tuple[dict[str, Any], str]] = {
    "a pattern": ({"properties": {"x": {"pattern": "^(a+)+$"}}}, '{"x": "a" * 40 + "!"}'),
    "a pattern with a look-ahead": (
        {"properties": {"x": {"pattern": "(?=(a+))\\1*b"}}},
        '{"x": "a" * 100_000}',
    ),
    "a pattern that unfolds": (
        {"properties": {"x": {"pattern": "(((a{1000}){1000}){1000})"}}},
        '{"x": "a"}',
    ),
    "patterns of keys": (
        {"patternProperties": {"^(a+)+$": {"type": "string"}}, "additionalProperties": False},
        '{"a" * 40 + "!": 1}',
    ),
    "unevaluated keys": (
        {
            "allOf": [{"patternProperties": {"^(a+)+$": {}}}],
            "unevaluatedProperties": False,
        },
        '{"a" * 40 + "!": 1}',
    ),
    "another dialect inside": (
        {
            "properties": {
                "x": {"$schema": "http://json-schema.org/draft-07/schema#", "pattern": "^(a+)+$"}
            }
        },
        '{"x": "a" * 40 + "!"}',
    ),
    "references that double": ({"$ref": "#/$defs/d0", "$defs": DOUBLING}, "{}"),
    "alternatives that double": ({"$ref": "#/$defs/d0", "$defs": EITHER}, "{}"),
    "unique objects": (
        {"properties": {"x": {"type": "array", "uniqueItems": True}}},
        '{"x": [{"n": n} for n in range(30_000)]}',
    ),
    "many branches of a long text": (
        {"properties": {"x": {"anyOf": [{"type": "integer"}] * 2_000}}},
        '{"x": "a" * 1_000_000}',
    ),
}


@pytest.mark.parametrize("name", ENDLESS)
def test_a_schema_that_takes_for_ever_does_not_hold_the_loop(name: str) -> None:
    schema, arguments = ENDLESS[name]
    found = run_hostile(f"""
        from universal_mcp_client.tools.base import CallContext
        from universal_mcp_client.tools.checked import CheckedToolset
        from universal_mcp_client.types.messages import ToolResult
        from universal_mcp_client.types.tools import ToolSpec

        class One:
            listing = [ToolSpec(name="one", input_schema={{"type": "object"}} | {schema!r})]
            async def list_tools(self):
                return self.listing
            async def call_tool(self, call, context):
                return ToolResult(call_id=call.id)

        arguments = {arguments}
        await asyncio.sleep(0)
        result = await CheckedToolset(wrapped=One()).call_tool(
            ToolCall(id="1", name="one", arguments=arguments), CallContext()
        )
        print("refused" if result.is_error else "called")
    """)
    assert found.out.strip() in ("called", "refused")


class Listing:
    """A toolset that lists anew, as after list_changed, whenever it is asked."""

    def __init__(self, schema: dict[str, Any]) -> None:
        self.schema = schema

    async def list_tools(self) -> list[ToolSpec]:
        return [ToolSpec(name="one", input_schema=dict(self.schema))]

    async def call_tool(self, call: ToolCall, context: CallContext) -> ToolResult:
        return ToolResult(call_id=call.id, content=(Text(text="called"),))


async def checked(schema: dict[str, Any], arguments: Any) -> ToolResult:
    call = ToolCall(id="1", name="one", arguments=arguments)
    return await CheckedToolset(wrapped=Listing(schema)).call_tool(call, CallContext())


@pytest.mark.parametrize(
    ("schema", "fits", "fails"),
    [
        ({"properties": {"x": {"pattern": "^\\d{4}$"}}}, {"x": "2020"}, {"x": "20"}),
        ({"properties": {"x": {"pattern": "^(?!_)\\w+$"}}}, {"x": "a_"}, {"x": "_a"}),
        ({"patternProperties": {"^x": {"type": "integer"}}, "additionalProperties": False},
         {"x1": 1}, {"y": 1}),
        ({"patternProperties": {"^x": {"type": "integer"}}}, {"x": 1, "y": ""}, {"x": ""}),
        ({"properties": {"x": {"uniqueItems": True}}}, {"x": [1, True, "1", [1]]}, {"x": [1, 1.0]}),
        ({"properties": {"x": {"uniqueItems": True}}}, {"x": [{"a": 1}, {"a": 2}]},
         {"x": [{"a": 1, "b": 2}, {"b": 2, "a": 1}]}),
    ],
)  # fmt: skip
async def test_what_is_bounded_still_means_the_same(
    schema: dict[str, Any], fits: Any, fails: Any
) -> None:
    assert not (await checked(schema, fits)).is_error
    assert (await checked(schema, fails)).is_error


@pytest.mark.parametrize(
    "schema",
    [
        {"properties": {"x": {"pattern": "["}}},
        {"properties": {"x": {"pattern": "\ud800"}}},
        {"properties": {"x": {"type": "no such type"}}},
        {"properties": {"x": {"$ref": "#/$defs/nowhere"}}},
        {"properties": {"x": {"$ref": "#/properties/x"}}},
        {"$schema": "https://example.com/own", "properties": {"x": {"minLength": "long"}}},
        {"properties": {"x": {"maximum": 10**400}}},
    ],
)
async def test_a_schema_that_cannot_be_judged_lets_the_call_through(schema: dict[str, Any]) -> None:
    for value in ("\ud800", 10**500, [1], 1e308):
        await checked(schema, {"x": value})


def nested(levels: int, leaf: Any = None) -> Any:
    value = leaf
    for _ in range(levels):
        value = {"x": value}
    return value


async def test_arguments_of_5000_levels_are_no_error_of_ours() -> None:
    tree = {"$ref": "#/$defs/n", "$defs": {"n": {"properties": {"x": {"$ref": "#/$defs/n"}}}}}
    assert not (await checked(tree, nested(5_000))).is_error
    deep = ToolCall(id="1", name="one", invalid='{"x":' * 5_000 + "1" + "}" * 5_000)
    result = await CheckedToolset(wrapped=Listing({})).call_tool(deep, CallContext())
    assert result.is_error and "deep" in result.text
    with pytest.raises(ValueError, match="deep"):
        Output({"type": "object"}).parse('{"x":' * 5_000 + "1" + "}" * 5_000)


@pytest.mark.parametrize("schema", [
    {"properties": {"x": nested(5_000, {"type": "string"})}},
    {"$defs": DOUBLING, "$ref": "#/$defs/d0"},
    {"$defs": EITHER, "properties": {"x": {"$ref": "#/$defs/d0"}}},
    {"properties": {f"p{n}": {"$ref": f"#/properties/p{n + 1}"} for n in range(2_000)}},
])  # fmt: skip
def test_schemas_that_are_deep_or_multiply_are_still_shown_to_providers(
    schema: dict[str, Any],
) -> None:
    assert normalize(schema).schema["type"] == "object"
    to_strict(schema)
    drop_nulls({"x": {"x": [{}, {}, {}]}}, schema)


async def test_what_was_derived_from_old_listings_is_not_kept() -> None:
    from universal_mcp_client.tools.validation import Check

    def checks() -> int:
        gc.collect()
        return sum(isinstance(each, Check) for each in gc.get_objects())

    before = checks()
    tools = CheckedToolset(wrapped=Listing({"properties": {"x": {"type": "string"}}}))
    for _ in range(1_200):
        await tools.call_tool(ToolCall(id="1", name="one", arguments={"x": "a"}), CallContext())
    assert checks() - before <= 1_000


@pytest.fixture
def without_rust(monkeypatch: pytest.MonkeyPatch) -> None:
    """A system that jsonschema-rs is not built for."""
    monkeypatch.setitem(sys.modules, "jsonschema_rs", None)
    monkeypatch.setattr("universal_mcp_client.tools.validation._compiled", {})


@pytest.mark.parametrize(
    ("schema", "value", "refused"),
    [
        ({"properties": {"x": {"type": "integer"}}, "required": ["x"]}, {"x": 1}, False),
        ({"properties": {"x": {"type": "integer"}}, "required": ["x"]}, {"x": "1"}, True),
        ({"properties": {"x": {"uniqueItems": True}}}, {"x": [1, 1.0]}, True),
        ({"properties": {"x": {"type": "no such type"}}}, {"x": 1}, False),
        # Whether a pattern matches cannot be told there: that is no reason to refuse.
        ({"properties": {"x": {"pattern": "^(a+)+$"}}}, {"x": "a" * 40 + "!"}, False),
        ({"patternProperties": {"^x": {"type": "integer"}}}, {"y": "text"}, False),
        ({"patternProperties": {"^x": {}}, "additionalProperties": False}, {"x1": 1}, False),
    ],
)
async def test_without_the_compiled_engine_all_but_patterns_is_checked(
    without_rust: None, schema: dict[str, Any], value: Any, refused: bool
) -> None:
    assert (await checked(schema, value)).is_error is refused


async def test_a_pattern_too_long_to_compile_refuses_nothing() -> None:
    schema = {"patternProperties": {"a{1}" * 300: {"type": "integer"}}}
    assert not (await checked(schema, {"y": "text"})).is_error
