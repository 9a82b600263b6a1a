"""One login of one person: who we are to the issuer, where the browser returns, and which way."""

import time
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit

from universal_mcp_client.auth.browser import can_open
from universal_mcp_client.auth.callback import Callback, listening
from universal_mcp_client.auth.endpoint import TokenEndpoint
from universal_mcp_client.auth.http import AuthorizationHTTP
from universal_mcp_client.auth.interactive import Ask, authorization_code, device_code
from universal_mcp_client.auth.metadata import IssuerMetadata
from universal_mcp_client.auth.records import OAuthClient, Tokens
from universal_mcp_client.auth.registration import registered_client
from universal_mcp_client.config.auth import OAuth
from universal_mcp_client.types.errors import AuthenticationError


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonalLogin:
    """`known` is the client of the former login, `endpoint` makes the token endpoint for a client.
    `device` chooses a device code (True) or the browser (False); None takes what there is."""

    settings: OAuth
    http: AuthorizationHTTP
    issuer: IssuerMetadata
    known: OAuthClient | None
    endpoint: Callable[[OAuthClient | None], TokenEndpoint]
    ask: Ask
    device: bool | None

    async def tokens(self, form: dict[str, str]) -> tuple[OAuthClient, Tokens]:
        """The tokens for `form` (scope and resource), and the client they were issued to."""
        device = self.device
        if device is None:
            device = bool(self.issuer.device_authorization_endpoint) and not can_open()
        async with self._listening() as callback:
            client = self.known
            if client is None or not self._usable(client, callback):
                client = await registered_client(
                    self.http,
                    self.issuer,
                    self.settings,
                    callback.redirect_uri,
                    form.get("scope", ""),
                )
            endpoint, timeout = self.endpoint(client), self.settings.callback_timeout
            if device:
                return client, await device_code(endpoint, self.issuer, form, self.ask, timeout)
            return client, await authorization_code(
                endpoint, self.issuer, client, callback, form, self.ask, timeout
            )

    @asynccontextmanager
    async def _listening(self) -> AsyncGenerator[Callback]:
        """At the port of the registered address where it is free, for many issuers compare it."""
        fixed, host = self.settings.callback_port, self.settings.callback_host
        known = self.known.redirect_uri if self.known else None
        before = urlsplit(known).port if known else None
        callback = None
        for port in dict.fromkeys((fixed or before, fixed)):
            try:
                listener = listening(host, port)
                callback = await listener.__aenter__()
                break
            except OSError as error:
                if port == fixed:
                    raise AuthenticationError(
                        f"Server {self.http.server!r}: the browser cannot come back to {host}:"
                        f"{port or 'any port'}: {error.strerror}.",
                        server=self.http.server,
                        reason="misconfigured",
                    ) from error
        assert callback is not None
        try:
            yield callback
        finally:
            await listener.__aexit__(None, None, None)

    def _usable(self, client: OAuthClient, callback: Callback) -> bool:
        """Whether the client of the former login can be used for this one."""
        given = (self.settings.client_id, self.settings.client_metadata_url)
        if any(given):
            return client.client_id in given
        fresh = client.secret_expires_at is None or client.secret_expires_at > time.time()
        return client.registered and fresh and client.redirect_uri == callback.redirect_uri
