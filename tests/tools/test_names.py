"""Names that every provider accepts: valid, unique, stable, reversible."""

import itertools
import re

import pytest

from universal_mcp_client.tools.names import public_names
from universal_mcp_client.types.tools import ToolSpec


def spec(name: str, server: str = "") -> ToolSpec:
    return ToolSpec(name=name, description="", input_schema={"type": "object"}, server=server)


def test_a_name_that_is_accepted_stays() -> None:
    assert public_names([spec("get_time", "time"), spec("add-2", "desk")]) == ["get_time", "add-2"]


def test_the_same_name_on_two_servers_gets_the_servers_in_front() -> None:
    specs = [spec("search", "web"), spec("search", "mail"), spec("add", "desk")]
    assert public_names(specs) == ["web_search", "mail_search", "add"]


@pytest.mark.parametrize(
    "name", ["a.b", "a/b/c", "naïve tool", "查询天气", "x" * 200, " ", "🙂", "a_b"]
)
def test_any_name_becomes_one_that_providers_accept(name: str) -> None:
    (public,) = public_names([spec(name, "s")])
    assert re.fullmatch(r"[a-zA-Z0-9_-]{1,64}", public)


def test_names_are_unique_whatever_is_thrown_together() -> None:
    names = ["a.b", "a/b", "a_b", "x" * 200, "x" * 201, "查询", "天气", "s_a_b", "s.a.b"]
    specs = [spec(name, server) for name in names for server in ("s", "t", "s_a", "")]
    public = public_names(specs)
    assert len(set(public)) == len(specs)
    assert all(re.fullmatch(r"[a-zA-Z0-9_-]{1,64}", name) for name in public)


def test_names_do_not_depend_on_the_order_of_servers() -> None:
    specs = [spec("search", "web"), spec("search", "mail"), spec("a.b", "x"), spec("a/b", "y")]
    expected = dict(zip([id(s) for s in specs], public_names(specs), strict=True))
    for order in itertools.permutations(specs):
        assert public_names(order) == [expected[id(s)] for s in order]
