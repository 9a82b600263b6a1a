"""The kinds of token stores: from a URL to an open py-key-value store with its lock."""

import hashlib
import os
import re
import warnings
from collections.abc import Awaitable, Callable, Generator
from contextlib import AbstractAsyncContextManager, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from universal_mcp_client.auth import locks
from universal_mcp_client.auth.encryption import VARIABLE
from universal_mcp_client.auth.keyring_store import SERVICE, SystemKeyringStore, keyring_trouble
from universal_mcp_client.auth.locks import Locks
from universal_mcp_client.config.paths import home
from universal_mcp_client.config.state import private_folder
from universal_mcp_client.types.errors import ConfigError

KINDS = "keyring://SERVICE, disk:FOLDER, plain:FOLDER, memory:, redis://…, postgres://…, dynamodb://TABLE"


NO_STORE = "none"
COLLECTION = "mcp-logins"  # what our entries are called in a store that holds others' too


@dataclass(kw_only=True)
class Backend:
    """A store that can be opened. `encrypt` is True where it must be encrypted, False where it is
    if there is a key in the environment, None where it never is. `local` stores belong to one
    user of one machine, so that their key can lie in that user's keyring."""

    url: str
    key: Callable[[str], str] = str  # what an entry is called, from the server's URL
    make: Callable[["Backend"], Awaitable[Any]]
    encrypt: bool | None = True
    local: bool = True
    warning: str | None = None
    lock_with: Locks | None = None
    closers: list[Callable[[], Awaitable[Any]]] = field(
        default_factory=list[Callable[[], Awaitable[Any]]]
    )

    async def open(self) -> Any:
        return await self.make(self)

    async def close(self) -> None:
        for close in reversed(self.closers):
            await close()
        self.closers.clear()

    def lock(self, name: str) -> AbstractAsyncContextManager[None]:
        if self.lock_with is None:
            self.lock_with = locks.file_locks(home() / "locks", self.url)
        return self.lock_with(name)


def backend_of(where: Any) -> Backend:
    """Raises ConfigError for what is no store."""
    if where is None:
        return _default()
    if isinstance(where, Path):
        return _folder(str(where), encrypt=True)
    if not isinstance(where, str):
        return _given(where)
    scheme, _, rest = where.partition(":")
    match scheme.lower():
        case "keyring":
            return _keyring(rest.strip("/") or SERVICE)
        case "disk":
            return _folder(rest, encrypt=True)
        case "plain":
            return _folder(rest, encrypt=False)
        case "memory":
            return Backend(
                url="memory:", make=_open_memory, encrypt=None, lock_with=locks.memory_locks()
            )
        case "redis" | "rediss":
            return _remote(where, partial(_open_redis, where))
        case "postgres" | "postgresql":
            return _remote(where, partial(_open_postgres, where))
        case "dynamodb":
            return _remote(where, partial(_open_dynamodb, where))
        case _:
            raise ConfigError(f"{_shown(where)!r} is no token store. There are: {KINDS}.")


def _default() -> Backend:
    if (trouble := keyring_trouble()) is None:
        return _keyring(SERVICE)
    if os.environ.get(VARIABLE):
        return _folder("", encrypt=True)

    async def none(_backend: Backend) -> Any:
        raise ConfigError(
            f"Logins cannot be kept: {trouble}. Choose one of:\n"
            f"  1. An encrypted folder: set {VARIABLE} to a key; `umcp tokens key` makes one.\n"
            "  2. Another store: `token_store` in config.toml, or UMCP_TOKEN_STORE: redis://…, "
            "postgres://…, dynamodb://…\n"
            "  3. Files that are not encrypted: UMCP_TOKEN_STORE=plain:~/.universal_mcp/tokens\n"
            "  4. No logins beyond this process: UMCP_TOKEN_STORE=memory:"
        )

    return Backend(url=NO_STORE, make=none)


def _keyring(service: str) -> Backend:
    async def make(_backend: Backend) -> Any:
        if (trouble := keyring_trouble()) is not None:
            raise ConfigError(f"The token store keyring://{service}: {trouble}.")
        return SystemKeyringStore(service)

    return Backend(url=f"keyring://{service}", make=make, encrypt=False)


def _folder(text: str, *, encrypt: bool) -> Backend:
    path = re.sub(r"\A//(?=/)", "", text)
    folder = Path(path).expanduser() if path else home() / "tokens"

    async def make(_backend: Backend) -> Any:
        from key_value.aio.stores.filetree import (
            FileTreeStore,
            FileTreeV1CollectionSanitizationStrategy,
            FileTreeV1KeySanitizationStrategy,
        )

        private_folder(folder)
        collections = FileTreeV1CollectionSanitizationStrategy(folder)
        private_folder(private_folder(folder / "entries") / collections.sanitize(COLLECTION))
        return FileTreeStore(
            data_directory=folder / "entries",
            key_sanitization_strategy=FileTreeV1KeySanitizationStrategy(folder),
            collection_sanitization_strategy=collections,
        )

    url = f"{'disk' if encrypt else 'plain'}:{folder}"
    return Backend(
        url=url,
        make=make,
        encrypt=True if encrypt else None,
        warning=None
        if encrypt
        else f"logins are kept in {folder} without encryption; whoever reads them can use them.",
        lock_with=locks.file_locks(folder / "locks", ""),
    )


def _remote(url: str, make: Callable[[Backend], Awaitable[Any]]) -> Backend:
    options = dict(parse_qsl(urlsplit(url).query))
    plain = options.get("encryption") == "none"
    if options.get("encryption") not in (None, "none"):
        raise ConfigError(f"{_shown(url)}: encryption can only be set to none.")
    shown = _shown(_without_ours(url))
    return Backend(
        url=shown,
        make=make,
        encrypt=None if plain else True,
        local=False,
        warning=f"logins are kept in {shown} without encryption." if plain else None,
    )


def _given(store: Any) -> Backend:
    if not hasattr(store, "get") or not hasattr(store, "put") or not hasattr(store, "delete"):
        raise ConfigError(f"{store!r} is no token store: give a URL or a py-key-value store.")

    async def make(_backend: Backend) -> Any:
        return store

    memory = type(store).__name__ == "MemoryStore"
    return Backend(
        url=f"{type(store).__name__} object",
        key=_digest,  # not every store takes a URL for a key
        make=make,
        encrypt=None if memory else False,
        lock_with=locks.memory_locks() if memory else None,
    )


def _digest(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()[:40]


async def _open_memory(_backend: Backend) -> Any:
    from key_value.aio.stores.memory import MemoryStore

    return MemoryStore()


async def _open_redis(url: str, backend: Backend) -> Any:
    try:
        from redis.asyncio import Redis

        from universal_mcp_client.auth.redis_store import StrictRedisStore
    except ImportError as error:
        raise _extra("redis", error) from error
    client = Redis.from_url(_without_ours(url), decode_responses=True, socket_connect_timeout=10)
    backend.closers.append(client.aclose)
    backend.lock_with = locks.redis_locks(client)
    return StrictRedisStore(client=client)


async def _open_postgres(url: str, backend: Backend) -> Any:
    try:
        import asyncpg  # type: ignore[import-untyped]
        from key_value.aio.stores.postgresql import PostgreSQLStore
    except ImportError as error:
        raise _extra("postgres", error) from error
    address = _without_ours(url)
    pool = await asyncpg.create_pool(address, min_size=0, max_size=4, timeout=10)
    backend.closers.append(pool.close)
    backend.lock_with = locks.postgres_locks(partial(asyncpg.connect, address, timeout=10))
    with _quiet():
        return PostgreSQLStore(pool=pool, table_name="umcp_tokens")


async def _open_dynamodb(url: str, backend: Backend) -> Any:
    try:
        from key_value.aio.stores.dynamodb import DynamoDBStore
    except ImportError as error:
        raise _extra("dynamodb", error) from error
    parts, options = urlsplit(url), dict(parse_qsl(urlsplit(url).query))
    if unknown := options.keys() - {"region", "endpoint", "encryption"}:
        raise ConfigError(f"{_shown(url)}: unknown option {sorted(unknown)[0]!r}.")
    with _quiet():
        store = DynamoDBStore(
            table_name=parts.netloc,
            region_name=options.get("region"),
            endpoint_url=options.get("endpoint"),
        )
    await store.setup()
    backend.closers.append(store.close)
    backend.lock_with = locks.dynamodb_locks(lambda: store._connected_client, parts.netloc)
    return store


@contextmanager
def _quiet() -> Generator[None]:
    """py-key-value warns of stores whose interface may change; its user did not choose them."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="A configured store is unstable")
        yield


def _extra(name: str, error: ImportError) -> ConfigError:
    return ConfigError(
        f"This token store needs a library that is not installed ({error.name}): "
        f"pip install 'universal-mcp-client[{name}]'"
    )


def _without_ours(url: str) -> str:
    parts = urlsplit(url)
    query = [(k, v) for k, v in parse_qsl(parts.query) if k != "encryption"]
    return urlunsplit(parts._replace(query=urlencode(query)))


def _shown(url: str) -> str:
    """Without the password."""
    return re.sub(r"(?<=://)([^/@:]*):[^/@]*@", r"\1@", url)
