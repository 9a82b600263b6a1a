"""Logins at a real OAuth server: the first, the next, and how they are renewed and end."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.support.oauth_server import Person, Protected, protected

from universal_mcp_client import AuthenticationError, Host, TokenStore, ToolCall
from universal_mcp_client.auth.encryption import VARIABLE, new_key


@pytest.fixture
def server() -> Iterator[Protected]:
    yield from protected()


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A store for this test, which the processes that it starts use as well."""
    url = f"disk:{tmp_path / 'tokens'}"
    monkeypatch.setenv(VARIABLE, new_key())
    monkeypatch.setenv("UMCP_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("UMCP_TOKEN_STORE", url)
    return url


async def add(host: Host) -> Any:
    return await host.call_tool(ToolCall(id="1", name="add", arguments={"a": 1, "b": 2}))


async def logged_in(server: Protected, store: str) -> None:
    async with Host(server.url, interaction=Person(), token_store=store) as host:
        assert (await add(host)).text == "3"


async def aged(server: Protected, store: str) -> None:
    """The access token's time has run out."""
    tokens = TokenStore(store)
    login = await tokens.load(server.url)
    assert login is not None and login.tokens is not None
    old = replace(login.tokens, obtained_at=time.time() - 100, expires_at=time.time() - 1)
    await tokens.save(login.with_tokens(old))


@pytest.mark.parametrize("paste", [False, True])
async def test_one_login_is_enough(server: Protected, store: str, paste: bool) -> None:
    person = Person(paste=paste)
    async with Host(server.url, interaction=person, token_store=store) as host:
        assert (await add(host)).text == "3"
    assert len(person.asked) == 1
    async with Host(server.url, token_store=store) as host:
        assert (await add(host)).text == "3"
    assert server.issuer.logins == 1 and server.issuer.refreshes == 0


async def test_a_person_may_take_their_time(
    server: Protected, store: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server of 2026-07-28 is not taken for an older one, as none answered within the seconds
    which the SDK gives it."""
    monkeypatch.setattr("mcp.client.session.DISCOVER_TIMEOUT_SECONDS", 2.0)

    class Slow(Person):
        async def login(self, request: Any) -> str | None:
            await asyncio.sleep(2.5)
            return await super().login(request)

    async with Host(server.url, interaction=Slow(), token_store=store) as host:
        assert (await add(host)).text == "3"
        (only,) = host
        assert only.protocol_version == "2026-07-28"


@pytest.mark.filterwarnings("ignore:.*SSE")  # which MCP is to lose
async def test_over_the_older_transport(store: str) -> None:
    for server in protected(transport="sse"):
        async with Host(f"s={server.url}", token_store=store) as host:
            assert host["s"].state == "needs-login"
        await logged_in(server, store)
        await aged(server, store)
        async with Host(server.url, token_store=store) as host:
            assert (await add(host)).text == "3"
        assert (server.issuer.logins, server.issuer.refreshes) == (1, 1)


async def test_an_old_token_is_renewed_once_for_all_calls(server: Protected, store: str) -> None:
    await logged_in(server, store)
    await aged(server, store)
    async with Host(server.url, token_store=store) as host:
        results = await asyncio.gather(*(add(host) for _ in range(20)))
    assert [result.text for result in results] == ["3"] * 20
    assert (server.issuer.logins, server.issuer.refreshes) == (1, 1)


async def test_a_revoked_token_is_renewed_in_the_middle_of_a_session(
    server: Protected, store: str
) -> None:
    await logged_in(server, store)
    async with Host(server.url, token_store=store) as host:
        server.revoke_access()
        results = await asyncio.gather(*(add(host) for _ in range(5)))
        assert [result.text for result in results] == ["3"] * 5
    assert (server.issuer.logins, server.issuer.refreshes) == (1, 1)


async def test_a_login_that_has_ended_is_told_apart(server: Protected, store: str) -> None:
    await logged_in(server, store)
    server.revoke_all()
    async with Host(f"s={server.url}", token_store=store) as host:
        failure = host.failures["s"]
        assert isinstance(failure, AuthenticationError) and failure.reason == "expired"
        assert host["s"].state == "needs-login"
    person = Person()
    async with Host(server.url, interaction=person, token_store=store) as host:
        assert (await add(host)).text == "3"
    assert len(person.asked) == 1


async def test_a_person_who_says_no_is_asked_once(server: Protected, store: str) -> None:
    class Unwilling(Person):
        async def login(self, request: Any) -> str:
            self.asked.append(request)
            state = request.url.partition("state=")[2].partition("&")[0]
            return f"http://127.0.0.1/callback?error=access_denied&state={state}"

    person = Unwilling()
    async with Host(f"s={server.url}", interaction=person, token_store=store) as host:
        failure = host.failures["s"]
    assert isinstance(failure, AuthenticationError) and failure.reason == "refused"
    assert len(person.asked) == 1 and "access_denied" in str(failure)


async def test_an_answer_to_another_login_is_not_taken(server: Protected, store: str) -> None:
    class Tricked(Person):
        async def login(self, request: Any) -> str:
            return "http://127.0.0.1/callback?code=stolen&state=another"

    async with Host(f"s={server.url}", interaction=Tricked(), token_store=store) as host:
        assert "not the answer to this login" in str(host.failures["s"])
    assert server.issuer.logins == 0


def call(server: Protected) -> list[str]:
    command = [sys.executable, "-m", "universal_mcp_client", "--debug", "call"]
    return [*command[:3], "call", server.url, "add", '{"a": 1, "b": 2}', "--json", "--debug"]


async def test_two_processes_renew_once(server: Protected, store: str) -> None:
    await logged_in(server, store)
    await aged(server, store)
    processes = [
        await asyncio.create_subprocess_exec(
            *call(server), stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        for _ in range(2)
    ]
    for process in processes:
        out, err = await process.communicate()
        assert process.returncode == 0, err.decode()
        assert json.loads(out)["content"][0]["text"] == "3"
        for secret in server.issuer.secrets:
            assert secret not in (out + err).decode()
    assert server.issuer.refreshes == 1


async def test_killed_between_renewal_and_store(server: Protected, store: str) -> None:
    """The issuer has rotated the token, and nobody has the new one: a clear end, and no lock is
    left behind."""
    await logged_in(server, store)
    await aged(server, store)
    server.issuer.held = True
    process = await asyncio.create_subprocess_exec(
        *call(server), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    await asyncio.to_thread(server.issuer.rotated.wait, 30)
    os.kill(process.pid, signal.SIGKILL)
    await process.communicate()
    server.issuer.held = False
    stored = await TokenStore(store).load(server.url)
    assert stored is not None and stored.renewing is not None and stored.tokens is not None
    async with Host(f"s={server.url}", token_store=store) as host:
        failure = host.failures["s"]
    assert isinstance(failure, AuthenticationError) and failure.reason == "expired"
    await logged_in(server, store)


async def test_a_store_that_takes_nothing_costs_no_refresh_token(
    server: Protected, store: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from universal_mcp_client import TokenStoreError

    await logged_in(server, store)
    await aged(server, store)

    async def full(self: TokenStore, login: Any) -> None:
        raise TokenStoreError("The token store: No space left on device.")

    with monkeypatch.context() as patch:
        patch.setattr(TokenStore, "save", full)
        async with Host(f"s={server.url}", token_store=store) as host:
            assert "No space left on device" in str(host.failures["s"])
    assert server.issuer.refreshes == 0
    async with Host(server.url, token_store=store) as host:
        assert (await add(host)).text == "3"


def test_the_commands(server: Protected, store: str, umcp: Callable[..., Any]) -> None:
    asyncio.run(logged_in(server, store))
    listed = umcp("tokens", "--json")
    (row,) = listed.json["logins"]
    assert row["server"] == server.url and row["renewable"] and row["scopes"] == ["read"]
    shown = umcp("tokens")
    assert server.url in shown.out and "renews itself" in shown.out
    for secret in server.issuer.secrets:
        assert secret not in listed.out + shown.out
    out = umcp("logout", server.url)
    assert out.code == 0 and "logged out" in out.err
    assert not server.issuer.access_tokens and not server.issuer.refresh_tokens
    assert umcp("tokens", "--json").json["logins"] == []
    refused = umcp("call", server.url, "add", '{"a": 1, "b": 2}')
    assert refused.code == 3 and f"umcp login {server.url}" in refused.err


def test_login_without_a_terminal_says_what_to_do(
    server: Protected, store: str, umcp: Callable[..., Any]
) -> None:
    ran = umcp("login", server.url)
    assert ran.code == 3 and "nobody is here to log in" in ran.err
