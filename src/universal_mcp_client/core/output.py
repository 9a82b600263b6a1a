"""Answers of a given form: what the model is told, and how its words become a value."""

import json
import re
from collections.abc import Mapping
from typing import Any

from universal_mcp_client.models.strict import drop_nulls
from universal_mcp_client.types.tools import JSONSchema

_FENCE = re.compile(r"\A\s*```(?:json)?\s*\n(.*?)\n?```\s*\Z", re.DOTALL)


class Output:
    """A form for answers: a type that pydantic knows, or a JSON Schema.

    `wrapped` says that the schema was put into an object (`{"value": …}`), which providers demand
    at the root.
    """

    def __init__(self, form: Any) -> None:
        self._adapter: Any = None
        self._check: Any = None
        if isinstance(form, Mapping):
            inner: JSONSchema = dict(form)
            from universal_mcp_client.tools.validation import Check

            self._check = Check(inner)
        else:
            from pydantic import TypeAdapter

            self._adapter = TypeAdapter(form)
            inner = self._adapter.json_schema()
        self.wrapped = inner.get("type") != "object" and "$ref" not in inner
        self.schema: JSONSchema = _wrap(inner) if self.wrapped else inner

    @property
    def instructions(self) -> str:
        schema = json.dumps(self.schema, ensure_ascii=False, separators=(",", ":"))
        return f"Give your final answer as JSON that fits this JSON Schema, and nothing else:\n{schema}"

    def parse(self, text: str) -> tuple[Any, Any]:
        """The value and its plain JSON. Raises ValueError, in words for the model."""
        fenced = _FENCE.match(text)
        try:
            plain = json.loads(fenced.group(1) if fenced else text)
        except ValueError as error:
            raise ValueError(f"The answer is not valid JSON: {error}") from error
        except RecursionError:
            raise ValueError("The answer is nested too deeply to be read.") from None
        try:
            plain = drop_nulls(plain, self.schema)
        except RecursionError:
            raise ValueError("The answer is nested too deeply to be read.") from None
        if self.wrapped:
            if not isinstance(plain, Mapping) or "value" not in plain:
                raise ValueError('The answer must be an object with the key "value".')
            plain = plain["value"]
        if self._adapter is not None:
            from pydantic import ValidationError

            try:
                return self._adapter.validate_python(plain, strict=None), plain
            except ValidationError as error:
                raise ValueError(_lines(error)) from error
        if found := self._check.problems_now(plain):
            raise ValueError("\n".join(found))
        return plain, plain


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
