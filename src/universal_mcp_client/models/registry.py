"""From a name such as `anthropic:claude-sonnet-5` to a model, and the choice where none is named."""

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeAlias, cast

from universal_mcp_client.models.base import Model, Profile
from universal_mcp_client.types.errors import ConfigError
from universal_mcp_client.types.usage import Price

Factory: TypeAlias = Callable[[str], Model]
"""From the part of the name behind `provider:` to a model."""

ENTRY_POINTS = "universal_mcp_client.models"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A provider which speaks Chat Completions: where, and which variable holds its key."""

    url: str
    url_variable: str = ""
    key_variable: str = ""


COMPATIBLE: Mapping[str, Endpoint] = {
    "ollama": Endpoint("http://localhost:11434/v1", "OLLAMA_BASE_URL"),
    "lmstudio": Endpoint("http://localhost:1234/v1", "LMSTUDIO_BASE_URL"),
    "llama-server": Endpoint("http://localhost:8080/v1", "LLAMA_SERVER_BASE_URL"),
    "vllm": Endpoint("http://localhost:8000/v1", "VLLM_BASE_URL", "VLLM_API_KEY"),
    "openrouter": Endpoint("https://openrouter.ai/api/v1", "", "OPENROUTER_API_KEY"),
    "groq": Endpoint("https://api.groq.com/openai/v1", "", "GROQ_API_KEY"),
    "mistral": Endpoint("https://api.mistral.ai/v1", "", "MISTRAL_API_KEY"),
    "deepseek": Endpoint("https://api.deepseek.com/v1", "", "DEEPSEEK_API_KEY"),
    "gemini": Endpoint(
        "https://generativelanguage.googleapis.com/v1beta/openai", "", "GEMINI_API_KEY"
    ),
    "xai": Endpoint("https://api.x.ai/v1", "", "XAI_API_KEY"),
}
OWN = ("anthropic", "openai", "openai-responses", "local")


def providers() -> list[str]:
    """The names that may stand before the colon."""
    from importlib.metadata import entry_points

    return [*OWN, *COMPATIBLE, *(point.name for point in entry_points(group=ENTRY_POINTS))]


def resolve(name: str, *, price: Price | None = None, strict_tools: bool = False) -> Model:
    """The model of that name, `provider:model`. No connection is made, no SDK imported yet.

    Raises ConfigError for an unknown provider or a name without one.
    """
    provider, colon, model = name.partition(":")
    if not colon or not model:
        raise ConfigError(
            f"{name!r} names no model; write provider:model, such as openai:{name or 'gpt-5'}. "
            f"The providers are: {', '.join(providers())}."
        )
    found = _make(provider, model)
    if price is not None or strict_tools:
        cast(Any, found).profile = replace(
            found.profile,
            price=price or found.profile.price,
            strict_tools=strict_tools or found.profile.strict_tools,
        )
    return found


def _make(provider: str, model: str) -> Model:
    from universal_mcp_client.models import profiles

    match provider:
        case "anthropic":
            from universal_mcp_client.models.anthropic import Anthropic

            return Anthropic(model, profiles.profile_of("anthropic", model, profiles.ANTHROPIC))
        case "openai":
            from universal_mcp_client.models.openai_client import OpenAIConnection

            connection = OpenAIConnection()
            default = profiles.OPENAI if connection.official else profiles.COMPATIBLE
            return _chat(model, connection, profiles.profile_of("openai", model, default))
        case "openai-responses":
            from universal_mcp_client.models.openai_client import OpenAIConnection
            from universal_mcp_client.models.openai_responses import OpenAIResponses

            connection = OpenAIConnection(provider="openai-responses")
            profile = profiles.profile_of("openai-responses", model, profiles.RESPONSES)
            return OpenAIResponses(model, connection, profile)
        case "local":
            from universal_mcp_client.models.local import LocalModel

            return LocalModel(model)
        case _ if endpoint := COMPATIBLE.get(provider):
            from universal_mcp_client.models.openai_client import OpenAIConnection

            connection = OpenAIConnection(
                provider=provider,
                base_url=os.environ.get(endpoint.url_variable) or endpoint.url,
                api_key=os.environ.get(endpoint.key_variable) or "none",
                key_variable=endpoint.key_variable or "the server's settings",
            )
            return _chat(
                model, connection, profiles.profile_of(provider, model, profiles.COMPATIBLE)
            )
        case _:
            return _plugin(provider, model)


def _chat(model: str, connection: Any, profile: Profile) -> Model:
    from universal_mcp_client.models.openai_chat import OpenAIChat

    return OpenAIChat(model, connection, profile)


def _plugin(provider: str, model: str) -> Model:
    from importlib.metadata import entry_points

    for point in entry_points(group=ENTRY_POINTS, name=provider):
        return cast(Factory, point.load())(model)
    raise ConfigError(
        f"There is no provider {provider!r} (of {provider}:{model}). "
        f"The providers are: {', '.join(providers())}."
    )


@dataclass(frozen=True, slots=True)
class Choice:
    """The model that is used where none is named, and why this one."""

    name: str
    why: str


def choose(configured: str | None = None) -> Choice:
    """`UMCP_MODEL`, the configuration, a provider whose key is there, Ollama, the embedded model."""
    if name := os.environ.get("UMCP_MODEL"):
        return Choice(name, "UMCP_MODEL names it")
    if configured:
        return Choice(configured, "the configuration names it")
    if os.environ.get("ANTHROPIC_API_KEY"):
        return Choice("anthropic:claude-sonnet-5", "ANTHROPIC_API_KEY is set")
    if os.environ.get("OPENAI_API_KEY"):
        return Choice("openai:gpt-5", "OPENAI_API_KEY is set")
    if model := _ollama():
        return Choice(f"ollama:{model}", "Ollama is running here")
    return Choice(
        "local:smollm2-135m",
        "no API key is set and no Ollama runs here, so the small embedded model answers",
    )


def _ollama() -> str | None:
    """The first model of an Ollama on this machine, None where none answers."""
    from urllib.error import URLError
    from urllib.request import urlopen

    base = os.environ.get("OLLAMA_BASE_URL", COMPATIBLE["ollama"].url).removesuffix("/v1")
    try:
        with urlopen(f"{base}/api/tags", timeout=0.3) as answer:
            models = json.load(answer).get("models") or []
    except (URLError, OSError, ValueError):
        return None
    return str(models[0]["name"]) if models else None
