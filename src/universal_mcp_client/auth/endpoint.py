"""The token endpoint of one authorization server, as one client sees it."""

import base64
import json
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import quote

import httpx2

from universal_mcp_client.auth.dpop import ProofKey
from universal_mcp_client.auth.http import AuthorizationHTTP, bare, redacted
from universal_mcp_client.auth.records import OAuthClient, Tokens
from universal_mcp_client.types.errors import AuthenticationError, ServerUnavailable

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_ASSERTION_LIFETIME = 300


class GrantRefused(AuthenticationError):
    """The token endpoint answered with an OAuth error; `.error` is its code (RFC 6749, 5.2)."""

    def __init__(self, message: str, *, server: str, error: str) -> None:
        reason = "misconfigured" if error in _OUR_FAULT else "refused"
        super().__init__(message, server=server, reason=reason)  # type: ignore[arg-type]
        self.error = error


_OUR_FAULT = ("unauthorized_client", "unsupported_grant_type", "invalid_request", "invalid_target")


@dataclass(frozen=True, slots=True, kw_only=True)
class SigningKey:
    """The private key (PEM) of a client that authenticates itself by private_key_jwt."""

    pem: str
    algorithm: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenEndpoint:
    """Asks for tokens. With `proof_key`, for tokens bound to it."""

    http: AuthorizationHTTP
    url: str
    issuer: str
    client: OAuthClient | None
    signing_key: SigningKey | None = None
    proof_key: ProofKey | None = None

    async def tokens(self, form: Mapping[str, str]) -> Tokens:
        """The tokens for one grant. Raises GrantRefused, or ServerUnavailable where the same grant
        may be tried again."""
        response = await self.send(form)
        if response.status_code not in (200, 201):
            raise self.failure(response, form)
        try:
            body: object = response.json()
            if not isinstance(body, dict):
                raise ValueError("no JSON object")
            return self._tokens(body, form)
        except (ValueError, TypeError, KeyError) as error:
            raise ServerUnavailable(
                f"Server {self.http.server!r}: {bare(self.url)} answered with what is no token "
                f"response: {type(error).__name__}.",
                server=self.http.server,
            ) from None

    async def send(self, form: Mapping[str, str]) -> httpx2.Response:
        """POST `form` with the client's authentication, and once more with the nonce that the
        server may want to see (RFC 9449, section 8)."""
        response = await self._once(form)
        if self.proof_key is not None:
            changed = self.proof_key.remember(self.url, response.headers.get("dpop-nonce"))
            if changed and _error_code(response) == "use_dpop_nonce":
                response = await self._once(form)
        return response

    async def revoke(self, tokens: Tokens, url: str) -> None:
        """End the tokens at the revocation endpoint `url` (RFC 7009). Raises as `tokens` does."""
        there = replace(self, url=url)
        for kind, token in (
            ("refresh_token", tokens.refresh_token),
            ("access_token", tokens.access_token),
        ):
            if token is None:
                continue
            form = {"token": token, "token_type_hint": kind}
            response = await there.send(form)
            if response.status_code >= 400:
                failure = there.failure(response, form)
                # RFC 7009, section 2.2.1: JWTs, say, which nobody looks up, end by themselves.
                if getattr(failure, "error", "") != "unsupported_token_type":
                    raise failure

    async def _once(self, form: Mapping[str, str]) -> httpx2.Response:
        data, headers = dict(form), dict[str, str]()
        self._authenticate(data, headers)
        if self.proof_key is not None:
            headers["DPoP"] = self.proof_key.proof("POST", self.url, self.http.now())
        return await self.http.post(self.url, data=data, headers=headers)

    def _authenticate(self, data: dict[str, str], headers: dict[str, str]) -> None:
        client = self.client
        if client is None:
            return
        data["client_id"] = client.client_id  # also with Basic: some servers look only here
        match client.method:
            case "client_secret_basic" if client.client_secret:
                pair = f"{quote(client.client_id, safe='')}:{quote(client.client_secret, safe='')}"
                headers["Authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
            case "client_secret_post" if client.client_secret:
                data["client_secret"] = client.client_secret
            case "private_key_jwt" if self.signing_key:
                data |= {
                    "client_assertion_type": ASSERTION_TYPE,
                    "client_assertion": self._assertion(client.client_id, self.signing_key),
                }
            case _:
                pass

    def _assertion(self, client_id: str, key: SigningKey) -> str:
        """RFC 7523, section 3; the audience is the issuer, as draft-ietf-oauth-rfc7523bis wants."""
        import jwt

        now = self.http.now()
        claims = {
            "iss": client_id,
            "sub": client_id,
            "aud": self.issuer,
            "iat": now,
            "exp": now + _ASSERTION_LIFETIME,
            "jti": str(uuid.uuid4()),
        }
        try:
            return jwt.encode(claims, key.pem, algorithm=key.algorithm)
        except (jwt.PyJWTError, ValueError, TypeError, NotImplementedError) as error:
            raise AuthenticationError(
                f"Server {self.http.server!r}: the private key cannot sign by {key.algorithm}: "
                f"{type(error).__name__}.",
                server=self.http.server,
                reason="misconfigured",
            ) from None

    def _tokens(self, body: Mapping[str, Any], form: Mapping[str, str]) -> Tokens:
        now = time.time()
        lifetime = body.get("expires_in")
        kind = str(body.get("token_type") or "Bearer")
        if kind.lower() not in ("bearer", "dpop"):
            raise ValueError(kind)
        scope = body.get("scope")
        return Tokens(
            access_token=_string(body["access_token"]),
            token_type="DPoP" if kind.lower() == "dpop" else "Bearer",
            refresh_token=_string(body["refresh_token"]) if body.get("refresh_token") else None,
            scope=str(scope) if scope is not None else form.get("scope"),  # RFC 6749, section 5.1
            obtained_at=now,
            expires_at=now + float(lifetime) if lifetime is not None else None,
        )

    def failure(
        self, response: httpx2.Response, form: Mapping[str, str]
    ) -> AuthenticationError | ServerUnavailable:
        """What an error response means, without any secret that it may repeat."""
        code = _error_code(response)
        name = self.http.server
        if code is None or response.status_code >= 500 or response.status_code == 429:
            return ServerUnavailable(
                f"Server {name!r}: its authorization server answered with HTTP "
                f"{response.status_code} at {bare(self.url)}.",
                server=name,
            )
        secret = self.client.client_secret if self.client else None
        about = redacted(
            str(response.json().get("error_description") or ""), secret, *form.values()
        )
        return GrantRefused(
            f"Server {name!r}: its authorization server refuses: {redacted(code)}"
            f"{f' ({about})' if about else ''}.",
            server=name,
            error=code,
        )


def _error_code(response: httpx2.Response) -> str | None:
    """The `error` of an OAuth error response (RFC 6749, section 5.2)."""
    if response.is_success:
        return None
    try:
        body: object = json.loads(response.content)
    except ValueError:
        return None
    code = body.get("error") if isinstance(body, dict) else None
    return code if isinstance(code, str) else None


def _string(value: object) -> str:
    if not isinstance(value, str) or not value:
        raise TypeError
    return value
