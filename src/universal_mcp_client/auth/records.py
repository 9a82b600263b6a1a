"""What is kept of a login. One record per server, written whole, so that it is never half."""

import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Self

_MARGIN = 60.0  # seconds before its end at which a token is renewed
_MARGIN_SHARE = 0.2  # of its lifetime, where that is less


@dataclass(frozen=True, slots=True, kw_only=True)
class Tokens:
    """Tokens as they were issued. Times are seconds since the epoch, by this machine's clock."""

    access_token: str = field(repr=False)
    token_type: str = "Bearer"
    refresh_token: str | None = field(default=None, repr=False)
    scope: str | None = None
    obtained_at: float = field(default_factory=time.time)
    expires_at: float | None = None

    @property
    def scopes(self) -> tuple[str, ...]:
        return tuple((self.scope or "").split())

    def due(self, now: float | None = None) -> bool:
        """Whether they should be renewed before they are used again."""
        if self.expires_at is None:
            return False
        margin = min(_MARGIN, _MARGIN_SHARE * (self.expires_at - self.obtained_at))
        return (time.time() if now is None else now) >= self.expires_at - margin

    def expired(self) -> bool:
        return self.expires_at is not None and time.time() >= self.expires_at


@dataclass(frozen=True, slots=True, kw_only=True)
class OAuthClient:
    """A client as an authorization server knows it. `method` is its token endpoint's
    `token_endpoint_auth_method`; `registered` says that it registered itself (RFC 7591)."""

    client_id: str
    client_secret: str | None = field(default=None, repr=False)
    method: str = "none"
    redirect_uri: str | None = None
    secret_expires_at: float | None = None
    registered: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """Everything that is kept for one server: who issued what to whom, and how to renew it.

    `issuer` is whom the client and the tokens belong to; neither is ever shown to another one.
    `renewing` is when a renewal began whose end was not stored: the refresh token may be used up.
    `dpop_key` is the private key (PEM) to which the tokens are bound.
    """

    server: str
    name: str = ""
    issuer: str = ""
    resource: str = ""
    token_endpoint: str = ""
    revocation_endpoint: str | None = None
    client: OAuthClient | None = None
    tokens: Tokens | None = None
    dpop_key: str | None = field(default=None, repr=False)
    renewing: float | None = None

    def with_tokens(self, tokens: Tokens | None) -> Self:
        return replace(self, tokens=tokens, renewing=None)

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Raises ValueError for what is no login."""
        try:
            values = dict(data)
            client, tokens = values.pop("client"), values.pop("tokens")
            return cls(
                client=OAuthClient(**client) if client else None,
                tokens=Tokens(**tokens) if tokens else None,
                **values,
            )
        except (KeyError, TypeError) as error:
            raise ValueError(f"not a login: {error}") from error
