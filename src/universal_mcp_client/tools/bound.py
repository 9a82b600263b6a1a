"""Arguments that the program gives and not the model: who the user is, which account, which key."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, cast

from universal_mcp_client.tools.base import CallContext
from universal_mcp_client.tools.derived import Derived, DerivedToolset, warn_of
from universal_mcp_client.tools.program import awaited, told
from universal_mcp_client.tools.validation import Check
from universal_mcp_client.types.errors import ConfigError
from universal_mcp_client.types.messages import ToolCall, ToolResult
from universal_mcp_client.types.tools import JSONSchema, ToolSpec

# What at a schema's root says nothing of which parameters there are, besides these themselves.
_PLAIN = {
    "type", "properties", "required", "title", "description", "additionalProperties", "$schema",
    "$id", "$comment", "$defs", "definitions", "examples", "default", "minProperties",
    "maxProperties",
}  # fmt: skip
_SHARED = {"$schema", "$id", "$defs", "definitions"}
_OF_THE_WHOLE = {"examples", "default", "minProperties", "maxProperties"}


@dataclass(kw_only=True)
class BoundToolset(DerivedToolset):
    """Tools that have a parameter of `values` are shown without it, and called with the value, or
    with what a function of the `RunContext` returns for it. What a model sends under that name
    never arrives, at any tool. Nothing else about tools and calls changes.

    A tool is left out, and `left_out` says so, where its schema speaks of the parameter in other
    places than `properties` and `required`: a `$ref`, an `allOf`, a `oneOf`, a `dependentRequired`.
    """

    values: Mapping[str, Any]
    _checks: dict[tuple[str, str], Check] = field(
        default_factory=dict[tuple[str, str], Check], init=False, repr=False
    )
    why = "their schemas do not let a parameter be hidden that the program has bound."

    def derive(self, listing: Sequence[ToolSpec]) -> Iterator[Derived]:
        self._checks.clear()
        for spec in listing:
            schema = without(spec.input_schema, self.values)
            if schema is spec.input_schema:
                yield spec, spec
            else:
                yield None if schema is None else replace(spec, input_schema=schema), spec
        known = {name for spec in listing for name in _properties(spec.input_schema)}
        warn_of(self.values.keys() - known, listing, "bound(): no tool has a parameter")

    def _check(self, spec: ToolSpec, name: str) -> Check:
        """For one parameter alone, which the model does not see."""
        if (spec.name, name) not in self._checks:
            shared = {key: spec.input_schema[key] for key in _SHARED & spec.input_schema.keys()}
            one = {name: _properties(spec.input_schema)[name]}
            self._checks[spec.name, name] = Check({**shared, "properties": one})
        return self._checks[spec.name, name]

    async def forward(self, call: ToolCall, spec: ToolSpec, context: CallContext) -> ToolResult:
        properties, ours = _properties(spec.input_schema), dict[str, Any]()
        try:
            for name in self.values.keys() & properties.keys():
                value = self.values[name]
                ours[name] = await awaited(value(context)) if callable(value) else value
        except Exception as error:  # noqa: BLE001 - a program's function may raise anything
            return told(call, error)
        for name, value in ours.items():
            ours[name] = await _fitting(value, self._check(spec, name), name)
        given = {k: v for k, v in call.arguments.items() if k not in self.values} | ours
        bound = call if given == call.arguments else replace(call, arguments=given)
        return await self.wrapped.call_tool(bound, context)


async def _fitting(value: Any, check: Check, name: str) -> Any:
    """`value` as it is, or as JSON, whichever fits. No model could put it right, nor is it shown."""
    from pydantic_core import PydanticSerializationError, to_jsonable_python

    if not await check.problems({name: value}):
        return value
    try:
        plain = to_jsonable_python(value)
    except PydanticSerializationError:
        plain = value
    if await check.problems({name: plain}):
        kind = type(value).__name__
        raise ConfigError(
            f"bound({name}=…): the tool's schema takes no such value, of type {kind}."
        )
    return plain


def _properties(schema: JSONSchema) -> Mapping[str, Any]:
    found = schema.get("properties")
    return cast(Mapping[str, Any], found) if isinstance(found, Mapping) else {}


def without(schema: JSONSchema, names: Mapping[str, Any]) -> JSONSchema | None:
    """`schema` without the parameters `names`: itself where it has none of them, None where that
    cannot be told or done. It is not changed."""
    word = rf"(?<!\w)({'|'.join(map(re.escape, names))})(?!\w)"
    if schema.keys() - _PLAIN:  # what else there is may have parameters too
        text = repr({k: v for k, v in schema.items() if k not in ("properties", "required")})
        if re.search(rf"{word}|[rR]ef': ['\"](?!#)", text):
            return None
    properties = _properties(schema)
    if not names.keys() & properties.keys():
        return schema
    left = {name: value for name, value in properties.items() if name not in names}
    if re.search(rf"[rR]ef': '#('|/properties/{word})", repr({**schema, "properties": left})):
        return None
    out = {k: v for k, v in schema.items() if k not in {*_OF_THE_WHOLE, "required"}}
    given = schema.get("required")
    required = [n for n in given if n not in names] if isinstance(given, list | tuple) else []
    return {**out, "properties": left, **({"required": required} if required else {})}
