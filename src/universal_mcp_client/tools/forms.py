"""Forms of servers (MCP elicitation): their fields, and what was answered held against them."""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Literal, TypeAlias, cast
from urllib.parse import urlsplit

from universal_mcp_client.tools.validation import Check
from universal_mcp_client.types.interaction import ElicitAnswer, Elicited
from universal_mcp_client.types.tools import JSONSchema

Kind: TypeAlias = Literal["string", "integer", "number", "boolean", "choice", "choices"]

_DIGITS = 300  # of a number that is typed: more is no number that anybody meant
_YES, _NO = ("y", "yes", "true"), ("n", "no", "false")
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s.]+\Z")
_EXAMPLES = {
    "email": "ann@example.com",
    "uri": "https://example.com/",
    "date": "2026-12-31",
    "date-time": "2026-12-31T20:00:00Z",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class FormField:
    """One value that a server asks for (MCP 2025-11-25, schema `PrimitiveSchemaDefinition`).

    `choices` are values, each with the title that people read. `least` and `most` bound a number, the
    length of a string, or how many are chosen; `default` is None where there is none.
    """

    name: str
    kind: Kind
    about: str
    required: bool = False
    choices: Mapping[str, str] = field(default_factory=dict[str, str])
    default: Any = None
    format: str = ""
    least: float | None = None
    most: float | None = None

    def read(self, text: str) -> Any:
        """What was typed, as the server wants it; several choices stand between commas. Raises
        ValueError, in words for people."""
        match self.kind:
            case "boolean":
                if text.lower() not in (*_YES, *_NO):
                    raise ValueError("Answer yes or no.")
                value: Any = text.lower() in _YES
            case "integer":
                value = _number(text, int, "a whole number, such as 7")
            case "number":
                value = _number(text, float, "a number, such as 2.5")
            case "choice":
                value = self._chosen(text)
            case "choices":
                words = [word.strip() for word in text.split(",")]
                value = list(dict.fromkeys(self._chosen(word) for word in words if word))
            case "string":
                value = text
        if problem := self.problem(value):
            raise ValueError(problem)
        return value

    def _chosen(self, text: str) -> str:
        if text in self.choices:
            return text
        titled = [value for value, title in self.choices.items() if title.lower() == text.lower()]
        if len(titled) == 1:
            return titled[0]
        raise ValueError(f"Choose one of: {', '.join(self.choices.values())}.")

    def problem(self, value: Any) -> str:
        """What is wrong with a value of the right type; empty where it fits."""
        size = value if self.kind in ("integer", "number") else 0
        of = ""
        if self.kind == "string":
            size, of = len(value), " characters"
        elif self.kind == "choices":
            size, of = len(value), " choices"
        if self.least is not None and size < self.least:
            return f"It must be at least {self.least:g}{of}."
        if self.most is not None and size > self.most:
            return f"It must be at most {self.most:g}{of}."
        if self.format and not _is_of(self.format, value):
            return f"It must be of the form {self.format}, such as {_EXAMPLES[self.format]}."
        return ""


def fields_of(schema: JSONSchema) -> list[FormField]:
    """The fields of a form. Raises ValueError for what is none that MCP knows."""
    properties = schema.get("properties", {})
    required = schema.get("required", [])
    if not isinstance(properties, Mapping) or not isinstance(required, list):
        raise ValueError("the form has no list of fields")
    return [
        _field(name, cast(Mapping[str, Any], form), name in required)
        for name, form in cast(Mapping[str, object], properties).items()
        if isinstance(form, Mapping) or _none(name)
    ]


def _none(name: str) -> bool:
    raise ValueError(f"the field {name!r} is malformed")


def _field(name: str, form: Mapping[str, Any], required: bool) -> FormField:
    kind = form.get("type", "string")
    choices = _choices(name, form)
    if kind == "array":
        items = form.get("items")
        kind, choices = "choices", _choices(name, items if isinstance(items, Mapping) else {})
        if not choices:
            _none(name)
    elif choices:
        kind = "choice"
    if kind not in ("string", "integer", "number", "boolean", "choice", "choices"):
        _none(name)
    least, most = {
        "string": ("minLength", "maxLength"),
        "choices": ("minItems", "maxItems"),
    }.get(kind, ("minimum", "maximum"))
    pattern = form.get("format")
    return FormField(
        name=name,
        kind=kind,
        about=str(form.get("description") or form.get("title") or name),
        required=required,
        choices=choices,
        default=_default(kind, form.get("default")),
        format=pattern if kind == "string" and pattern in _EXAMPLES else "",
        least=_bound(form.get(least)),
        most=_bound(form.get(most)),
    )


def _default(kind: str, value: Any) -> Any:
    """Of the wrong type, it is none."""
    wanted: Any = {"choices": list, "boolean": bool, "integer": int, "number": (int, float)}
    return value if isinstance(value, wanted.get(kind, str)) else None


def _bound(value: object) -> float | None:
    usable = isinstance(value, int | float) and not isinstance(value, bool)
    return cast(float, value) if usable and math.isfinite(cast(float, value)) else None


def _choices(name: str, form: Mapping[str, Any]) -> dict[str, str]:
    """Values and titles: of `enum`, with `enumNames` in older servers, of `oneOf` or `anyOf`."""
    values: Any = form.get("enum")
    titles: Any = form.get("enumNames") or values
    if values is None:
        titled: Any = form.get("oneOf") or form.get("anyOf") or []
        if not isinstance(titled, list) or not all(
            isinstance(each, Mapping) and "const" in each for each in titled
        ):
            _none(name)
        values = [each["const"] for each in titled]
        titles = [each.get("title", each["const"]) for each in titled]
    if not isinstance(values, list) or not isinstance(titles, list):
        _none(name)
    if len(titles) != len(values):
        titles = values
    return {str(value): str(title) for value, title in zip(values, titles, strict=True)}


def _number(text: str, kind: type[int] | type[float], wanted: str) -> int | float:
    try:
        value = kind(text) if len(text) <= _DIGITS else math.inf
        if math.isfinite(value):
            return value
    except ValueError:
        pass
    raise ValueError(f"Answer with {wanted}.")


def _is_of(form: str, text: str) -> bool:
    try:
        match form:
            case "email":
                return _EMAIL.match(text) is not None
            case "uri":
                return bool(urlsplit(text).scheme) and not any(c.isspace() for c in text)
            case "date":
                return len(text) == 10 and bool(date.fromisoformat(text))
            case _:
                told = datetime.fromisoformat(text.replace("Z", "+00:00"))
                return "T" in text.upper() and told.tzinfo is not None
    except ValueError:
        return False


# Answers of programs


def answer_of(given: ElicitAnswer) -> Elicited:
    """What a program's function said. Raises TypeError for what is no answer."""
    match given:
        case Elicited():
            return given
        case True:
            return Elicited(action="accept")
        case None | False:
            return Elicited(action="decline")
        case Mapping():
            return Elicited(action="accept", content=given)
    raise TypeError(f"{given!r} answers no question: give an Elicited, a dict, or a bool")


async def filled(
    content: Mapping[str, Any], schema: JSONSchema
) -> tuple[dict[str, Any], Sequence[str]]:
    """The form with its defaults where nothing was said, and what is wrong with it, a line each."""
    try:
        fields = {each.name: each for each in fields_of(schema)}
    except ValueError as error:
        return dict(content), [str(error)]
    defaults = {name: each.default for name, each in fields.items() if each.default is not None}
    found = defaults | dict(content)
    if problems := await Check(schema).problems(found):
        return found, [problem.removeprefix("arguments: ") for problem in problems]
    wrong = {name: fields[name].problem(found[name]) for name in fields.keys() & found.keys()}
    return found, [f"{name}: {problem}" for name, problem in wrong.items() if problem]
