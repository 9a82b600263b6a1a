"""The SDKs' own types of their requests, as validators which know no key that they do not name.

The types are TypedDicts. Pydantic reads them, and two things are changed in the schema that it
makes: unknown keys are forbidden in all of them, and iterables, which pydantic would only look at
when somebody walks over them, are lists.
"""

from functools import cache
from typing import Any, cast

from pydantic import TypeAdapter
from pydantic_core import SchemaValidator, ValidationError

WIRES = ("openai", "openai-responses", "anthropic")


@cache
def _validator(wire: str) -> SchemaValidator:
    match wire:
        case "openai":
            from openai.types.chat.completion_create_params import (
                CompletionCreateParamsStreaming as Request,
            )
        case "openai-responses":
            from openai.types.responses.response_create_params import (
                ResponseCreateParamsStreaming as Request,
            )
        case _:
            from anthropic.types.message_create_params import (
                MessageCreateParamsStreaming as Request,
            )
    return SchemaValidator(_strict(TypeAdapter(cast(Any, Request)).core_schema))


def _strict(node: Any) -> Any:
    if isinstance(node, list):
        return [_strict(item) for item in node]
    if isinstance(node, tuple):
        return tuple(_strict(item) for item in node)
    if not isinstance(node, dict):
        return node
    node = {key: _strict(value) for key, value in node.items()}
    match node.get("type"):
        case "typed-dict" if (node.get("config") or {}).get("extra_fields_behavior") != "allow":
            node["extra_behavior"] = "forbid"
        case "generator":
            node["type"] = "list"
        case _:
            pass
    return node


def problems(wire: str, body: Any) -> list[str]:
    """Where `body` is no request of `wire`; of a union's members the deepest complaints."""
    try:
        _validator(wire).validate_python(body)
    except ValidationError as error:
        found = error.errors(include_url=False, include_input=False)
        return [f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in found]
    return []
