"""Prices and context windows as genai-prices lists them, for models of which nobody said one.

Its data takes half a second to load: it is done when somebody asks for a cost, not before.
"""

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Protocol

from universal_mcp_client.models.registry import PROVIDERS
from universal_mcp_client.startup import importing
from universal_mcp_client.types.usage import Price, Usage


class Priced(Protocol):
    """A `Price`, or a listed one, which may depend on how long the request was."""

    def cost(self, usage: Usage) -> float:
        """The price of one request, in US dollars."""
        ...


@dataclass(frozen=True, slots=True)
class Listed:
    """A price of genai-prices: with its tiers, by the tokens of each request. It refuses a count with
    more cached tokens than tokens, which a server may send: then the cached ones are the input."""

    _prices: Any

    def cost(self, usage: Usage) -> float:
        from genai_prices import Usage as Theirs

        counted = Theirs(
            input_tokens=max(
                usage.input_tokens, usage.cache_read_tokens + usage.cache_write_tokens
            ),
            output_tokens=usage.output_tokens,
            cache_read_tokens=usage.cache_read_tokens,
            cache_write_tokens=usage.cache_write_tokens,
        )
        return float(self._prices.calc_price(counted)["total_price"])


@dataclass(frozen=True, slots=True)
class Spending:
    """What was used of each model: its name, its price where somebody said one, and the requests."""

    models: tuple[tuple[str, Price | None, tuple[Usage, ...]], ...]

    def __call__(self) -> float | None:
        """US dollars; None where a price is not known."""
        total = 0.0
        for name, given, requests in self.models:
            price = given or listed_price(name)
            if price is None:
                return None
            total += sum(map(price.cost, requests))
        return total


def listed_price(name: str) -> Priced | None:
    """The list price of `provider:model`; None where it is not known."""
    info = _listed(name)
    if info is None:
        return None
    from datetime import UTC, datetime

    return Listed(info.get_prices(datetime.now(UTC)))


def context_window(name: str) -> int | None:
    """How many tokens `provider:model` reads at most; None where it is not known."""
    info = _listed(name)
    return None if info is None else info.context_window


def newest_claude(family: str) -> str | None:
    """The model that `sonnet`, `opus` or `haiku` is, as `anthropic:NAME`; None where there is none."""
    with importing():
        from genai_prices.data_snapshot import get_snapshot
    named = re.compile(rf"claude-{re.escape(family)}-(\d+)(?:-(\d\d?))?")
    found = [
        (int(match[1]), int(match[2] or 0), model.id)
        for provider in get_snapshot().providers
        if provider.id == "anthropic"
        for model in provider.models
        if (match := named.fullmatch(model.id))
    ]
    return f"anthropic:{max(found)[2]}" if found else None


@lru_cache(maxsize=256)
def _listed(name: str) -> Any:
    provider, _, model = name.partition(":")
    if provider not in PROVIDERS:  # another of the same name, by a user's settings, is not asked of
        return None
    with importing():
        from genai_prices.data_snapshot import get_snapshot
    try:
        return get_snapshot().find_provider_model(model, None, provider, None)[1]
    except LookupError:
        return None
