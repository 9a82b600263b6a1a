"""The heart of a login: which tokens a request carries, and how they come, are renewed and go."""

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import AbstractContextManager, asynccontextmanager, nullcontext
from dataclasses import replace

from universal_mcp_client.auth.browser import nobody_here
from universal_mcp_client.auth.challenge import Challenge, challenge_of
from universal_mcp_client.auth.dpop import ProofKey
from universal_mcp_client.auth.endpoint import GrantRefused, TokenEndpoint
from universal_mcp_client.auth.http import AuthorizationHTTP
from universal_mcp_client.auth.interactive import Ask
from universal_mcp_client.auth.machine import machine_client, machine_grant, signing_key
from universal_mcp_client.auth.metadata import (
    Discovered,
    Discovery,
    canonical,
    covers,
    same_issuer,
)
from universal_mcp_client.auth.person import PersonalLogin
from universal_mcp_client.auth.records import Login, OAuthClient, Tokens
from universal_mcp_client.auth.scopes import wanted_scopes
from universal_mcp_client.auth.stores import TokenStore, login_key
from universal_mcp_client.config.auth import Credentials, OAuth
from universal_mcp_client.types.errors import (
    AuthenticationError,
    ServerUnavailable,
    TokenStoreError,
)

logger = logging.getLogger(__name__)

_SAVES, _SAVE_PAUSE = 3, 0.2
_REMEMBERED = 10.0  # seconds for which a refused login is not tried again


class Authorizer:
    """The login of one program at one server.

    `ask` shows a person where to log in; without it, a login that needs a person is an error at
    once. `device` chooses between a device code (True) and the browser (False); None takes what
    this machine and the authorization server can do. `waiting` is entered while a person is waited
    for, so that clocks can be stopped. Without `expected`, the store is looked into only after the
    server's first refusal. `command` is what its user types to log in.
    """

    def __init__(
        self,
        name: str,
        url: str,
        settings: Credentials,
        store: TokenStore,
        ask: Ask | None = None,
        *,
        device: bool | None = None,
        waiting: Callable[[], AbstractContextManager[None]] = nullcontext,
        expected: bool = True,
        command: str = "",
    ) -> None:
        self.name = name
        self.url = url
        self.settings = settings
        self.store = store
        self.proof_key: ProofKey | None = None
        self._ask = ask
        self._device = device
        self._command = command or f"umcp login {name}"
        self._waiting = waiting
        self._key = login_key(url, settings)
        self._login: Login | None = None
        self._loaded = False
        self._expected = expected
        self._failed: tuple[float, Challenge, AuthenticationError] | None = None
        self._unsaved = False
        self._found: Discovered | None = None
        self._changing = asyncio.Lock()
        self._http = AuthorizationHTTP(name, url)

    @property
    def login(self) -> Login | None:
        """What is known of the login now."""
        return self._login

    async def load(self) -> Login | None:
        """The login from the store; once."""
        if not self._loaded:
            self._use(await self.store.load(self._key))
            self._loaded = True
        return self._login

    def now(self) -> int:
        return self._http.now()

    async def current(self) -> Tokens | None:
        """The tokens for the next request, renewed where they are about to end; None where there
        are none."""
        login = await self.load() if self._expected or self._loaded else None
        if self._unsaved and login is not None:
            await self._save(login)
        tokens = login.tokens if login else None
        if tokens is None or not tokens.due():
            return tokens
        if isinstance(self.settings, OAuth) and not (tokens.refresh_token or tokens.expired()):
            return tokens
        try:
            async with self._alone():
                return await self._renewed(tokens)
        except (ServerUnavailable, TokenStoreError) as error:
            if tokens.expired():
                raise
            logger.debug("The login at %r is renewed later: %s", self.name, error)
            return tokens

    async def answer(self, challenge: Challenge, used: Tokens | None, renew: bool = True) -> Tokens:
        """New tokens after a refusal of the `used` ones; with `renew`, by their refresh token where
        that will do.

        Raises AuthenticationError, ServerUnavailable and TokenStoreError.
        """
        await self.load()
        async with self._alone():
            self._raise_again(challenge)
            try:
                return await self._answer(challenge, used, renew)
            except AuthenticationError as error:
                self._failed = time.monotonic(), challenge, error
                raise

    def _raise_again(self, challenge: Challenge) -> None:
        """One refusal to log in answers all the requests that meet it, so that a person who said no
        is not asked again by the next request, and an issuer not either."""
        if self._failed is not None:
            when, met, error = self._failed
            if time.monotonic() - when < _REMEMBERED and met == challenge:
                raise error
            self._failed = None

    async def _answer(self, challenge: Challenge, used: Tokens | None, renew: bool) -> Tokens:
        tokens = self._login.tokens if self._login else None
        if tokens is not None and (used is None or tokens.access_token != used.access_token):
            missing = set(challenge.scopes or ()) - set(tokens.scopes)
            if not challenge.step_up or not missing:
                return tokens  # another request was faster
        had = self._login is not None
        found = await self._discover(challenge)
        self._bind(found)
        self._choose_proof(challenge, found)
        tokens = self._login.tokens if self._login else None
        if renew and not challenge.step_up and tokens and tokens.refresh_token:
            renewed = await self._renewed(tokens)
            if renewed is not None:
                return renewed
        return await self._obtain(found, self._scopes(challenge, found), challenge, had)

    async def log_in(self, *, again: bool = False) -> bool:
        """Log in before the server is used; False where it does not ask for a login. With `again`,
        the present tokens are given up first."""
        if again:
            await self.forget_tokens()
        tokens = await self.current() if (self._expected or await self.load()) else None
        if tokens is not None:
            return True
        ping = {"jsonrpc": "2.0", "id": 0, "method": "ping"}
        headers = {"Accept": "application/json, text/event-stream"}
        response = await self._http.post(self.url, json=ping, headers=headers)
        challenge = challenge_of(response)
        if challenge is None:  # it lets everybody in, and may know of logins all the same
            found = await Discovery(self._http, self.url).find(None, None)
            if not found.published:
                return False
        await self.answer(challenge or Challenge(status=401), None)
        return True

    async def log_out(self) -> bool:
        """Revoke the tokens where the issuer offers that (RFC 7009), and forget the login. Whether
        there was one."""
        try:
            login = await self.load()
            if login and login.tokens and login.revocation_endpoint:
                async with self._alone():
                    await self._endpoint(login.client).revoke(
                        login.tokens, login.revocation_endpoint
                    )
        finally:
            found = await self.store.delete(self._key)
            self._login = None
        return found

    async def forget_tokens(self) -> None:
        """Keep who we are at the issuer, and nothing else."""
        login = await self.load()
        if login is not None and login.tokens is not None:
            await self._save(login.with_tokens(None))

    # Finding out

    async def _discover(self, challenge: Challenge) -> Discovered:
        if challenge.step_up and self._found is not None:
            return self._found
        known = self._login.issuer if self._login else None
        self._found = await Discovery(self._http, self.url).find(
            challenge.metadata_url,
            self.settings.issuer or known,
            pinned=self.settings.issuer is not None,
        )
        return self._found

    def _bind(self, found: Discovered) -> None:
        """What another issuer gave is never shown to this one."""
        issuer = found.issuer
        login = self._login or Login(server=self._key)
        if login.issuer and not same_issuer(login.issuer, issuer.issuer):
            logger.debug("Server %r has another authorization server than before", self.name)
            login = Login(server=self._key)
        own = canonical(self.url)
        self._login = replace(
            login,
            name=self.name,
            issuer=issuer.issuer,
            resource=found.resource if covers(found.resource, own) else own,
            token_endpoint=issuer.token_endpoint,
            revocation_endpoint=issuer.revocation_endpoint,
        )

    def _choose_proof(self, challenge: Challenge, found: Discovered) -> None:
        wanted = self.settings.dpop
        if wanted is None:
            bound = bool(self._login and self._login.dpop_key)
            wanted = bound or challenge.scheme == "dpop" or found.dpop_required
        if not wanted:
            self.proof_key = None
        elif self.proof_key is None:
            self.proof_key = ProofKey(self._login.dpop_key if self._login else None)

    def _scopes(self, challenge: Challenge, found: Discovered) -> Sequence[str]:
        granted = self._login.tokens.scopes if self._login and self._login.tokens else ()
        return wanted_scopes(self.settings, granted, challenge, found)

    # New tokens

    async def _obtain(
        self, found: Discovered, scopes: Sequence[str], challenge: Challenge, had: bool
    ) -> Tokens:
        form = {"resource": self._state.resource}
        if scopes:
            form["scope"] = " ".join(scopes)
        if not isinstance(self.settings, OAuth):
            client = machine_client(self.settings, found.issuer)
            grant = await machine_grant(
                self.settings, self._http, found.issuer, self._state.resource
            )
            tokens = await self._endpoint(client).tokens({**grant, **form})
            return await self._take(client, replace(tokens, refresh_token=None))
        if self._ask is None:
            raise nobody_here(self.name, self._command, challenge, scopes, had)
        await self.store.check()
        return await self._ask_person(found, form, self.settings, self._ask)

    async def _ask_person(
        self, found: Discovered, form: dict[str, str], settings: OAuth, ask: Ask
    ) -> Tokens:
        login = PersonalLogin(
            settings=settings,
            http=self._http,
            issuer=found.issuer,
            known=self._state.client,
            endpoint=self._endpoint,
            ask=ask,
            device=self._device,
        )
        try:
            with self._waiting():
                client, tokens = await login.tokens(form)
        except GrantRefused as refused:
            known = self._state.client
            if refused.error == "invalid_client" and known is not None and known.registered:
                await self._save(replace(self._state, client=None))  # they forgot us
            raise
        return await self._take(client, tokens)

    # Renewing

    async def _renewed(self, used: Tokens) -> Tokens | None:
        """The tokens after the `used` ones; None where only a new login brings any. Held by one
        caller of this process; the store's lock keeps the others out."""
        if self._login is None:
            return None
        if self._login.tokens is not None and self._login.tokens is not used:
            return self._login.tokens
        if not isinstance(self.settings, OAuth):
            challenge = Challenge(status=401)
            found = self._found or await self._discover(challenge)
            self._bind(found)
            self._choose_proof(challenge, found)
            scopes = used.scopes or self._scopes(challenge, found)
            return await self._obtain(found, scopes, challenge, had=True)
        async with self.store.lock(self._key):
            stored = await self.store.load(self._key)
            if stored is None or not same_issuer(stored.issuer, self._state.issuer):
                stored = self._state.with_tokens(None) if stored is None else stored
            tokens = stored.tokens
            if tokens and tokens.access_token != used.access_token and not tokens.due():
                self._use(stored)  # another process was faster
                return tokens
            if tokens is None or not tokens.refresh_token:
                self._use(stored)
                return None if tokens is None or tokens.expired() else tokens
            return await self._refresh(stored, tokens)

    async def _refresh(self, login: Login, tokens: Tokens) -> Tokens | None:
        """RFC 6749, section 6. That it began is written down first: a store which takes nothing
        must not cost the refresh token, which may be good for one use only."""
        self._use(login)
        await self.store.save(replace(login, renewing=time.time()))
        form = {
            "grant_type": "refresh_token",
            "refresh_token": tokens.refresh_token or "",
            "resource": login.resource,
        }
        try:
            new = await self._endpoint(login.client).tokens(form)
        except GrantRefused as refused:
            logger.debug("The login at %r cannot be renewed: %s", self.name, refused)
            forgotten = refused.error == "invalid_client" and login.client is not None
            ended = login.with_tokens(None)
            await self._save(replace(ended, client=None) if forgotten else ended)
            return None
        except ServerUnavailable:
            await self.store.save(login)
            raise
        return await self._take(
            login.client,
            replace(
                new,
                refresh_token=new.refresh_token or tokens.refresh_token,
                scope=new.scope if new.scope is not None else tokens.scope,
            ),
        )

    async def _take(self, client: OAuthClient | None, tokens: Tokens) -> Tokens:
        bound = self.proof_key.pem if self.proof_key and tokens.token_type == "DPoP" else None
        if self.settings.dpop and bound is None:
            raise AuthenticationError(
                f"Server {self.name!r}: {self._state.issuer} does not bind tokens to keys (DPoP).",
                server=self.name,
                reason="misconfigured",
            )
        await self._save(replace(self._state, client=client, dpop_key=bound).with_tokens(tokens))
        return tokens

    async def _save(self, login: Login) -> None:
        """Into memory first: whatever happens to the store, this process has the newest tokens, and
        tries again to keep them with the next request."""
        self._use(login)
        self._unsaved = True
        for attempt in range(_SAVES):
            try:
                await self.store.save(login)
            except TokenStoreError:
                if attempt == _SAVES - 1:
                    raise
                await asyncio.sleep(_SAVE_PAUSE)
            else:
                self._unsaved = False
                return

    # Small

    def _use(self, login: Login | None) -> None:
        self._login = login
        if login is not None and login.dpop_key and self.proof_key is None:
            self.proof_key = ProofKey(login.dpop_key)

    @property
    def _state(self) -> Login:
        assert self._login is not None
        return self._login

    def _endpoint(self, client: OAuthClient | None) -> TokenEndpoint:
        return TokenEndpoint(
            http=self._http,
            url=self._state.token_endpoint,
            issuer=self._state.issuer,
            client=client,
            signing_key=signing_key(self.settings),
            proof_key=self.proof_key,
        )

    @asynccontextmanager
    async def _alone(self) -> AsyncGenerator[None]:
        async with self._changing:
            try:
                yield
            finally:
                await self._http.aclose()
