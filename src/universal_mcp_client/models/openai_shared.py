"""What OpenAI's two wires say in the same words."""

from typing import Any

from universal_mcp_client.models.base import PLAIN_CHOICES, ModelSettings, Profile
from universal_mcp_client.models.stream import count_of, mapping_of
from universal_mcp_client.models.strict import to_strict
from universal_mcp_client.types.tools import JSONSchema
from universal_mcp_client.types.usage import Usage


def shared(settings: ModelSettings, profile: Profile) -> dict[str, Any]:
    """The fields of a body. What is cached otherwise is the provider's choice."""
    longer = settings.cache == "1h" and profile.cache_retention
    return {
        "service_tier": settings.service_tier,
        "prompt_cache_key": settings.cache_key,
        "prompt_cache_retention": "24h" if longer else None,
    }


def chosen(settings: ModelSettings, named: dict[str, Any]) -> dict[str, Any]:
    """The fields on which tools are called; `named` is the choice of one by its name."""
    choice = settings.tool_choice
    return {
        "tool_choice": choice if choice in PLAIN_CHOICES else named,
        "parallel_tool_calls": settings.parallel_tool_calls,
    } | ({"tool_choice": None} if choice == "auto" else {})


def output_form(schema: JSONSchema) -> dict[str, Any]:
    """The form of an answer, strict where its schema can be."""
    strict = to_strict(schema)
    return {"name": "output", "schema": strict or dict(schema), "strict": strict is not None}


def counted(usage: object, read: str, wrote: str) -> Usage:
    """OpenAI's usage object; `read` and `wrote` are the words it uses for its two kinds of tokens
    (prompt and completion, or input and output)."""
    given = mapping_of(usage)
    of_read, of_wrote = (mapping_of(given.get(f"{kind}_tokens_details")) for kind in (read, wrote))
    return Usage(
        requests=1,
        input_tokens=count_of(given.get(f"{read}_tokens")),
        output_tokens=count_of(given.get(f"{wrote}_tokens")),
        cache_read_tokens=count_of(of_read.get("cached_tokens")),
        reasoning_tokens=count_of(of_wrote.get("reasoning_tokens")),
    )
