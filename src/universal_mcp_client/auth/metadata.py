"""Who issues tokens for a server, and where: discovery.

Source: RFC 9728 (protected resource), RFC 8414 and OpenID Connect Discovery (authorization server);
MCP 2026-07-28, basic/authorization; for servers that publish nothing about themselves, the paths of
MCP 2025-03-26.
"""

from collections.abc import Sequence
from typing import TypeVar
from urllib.parse import urlsplit, urlunsplit

from pydantic import BaseModel, ValidationError

from universal_mcp_client.auth.http import AuthorizationHTTP, bare
from universal_mcp_client.types.errors import AuthenticationError, ServerUnavailable

_VERSION = {"MCP-Protocol-Version": "2026-07-28"}


class ResourceMetadata(BaseModel):
    """What we use of RFC 9728, section 2."""

    resource: str
    authorization_servers: list[str] = []
    scopes_supported: list[str] | None = None
    dpop_bound_access_tokens_required: bool = False


class IssuerMetadata(BaseModel):
    """What we use of RFC 8414, section 2, and of its extensions."""

    issuer: str
    token_endpoint: str
    authorization_endpoint: str | None = None
    registration_endpoint: str | None = None
    revocation_endpoint: str | None = None
    device_authorization_endpoint: str | None = None
    scopes_supported: list[str] | None = None
    grant_types_supported: list[str] | None = None
    token_endpoint_auth_methods_supported: list[str] | None = None
    revocation_endpoint_auth_methods_supported: list[str] | None = None
    code_challenge_methods_supported: list[str] | None = None
    client_id_metadata_document_supported: bool = False
    authorization_response_iss_parameter_supported: bool = False


class Discovered(BaseModel):
    """Where to log in. `published` is false where the endpoints are guessed by the old convention."""

    resource: str
    resource_scopes: list[str] | None = None
    dpop_required: bool = False
    issuer: IssuerMetadata
    published: bool = True


Document = TypeVar("Document", bound=BaseModel)


class Discovery:
    """Finds the authorization server of one MCP server."""

    def __init__(self, http: AuthorizationHTTP, server_url: str) -> None:
        self._http = http
        self._url = server_url
        self._name = http.server

    async def find(
        self, metadata_url: str | None, prefer: str | None, pinned: bool = False
    ) -> Discovered:
        """Discover. `metadata_url` comes from the challenge; of several authorization servers,
        `prefer` is taken where it is among them; `pinned`, no other one will do.

        Raises AuthenticationError (misconfigured) where the documents contradict each other, and
        ServerUnavailable where they cannot be had.
        """
        resource = await self._resource(metadata_url)
        if resource is None:
            return await self._legacy(prefer if pinned else None)
        issuers = resource.authorization_servers or [_root(self._url)]
        issuer = next((i for i in issuers if prefer and same_issuer(i, prefer)), issuers[0])
        if pinned and prefer and not same_issuer(issuer, prefer):
            raise self._wrong(
                f"its logins are to be at {prefer}, but the server names {', '.join(issuers)}"
            )
        metadata = await self.issuer(issuer)
        if metadata is None:
            raise self._wrong(f"its authorization server {issuer} publishes no metadata (RFC 8414)")
        return Discovered(
            resource=resource.resource,
            resource_scopes=resource.scopes_supported,
            dpop_required=resource.dpop_bound_access_tokens_required,
            issuer=metadata,
        )

    async def issuer(self, issuer: str) -> IssuerMetadata | None:
        """The metadata of an authorization server; RFC 8414, section 3.3 checks that it is its own."""
        for url in _issuer_urls(issuer):
            metadata = await self._document(url, IssuerMetadata)
            if metadata is None:
                continue
            if not same_issuer(metadata.issuer, issuer):
                raise self._wrong(
                    f"{bare(url)} speaks for the issuer {metadata.issuer!r}, not for {issuer!r}"
                )
            return metadata
        return None

    async def _resource(self, metadata_url: str | None) -> ResourceMetadata | None:
        path = urlsplit(self._url).path.rstrip("/")
        known = f"{_root(self._url)}/.well-known/oauth-protected-resource"
        candidates = [metadata_url, known + path, known] if metadata_url else [known + path, known]
        for url in dict.fromkeys(candidates):
            resource = await self._document(str(url), ResourceMetadata)
            if resource is None:
                continue
            if not covers(resource.resource, self._url):
                raise self._wrong(
                    f"{bare(str(url))} is about {resource.resource!r}, which is another resource"
                )
            return resource
        return None

    async def _legacy(self, pinned: str | None) -> Discovered:
        origin = _root(self._url)
        metadata = await self.issuer(pinned or origin)
        published = metadata is not None
        if metadata is None:
            if pinned:
                raise self._wrong(f"its authorization server {pinned} publishes no metadata")
            metadata = IssuerMetadata(
                issuer=origin,
                authorization_endpoint=f"{origin}/authorize",
                token_endpoint=f"{origin}/token",
                registration_endpoint=f"{origin}/register",
            )
        return Discovered(resource=canonical(self._url), issuer=metadata, published=published)

    async def _document(self, url: str, kind: type[Document]) -> Document | None:
        response = await self._http.get(url, _VERSION)
        if response.status_code >= 500 or response.status_code == 429:
            # It says nothing about whether there is such a document: no reason to look elsewhere.
            raise ServerUnavailable(
                f"Server {self._name!r}: {bare(url)} answered with HTTP {response.status_code}.",
                server=self._name,
            )
        if response.status_code != 200:
            return None
        try:
            return kind.model_validate_json(response.content)
        except ValidationError:
            return None  # a page for people, say; another place may have it

    def _wrong(self, what: str) -> AuthenticationError:
        return AuthenticationError(
            f"Server {self._name!r} cannot be logged in to: {what}.",
            server=self._name,
            reason="misconfigured",
        )


def _root(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def canonical(url: str) -> str:
    """A server's URL as a resource indicator (RFC 8707, section 2): no fragment, lower-case host."""
    parts = urlsplit(url)
    return urlunsplit((parts.scheme.lower(), parts.netloc.lower(), parts.path, parts.query, ""))


def covers(resource: str, url: str) -> bool:
    """Whether a protected resource includes a server: the same origin, and a path that begins it."""
    theirs, ours = urlsplit(resource.lower()), urlsplit(url.lower())
    if (theirs.scheme, theirs.netloc) != (ours.scheme, ours.netloc):
        return False
    return f"{urlsplit(url).path.rstrip('/')}/".startswith(
        f"{urlsplit(resource).path.rstrip('/')}/"
    )


def same_issuer(one: str, other: str) -> bool:
    """Compared as strings (RFC 8414, section 3.3), save for the slash after a bare origin."""
    return one == other or (
        one.rstrip("/") == other.rstrip("/") and urlsplit(one).path in ("", "/")
    )


def _issuer_urls(issuer: str) -> Sequence[str]:
    """Where an issuer's metadata may be, in the order of MCP's authorization chapter."""
    root, path = _root(issuer), urlsplit(issuer).path.rstrip("/")
    oauth, openid = "/.well-known/oauth-authorization-server", "/.well-known/openid-configuration"
    if not path:
        return [f"{root}{oauth}", f"{root}{openid}"]
    return [f"{root}{oauth}{path}", f"{root}{openid}{path}", f"{root}{path}{openid}"]
