"""Logins at npm's `oidc-provider`: device codes, the browser, JWTs for one resource, rotation."""

import os
import re
import socket
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import httpx2
import pytest
from fastmcp import FastMCP
from fastmcp.server.auth import RemoteAuthProvider
from fastmcp.server.auth.providers.jwt import JWTVerifier
from pydantic import AnyHttpUrl
from tests.conftest import npm_binary
from tests.support.llm_server import serving
from tests.support.oauth_server import Person
from tests.support.services import free_port

from universal_mcp_client import AuthenticationError, Host, TokenStore, ToolCall
from universal_mcp_client.auth import interactive
from universal_mcp_client.auth.authorizer import Authorizer
from universal_mcp_client.auth.encryption import VARIABLE, new_key
from universal_mcp_client.config.auth import OAuth
from universal_mcp_client.types.interaction import LoginRequest

SCRIPT = Path(__file__).parent.parent / "support" / "oidc.mjs"


@pytest.fixture(scope="module")
def resource() -> Iterator[str]:
    """The URL of an MCP server for which the provider issues tokens."""
    node = npm_binary("node")
    packages = Path(node).parent.parent
    if not (packages / "oidc-provider").is_dir():
        pytest.skip("npm's oidc-provider is not installed")
    listener = socket.create_server(("127.0.0.1", 0))
    url, port = f"http://127.0.0.1:{listener.getsockname()[1]}", free_port()
    process = subprocess.Popen(
        [node, SCRIPT, str(port), f"{url}/mcp"],
        env=os.environ | {"UMCP_TEST_NPM": str(packages.parent)},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        assert process.stdout is not None
        assert any("listening" in line for line in process.stdout)
        for base in serving(guarded(f"http://127.0.0.1:{port}", url), listener):
            yield f"{base}/mcp"
    finally:
        process.terminate()
        process.communicate()


def guarded(issuer: str, url: str) -> Any:
    """An MCP server which takes the issuer's JWTs for itself, and no others."""
    verifier = JWTVerifier(
        jwks_uri=f"{issuer}/jwks", issuer=issuer, audience=f"{url}/mcp", required_scopes=["read"]
    )
    auth = RemoteAuthProvider(
        token_verifier=verifier, authorization_servers=[AnyHttpUrl(issuer)], base_url=url
    )
    server = FastMCP("guarded", auth=auth)

    @server.tool
    def add(a: int, b: int) -> int:
        return a + b

    return server.http_app()


class Somebody(Person):
    """Follows the provider's pages as a browser does, and types codes."""

    async def login(self, request: LoginRequest) -> str | None:
        self.asked.append(request)
        async with httpx2.AsyncClient(follow_redirects=True) as browser:
            page = await browser.get(request.url)
            while request.code and (form := re.search(r'<form[^>]*action="([^"]+)"', page.text)):
                fields = dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', page.text))
                typed = 'type="text" name="user_code"' in page.text
                fields |= {"user_code": request.code} if typed else {"confirm": "yes"}
                page = await browser.post(urljoin(str(page.url), form[1]), data=fields)
            assert page.status_code == 200, page.text
        return None


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> TokenStore:
    monkeypatch.setenv(VARIABLE, new_key())
    return TokenStore(f"disk:{tmp_path / 'tokens'}")


async def add(host: Host) -> str:
    call = ToolCall(id="1", name="add", arguments={"a": 1, "b": 2})
    return (await host.call_tool(call)).text


async def test_in_the_browser_then_renewed_by_rotation(
    resource: str, store: TokenStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BROWSER", "true")  # or a code would be asked for, where there is none
    monkeypatch.delenv("CI", raising=False)
    monkeypatch.delenv("SSH_CONNECTION", raising=False)
    monkeypatch.delenv("SSH_TTY", raising=False)
    person = Somebody()
    async with Host(resource, interaction=person, token_store=store) as host:
        assert await add(host) == "3"
    assert len(person.asked) == 1 and not person.asked[0].code
    first = await store.load(resource)
    assert first is not None and first.tokens is not None
    await store.save(first.with_tokens(replace(first.tokens, expires_at=1.0)))
    async with Host(resource, token_store=store) as host:
        assert await add(host) == "3"
    second = await store.load(resource)
    assert second is not None and second.tokens is not None and second.renewing is None
    assert second.tokens.refresh_token != first.tokens.refresh_token
    # A used refresh token ends the whole login at this provider.
    await store.save(first.with_tokens(replace(first.tokens, expires_at=1.0)))
    async with Host(f"s={resource}", token_store=store) as host:
        failure = host.failures["s"]
    assert isinstance(failure, AuthenticationError) and failure.reason == "expired"


async def test_by_a_code_on_another_device(
    resource: str, store: TokenStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(interactive, "_INTERVAL", 0.05)
    person = Somebody()
    authorizer = Authorizer("s", resource, OAuth(), store, person.login, device=True)
    assert await authorizer.log_in()
    assert len(person.asked) == 1 and person.asked[0].code
    async with Host(resource, token_store=store) as host:
        assert await add(host) == "3"
    assert await authorizer.log_out()


async def test_tokens_bound_to_a_key(resource: str, store: TokenStore) -> None:
    """This server takes Bearer only, so that the provider's half of DPoP is what is seen here."""
    person = Somebody()
    authorizer = Authorizer("s", resource, OAuth(dpop=True), store, person.login, device=False)
    assert await authorizer.log_in()
    login = await store.load(resource)
    assert login is not None and login.tokens is not None and login.dpop_key is not None
    assert login.tokens.token_type == "DPoP"
    await store.save(login.with_tokens(replace(login.tokens, expires_at=1.0)))
    again = Authorizer("s", resource, OAuth(dpop=True), store)
    renewed = await again.current()
    assert renewed is not None and renewed.token_type == "DPoP"
    assert renewed.access_token != login.tokens.access_token
