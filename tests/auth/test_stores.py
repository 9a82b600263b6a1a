"""Token stores over a restart, each against the real thing; where that is missing, skipped."""

import asyncio
import itertools
import os
import stat
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.support import services
from tests.support.services import free_port

from universal_mcp_client import ConfigError, TokenStore, TokenStoreError
from universal_mcp_client.auth.encryption import VARIABLE, new_key
from universal_mcp_client.auth.keyring_store import SystemKeyringStore, keyring_trouble
from universal_mcp_client.auth.records import Login, OAuthClient, Tokens

SERVER = "https://mcp.example.com/mcp"
_TABLES = itertools.count()
SECRET = "s3cret-" + "x" * 3000


def login(server: str = SERVER) -> Login:
    return Login(
        server=server,
        name="example",
        issuer="https://issuer.example.com",
        token_endpoint="https://issuer.example.com/token",
        client=OAuthClient(client_id="us", client_secret="hush", registered=True),
        tokens=Tokens(
            access_token=SECRET,
            refresh_token="again-" + SECRET,
            scope="read write",
            obtained_at=1.0,
            expires_at=time.time() + 3600,
        ),
    )


@pytest.fixture
def key(monkeypatch: pytest.MonkeyPatch) -> str:
    made = new_key()
    monkeypatch.setenv(VARIABLE, made)
    return made


@pytest.fixture(scope="module")
def redis_server() -> Iterator[str]:
    yield from services.redis_server()


@pytest.fixture
def redis_url(redis_server: str) -> str:
    import redis

    with redis.Redis.from_url(redis_server) as client:
        client.flushall()
    return redis_server


@pytest.fixture(scope="module")
def postgres_server() -> Iterator[str]:
    yield from services.postgres_server()


@pytest.fixture
def postgres_url(postgres_server: str) -> str:
    import asyncpg

    async def empty() -> None:
        connection = await asyncpg.connect(postgres_server)
        await connection.execute("DROP TABLE IF EXISTS umcp_tokens")
        await connection.close()

    asyncio.run(empty())
    return postgres_server


@pytest.fixture(scope="module")
def dynamodb_server() -> Iterator[str]:
    yield from services.dynamodb_server()


@pytest.fixture
def keyring_url() -> str:
    trouble = keyring_trouble()
    if trouble is not None:
        pytest.skip(trouble)
    return f"keyring://umcp-test-{os.getpid()}"


@pytest.fixture
def dynamodb_url(dynamodb_server: str) -> str:
    number = next(_TABLES)
    return f"dynamodb://tokens{number}?region=eu-central-1&endpoint={dynamodb_server}"


@pytest.fixture(params=["keyring", "disk", "plain", "redis", "postgres", "dynamodb"])
def url(request: pytest.FixtureRequest, key: str, tmp_path: Path) -> str:
    if request.param in ("disk", "plain"):
        return f"{request.param}:{tmp_path / 'tokens'}"
    found: str = request.getfixturevalue(f"{request.param}_url")
    return found


async def test_a_login_outlives_the_store_object(url: str) -> None:
    first = TokenStore(url)
    await first.check()
    await first.save(login())
    await first.save(login("https://other.example.com"))
    await first.aclose()

    second = TokenStore(url)
    assert await second.load(SERVER) == login_like(await second.load(SERVER))
    assert set(await second.servers()) >= {SERVER, "https://other.example.com"}
    assert await second.delete(SERVER)
    assert await second.load(SERVER) is None
    assert not await second.delete(SERVER)
    assert SERVER not in await second.servers()
    await second.delete("https://other.example.com")
    await second.aclose()


def store_object(kind: str, request: pytest.FixtureRequest, folder: Path) -> Any:
    """A py-key-value store, made by hand."""
    match kind:
        case "memory":
            from key_value.aio.stores.memory import MemoryStore

            return MemoryStore()
        case "filetree":
            from key_value.aio.stores.filetree import FileTreeStore

            return FileTreeStore(data_directory=folder)
        case "keyring":
            from key_value.aio.stores.keyring import KeyringStore

            return KeyringStore(
                service_name=request.getfixturevalue("keyring_url").partition("//")[2]
            )
        case "redis":
            from key_value.aio.stores.redis import RedisStore

            return RedisStore(url=request.getfixturevalue("redis_url"))
        case _:
            from key_value.aio.stores.dynamodb import DynamoDBStore

            return DynamoDBStore(
                table_name="objects",
                region_name="eu-central-1",
                endpoint_url=request.getfixturevalue("dynamodb_server"),
            )


@pytest.mark.filterwarnings("ignore:A configured store is unstable")
@pytest.mark.parametrize("kind", ["memory", "filetree", "keyring", "redis", "dynamodb"])
async def test_any_store_object_will_do(
    kind: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    given = store_object(kind, request, tmp_path)
    await TokenStore(given).save(login())
    second = TokenStore(given)
    assert await second.load(SERVER) == login_like(await second.load(SERVER))
    assert await second.servers() == [SERVER]
    assert await second.delete(SERVER) and await second.load(SERVER) is None
    if hasattr(given, "close"):
        await given.close()


def login_like(found: Login | None) -> Login:
    """The login that was saved; its end is the only thing that is not fixed."""
    from dataclasses import replace

    assert found is not None and found.tokens is not None
    made = login()
    assert made.tokens is not None
    return made.with_tokens(replace(made.tokens, expires_at=found.tokens.expires_at))


async def test_a_lock_keeps_others_out(url: str) -> None:
    one, other = TokenStore(url), TokenStore(url)
    order: list[str] = []

    async def second() -> None:
        async with other.lock(SERVER):
            order.append("second")

    async with one.lock(SERVER):
        waiting = asyncio.create_task(second())
        async with other.lock("https://another.example.com"):
            order.append("first")
    await waiting
    assert order == ["first", "second"]
    await one.aclose()
    await other.aclose()


async def test_a_remote_store_keeps_no_plain_text(redis_url: str, key: str) -> None:
    import redis

    store = TokenStore(redis_url)
    await store.save(login())
    with redis.Redis.from_url(redis_url) as raw:
        held = b"".join(raw.get(name) or b"" for name in raw.keys("*"))
    assert held and SECRET.encode() not in held and b"hush" not in held
    await store.aclose()


async def test_no_key_for_a_remote_store(redis_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    with pytest.raises(ConfigError, match=VARIABLE):
        await TokenStore(redis_url).load(SERVER)
    plain = TokenStore(f"{redis_url}?encryption=none")
    assert plain.warning is not None
    await plain.save(login("https://plain.example.com"))
    await plain.aclose()


async def test_a_corrupt_entry_is_said_and_can_be_removed(redis_url: str, key: str) -> None:
    import redis

    store = TokenStore(redis_url)
    await store.save(login("https://broken.example.com"))
    with redis.Redis.from_url(redis_url) as raw:
        (name,) = [k for k in raw.keys("*") if b"broken" in k]
        raw.set(name, b"{half")
    with pytest.raises(TokenStoreError, match="corrupt"):
        await store.load("https://broken.example.com")
    assert await store.delete("https://broken.example.com")
    await store.aclose()


async def test_an_unreachable_store_is_said(key: str) -> None:
    with pytest.raises(TokenStoreError, match="token store redis:"):
        await TokenStore(f"redis://127.0.0.1:{free_port()}").load(SERVER)


async def test_files_are_for_their_owner_alone(tmp_path: Path, key: str) -> None:
    for kind in ("disk", "plain"):
        folder = tmp_path / kind
        store = TokenStore(f"{kind}:{folder}")
        await store.save(login())
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        files = [path for path in folder.rglob("*") if path.is_file()]
        assert files and all(stat.S_IMODE(path.stat().st_mode) & 0o077 == 0 for path in files)
        text = "".join(path.read_text() for path in files)
        assert (SECRET in text) == (kind == "plain")
        assert (store.warning is not None) == (kind == "plain")


async def test_keys_rotate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, key: str) -> None:
    url = f"disk:{tmp_path}"
    await TokenStore(url).save(login())
    newer = new_key()
    monkeypatch.setenv(VARIABLE, f"{newer},{key}")
    store = TokenStore(url)
    found = await store.load(SERVER)
    assert found is not None
    await store.save(found)
    monkeypatch.setenv(VARIABLE, newer)
    assert await TokenStore(url).load(SERVER) == found
    monkeypatch.setenv(VARIABLE, new_key())
    with pytest.raises(TokenStoreError, match="another key"):
        await TokenStore(url).load(SERVER)


async def test_without_a_keyring_there_are_choices(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    import keyring
    from keyring.backends import fail

    monkeypatch.delenv(VARIABLE, raising=False)
    monkeypatch.setattr(keyring, "get_keyring", fail.Keyring)
    store = TokenStore()
    assert await store.load(SERVER) is None
    with pytest.raises(ConfigError, match="UMCP_TOKEN_STORE"):
        await store.save(login())


async def test_a_keyring_that_fails_is_not_an_empty_one(monkeypatch: pytest.MonkeyPatch) -> None:
    import keyring
    from keyring.errors import KeyringLocked

    def locked(*_arguments: str) -> None:
        raise KeyringLocked("the collection is locked")

    monkeypatch.setattr(keyring, "get_password", locked)
    with pytest.raises(TokenStoreError, match="locked"):
        await SystemKeyringStore("umcp-test").get("key")


async def test_long_values_in_a_keyring_with_short_entries(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Windows' Credential Manager takes 1,280 characters."""
    import keyring
    from keyring.errors import PasswordDeleteError

    held: dict[tuple[str, str], str] = {}

    def put(service: str, user: str, text: str) -> None:
        assert len(text) <= 1280
        held[service, user] = text

    def drop(service: str, user: str) -> None:
        if held.pop((service, user), None) is None:
            raise PasswordDeleteError

    monkeypatch.setattr(keyring, "get_password", lambda service, user: held.get((service, user)))
    monkeypatch.setattr(keyring, "set_password", put)
    monkeypatch.setattr(keyring, "delete_password", drop)
    store = SystemKeyringStore("umcp-test", largest=1200)
    for length in (9000, 3000, 10):
        await store.put("key", {"value": "x" * length})
        assert await store.get("key") == {"value": "x" * length}
    assert len(held) == 1
    await store.put("key", {"value": "x" * 5000})
    assert await store.delete("key") and not held
