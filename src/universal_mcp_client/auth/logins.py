"""The logins of a host: one store, and an authorizer for each server that may want one."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any
from urllib.parse import urlsplit

from universal_mcp_client.auth.authorizer import Authorizer
from universal_mcp_client.auth.browser import browser_login
from universal_mcp_client.auth.interactive import Ask
from universal_mcp_client.auth.metadata import canonical
from universal_mcp_client.auth.stores import TokenStore
from universal_mcp_client.config.auth import Credentials, OAuth
from universal_mcp_client.config.servers import ServerConfig
from universal_mcp_client.config.settings import load_settings
from universal_mcp_client.types.errors import ConfigError
from universal_mcp_client.types.interaction import Interaction


class Logins:
    """`where` is a `TokenStore`, or what it takes; without, the settings' `token_store`."""

    def __init__(self, where: Any = None) -> None:
        self._where = where
        self._store: TokenStore | None = where if isinstance(where, TokenStore) else None
        self._own: list[TokenStore] = []

    @property
    def store(self) -> TokenStore:
        if self._store is None:
            self._store = TokenStore(self._configured())
            self._own.append(self._store)
        return self._store

    def authorizer(
        self,
        config: ServerConfig,
        interaction: Interaction | None = None,
        *,
        device: bool | None = None,
        waiting: Callable[[], AbstractContextManager[None]] = nullcontext,
    ) -> Authorizer | None:
        """The authorizer for a server; None where it takes no logins of ours."""
        if config.transport not in ("http", "sse") or config.auth == "none":
            return None
        own = callable(config.headers) or any(h.lower() == "authorization" for h in config.headers)
        if config.auth == "auto" and own:
            return None
        settings = OAuth() if config.auth == "auto" else config.auth
        if isinstance(settings, OAuth) and settings.mcp_url is not None:
            _check_url(config, settings.mcp_url)
        store = self._store_for(settings)
        return Authorizer(
            config.name,
            config.url,
            settings,
            store,
            _ask(config, interaction),
            device=device,
            waiting=waiting,
            command=f"umcp login {config.name if config.source else config.url}",
            expected=config.auth != "auto" or store.expects(canonical(config.url).rstrip("/")),
        )

    def _store_for(self, settings: Credentials) -> TokenStore:
        where = settings.token_storage
        if where is None and (isinstance(settings, OAuth) or self._configured() is not None):
            return self.store
        # A machine's tokens come back for the asking: they need no keyring, which it may not have.
        store = TokenStore("memory:" if where is None else where)
        self._own.append(store)
        return store

    def _configured(self) -> Any:
        return self._where if self._where is not None else load_settings().token_store

    async def aclose(self) -> None:
        """Let go of the stores that were opened here."""
        for store in self._own:
            await store.aclose()


def _ask(config: ServerConfig, interaction: Interaction | None) -> Ask | None:
    if interaction is not None:
        return interaction.login if interaction.can_log_in else None
    # A program that names OAuth for a server wants its user to be asked.
    return browser_login if isinstance(config.auth, OAuth) and not config.source else None


def _check_url(config: ServerConfig, url: str) -> None:
    ours, theirs = urlsplit(config.url), urlsplit(url)
    if (ours.netloc, ours.path.rstrip("/")) != (theirs.netloc, theirs.path.rstrip("/")):
        raise ConfigError(
            f"OAuth(mcp_url={url!r}) is for another server than {config.name!r} at {config.url}."
        )
