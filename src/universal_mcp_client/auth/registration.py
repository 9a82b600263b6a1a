"""Which client we are at an authorization server: a given one, a document's URL, or a new one.

The order is that of MCP 2026-07-28, basic/authorization: pre-registered, Client ID Metadata
Document, dynamic registration (RFC 7591).
"""

from typing import Any

from universal_mcp_client.auth.http import AuthorizationHTTP, bare, redacted
from universal_mcp_client.auth.metadata import IssuerMetadata
from universal_mcp_client.auth.records import OAuthClient
from universal_mcp_client.config.auth import OAuth
from universal_mcp_client.types.errors import AuthenticationError

DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"
# Some servers built on the MCP SDK take a secret in the body only, whatever they say.
_METHODS = ("none", "client_secret_post", "client_secret_basic")


def given_client(client_id: str, secret: str | None, issuer: IssuerMetadata) -> OAuthClient:
    """A client that was registered beforehand, with the authentication which its issuer takes."""
    offered = issuer.token_endpoint_auth_methods_supported
    if secret is None:
        method = "none"
    elif offered and "client_secret_basic" not in offered and "client_secret_post" in offered:
        method = "client_secret_post"
    else:
        method = "client_secret_basic"  # what RFC 8414 assumes where nothing is said
    return OAuthClient(client_id=client_id, client_secret=secret, method=method)


async def registered_client(
    http: AuthorizationHTTP, issuer: IssuerMetadata, settings: OAuth, redirect_uri: str, scope: str
) -> OAuthClient:
    """The client for a person's login. Raises AuthenticationError where there is no way to be one."""
    if settings.client_id:
        return given_client(settings.client_id, settings.client_secret, issuer)
    if settings.client_metadata_url and issuer.client_id_metadata_document_supported:
        return OAuthClient(client_id=settings.client_metadata_url, redirect_uri=redirect_uri)
    if issuer.registration_endpoint is None:
        raise AuthenticationError(
            f"Server {http.server!r}: {issuer.issuer} lets no client register itself. Register one "
            f"there (redirect URI {redirect_uri}) and give its id: "
            '"auth": {"type": "oauth", "clientId": "…"}.',
            server=http.server,
            reason="misconfigured",
        )
    return await _register(http, issuer, settings, redirect_uri, scope)


async def _register(
    http: AuthorizationHTTP, issuer: IssuerMetadata, settings: OAuth, redirect_uri: str, scope: str
) -> OAuthClient:
    offered = issuer.token_endpoint_auth_methods_supported
    method = next((m for m in _METHODS if offered is None or m in offered), "none")
    grants = ["authorization_code", "refresh_token"]
    if issuer.device_authorization_endpoint:
        grants.append(DEVICE_GRANT)
    request: dict[str, Any] = {
        "client_name": settings.client_name,
        "redirect_uris": [redirect_uri],
        "grant_types": grants,
        "response_types": ["code"],
        "token_endpoint_auth_method": method,
        "application_type": "native",
    }
    if scope:
        request["scope"] = scope
    url = str(issuer.registration_endpoint)
    response = await http.post(url, json=request)
    try:
        body: Any = response.json()
        if response.status_code not in (200, 201):
            reason = f"{body.get('error')}: {body.get('error_description') or ''}"
            raise AuthenticationError(
                f"Server {http.server!r}: {bare(url)} does not register us: {redacted(reason)}",
                server=http.server,
                reason="misconfigured",
            )
        client = OAuthClient(
            client_id=str(body["client_id"]),
            client_secret=body.get("client_secret") or None,
            method=body.get("token_endpoint_auth_method") or method,
            redirect_uri=redirect_uri,
            secret_expires_at=body.get("client_secret_expires_at") or None,
            registered=True,
        )
    except (ValueError, KeyError, TypeError, AttributeError):
        raise AuthenticationError(
            f"Server {http.server!r}: {bare(url)} answered with HTTP {response.status_code} and no "
            "registration.",
            server=http.server,
            reason="misconfigured",
        ) from None
    _usable(http, client)
    return client


def _usable(http: AuthorizationHTTP, client: OAuthClient) -> None:
    """The issuer may register something else than was asked for (RFC 7591, section 3.2.1)."""
    if client.method not in _METHODS or (client.method != "none" and not client.client_secret):
        raise AuthenticationError(
            f"Server {http.server!r} registered us for {client.method!r}"
            f"{'' if client.client_secret else ' without a secret'}, which cannot be used.",
            server=http.server,
            reason="misconfigured",
        )
