"""A person logs in: authorization code with PKCE (RFC 7636), or a device code (RFC 8628)."""

import asyncio
import base64
import hashlib
import secrets
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from urllib.parse import urlencode, urlsplit

from universal_mcp_client.auth.callback import Callback, Redirect
from universal_mcp_client.auth.endpoint import GrantRefused, TokenEndpoint
from universal_mcp_client.auth.http import bare, redacted
from universal_mcp_client.auth.metadata import IssuerMetadata
from universal_mcp_client.auth.records import OAuthClient, Tokens
from universal_mcp_client.auth.registration import DEVICE_GRANT
from universal_mcp_client.types.errors import AuthenticationError, ServerUnavailable
from universal_mcp_client.types.interaction import LoginRequest

Ask = Callable[[LoginRequest], Awaitable[str | None]]

_INTERVAL, _SLOW_DOWN = 5.0, 5.0  # seconds; RFC 8628, section 3.5


async def authorization_code(
    endpoint: TokenEndpoint,
    issuer: IssuerMetadata,
    client: OAuthClient,
    callback: Callback,
    form: Mapping[str, str],
    ask: Ask,
    timeout: float,
) -> Tokens:
    """Send a person to the authorization endpoint, and turn what comes back into tokens.

    `form` holds `scope` and `resource`. Raises AuthenticationError where the person, or the server,
    says no, where the answer is not the server's own, and after `timeout` seconds.
    """
    server = endpoint.http.server
    if not issuer.authorization_endpoint:
        raise _misconfigured(server, f"{issuer.issuer} has no authorization endpoint")
    methods = issuer.code_challenge_methods_supported
    if methods is not None and "S256" not in methods:
        raise _misconfigured(server, f"{issuer.issuer} does not support PKCE with S256")
    endpoint.http.check(issuer.authorization_endpoint)
    verifier = secrets.token_urlsafe(64)
    digest = hashlib.sha256(verifier.encode()).digest()
    state = secrets.token_urlsafe(32)
    query = {
        "response_type": "code",
        "client_id": client.client_id,
        "redirect_uri": callback.redirect_uri,
        "state": state,
        "code_challenge": base64.urlsafe_b64encode(digest).rstrip(b"=").decode(),
        "code_challenge_method": "S256",
        **form,
    }
    if "offline_access" in form.get("scope", "").split():
        query["prompt"] = "consent"  # OpenID Connect Core, section 11
    joint = "&" if urlsplit(issuer.authorization_endpoint).query else "?"
    url = f"{issuer.authorization_endpoint}{joint}{urlencode(query)}"
    redirect = await _redirect(callback, ask, LoginRequest(server=server, url=url), timeout)
    code = _checked(redirect, state, issuer, server)
    return await endpoint.tokens(
        {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": callback.redirect_uri,
            "code_verifier": verifier,
            **{name: value for name, value in form.items() if name == "resource"},
        }
    )


async def _redirect(
    callback: Callback, ask: Ask, request: LoginRequest, timeout: float
) -> Redirect:
    """What comes first: the browser at our port, or its address, pasted."""
    asking = asyncio.ensure_future(ask(request))
    try:
        async with asyncio.timeout(timeout):
            both: set[asyncio.Future[Any]] = {asking, callback.redirect}
            await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
            if not callback.redirect.done():
                pasted = await asking
                if pasted is not None:
                    return Redirect.parse(pasted)
            return await callback.redirect
    except TimeoutError:
        raise AuthenticationError(
            f"Server {request.server!r}: nobody logged in within {timeout:g} s.",
            server=request.server,
            reason="needs_login",
        ) from None
    finally:
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)


def _checked(redirect: Redirect, state: str, issuer: IssuerMetadata, server: str) -> str:
    """The code of an answer that is really the issuer's, and to our question."""
    if redirect.state is None or not secrets.compare_digest(
        redirect.state.encode(), state.encode()
    ):
        raise AuthenticationError(
            f"Server {server!r}: what came back is not the answer to this login; log in again.",
            server=server,
            reason="refused",
        )
    promised = issuer.authorization_response_iss_parameter_supported
    if redirect.iss is None and promised:
        raise _misconfigured(server, "the answer does not say whose it is (RFC 9207)")
    if redirect.iss is not None and redirect.iss != issuer.issuer:
        raise _misconfigured(
            server, f"the answer is by {redacted(redirect.iss)}, not by {issuer.issuer} (RFC 9207)"
        )
    if redirect.error is not None or not redirect.code:
        about = redacted(redirect.description or redirect.error or "it gave no code")
        raise AuthenticationError(
            f"Server {server!r}: the login was refused: {about}.", server=server, reason="refused"
        )
    return redirect.code


async def device_code(
    endpoint: TokenEndpoint,
    issuer: IssuerMetadata,
    form: Mapping[str, str],
    ask: Ask,
    timeout: float,
) -> Tokens:
    """Give a person a code to type on any device, and wait until they have (RFC 8628)."""
    server, url = endpoint.http.server, issuer.device_authorization_endpoint
    if not url:
        raise _misconfigured(server, f"{issuer.issuer} offers no device codes (RFC 8628)")
    response = await TokenEndpoint(
        http=endpoint.http, url=url, issuer=issuer.issuer, client=endpoint.client
    ).send(form)
    try:
        if response.status_code != 200:
            raise endpoint.failure(response, form)
        body: Any = response.json()
        code, user_code = str(body["device_code"]), str(body["user_code"])
        request = LoginRequest(
            server=server,
            url=str(body.get("verification_uri") or body["verification_url"]),
            code=user_code,
        )
        interval = float(body.get("interval") or _INTERVAL)
        lifetime = min(timeout, float(body["expires_in"]))
    except (ValueError, KeyError, TypeError):
        raise ServerUnavailable(
            f"Server {server!r}: {bare(url)} answered with what is no device code.", server=server
        ) from None
    asking = asyncio.ensure_future(ask(request))
    grant = {"grant_type": DEVICE_GRANT, "device_code": code}
    if "resource" in form:
        grant["resource"] = form["resource"]
    try:
        return await _poll(endpoint, grant | _scope(form), interval, time.monotonic() + lifetime)
    finally:
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)


async def _poll(
    endpoint: TokenEndpoint, grant: Mapping[str, str], interval: float, until: float
) -> Tokens:
    asked_scope = {"scope": grant["scope"]} if "scope" in grant else {}
    form = {name: value for name, value in grant.items() if name != "scope"}
    while True:
        await asyncio.sleep(interval)
        if time.monotonic() >= until:
            raise AuthenticationError(
                f"Server {endpoint.http.server!r}: the code expired before it was used.",
                server=endpoint.http.server,
                reason="needs_login",
            )
        try:
            tokens = await endpoint.tokens(form)
        except GrantRefused as refused:
            if refused.error == "slow_down":
                interval += _SLOW_DOWN
            elif refused.error != "authorization_pending":
                raise
        except ServerUnavailable:
            interval *= 2  # RFC 8628, section 3.5: back off where the server does not answer
        else:
            return _with_scope(tokens, asked_scope.get("scope"))


def _with_scope(tokens: Tokens, asked: str | None) -> Tokens:
    from dataclasses import replace

    return tokens if tokens.scope is not None else replace(tokens, scope=asked)


def _scope(form: Mapping[str, str]) -> dict[str, str]:
    return {"scope": form["scope"]} if "scope" in form else {}


def _misconfigured(server: str, what: str) -> AuthenticationError:
    return AuthenticationError(
        f"Server {server!r} cannot be logged in to: {what}.", server=server, reason="misconfigured"
    )
