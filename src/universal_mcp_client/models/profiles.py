"""What is known of models that differ from the rest of their provider. Data, first match wins."""

from collections.abc import Sequence
from dataclasses import replace
from fnmatch import fnmatchcase

from universal_mcp_client.models.base import Profile

OPENAI = Profile(files=True)
COMPATIBLE = Profile(legacy_max_tokens=True)
RESPONSES = Profile(files=True, tool_images=True)
ANTHROPIC = Profile(files=True, tool_images=True, max_output_tokens=32_000)

_TABLE: Sequence[tuple[str, str, Profile]] = (
    # provider, name pattern, profile
    ("anthropic", "claude-*-4-5*", replace(ANTHROPIC, effort=False)),
    ("anthropic", "claude-*-4-1*", replace(ANTHROPIC, effort=False, native_output=False)),
    (
        "anthropic",
        "claude-3*",
        replace(ANTHROPIC, effort=False, native_output=False, max_output_tokens=4_096),
    ),
    ("openai-responses", "gpt-5*", replace(RESPONSES, encrypted_reasoning=True)),
    ("openai-responses", "o[1-9]*", replace(RESPONSES, encrypted_reasoning=True)),
    ("openai-responses", "codex*", replace(RESPONSES, encrypted_reasoning=True)),
    ("openai", "gpt-4o-audio*", replace(OPENAI, audio=True)),
    ("openai", "gpt-audio*", replace(OPENAI, audio=True)),
    ("openai", "gpt-3.5*", replace(OPENAI, images=False, native_output=False)),
)


def profile_of(provider: str, model: str, default: Profile) -> Profile:
    """The profile of a model, `default` where nothing special is known of it."""
    for owner, pattern, profile in _TABLE:
        if owner == provider and fnmatchcase(model.lower(), pattern):
            return profile
    return default
