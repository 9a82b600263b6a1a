"""From a name such as `anthropic:claude-sonnet-5` to a model, and the choice where none is named."""

import json
import os
import re
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, replace
from difflib import get_close_matches
from typing import Any, TypeAlias, cast

from universal_mcp_client.models.allowed import check_allowed
from universal_mcp_client.models.base import Model, ModelRequest, Profile
from universal_mcp_client.models.connection import Connection, Endpoint
from universal_mcp_client.models.intercepted import InterceptedModel, Proceed
from universal_mcp_client.types.errors import ConfigError
from universal_mcp_client.types.events import ModelEvent
from universal_mcp_client.types.usage import Price

Factory: TypeAlias = Callable[[str], Model]
"""From the part of the name behind `provider:` to a model."""

ENTRY_POINTS = "universal_mcp_client.models"


PROVIDERS: Mapping[str, Endpoint] = {
    "anthropic": Endpoint(None, "ANTHROPIC_BASE_URL", "ANTHROPIC_API_KEY", "anthropic"),
    "openai": Endpoint(None, "OPENAI_BASE_URL", "OPENAI_API_KEY"),
    "openai-responses": Endpoint(None, "OPENAI_BASE_URL", "OPENAI_API_KEY", "openai-responses"),
    "azure": Endpoint(key_variable="AZURE_OPENAI_API_KEY", client="AsyncAzureOpenAI"),
    "bedrock": Endpoint(
        wire="anthropic",
        client="AsyncAnthropicBedrock",
        needs=("boto3", "anthropic[bedrock]"),
    ),
    "vertex": Endpoint(
        wire="anthropic",
        client="AsyncAnthropicVertex",
        needs=("google.auth", "anthropic[vertex]"),
    ),
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
# How models are called that are often named without their provider.
_KNOWN_BY = (
    ("anthropic", "claude"),
    ("openai", "gpt-|chatgpt|o[1-9]"),
    ("gemini", "gemini"),
    ("mistral", "mistral|codestral|magistral|ministral|devstral"),
    ("deepseek", "deepseek"),
    ("xai", "grok"),
    ("ollama", "llama|qwen|gemma|phi"),
)


def endpoints() -> Mapping[str, Endpoint]:
    """Our providers, and those of the user's settings (`[providers.NAME]` in config.toml)."""
    from universal_mcp_client.config.settings import load_settings

    own = {
        name: Endpoint(given.url, "", given.key, given.wire, given.headers)
        for name, given in load_settings().providers.items()
    }
    if taken := own.keys() & {*PROVIDERS, "local"}:
        raise ConfigError(f"[providers.{min(taken)}] in config.toml: that name is taken.")
    return {**PROVIDERS, **own}


def providers() -> list[str]:
    """The names that may stand before the colon."""
    from importlib.metadata import entry_points

    return [*endpoints(), "local", *(point.name for point in entry_points(group=ENTRY_POINTS))]


def resolve(
    name: str,
    *,
    client: Any = None,
    base_url: str | None = None,
    api_key: str | None = None,
    headers: Mapping[str, str] | None = None,
    profile: Profile | None = None,
    price: Price | None = None,
    strict_tools: bool = False,
) -> Model:
    """The model of that name, `provider:model`. No connection is made, no SDK imported yet.

    `client` is an async client of the provider's own SDK (`AsyncOpenAI`, `AsyncAzureOpenAI`,
    `AsyncAnthropic`, `AsyncAnthropicBedrock`, …), which stays the caller's to close; or else
    `base_url`, `api_key` and `headers` say where and how. `profile` is what the model can, `price`
    what it costs.

    Raises ConfigError for an unknown provider, a name without one, and another vendor's client.
    """
    provider, colon, model = name.partition(":")
    if not colon or not model:
        raise ConfigError(_unnamed(name))
    said: dict[str, Any] = {"base_url": base_url, "api_key": api_key, "headers": headers}
    given = [key for key, value in said.items() if value is not None]
    if client is not None and given:
        raise ConfigError(f"resolve({name!r}): give {given[0]}= to the client itself.")
    endpoint = PROVIDERS.get(provider) or (
        None if provider == "local" else endpoints().get(provider)
    )
    if endpoint is None:
        if client is not None or given:
            known = f"{provider}: models take no {(given or ['client'])[0]}="
            raise ConfigError(f"resolve({name!r}): {known}.")
        found = _without_endpoint(provider, model)
    else:
        if client is not None:
            _check_client(client, name, endpoint.vendor)
        found = _adapter(
            model, endpoint.wire, Connection(provider, endpoint, client=client, **said)
        )
    if profile is not None or price is not None or strict_tools:
        base = profile or found.profile
        cast(Any, found).profile = replace(
            base, price=price or base.price, strict_tools=strict_tools or base.strict_tools
        )
    return _only_if_allowed(found) if endpoint is None and provider != "local" else found


def _only_if_allowed(model: Model) -> Model:
    """A plugin's model, which knows nothing of what a test suite allows."""

    def asked(request: ModelRequest, proceed: Proceed) -> AsyncIterator[ModelEvent]:
        check_allowed(model.name)
        return proceed(request)

    return InterceptedModel(model, asked)


def _adapter(model: str, wire: str, connection: Connection) -> Model:
    from universal_mcp_client.models import profiles

    provider = connection.provider
    match wire:
        case "anthropic":
            from universal_mcp_client.models.anthropic import Anthropic

            # Claude's own name in Bedrock's `us.anthropic.claude-…` and Vertex's `…@date`.
            bare = re.sub(r"^.*anthropic\.|@.*$", "", model)
            profile = profiles.profile_of("anthropic", bare, profiles.ANTHROPIC)
            return Anthropic(model, connection, profile)
        case "openai-responses":
            from universal_mcp_client.models.openai_responses import OpenAIResponses

            profile = profiles.profile_of(wire, model, profiles.RESPONSES)
            return OpenAIResponses(model, connection, profile)
        case _:
            from universal_mcp_client.models.openai_chat import OpenAIChat

            theirs = connection.official or provider == "azure"
            default = profiles.OPENAI if theirs else profiles.COMPATIBLE
            known = "openai" if provider == "azure" else provider
            return OpenAIChat(model, connection, profiles.profile_of(known, model, default))


def _check_client(client: Any, name: str, vendor: str) -> None:
    bases = {(kind.__module__.partition(".")[0], kind.__name__) for kind in type(client).__mro__}
    if (vendor, "AsyncAPIClient") in bases:
        return
    shown = type(client).__name__
    if (vendor, "SyncAPIClient") in bases:
        raise ConfigError(f"resolve({name!r}): {shown} is a sync client; give its Async… sister.")
    raise ConfigError(f"resolve({name!r}): {shown} is no async client of the {vendor} SDK.")


def _unnamed(name: str) -> str:
    if provider := _known_by(name):
        return f"{name!r} names no provider; write {provider}:{name}."
    provider, _, model = name.partition("/")
    if model and provider.lower() in endpoints():
        return f"{name!r} names no provider; write {provider.lower()}:{model}."
    return f"{name!r} names no model; write provider:model, such as openai:gpt-5. {_known()}"


def _known_by(model: str) -> str | None:
    """The provider of models that are called like this."""
    found = (who for who, names in _KNOWN_BY if re.match(names, model, re.IGNORECASE))
    return next(found, None)


def _known() -> str:
    return f"The providers are: {', '.join(providers())}."


def _without_endpoint(provider: str, model: str) -> Model:
    """A model in this process, or of a plugin."""
    from importlib.metadata import entry_points

    if provider == "local":
        from universal_mcp_client.models.local import LocalModel

        return LocalModel(model)
    for point in entry_points(group=ENTRY_POINTS, name=provider):
        return cast(Factory, point.load())(model)
    near = get_close_matches(provider.strip().lower(), providers(), n=1)
    meant = near[0] if near else _known_by(model) or _known_by(provider)
    hint = f"Did you mean {meant}:{model}? " if meant else ""
    raise ConfigError(
        f"There is no provider {provider!r} (of {provider}:{model}). {hint}{_known()}"
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

    base = os.environ.get("OLLAMA_BASE_URL", PROVIDERS["ollama"].url or "").removesuffix("/v1")
    try:
        with urlopen(f"{base}/api/tags", timeout=0.3) as answer:
            models = json.load(answer).get("models") or []
    except (URLError, OSError, ValueError):
        return None
    return str(models[0]["name"]) if models else None
