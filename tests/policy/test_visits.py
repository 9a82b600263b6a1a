"""Addresses and forms of servers: what a person is shown, and warned of."""

import pytest

from universal_mcp_client.policy.sensitive import asks_for_secret
from universal_mcp_client.policy.visits import visit


@pytest.mark.parametrize(
    "url",
    ["javascript:alert(1)", "file:///etc/passwd", "data:text/html,x", "http://example.com/", "",
     "https://", "https://a.example/\x1b[2J", "https:\\\\a.example", "HTTPS://[::1", "vscode://x"],
)  # fmt: skip
def test_only_safe_addresses_are_shown(url: str) -> None:
    with pytest.raises(ValueError, match="it is "):
        visit(url)


def test_the_host_is_what_is_looked_up() -> None:
    found = visit("https://bank.example:pay@\u0430pple.com:8443/a?b=c")
    assert found.host == "xn--pple-43d.com"
    assert found.url == "https://xn--pple-43d.com:8443/a?b=c"
    assert "alphabets" in found.warning and "left out" in found.warning


def test_http_is_for_this_machine() -> None:
    assert visit("https://a.example/").warning == ""
    for url in ("http://localhost:3000/x", "http://127.0.0.1/", "http://[::1]:1/"):
        assert "not encrypted" in visit(url).warning


@pytest.mark.parametrize(
    ("name", "form"),
    [("password", {}), ("apiKey", {}), ("x", {"format": "password"}), ("x", {"title": "Access token"}),
     ("x", {"description": "Your one-time verification code"}), ("client_secret", {}), ("PIN", {})],
)  # fmt: skip
def test_secrets_are_recognised(name: str, form: dict[str, str]) -> None:
    assert asks_for_secret(name, form)


@pytest.mark.parametrize("name", ["city", "keyword", "passenger", "shipping_address", "monkey"])
def test_other_words_are_not_secrets(name: str) -> None:
    assert not asks_for_secret(name, {"description": "A plain question"})
