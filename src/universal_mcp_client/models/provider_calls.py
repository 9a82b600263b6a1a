"""A model's tool call as a provider's SDK gives it, object or dict, read as ours."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, cast

from universal_mcp_client.models.calls import tool_call
from universal_mcp_client.models.wire import encode
from universal_mcp_client.types.errors import ConfigError
from universal_mcp_client.types.messages import ToolCall

_KINDS = (
    "a ToolCall, or a call as a provider's SDK gives it, object or dict: "
    "of Chat Completions (id, function.name, function.arguments), "
    "Responses (call_id, name, arguments) or Anthropic (id, name, input)"
)

_SAID = "arguments"


def given(value: object, name: str) -> Any:
    """A field of an SDK's object or of its dict; None where there is none."""
    if isinstance(value, Mapping):
        return cast(Mapping[str, Any], value).get(name)
    return getattr(value, name, None)


def provider_call(value: object, *, cut: bool = False) -> ToolCall:
    """The call that a model made, in whichever provider's form it is, or ours.

    Arguments that are no JSON object are kept as `invalid`. `cut` says that the answer broke off in
    this call: arguments which are empty, or came parsed, are then not all that the model meant.
    Raises ConfigError for what is no call.
    """
    if isinstance(value, ToolCall):
        return value
    kind, function = given(value, "type"), given(value, "function")
    if function is not None:
        identity, name, said = given(value, "id"), given(function, "name"), given(function, _SAID)
    elif kind == "tool_use":
        identity, name, said = (given(value, key) for key in ("id", "name", "input"))
    elif kind == "function_call":
        identity = given(value, "call_id") or given(value, "id")
        name, said = given(value, "name"), given(value, _SAID)
    else:
        raise ConfigError(f"{shown(value)} is no tool call. It has to be {_KINDS}.")
    if not isinstance(name, str) or not isinstance(identity or "", str):
        raise ConfigError(f"{shown(value)} is no tool call: its name or its id is no text.")
    try:
        text = said if isinstance(said, str) else "" if said is None else encode(said).decode()
    except (TypeError, ValueError, RecursionError) as error:
        raise ConfigError(f"The arguments of the call {name!r} cannot be read: {error}.") from error
    if cut and not isinstance(said, str):
        text = text[:-1]
    call = tool_call(identity or "", name, text if text.strip() or not cut else "{")
    return replace(call, id=identity) if identity else call  # under which the result is looked for


def shown(value: object) -> str:
    """A value for an error's text."""
    text = repr(value)
    return text if len(text) <= 200 else text[:200] + "…"
