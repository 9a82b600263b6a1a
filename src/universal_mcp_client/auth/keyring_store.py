"""The system's keyring as a py-key-value store which never blocks the event loop and never lies.

py-key-value's own answers "nothing there" when the keyring is locked, which would throw a login
away, and runs D-Bus calls on the event loop.
"""

import asyncio
import json
import os
import secrets
from collections.abc import Callable
from typing import Any, TypeVar

import anyio.to_thread
from key_value.aio.stores.keyring import KeyringStore
from key_value.aio.stores.keyring.store import (
    KeyringV1CollectionSanitizationStrategy,
    KeyringV1KeySanitizationStrategy,
)

from universal_mcp_client.types.errors import TokenStoreError

SERVICE = "universal-mcp"
_PARTS = "umcp-parts"
_TIMEOUT = 60.0
# Windows' Credential Manager takes 2,560 bytes of UTF-16, which is 1,280 characters.
LARGEST = 1_200 if os.name == "nt" else 60_000

T = TypeVar("T")


def keyring_trouble() -> str | None:
    """Why this system's keyring cannot be used, or None where it can."""
    try:
        import keyring

        backend = keyring.get_keyring()
        name = f"{type(backend).__module__}.{type(backend).__qualname__}"
        if backend.priority < 1:  # "fail" and "null" are at 0, plain text files below 1
            return f"there is no keyring on this system ({name})"
        if not getattr(backend, "backends", True):
            return "there is no keyring on this system (no backend works)"
    except Exception as error:  # noqa: BLE001 - backends fail in ways of their own
        return f"the keyring cannot be opened ({type(error).__name__}: {error})"
    return None


class SystemKeyringStore(KeyringStore):
    """Values longer than `largest` characters are split over several entries. A value's parts are
    written before the entry that names them, so that one is read whole or as it was before."""

    def __init__(self, service_name: str = SERVICE, largest: int = LARGEST) -> None:
        super().__init__(
            service_name=service_name,
            key_sanitization_strategy=KeyringV1KeySanitizationStrategy(),
            collection_sanitization_strategy=KeyringV1CollectionSanitizationStrategy(),
        )
        self._largest = largest

    def _warn_about_stability(self) -> None:
        """What the library tells its users is not for ours."""

    async def _get_managed_entry(self, *, key: str, collection: str) -> Any:
        text = await self._in_thread(self._read, self._user(collection, key))
        return None if text is None else self._serialization_adapter.load_json(json_str=text)

    async def _put_managed_entry(self, *, key: str, collection: str, managed_entry: Any) -> None:
        text = self._serialization_adapter.dump_json(
            entry=managed_entry, key=key, collection=collection
        )
        await self._in_thread(self._write, self._user(collection, key), text)

    async def _delete_managed_entry(self, *, key: str, collection: str) -> bool:
        return bool(await self._in_thread(self._remove, self._user(collection, key)))

    def _user(self, collection: str, key: str) -> str:
        collection = self._sanitize_collection(collection=collection)
        return f"{collection}::{self._sanitize_key(key=key)}"  # py-key-value's own form

    async def _in_thread(self, function: Callable[..., T], *arguments: str) -> T:
        """A locked keyring may ask its user for a password; nobody may be there to give it."""
        try:
            async with asyncio.timeout(_TIMEOUT):
                return await anyio.to_thread.run_sync(
                    lambda: function(*arguments), abandon_on_cancel=True
                )
        except TokenStoreError:
            raise
        except TimeoutError:
            raise TokenStoreError(
                f"The keyring did not answer within {_TIMEOUT:g} s; it may be locked."
            ) from None
        except Exception as error:
            raise TokenStoreError(
                f"The keyring cannot be used: {str(error) or type(error).__name__}."
            ) from error

    # In a thread

    def _read(self, user: str) -> str | None:
        import keyring

        text = keyring.get_password(self._service_name, user)
        head = _head(text)
        if head is None:
            return text
        count, generation = head
        parts = [
            keyring.get_password(self._service_name, _part(user, generation, number))
            for number in range(count)
        ]
        if any(part is None for part in parts):
            raise TokenStoreError(f"A part of the entry {user!r} is missing from the keyring.")
        return "".join(part or "" for part in parts)

    def _write(self, user: str, text: str) -> None:
        import keyring

        old = _head(keyring.get_password(self._service_name, user))
        if len(text) <= self._largest:
            keyring.set_password(self._service_name, user, text)
        else:
            size, generation = self._largest, secrets.token_hex(4)
            parts = [text[start : start + size] for start in range(0, len(text), size)]
            for number, part in enumerate(parts):
                keyring.set_password(self._service_name, _part(user, generation, number), part)
            head = json.dumps({_PARTS: [len(parts), generation]})
            keyring.set_password(self._service_name, user, head)
        self._drop(user, old)

    def _remove(self, user: str) -> bool:
        import keyring

        text = keyring.get_password(self._service_name, user)
        if text is None:
            return False
        keyring.delete_password(self._service_name, user)
        self._drop(user, _head(text))
        return True

    def _drop(self, user: str, head: tuple[int, str] | None) -> None:
        import keyring
        from keyring.errors import PasswordDeleteError

        if head is not None:
            for number in range(head[0]):
                try:
                    keyring.delete_password(self._service_name, _part(user, head[1], number))
                except PasswordDeleteError:
                    pass


def _head(text: str | None) -> tuple[int, str] | None:
    """How many parts, of which generation, where an entry only names its parts."""
    if text is None or not text.startswith(f'{{"{_PARTS}"'):
        return None
    count, generation = json.loads(text)[_PARTS]
    return int(count), str(generation)


def _part(user: str, generation: str, number: int) -> str:
    return f"{user}#{generation}.{number}"
