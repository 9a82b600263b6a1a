"""Tools as a grammar (GBNF), so that a tiny model can write nothing but a valid call or an answer.

Source: https://github.com/ggml-org/llama.cpp/blob/master/grammars/README.md
"""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, cast

from universal_mcp_client.models.schema import Schema, normalize
from universal_mcp_client.types.tools import ToolSpec

ANSWER = "answer"

_BASE = r"""
string ::= "\"" char{1,160} "\""
char ::= [^"\\\x00-\x1F] | "\\" (["\\/bfnrt])
integer ::= "-"? ("0" | [1-9] [0-9]{0,14})
number ::= integer ("." [0-9]{1,6})?
boolean ::= "true" | "false"
null ::= "null"
any ::= string | number | boolean | null | "{}" | "[]"
line ::= [^\n\x00-\x1F]{1,600}
"""
_MAX_DEPTH = 6


def grammar(tools: Sequence[ToolSpec]) -> str:
    """`tool_name {"argument":value}` for any of the tools, or `answer …`; one line."""
    rules: dict[str, str] = {}
    calls: list[str] = []
    for index, spec in enumerate(tools):
        schema = normalize(spec.input_schema).schema
        maker = _Rules(f"t{index}", rules, cast(Schema, schema.get("$defs") or {}))
        calls.append(f"{_literal(spec.name + ' ')} {maker.rule(schema, 0)}")
    root = " | ".join([*calls, f"{_literal(ANSWER + ' ')} line"])
    made = "\n".join(f"{name} ::= {body}" for name, body in rules.items())
    return f"root ::= {root}\n{made}{_BASE}"


class _Rules:
    def __init__(self, prefix: str, rules: dict[str, str], defs: Schema) -> None:
        self._prefix = prefix
        self._rules = rules
        self._defs = defs

    def rule(self, schema: Mapping[str, Any], depth: int) -> str:
        """A GBNF expression for values of `schema`. Deeper than six levels, anything goes."""
        if depth > _MAX_DEPTH:
            return "any"
        if isinstance(ref := schema.get("$ref"), str):
            return self.rule(self._defs.get(ref.rsplit("/", 1)[-1]) or {}, depth + 1)
        if "const" in schema:
            return _literal(_json(schema["const"]))
        if values := schema.get("enum"):
            return f"({' | '.join(_literal(_json(value)) for value in values)})"
        for key in ("anyOf", "oneOf"):
            if branches := schema.get(key):
                return f"({' | '.join(self.rule(branch, depth + 1) for branch in branches)})"
        if branches := schema.get("allOf"):
            return self.rule({k: v for branch in branches for k, v in branch.items()}, depth + 1)
        kinds = schema.get("type")
        if isinstance(kinds, list):
            each = [
                self.rule({**schema, "type": kind}, depth + 1) for kind in cast(list[str], kinds)
            ]
            return f"({' | '.join(each)})"
        match kinds:
            case "string":
                return _string(schema)
            case "integer" | "number" | "boolean" | "null":
                return str(kinds)
            case "array":
                item = self.rule(schema.get("items") or {}, depth + 1)
                return f'"[" ({item} ("," {item}){{0,15}})? "]"'
            case "object":
                return self._object(schema, depth)
            case _:
                return "any" if "properties" not in schema else self._object(schema, depth)

    def _object(self, schema: Mapping[str, Any], depth: int) -> str:
        properties: Schema = schema.get("properties") or {}
        required = set(cast(list[str], schema.get("required") or []))
        # Required ones first, in their order; then any of the others. A tiny model leaves out what
        # it may, so the root's optional properties are not offered when required ones are there.
        wanted = [name for name in properties if name in required]
        others = [name for name in properties if name not in required]
        members = [self._member(name, properties[name], depth) for name in wanted]
        if wanted:
            body = ' "," '.join(members)
        else:
            body = self._optional([self._member(name, properties[name], depth) for name in others])
        name = f"{self._prefix}o{len(self._rules)}"
        self._rules[name] = f'"{{" {body} "}}"' if body else '"{}"'
        return name

    def _member(self, name: str, schema: Any, depth: int) -> str:
        value = self.rule(schema if isinstance(schema, Mapping) else {}, depth + 1)
        return f"{_literal(_json(name) + ':')} {value}"

    @staticmethod
    def _optional(members: Sequence[str]) -> str:
        """Any one of them, or none."""
        return f"({' | '.join(members)})?" if members else ""


_FORMS = {
    "date": r'"\"" [0-9]{4} "-" [0-9]{2} "-" [0-9]{2} "\""',
    "time": r'"\"" [0-9]{2} ":" [0-9]{2} "\""',
}


def _string(schema: Mapping[str, Any]) -> str:
    about = str(schema.get("description") or "")
    if re.search(r"\bHH:MM\b", about):
        return _FORMS["time"]
    return _FORMS.get(str(schema.get("format")), "string")


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _literal(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'
