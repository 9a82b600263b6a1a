"""What is known of models that differ from the rest of their provider. Data, first match wins."""

from collections.abc import Sequence
from dataclasses import replace
from fnmatch import fnmatchcase

from universal_mcp_client.models.base import Profile

OPENAI = Profile(files=True)
COMPATIBLE = Profile(legacy_max_tokens=True)
RESPONSES = Profile(files=True, tool_images=True)
ANTHROPIC = Profile(files=True, tool_images=True, max_output_tokens=32_000, sampling="never")

_CLAUDE = replace(ANTHROPIC, sampling="without_thinking")  # to 4.6, by Anthropic's list
_CLAUDE_4 = replace(_CLAUDE, effort=False, native_output=False)
_THINKS = replace(RESPONSES, encrypted_reasoning=True, sampling="never")
_GPT_5 = replace(_THINKS, cache_retention=True)
_CHAT_GPT_5 = replace(OPENAI, sampling="never", cache_retention=True)
_TABLE: Sequence[tuple[str, str, Profile]] = (
    # provider, name pattern, profile
    ("anthropic", "claude-*-4-6*", _CLAUDE),
    ("anthropic", "claude-*-4-5*", replace(_CLAUDE, effort=False)),
    ("anthropic", "claude-*-4-[012]*", _CLAUDE_4),
    ("anthropic", "claude-3*", replace(_CLAUDE_4, max_output_tokens=4_096)),
    ("openai-responses", "gpt-4.1*", replace(RESPONSES, cache_retention=True)),
    ("openai-responses", "gpt-5*chat*", RESPONSES),
    ("openai-responses", "gpt-5.*", replace(_GPT_5, sampling="without_thinking")),
    ("openai-responses", "gpt-[6-9]*", replace(_GPT_5, sampling="without_thinking")),
    ("openai-responses", "gpt-5*", _GPT_5),
    ("openai-responses", "o[1-9]*", _THINKS),
    ("openai-responses", "codex*", _THINKS),
    ("openai", "gpt-4o-audio*", replace(OPENAI, audio=True)),
    ("openai", "gpt-audio*", replace(OPENAI, audio=True)),
    ("openai", "gpt-3.5*", replace(OPENAI, images=False, native_output=False)),
    ("openai", "gpt-4.1*", replace(OPENAI, cache_retention=True)),
    ("openai", "gpt-*-search-*", replace(OPENAI, sampling="never", web_search=True)),
    ("openai", "gpt-5*chat*", OPENAI),
    ("openai", "gpt-5.*", replace(_CHAT_GPT_5, sampling="without_thinking")),
    ("openai", "gpt-[6-9]*", replace(_CHAT_GPT_5, sampling="without_thinking")),
    ("openai", "gpt-5*", _CHAT_GPT_5),
    ("openai", "o[1-9]*", replace(OPENAI, sampling="never")),
)


def profile_of(provider: str, model: str, default: Profile) -> Profile:
    """The profile of a model, `default` where nothing special is known of it."""
    for owner, pattern, profile in _TABLE:
        if owner == provider and fnmatchcase(model.lower(), pattern):
            return profile
    return default
