"""Arguments are checked against the tool's own schema before a call leaves the house."""

import json
from collections import OrderedDict
from dataclasses import dataclass, field

from universal_mcp_client.tools.base import CallContext
from universal_mcp_client.tools.combined import unknown_tool
from universal_mcp_client.tools.tool import count_failure
from universal_mcp_client.tools.validation import Check
from universal_mcp_client.tools.wrapping import WrapperToolset
from universal_mcp_client.types.errors import ConfigError
from universal_mcp_client.types.messages import ToolCall, ToolResult, failure
from universal_mcp_client.types.tools import JSONSchema

_MAX_KEPT = 1_000
_MAX_SCHEMA = 1_500


@dataclass(kw_only=True)
class CheckedToolset(WrapperToolset):
    """Answers a call whose arguments do not fit with an error that says exactly what to fix."""

    _checks: OrderedDict[int, tuple[JSONSchema, Check]] = field(
        default_factory=OrderedDict[int, tuple[JSONSchema, Check]], init=False, repr=False
    )

    async def call_tool(self, call: ToolCall, context: CallContext) -> ToolResult:
        spec = await self.find(call.name)
        if spec is None:  # what may be there again when it is called has not been checked
            return failure(call, unknown_tool(call.name, [s.name for s in await self.list_tools()]))
        if call.invalid is not None:
            count_failure(spec, context, not_json(call))
            return failure(call, not_json(call))
        if problems := await self._check(spec.input_schema).problems(call.arguments):
            count_failure(spec, context, "; ".join(problems))
            return failure(call, _mismatch(call, problems, spec.input_schema))
        result: object = await self.wrapped.call_tool(call, context)
        if not isinstance(result, ToolResult):
            raise ConfigError(
                f"The toolset of {call.name!r}: call_tool() returned {result!r:.200}; it gives a "
                "ToolResult."
            )
        return result

    def _check(self, schema: JSONSchema) -> Check:
        key = id(schema)
        kept = self._checks.get(key)
        if kept is None or kept[0] is not schema:
            kept = self._checks[key] = (schema, Check(schema))
            if len(self._checks) > _MAX_KEPT:  # of listings that are no more
                self._checks.popitem(last=False)
        return kept[1]


def not_json(call: ToolCall) -> str:
    """What to tell a model whose arguments are `invalid`."""
    text = call.invalid or ""
    try:
        value = json.loads(text)
    except ValueError as error:
        return (
            f"The arguments for {call.name!r} are not valid JSON: {error}. "
            "Call it again with one JSON object."
        )
    except RecursionError:
        value = {}
    if isinstance(value, dict):
        return (
            f"The arguments for {call.name!r} are nested too deeply to be read. "
            "Call it again with fewer levels."
        )
    return (
        f"The arguments for {call.name!r} must be one JSON object, not {type(value).__name__}. "
        "Call it again with an object."
    )


def _mismatch(call: ToolCall, problems: list[str], schema: JSONSchema) -> str:
    lines = "\n".join(f"- {line}" for line in problems)
    text = f"The arguments for {call.name!r} do not fit its schema; it was not called.\n{lines}"
    try:
        compact = json.dumps(schema, ensure_ascii=False, separators=(",", ":"))
    except RecursionError:
        compact = ""
    if 0 < len(compact) <= _MAX_SCHEMA:
        text += f"\nThe schema is: {compact}"
    return text + "\nCorrect the arguments and call it again."
