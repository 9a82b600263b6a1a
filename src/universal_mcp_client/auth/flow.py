"""A login as httpx2 wants it: tokens on every request, and an answer to every refusal."""

from collections.abc import AsyncGenerator

import httpx2

from universal_mcp_client.auth.authorizer import Authorizer
from universal_mcp_client.auth.challenge import challenge_of
from universal_mcp_client.auth.records import Tokens
from universal_mcp_client.types.errors import AuthenticationError, UniversalMCPError

_ANSWERS = 3  # to refusals of one request: renew, log in, log in for more permissions


class LoginAuth(httpx2.Auth):
    """Carries the tokens of an `Authorizer`. Requests run side by side; only those that need new
    tokens wait for one another.

    Where no tokens can be had, the server's refusal is passed on, and `error` says why.
    """

    def __init__(self, authorizer: Authorizer) -> None:
        self.authorizer = authorizer
        self.error: UniversalMCPError | None = None

    async def async_auth_flow(
        self, request: httpx2.Request
    ) -> AsyncGenerator[httpx2.Request, httpx2.Response]:
        tokens, failed = await self._current()
        answered, renonced = 0, False
        while True:
            self._present(request, tokens)
            response = yield request
            key = self.authorizer.proof_key
            if key is not None:
                fresh = key.remember(str(request.url), response.headers.get("dpop-nonce"))
                if response.status_code == 401 and fresh and not renonced:
                    renonced = True  # RFC 9449, section 9: the same again, with the nonce
                    continue
            challenge = challenge_of(response)
            if challenge is None:
                self.error = None
                return
            if failed is not None or answered == _ANSWERS:
                self.error = failed or self._still_refused()
                return
            await response.aread()  # lets go of the connection, which must not wait for a person
            try:
                tokens = await self.authorizer.answer(challenge, tokens, renew=answered == 0)
            except UniversalMCPError as error:
                self.error = error
                return
            answered += 1

    async def _current(self) -> tuple[Tokens | None, UniversalMCPError | None]:
        try:
            return await self.authorizer.current(), None
        except UniversalMCPError as error:
            return None, error

    def _present(self, request: httpx2.Request, tokens: Tokens | None) -> None:
        request.headers.pop("DPoP", None)
        if tokens is None:
            return
        request.headers["Authorization"] = f"{tokens.token_type} {tokens.access_token}"
        key = self.authorizer.proof_key
        if tokens.token_type == "DPoP" and key is not None:
            request.headers["DPoP"] = key.proof(
                request.method, str(request.url), self.authorizer.now(), tokens.access_token
            )

    def _still_refused(self) -> AuthenticationError:
        name = self.authorizer.name
        return AuthenticationError(
            f"Server {name!r} refuses the login that its own authorization server has just given.",
            server=name,
            reason="refused",
        )
