"""Answers of a given form: what the model is told, and how its words become a value."""

import json
import re
from collections.abc import Mapping, Sequence
from functools import reduce
from operator import or_
from types import UnionType
from typing import Any, Union, get_args, get_origin

from universal_mcp_client.models.strict import drop_nulls
from universal_mcp_client.types.errors import ConfigError, Fatal, ModelError
from universal_mcp_client.types.tools import JSONSchema

_FENCE = re.compile(r"\A\s*```(?:json)?\s*\n(.*?)\n?```\s*\Z", re.DOTALL)


class Output:
    """A form for answers: a type that pydantic knows, or a JSON Schema.

    `wrapped` says that the schema was put into an object (`{"value": …}`), which providers demand
    at the root. `or_text` that text is an answer too: `str | City`, whose schema is City's.

    Raises ConfigError for what describes no answer.
    """

    def __init__(self, form: Any) -> None:
        self._adapter: Any = None
        self._check: Any = None
        self.or_text, form = _without_text(form)
        if isinstance(form, Mapping):
            from universal_mcp_client.tools.validation import Check

            inner: JSONSchema = dict(form)
            self._check = Check(inner)
            if not self._check.usable:
                raise ConfigError(f"output_type {form!r} is no JSON Schema, or one too large.")
        else:
            self._adapter = _adapter(form)
            inner = self._adapter.json_schema()
        self.wrapped = inner.get("type") != "object" and "$ref" not in inner
        self.schema: JSONSchema = _wrap(inner) if self.wrapped else inner

    @property
    def instructions(self) -> str:
        schema = json.dumps(self.schema, ensure_ascii=False, separators=(",", ":"))
        if self.or_text:
            return (
                "Give your final answer either as plain text, or as JSON that fits this JSON Schema "
                f"and nothing else:\n{schema}"
            )
        return f"Give your final answer as JSON that fits this JSON Schema, and nothing else:\n{schema}"

    def parse(self, text: str) -> tuple[Any, Any]:
        """The value and its plain JSON. Raises ValueError, in words for the model."""
        fenced = _FENCE.match(text)
        inner = fenced.group(1) if fenced else text
        if self.or_text and inner.lstrip()[:1] != "{":
            return text, text
        try:
            plain = drop_nulls(json.loads(inner), self.schema)
        except RecursionError:
            raise ValueError("The answer is nested too deeply to be read.") from None
        except ValueError as error:
            raise ValueError(f"The answer is not valid JSON: {error}") from error
        bare = self.wrapped and not (isinstance(plain, Mapping) and "value" in plain)
        if self.wrapped and not bare:
            plain = plain["value"]
        try:
            return self.value(plain), plain
        except ValueError as error:
            said = 'The answer must be an object with the key "value".' if bare else str(error)
            raise ValueError(said) from error

    def value(self, plain: Any) -> Any:
        """Of plain JSON, as it is without a wrapping. Raises ValueError, in words for the model."""
        if self._adapter is None:
            if found := self._check.problems_now(plain):
                raise ValueError("\n".join(found))
            return plain
        from pydantic import ValidationError

        try:
            # As JSON: a strict model takes a date, an enum or a tuple from nothing else.
            return self._adapter.validate_json(json.dumps(plain))
        except ValidationError as error:
            raise ValueError(_lines(error)) from error
        except (Fatal, ModelError):
            raise
        except Exception as error:  # of a validator
            raise ValueError(f"{type(error).__name__}: {error}") from error

    def fits(self, text: str) -> bool:
        """Whether this is an answer of the form; text beside it is none yet."""
        try:
            return isinstance(self.parse(text)[0], str) is False or not self.or_text
        except ValueError:
            return False

    def partial(self, text: str) -> Any:
        """What has come so far of an answer, as plain JSON; None where that is nothing yet."""
        from pydantic_core import from_json

        start = text.find("{")
        if start < 0:
            return None
        try:
            found = from_json(text[start:], allow_partial="trailing-strings")
        except ValueError:
            return None
        return found.get("value") if self.wrapped else found


def _adapter(form: Any) -> Any:
    from pydantic import TypeAdapter
    from pydantic.errors import PydanticUserError

    if isinstance(form, Sequence) and not isinstance(form, str):
        given = " | ".join(getattr(each, "__name__", repr(each)) for each in form)
        raise ConfigError(f"output_type takes one type; write {given or 'a type'}, without a list.")
    try:
        if isinstance(form, str):
            raise TypeError("a text")
        return TypeAdapter(form)
    except (PydanticUserError, TypeError) as error:
        reason = error.message if isinstance(error, PydanticUserError) else str(error)
        raise ConfigError(
            f"output_type {form!r} is no type that pydantic knows, such as City (the class itself, "
            f"not its name or one of its values), and no JSON Schema: {reason.splitlines()[0]}"
        ) from error


def _without_text(form: Any) -> tuple[bool, Any]:
    """`str | City` is text, or City."""
    if get_origin(form) not in (Union, UnionType) or str not in get_args(form):
        return False, form
    return True, reduce(or_, [arg for arg in get_args(form) if arg is not str])


def _wrap(inner: JSONSchema) -> JSONSchema:
    outer: dict[str, Any] = {
        "type": "object",
        "properties": {"value": {k: v for k, v in inner.items() if k != "$defs"}},
        "required": ["value"],
        "additionalProperties": False,
    }
    return outer | ({"$defs": inner["$defs"]} if "$defs" in inner else {})


def _lines(error: Any) -> str:
    return "\n".join(
        f"{'.'.join(map(str, item['loc'])) or 'the answer'}: {item['msg']}"
        for item in error.errors(include_url=False)
    )
