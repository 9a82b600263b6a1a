"""Tools as a grammar (GBNF), so that a tiny model can write nothing but a valid call or an answer.

Source: https://github.com/ggml-org/llama.cpp/blob/master/grammars/README.md
"""

import json
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any, cast

from universal_mcp_client.models.local.request import is_time, numbers, shown, times, words
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
_DATE = r'"\"" [0-9]{4} "-" [0-9]{2} "-" [0-9]{2} "\""'
_TIME = r'"\"" [0-9]{2} ":" [0-9]{2} "\""'
_MAX_DEPTH = 6


def grammar(tools: Sequence[ToolSpec], asked: str = "") -> str:
    """`tool_name {"argument":value}` for any of the tools, or `answer …`; one line.

    Where `asked` has numbers, times or words for an argument, the value is one of them: a tiny
    model copies well and invents badly.
    """
    rules = _said(asked)
    calls: list[str] = []
    for index, spec in enumerate(tools):
        schema = normalize(spec.input_schema).schema
        maker = _Rules(f"t{index}", rules, cast(Schema, schema.get("$defs") or {}))
        calls.append(f"{literal(spec.name + ' ')} {maker.rule(schema, 0)}")
    root = " | ".join([*calls, f"{literal(ANSWER + ' ')} line"])
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
            return literal(_json(schema["const"]))
        if values := schema.get("enum"):
            return f"({' | '.join(literal(_json(value)) for value in values)})"
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
                return self._string(schema)
            case "integer" | "number" if "number-said" in self._rules:
                return "number-said"
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
        return f"{literal(_json(name) + ':')} {value}"

    def _string(self, schema: Mapping[str, Any]) -> str:
        if is_time(schema):
            return "time-said" if "time-said" in self._rules else _TIME
        if schema.get("format") == "date":
            return _DATE
        about = str(schema.get("description") or "")
        return "words-said" if "words-said" in self._rules and not shown(about) else "string"

    @staticmethod
    def _optional(members: Sequence[str]) -> str:
        """Any one of them, or none."""
        return f"({' | '.join(members)})?" if members else ""


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def literal(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def _said(asked: str) -> dict[str, str]:
    """Rules for the numbers, the times and the runs of words in a request; none where it has
    none."""
    rules: dict[str, str] = {}
    if found := numbers(asked):
        rules["number-said"] = f"({' | '.join(map(literal, found))})"
    if found := times(asked):
        rules["time-said"] = f"({' | '.join(literal(_json(time)) for time in found)})"
    spoken = words(asked)
    starts = [f"{_inside(word.core)} e{at}" for at, word in enumerate(spoken) if word.core]
    if starts:
        rules["words-said"] = rf'"\"" ({" | ".join(starts)}) "\""'
        for at, (word, after) in enumerate(pairwise(spoken)):
            between = _inside(f"{word.after} {after.before}{after.core}")
            rules[f"e{at}"] = f"({between} e{at + 1})?"
        rules[f"e{len(spoken) - 1}"] = '""'
    return rules


def _inside(text: str) -> str:
    """A piece of a JSON string, without its quotes."""
    return literal(_json(text)[1:-1])
