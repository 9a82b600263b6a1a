"""Stores that fail for real: a keyring whose daemon dies, and a disk that takes nothing more."""

import asyncio
import os
import shutil
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support.oauth_server import Person, Protected, protected

from universal_mcp_client import Host, ToolCall
from universal_mcp_client.auth.encryption import VARIABLE, new_key

KEYRING = textwrap.dedent(
    """
    import asyncio
    import os

    import psutil

    from universal_mcp_client import TokenStore, TokenStoreError
    from universal_mcp_client.auth.records import Login, Tokens

    tokens = Tokens(access_token="a", refresh_token="r", obtained_at=1.0)
    login = Login(server="https://a/mcp", name="a", issuer="i", token_endpoint="t", tokens=tokens)

    def kill_the_daemon():
        bus = os.environ["DBUS_SESSION_BUS_ADDRESS"]
        for process in psutil.process_iter(["name"]):
            if process.info["name"].startswith("gnome-keyring"):
                if process.environ().get("DBUS_SESSION_BUS_ADDRESS") == bus:
                    process.kill()
                    process.wait(10)
                    return
        raise SystemExit("there is no daemon")

    async def main():
        store = TokenStore("keyring://umcp-vanishes")
        await store.save(login)
        assert await store.load(login.server) == login
        kill_the_daemon()
        for action in (store.load(login.server), store.save(login)):
            try:
                print("not an error:", await action)
            except TokenStoreError as error:
                print("told:", error)

    asyncio.run(main())
    """
)


def test_a_keyring_that_vanishes(tmp_path: Path) -> None:
    """It is started again by D-Bus, and is locked then: an error, and never "no login"."""
    for program in ("gnome-keyring-daemon", "dbus-run-session"):
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not installed")
    unlock = "echo -n pw | gnome-keyring-daemon --unlock --components=secrets >/dev/null"
    (tmp_path / "vanish.py").write_text(KEYRING)
    done = subprocess.run(
        ["dbus-run-session", "--", "sh", "-c", f"{unlock} && exec {sys.executable} vanish.py"],
        cwd=tmp_path,
        env=os.environ | {"HOME": str(tmp_path), "XDG_RUNTIME_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=150,
    )
    told = done.stdout.splitlines()
    assert [line.partition(":")[0] for line in told] == ["told", "told"], done.stdout + done.stderr
    assert "keyring://umcp-vanishes" in told[0] or "keyring cannot be used" in told[0]


FULL = textwrap.dedent(
    """
    import asyncio
    import resource
    import sys
    from dataclasses import replace

    from universal_mcp_client import Host, TokenStore

    async def main(place, url):
        store = TokenStore(place)
        login = await store.load(url)
        old = replace(login.tokens, obtained_at=1.0, expires_at=2.0)
        await store.save(login.with_tokens(old))
        resource.setrlimit(resource.RLIMIT_FSIZE, (16, resource.RLIM_INFINITY))
        async with Host(f"s={url}") as host:
            print(host.failures["s"])

    asyncio.run(main(*sys.argv[1:]))
    """
)


@pytest.fixture
def server() -> Iterator[Protected]:
    yield from protected()


async def test_a_full_disk_costs_no_refresh_token(
    server: Protected, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No file may grow beyond 16 bytes, which the system refuses as it refuses a full disk."""
    monkeypatch.setenv(VARIABLE, new_key())
    monkeypatch.setenv("UMCP_TOKEN_STORE", f"disk:{tmp_path / 'tokens'}")
    call = ToolCall(id="1", name="add", arguments={"a": 1, "b": 2})
    async with Host(server.url, interaction=Person()) as host:
        assert (await host.call_tool(call)).text == "3"
    done = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-c", FULL, f"disk:{tmp_path / 'tokens'}", server.url],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert "cannot be kept: File too large" in done.stdout, done.stdout + done.stderr
    assert server.issuer.refreshes == 0
    async with Host(server.url) as host:  # nothing is lost: it renews now
        assert (await host.call_tool(call)).text == "3"
    assert (server.issuer.logins, server.issuer.refreshes) == (1, 1)
