"""How to log in to a server: what `auth` in a config, or `auth=` in a program, can say."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

CLIENT_NAME = "Universal MCP Client"

Supplied: TypeAlias = str | Callable[[], Awaitable[str]]
"""A secret, or an async function that fetches one anew for each use."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OAuth:
    """A person logs in, in a browser: OAuth 2.1, authorization code with PKCE, or a device code.

    Nothing has to be given: endpoints are discovered, the client registers itself. `client_id`
    (with `client_secret`) is a client registered beforehand, `client_metadata_url` a Client ID
    Metadata Document; `issuer` pins the authorization server. `scopes` are asked for besides those
    that the server names. `callback_port` fixes the port to which the browser returns,
    `callback_timeout` is how long a login may take in seconds. `token_storage` is a store's URL or
    any py-key-value store. `dpop` binds the tokens to a key (RFC 9449); None: where the server
    asks for it. `mcp_url` may repeat the server's URL; it must be the same.
    """

    mcp_url: str | None = None
    scopes: str | Sequence[str] = ()
    client_name: str = CLIENT_NAME
    client_id: str | None = None
    client_secret: str | None = field(default=None, repr=False)
    client_metadata_url: str | None = None
    issuer: str | None = None
    callback_host: str = "127.0.0.1"
    callback_port: int | None = None
    callback_timeout: float = 300.0
    token_storage: Any = field(default=None, repr=False)
    dpop: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientCredentials:
    """A program logs in as itself: RFC 6749, section 4.4.

    With a `client_secret`, or with a `private_key` (PEM) that signs an assertion (private_key_jwt,
    RFC 7523) by `algorithm`.
    """

    client_id: str
    client_secret: str | None = field(default=None, repr=False)
    private_key: str | None = field(default=None, repr=False)
    algorithm: str = "ES256"
    scopes: str | Sequence[str] = ()
    issuer: str | None = None
    token_storage: Any = field(default=None, repr=False)
    dpop: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkloadIdentity:
    """A workload logs in with the token that its platform gave it: jwt-bearer, RFC 7523.

    `assertion` is that JWT, or an async function that reads it anew for each use.
    """

    assertion: Supplied = field(repr=False)
    client_id: str | None = None
    scopes: str | Sequence[str] = ()
    issuer: str | None = None
    token_storage: Any = field(default=None, repr=False)
    dpop: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EnterpriseIdentity:
    """A company's identity provider vouches for its user (MCP enterprise-managed authorization).

    The user's `id_token` is exchanged at `idp_token_endpoint` (RFC 8693) for an identity assertion
    (ID-JAG), which the server's authorization server takes for an access token (RFC 7523).
    """

    client_id: str
    id_token: Supplied = field(repr=False)
    idp_token_endpoint: str
    idp_client_id: str
    idp_client_secret: str | None = field(default=None, repr=False)
    client_secret: str | None = field(default=None, repr=False)
    scopes: str | Sequence[str] = ()
    issuer: str | None = None
    token_storage: Any = field(default=None, repr=False)
    dpop: bool | None = None


Credentials: TypeAlias = OAuth | ClientCredentials | WorkloadIdentity | EnterpriseIdentity
Auth: TypeAlias = Credentials | Literal["auto", "none"]
"""`"auto"`: a person logs in where the server asks for it; `"none"`: never."""


def scope_list(scopes: str | Sequence[str]) -> tuple[str, ...]:
    return tuple(scopes.split()) if isinstance(scopes, str) else tuple(scopes)
