"""Where logins are kept: a py-key-value store, by URL or as an object."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Generator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from functools import cached_property
from typing import Any

from universal_mcp_client.auth.backends import COLLECTION, NO_STORE, Backend, backend_of
from universal_mcp_client.auth.encryption import VARIABLE, environment_cipher, keyring_cipher
from universal_mcp_client.auth.hints import Hints
from universal_mcp_client.auth.metadata import canonical
from universal_mcp_client.auth.records import Login
from universal_mcp_client.config.auth import Credentials, OAuth
from universal_mcp_client.types.errors import ConfigError, TokenStoreError, UniversalMCPError

_INDEX = "index"


class TokenStore:
    """The logins of a py-key-value store, encrypted where it is not safe by itself.

    `where` is a URL (`keyring://service`, `disk:FOLDER`, `plain:FOLDER`, `memory:`, `redis://…`,
    `postgres://…`, `dynamodb://table?region=…`), a py-key-value store, or None for the default: the
    system's keyring, else an encrypted folder where `OAUTH_STORAGE_ENCRYPTION_KEY` is set.

    >>> store = TokenStore("disk:~/.universal_mcp/tokens")

    Nothing is opened before the first use. All methods raise TokenStoreError for a store that fails
    and ConfigError for one that cannot be.
    """

    def __init__(self, where: Any = None) -> None:
        self._where = where
        if where is not None:
            _ = self._backend  # what is no store is told at once; the default looks for a keyring
        self._hints = Hints() if where is None else None
        self._indexed: set[str] = set()
        self._key_value: Any = None
        self._opening = asyncio.Lock()

    @cached_property
    def _backend(self) -> Backend:
        return backend_of(self._where)

    @property
    def url(self) -> str:
        """Which store it is, without passwords."""
        return self._backend.url

    @property
    def warning(self) -> str | None:
        """What its user should know of its safety."""
        return self._backend.warning

    def _key(self, server: str) -> str:
        return self._backend.key(server)

    def expects(self, server: str) -> bool:
        """Whether it is worth looking for a login at `server`: a keyring is slow to open, and most
        servers need none."""
        return self._hints is None or self._hints.has(server)

    async def load(self, server: str) -> Login | None:
        """The login at a server's URL."""
        if self.url == NO_STORE:
            return None
        with self._translated(f"the login at {server} cannot be read"):
            value = await (await self._opened()).get(self._key(server), collection=COLLECTION)
            try:
                return None if value is None else Login.from_json(value)
            except ValueError as error:
                raise TokenStoreError(
                    f"The login at {server} in {self.url} is corrupt; `umcp logout {server}` "
                    "removes it."
                ) from error

    async def save(self, login: Login) -> None:
        """Keep a login, in place of the one before."""
        with self._translated(f"the login at {login.server} cannot be kept"):
            store = await self._opened()
            await store.put(self._key(login.server), login.to_json(), collection=COLLECTION)
            if login.server not in self._indexed:
                await self._index(lambda known: {*known, login.server})
                self._indexed.add(login.server)
        if self._hints is not None:
            self._hints.set(login.server, login.tokens is not None)

    async def delete(self, server: str) -> bool:
        """Forget a login; whether there was one."""
        with self._translated(f"the login at {server} cannot be removed"):
            found = bool(
                await (await self._opened()).delete(self._key(server), collection=COLLECTION)
            )
            await self._index(lambda known: known - {server})
            self._indexed.discard(server)
        if self._hints is not None:
            self._hints.set(server, False)
        return found

    async def servers(self) -> Sequence[str]:
        """The URLs of all servers with a login, in order."""
        with self._translated("it cannot be read"):
            value = await (await self._opened()).get(_INDEX, collection=COLLECTION)
            return sorted((value or {}).get("servers", ()))

    @asynccontextmanager
    async def lock(self, server: str) -> AsyncGenerator[None]:
        """Held by one at a time, of all the processes that use the same store."""
        with self._translated("its lock cannot be taken"):
            await self._opened()
            held: AbstractAsyncContextManager[None] = self._backend.lock(server)
            await held.__aenter__()
        try:
            yield
        finally:
            with self._translated("its lock cannot be given back"):
                await held.__aexit__(None, None, None)

    async def check(self) -> None:
        """Raises unless logins can be kept: better before a person logs in than after."""
        with self._translated("nothing can be kept in it"):
            store = await self._opened()
            await store.put("probe", {"written": True}, collection=COLLECTION)
            await store.delete("probe", collection=COLLECTION)

    async def aclose(self) -> None:
        """Let go of connections. It opens again when it is used again."""
        if self._key_value is not None:
            self._key_value = None
            await self._backend.close()

    async def _index(self, change: Callable[[set[str]], set[str]]) -> None:
        async with self._backend.lock(_INDEX):
            value = await self._key_value.get(_INDEX, collection=COLLECTION)
            known = set((value or {}).get("servers", ()))
            if (changed := change(known)) != known:
                servers = {"servers": sorted(changed)}
                await self._key_value.put(_INDEX, servers, collection=COLLECTION)

    async def _opened(self) -> Any:
        if self._key_value is not None:
            return self._key_value
        async with self._opening:
            if self._key_value is None:
                store = await self._backend.open()
                if self._backend.encrypt is not None:
                    store = await self._encrypted(store, required=self._backend.encrypt)
                self._key_value = store
        return self._key_value

    async def _encrypted(self, store: Any, required: bool) -> Any:
        cipher = environment_cipher()
        if cipher is None and required and self._backend.local:
            cipher = await keyring_cipher()
        if cipher is not None:
            from key_value.aio.wrappers.encryption import FernetEncryptionWrapper

            return FernetEncryptionWrapper(key_value=store, fernet=cipher)
        if required:
            plain = "" if self._backend.local else ", or add ?encryption=none to its URL"
            raise ConfigError(
                f"The token store {self.url} is encrypted, and there is no key for it. Set "
                f"{VARIABLE} (`umcp tokens key` makes one){plain}."
            )
        return store

    @contextmanager
    def _translated(self, what: str) -> Generator[None]:
        try:
            yield
        except UniversalMCPError:
            raise
        except Exception as error:
            raise TokenStoreError(
                f"The token store {self.url}: {what}: {_reason(error)}."
            ) from error


def _reason(error: BaseException) -> str:
    """In words, and without values, which an error of a store may quote."""
    from key_value.aio.errors import DecryptionError, DeserializationError

    root = error
    while root.__cause__ is not None and not isinstance(root, DecryptionError):
        root = root.__cause__
    if isinstance(root, DecryptionError):
        return f"it was encrypted with another key than {VARIABLE} holds, or changed since"
    if isinstance(root, DeserializationError | ValueError | KeyError):
        return "the entry is corrupt"
    if isinstance(root, OSError) and root.strerror:
        return root.strerror
    return str(root).splitlines()[0][:200].rstrip(".") if str(root) else type(root).__name__


def login_key(url: str, settings: Credentials) -> str:
    """What a login is kept under: a person's by the server, a program's by its client, too."""
    key = canonical(url).rstrip("/")
    client = None if isinstance(settings, OAuth) else settings.client_id
    return f"{key}#{client}" if client else key
