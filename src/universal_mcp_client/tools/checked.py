"""Arguments are checked against the tool's own schema before a call leaves the house."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from universal_mcp_client.tools.base import CallContext
from universal_mcp_client.tools.wrapper import WrapperToolset
from universal_mcp_client.types.messages import ToolCall, ToolResult, failure
from universal_mcp_client.types.tools import JSONSchema

_MAX_ERRORS = 5
_MAX_SCHEMA = 1_500


@dataclass(kw_only=True)
class CheckedToolset(WrapperToolset):
    """Answers a call whose arguments do not fit with an error that says exactly what to fix."""

    _validators: dict[int, tuple[JSONSchema, Any]] = field(
        default_factory=dict[int, tuple[JSONSchema, Any]], init=False, repr=False
    )

    async def call_tool(self, call: ToolCall, context: CallContext) -> ToolResult:
        if call.invalid is not None:
            return failure(call, _not_json(call))
        spec = await self.find(call.name)
        if spec is not None:
            problems = self._problems(spec.input_schema, call.arguments)
            if problems:
                return failure(call, _mismatch(call, problems, spec.input_schema))
        return await self.wrapped.call_tool(call, context)

    def _problems(self, schema: JSONSchema, arguments: Mapping[str, Any]) -> list[str]:
        kept = self._validators.get(id(schema))
        if kept is None or kept[0] is not schema:
            kept = self._validators[id(schema)] = (schema, validator_for(schema))
        return problems(kept[1], arguments)


def validator_for(schema: JSONSchema) -> Any:
    """A jsonschema validator of the schema's own draft (2020-12 unless it says otherwise).

    References outside the document are never fetched. None for a schema that is itself invalid.
    """
    from jsonschema import SchemaError
    from jsonschema.validators import Draft202012Validator
    from jsonschema.validators import validator_for as draft_of
    from referencing import Registry

    draft: Any = draft_of(dict(schema), default=Draft202012Validator)
    try:
        draft.check_schema(schema)
    except SchemaError:
        return None
    return draft(schema, registry=Registry())


def problems(validator: Any, value: object) -> list[str]:
    """What is wrong with `value`, a line each, at most five; empty where it fits.

    A schema that cannot be judged (invalid, or with references that lead outside) finds nothing:
    the server has the last word.
    """
    if validator is None:
        return []
    from referencing.exceptions import Unresolvable

    try:
        errors = list(_flat(validator.iter_errors(value)))
    except (Unresolvable, RecursionError):
        return []
    lines = list(dict.fromkeys(f"{_path(error)}: {_say(error)}" for error in errors))
    if len(lines) > _MAX_ERRORS:
        lines[_MAX_ERRORS:] = [f"… and {len(lines) - _MAX_ERRORS} more"]
    return lines


def _flat(errors: Iterable[Any]) -> Iterable[Any]:
    """The most telling error of each: for `anyOf` and `oneOf`, the one of the nearest branch."""
    from jsonschema.exceptions import best_match

    for error in errors:
        yield best_match([error]) if error.context else error


def _path(error: Any) -> str:
    return (
        "".join(
            f"[{step}]" if isinstance(step, int) else f".{step}" for step in error.absolute_path
        ).lstrip(".")
        or "arguments"
    )


def _say(error: Any) -> str:
    text = str(error.message)
    return text if len(text) <= 300 else text[:297] + "…"


def _not_json(call: ToolCall) -> str:
    text = call.invalid or ""
    try:
        value = json.loads(text)
    except ValueError as error:
        return (
            f"The arguments for {call.name!r} are not valid JSON: {error}. "
            "Call it again with one JSON object."
        )
    return (
        f"The arguments for {call.name!r} must be one JSON object, not {type(value).__name__}. "
        "Call it again with an object."
    )


def _mismatch(call: ToolCall, problems: list[str], schema: JSONSchema) -> str:
    lines = "\n".join(f"- {line}" for line in problems)
    text = f"The arguments for {call.name!r} do not fit its schema; it was not called.\n{lines}"
    compact = json.dumps(schema, ensure_ascii=False, separators=(",", ":"))
    if len(compact) <= _MAX_SCHEMA:
        text += f"\nThe schema is: {compact}"
    return text + "\nCorrect the arguments and call it again."
