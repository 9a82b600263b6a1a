"""A provider as its vendor's SDK reaches it: its clients, and what is asked through them."""

import json
import os
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field
from importlib import import_module
from importlib.util import find_spec
from typing import Any, Literal
from urllib.parse import urlsplit

from universal_mcp_client.models.allowed import check_allowed
from universal_mcp_client.models.base import ModelSettings
from universal_mcp_client.models.clients import Clients
from universal_mcp_client.models.failures import root_error, translated
from universal_mcp_client.models.stream import HEADERS, Answer, bounded, listen
from universal_mcp_client.startup import importing
from universal_mcp_client.types.errors import ConfigError, ModelAuthenticationError
from universal_mcp_client.types.events import ModelEvent

_OFFICIAL = {"openai": "https://api.openai.com/v1", "anthropic": "https://api.anthropic.com"}
_CLIENTS = {"openai": "AsyncOpenAI", "anthropic": "AsyncAnthropic"}


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A provider: where it is, how it speaks, and which variables say where else and with what key.

    `client` is the class of the vendor's SDK that knows how to log in there; it needs `needs`.
    """

    url: str | None = None
    url_variable: str = ""
    key_variable: str = ""
    wire: Literal["openai", "openai-responses", "anthropic"] = "openai"
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    client: str = ""
    needs: tuple[str, str] = ("", "")

    @property
    def vendor(self) -> str:
        """Whose SDK speaks to it; also the name of its module."""
        return self.wire.partition("-")[0]


class Connection:
    """A client of the vendor's SDK: the one that was given, which stays the caller's, or one that is
    made when a loop first uses it.

    Requests go through `client.post` with a body that is JSON already: that keeps the SDK's
    transport, authentication and errors, and skips its transformation of the request, which takes
    three quarters of a turn's CPU time. Retries are ours (`models.retry`), so the SDK's are off.
    """

    def __init__(
        self,
        provider: str,
        endpoint: Endpoint,
        *,
        client: Any = None,
        base_url: str | None = None,
        api_key: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self.provider = provider
        self.key = endpoint.key_variable or "the provider's settings"
        self._endpoint = endpoint
        self._official = _OFFICIAL[endpoint.vendor]
        theirs = endpoint.url or ("" if endpoint.client else self._official)
        url = base_url or os.environ.get(endpoint.url_variable) or theirs
        self.base_url = str(client.base_url) if client else url
        if base_url and not base_url.startswith(("http://", "https://")):
            raise ConfigError(
                f"{provider}: base_url={base_url!r} must begin with http:// or https://."
            )
        # A server on this machine, or at an address that somebody said, may want no key.
        local = urlsplit(url).hostname in ("localhost", "127.0.0.1", "::1")
        self._needs_key = bool(endpoint.key_variable) and url == theirs and not local
        # What the SDK's other variables say is for the service that they are named after.
        named_after = endpoint.url_variable == f"{endpoint.vendor.upper()}_BASE_URL"
        self._variables_too = named_after and not base_url
        self._api_key = api_key or os.environ.get(endpoint.key_variable)
        self._headers = {**endpoint.headers, **(headers or {})}
        self._clients = Clients(self._make, client)

    @property
    def official(self) -> bool:
        """Whether this is the vendor's own service."""
        return self.base_url.rstrip("/") == self._official

    def _make(self, model: str) -> Any:
        endpoint, vendor = self._endpoint, self._endpoint.vendor
        if endpoint.client:  # which has variables of its own for what nobody said
            _check_installed(*endpoint.needs, model)
            place = "azure_endpoint" if vendor == "openai" else "base_url"
            said = {place: self.base_url, "api_key": self._api_key}
            access = {name: value for name, value in said.items() if value}
        else:
            access = {"base_url": self.base_url, **self._login(model)}
        sdk = import_module(vendor)
        try:
            client = getattr(sdk, endpoint.client or _CLIENTS[vendor])(
                max_retries=0,
                default_headers=self._headers,
                http_client=sdk.DefaultAsyncHttpxClient(
                    event_hooks={"response": [bounded]},
                    follow_redirects=False,  # whose headers would go with it
                ),
                **access,
            )
        except (ValueError, TypeError, root_error(sdk)) as error:
            raise ConfigError(f"{model}: {error}") from error
        if not endpoint.client and not self._variables_too:
            client._custom_headers = self._headers
            client.organization = client.project = None
        return client

    def _login(self, model: str) -> dict[str, str]:
        """The SDKs look for keys by themselves where they are given none, for whomever it is."""
        token = os.environ.get("ANTHROPIC_AUTH_TOKEN") if self.provider == "anthropic" else None
        if token and not self._api_key:
            return {"auth_token": token}
        if self._needs_key and not self._api_key:
            raise ModelAuthenticationError(
                f"{model} needs an API key: set {self.key}, or choose another model "
                "(`umcp models` lists what there is).",
                model=model,
            )
        return {"api_key": self._api_key or "none"}

    async def answer(
        self, path: str, content: bytes, settings: ModelSettings, answer: Answer, model: str
    ) -> AsyncGenerator[ModelEvent]:
        """POST `content`, and yield what the server-sent events add to `answer`."""
        check_allowed(model)
        with importing():
            sdk = import_module(self._endpoint.vendor)
        client = await self._clients(model)
        with translated(sdk, model, str(client.base_url).rstrip("/"), self.key):
            opening = client.post(
                path,
                cast_to=object,
                options={
                    "headers": {**HEADERS, **settings.headers},
                    "timeout": settings.timeout,
                    "max_retries": 0,
                },
                **_body_for(client, content),
                stream=True,
                stream_cls=sdk.AsyncStream[object],
            )
            async with aclosing(listen(opening, answer, settings, model, self.key)) as events:
                async for event in events:
                    yield event

    async def aclose(self) -> None:
        await self._clients.aclose()


def _body_for(client: object, content: bytes) -> dict[str, Any]:
    """How a body is handed to a client. Those of other clouds than the vendor's own put the model
    into the URL, and sign: they want to see what it says."""
    if type(client).__name__ in _CLIENTS.values():
        return {"content": content}
    return {"body": json.loads(content)}


def _check_installed(module: str, package: str, model: str) -> None:
    try:
        missing = bool(module) and find_spec(module) is None
    except ModuleNotFoundError:
        missing = True
    if missing:
        raise ConfigError(f"{model} needs a library more: pip install '{package}'")
