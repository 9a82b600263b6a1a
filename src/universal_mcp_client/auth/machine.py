"""A program logs in as itself: grants that need no person.

Source: RFC 6749, section 4.4; RFC 7523; RFC 8693; MCP extensions OAuth Client Credentials,
Enterprise-Managed Authorization and Workload Identity Federation.
"""

from collections.abc import Mapping

from universal_mcp_client.auth.endpoint import GrantRefused, SigningKey, TokenEndpoint
from universal_mcp_client.auth.http import AuthorizationHTTP, bare, redacted
from universal_mcp_client.auth.metadata import IssuerMetadata
from universal_mcp_client.auth.records import OAuthClient
from universal_mcp_client.auth.registration import given_client
from universal_mcp_client.config.auth import (
    ClientCredentials,
    EnterpriseIdentity,
    Supplied,
    WorkloadIdentity,
)
from universal_mcp_client.types.errors import AuthenticationError

JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
_EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
_ID_TOKEN = "urn:ietf:params:oauth:token-type:id_token"
_ID_JAG = "urn:ietf:params:oauth:token-type:id-jag"

Machine = ClientCredentials | WorkloadIdentity | EnterpriseIdentity


def machine_client(settings: Machine, issuer: IssuerMetadata) -> OAuthClient | None:
    match settings:
        case ClientCredentials(private_key=str()):
            return OAuthClient(client_id=settings.client_id, method="private_key_jwt")
        case ClientCredentials() | EnterpriseIdentity():
            return given_client(settings.client_id, settings.client_secret, issuer)
        case WorkloadIdentity():
            return OAuthClient(client_id=settings.client_id) if settings.client_id else None


def signing_key(settings: object) -> SigningKey | None:
    if isinstance(settings, ClientCredentials) and settings.private_key:
        return SigningKey(pem=settings.private_key, algorithm=settings.algorithm)
    return None


async def machine_grant(
    settings: Machine, http: AuthorizationHTTP, issuer: IssuerMetadata, resource: str
) -> Mapping[str, str]:
    """The form of the token request, without scope and resource."""
    match settings:
        case ClientCredentials():
            return {"grant_type": "client_credentials"}
        case WorkloadIdentity():
            return {"grant_type": JWT_BEARER, "assertion": await supplied(settings.assertion)}
        case EnterpriseIdentity():
            assertion = await _identity_assertion(settings, http, issuer, resource)
            return {"grant_type": JWT_BEARER, "assertion": assertion}


async def _identity_assertion(
    settings: EnterpriseIdentity, http: AuthorizationHTTP, issuer: IssuerMetadata, resource: str
) -> str:
    """The ID-JAG by which the identity provider vouches for its user, for this server alone."""
    provider = TokenEndpoint(
        http=http,
        url=settings.idp_token_endpoint,
        issuer=settings.idp_token_endpoint,
        client=OAuthClient(
            client_id=settings.idp_client_id,
            client_secret=settings.idp_client_secret,
            method="client_secret_post" if settings.idp_client_secret else "none",
        ),
    )
    form = {
        "grant_type": _EXCHANGE,
        "requested_token_type": _ID_JAG,
        "subject_token": await supplied(settings.id_token),
        "subject_token_type": _ID_TOKEN,
        "audience": issuer.issuer,
        "resource": resource,
    }
    if scopes := " ".join(_scopes(settings)):
        form["scope"] = scopes
    response = await provider.send(form)
    if response.status_code != 200:
        failure = provider.failure(response, form)
        if isinstance(failure, GrantRefused):
            raise AuthenticationError(
                f"Server {http.server!r}: the identity provider at "
                f"{bare(settings.idp_token_endpoint)} does not vouch for the user: "
                f"{redacted(failure.error)}.",
                server=http.server,
                reason="refused",
            )
        raise failure
    try:
        body = response.json()
        if body.get("issued_token_type") != _ID_JAG:
            raise ValueError
        return str(body["access_token"])
    except (ValueError, KeyError, AttributeError):
        raise AuthenticationError(
            f"Server {http.server!r}: {bare(settings.idp_token_endpoint)} answered with no "
            "identity assertion (ID-JAG).",
            server=http.server,
            reason="misconfigured",
        ) from None


def _scopes(settings: Machine) -> tuple[str, ...]:
    from universal_mcp_client.config.auth import scope_list

    return scope_list(settings.scopes)


async def supplied(value: Supplied) -> str:
    """A secret as it is now."""
    return value if isinstance(value, str) else await value()
