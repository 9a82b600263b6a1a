"""What becomes of the settings in a request's body, on every wire.

A setting that a model does not take is left out, and that is logged once: an agent with a
temperature may change its model, or fall back on another vendor's. A key that we write, and a tool
that the wire has not, are ConfigErrors: without them a program would not get what it relies on.
"""

import logging
from collections.abc import Collection, Mapping
from typing import Any

from universal_mcp_client.models.base import ModelSettings, Profile
from universal_mcp_client.models.hosted import HostedTool
from universal_mcp_client.models.wire import encode
from universal_mcp_client.types.errors import ConfigError

logger = logging.getLogger(__name__)


class Notes:
    """What a model's requests go without: a warning, once for each setting."""

    def __init__(self, model: str) -> None:
        self._model = model
        self._told = set[str]()

    def left_out(self, setting: str, why: str = "this wire has no such field") -> None:
        if setting not in self._told:
            self._told.add(setting)
            logger.warning("%s: the setting %s is left out: %s.", self._model, setting, why)


def sampling(
    settings: ModelSettings, profile: Profile, thinks: bool, notes: Notes
) -> dict[str, float]:
    """`temperature` and `top_p`, where the model takes them. `thinks` says that it will think."""
    given = {"temperature": settings.temperature, "top_p": settings.top_p}
    found = {name: value for name, value in given.items() if value is not None}
    if profile.sampling == "never" or (profile.sampling == "without_thinking" and thinks):
        why = "" if profile.sampling == "never" else " while it thinks (reasoning='none' ends that)"
        for name in found:
            notes.left_out(name, f"the model takes none{why}")
        return {}
    return found


def merged(
    fields: Mapping[str, Any], settings: ModelSettings, ours: Collection[str], model: str
) -> tuple[dict[str, Any], list[bytes]]:
    """`fields` without those that are None and with `extra`, and the tools that `extra` names.

    Its word is the last, but of objects without a type of their own the members are put together,
    and of lists the elements. Raises ConfigError for a key of `ours`, and for what is no JSON.
    """
    out = {key: value for key, value in fields.items() if value is not None}
    extra = {**settings.extra, **settings.extra_body}
    if taken := sorted(set(ours) & extra.keys()):
        raise ConfigError(f"{model}: extra cannot set {taken[0]!r}: the agent itself writes it.")
    try:
        tools = [encode(dict(tool)) for tool in extra.pop("tools", ())]
        encode(extra)
    except (TypeError, ValueError, RecursionError) as error:
        raise ConfigError(
            f"{model}: extra must be JSON, its 'tools' a list of objects: {error}."
        ) from error
    for key, value in extra.items():
        known = out.get(key)
        if isinstance(known, dict) and isinstance(value, Mapping) and "type" not in value:
            out[key] = known | dict(value)
        elif isinstance(known, list) and isinstance(value, list | tuple):
            out[key] = [*known, *(item for item in value if item not in known)]
        else:
            out[key] = value
    return out, tools


def not_here(tool: HostedTool, model: str, why: str) -> ConfigError:
    return ConfigError(f"{model}: {type(tool).__name__} cannot be had here: {why}")
