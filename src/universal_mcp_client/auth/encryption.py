"""Encryption of what is stored: Fernet keys from the environment, or one kept in the keyring."""

import os
from typing import TYPE_CHECKING

import anyio.to_thread

from universal_mcp_client.auth.keyring_store import SERVICE, keyring_trouble
from universal_mcp_client.types.errors import ConfigError, TokenStoreError

if TYPE_CHECKING:
    from cryptography.fernet import MultiFernet

VARIABLE = "OAUTH_STORAGE_ENCRYPTION_KEY"
_ENTRY = "encryption-key"


def new_key() -> str:
    """A fresh Fernet key."""
    from cryptography.fernet import Fernet

    return Fernet.generate_key().decode()


def environment_cipher() -> "MultiFernet | None":
    """The cipher of `OAUTH_STORAGE_ENCRYPTION_KEY`. Of several keys, separated by commas or
    spaces, the first encrypts and all decrypt. Raises ConfigError for what is no key."""
    return _cipher(os.environ.get(VARIABLE, ""), f"the variable {VARIABLE}")


async def keyring_cipher() -> "MultiFernet | None":
    """The cipher of a key that lives in the keyring and is made there at first need; None where
    there is no keyring."""
    if keyring_trouble() is not None:
        return None

    def kept() -> str:
        import keyring

        text = keyring.get_password(SERVICE, _ENTRY)
        if text is None:
            keyring.set_password(SERVICE, _ENTRY, new_key())
            text = keyring.get_password(SERVICE, _ENTRY)  # another process may have been faster
        return text or ""

    try:
        text = await anyio.to_thread.run_sync(kept, abandon_on_cancel=True)
    except Exception as error:
        raise TokenStoreError(
            f"The encryption key cannot be read from the keyring: {error or type(error).__name__}."
        ) from error
    return _cipher(text, "the keyring")


def _cipher(text: str, source: str) -> "MultiFernet | None":
    keys = text.replace(",", " ").split()
    if not keys:
        return None
    from cryptography.fernet import Fernet, MultiFernet

    try:
        return MultiFernet([Fernet(key) for key in keys])
    except ValueError:
        raise ConfigError(
            f"What {source} holds is no encryption key; `umcp tokens key` makes one."
        ) from None
