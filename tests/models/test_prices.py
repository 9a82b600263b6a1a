"""A bill is a model server's word: what makes no sense in it costs no run, and lowers no cost."""

import pytest

from universal_mcp_client import Price, Usage
from universal_mcp_client.models.prices import listed_price

ODD = Usage(requests=1, input_tokens=10, output_tokens=5, cache_read_tokens=80)


@pytest.mark.parametrize("name", ["anthropic:claude-sonnet-4-5", "openai:gpt-5"])
def test_more_cached_tokens_than_tokens_are_priced_as_cached(name: str) -> None:
    price = listed_price(name)
    assert price is not None
    sound = Usage(requests=1, input_tokens=80, output_tokens=5, cache_read_tokens=80)
    assert price.cost(ODD) == price.cost(sound) > 0


def test_no_request_costs_less_than_nothing() -> None:
    assert Price(input=10, output=0, cache_read=1).cost(ODD) == pytest.approx(80 / 1_000_000)
