"""`"auth"` of a server in an mcpServers file."""

import difflib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, cast

from universal_mcp_client.config.auth import (
    Auth,
    ClientCredentials,
    EnterpriseIdentity,
    OAuth,
    WorkloadIdentity,
)
from universal_mcp_client.types.errors import ConfigError

_SHARED = {"type", "scopes", "issuer", "dpop", "tokenStore"}
_TYPES: Mapping[str, set[str]] = {
    "oauth": {
        "clientId", "clientSecret", "clientMetadataUrl", "clientName",
        "callbackHost", "callbackPort", "callbackTimeout",
    },
    "client_credentials": {"clientId", "clientSecret", "privateKey", "privateKeyFile", "algorithm"},
    "workload_identity": {"clientId", "assertion", "assertionFile"},
    "enterprise_identity": {
        "clientId", "clientSecret", "idToken", "idTokenFile",
        "idpTokenEndpoint", "idpClientId", "idpClientSecret",
    },
}  # fmt: skip


class Fields(Protocol):
    """How the file's reader takes values out of an object, and says where one is wrong.

    Without `expand`, values stay as they are written: no variable is looked up, no file read."""

    expand: bool

    def fail(self, message: str, *path: str) -> ConfigError: ...

    def string(self, values: Mapping[str, Any], path: Sequence[str], key: str) -> str | None: ...

    def strings(self, values: Mapping[str, Any], path: Sequence[str], key: str) -> list[str]: ...

    def seconds(self, values: Mapping[str, Any], path: Sequence[str], key: str) -> float | None: ...

    def typed(
        self, values: Mapping[str, Any], path: Sequence[str], key: str, kind: type
    ) -> Any: ...


def parse_auth(value: object, path: tuple[str, str, str], fields: Fields, folder: Path) -> Auth:
    """Raises ConfigError that names the file and the line."""
    name = path[1]
    if isinstance(value, str):
        match value:
            case "oauth":
                return OAuth()
            case "auto" | "none":
                return value
            case _:
                raise fields.fail(
                    f'server {name!r}: "auth" is "oauth", "none" or an object. A token goes into '
                    '"headers": {"Authorization": "Bearer ${TOKEN}"}.',
                    *path,
                )
    if not isinstance(value, Mapping):
        raise fields.fail(f"server {name!r}: {path[2]!r} must be a string or an object.", *path)
    return _Entry(cast(Mapping[str, Any], value), path, fields, folder).parsed()


class _Entry:
    def __init__(
        self, values: Mapping[str, Any], path: tuple[str, str, str], fields: Fields, folder: Path
    ) -> None:
        self.values = values
        self.path = path
        self.fields = fields
        self.folder = folder

    def fail(self, message: str, *key: str) -> ConfigError:
        return self.fields.fail(f"server {self.path[1]!r}: {message}", *self.path, *key)

    def parsed(self) -> Auth:
        kind = self.values.get("type", "oauth")
        if kind not in _TYPES:
            raise self.fail(f"unknown login {kind!r}; there are {', '.join(_TYPES)}.", "type")
        known = _TYPES[str(kind)] | _SHARED
        for key in self.values.keys() - known:
            near = difflib.get_close_matches(key, known, n=1)
            hint = f"Did you mean {near[0]!r}?" if near else f"Known: {', '.join(sorted(known))}."
            raise self.fail(f"unknown key {key!r} in {self.path[2]!r}. {hint}", key)
        shared: dict[str, Any] = {
            "scopes": self._scopes(),
            "issuer": self._get("issuer"),
            "token_storage": self._get("tokenStore"),
            "dpop": self.fields.typed(self.values, self.path, "dpop", bool),
        }
        match kind:
            case "client_credentials":
                return self._client_credentials(shared)
            case "workload_identity":
                assertion = self._supplied("assertion")
                return WorkloadIdentity(
                    assertion=assertion, client_id=self._get("clientId"), **shared
                )
            case "enterprise_identity":
                return EnterpriseIdentity(
                    client_id=self._need("clientId"),
                    client_secret=self._get("clientSecret"),
                    id_token=self._supplied("idToken"),
                    idp_token_endpoint=self._need("idpTokenEndpoint"),
                    idp_client_id=self._need("idpClientId"),
                    idp_client_secret=self._get("idpClientSecret"),
                    **shared,
                )
            case _:
                return self._oauth(shared)

    def _oauth(self, shared: dict[str, Any]) -> OAuth:
        port = self.fields.typed(self.values, self.path, "callbackPort", int)
        if port is not None and not 0 < port < 65_536:
            raise self.fail(f"callbackPort {port} is no port.", "callbackPort")
        given = {
            "client_id": self._get("clientId"),
            "client_secret": self._get("clientSecret"),
            "client_metadata_url": self._get("clientMetadataUrl"),
            "client_name": self._get("clientName"),
            "callback_host": self._get("callbackHost"),
            "callback_port": port,
            "callback_timeout": self.fields.seconds(self.values, self.path, "callbackTimeout"),
        }
        return OAuth(**{key: value for key, value in given.items() if value is not None}, **shared)

    def _client_credentials(self, shared: dict[str, Any]) -> ClientCredentials:
        secret, key = self._get("clientSecret"), self._get("privateKey")
        if file := self._get("privateKeyFile"):
            key = self._read(file, "privateKeyFile") if self.fields.expand else file
        if (secret is None) == (key is None):
            raise self.fail("give clientSecret, or privateKey (or privateKeyFile), and not both.")
        return ClientCredentials(
            client_id=self._need("clientId"),
            client_secret=secret,
            private_key=key,
            algorithm=self._get("algorithm") or "ES256",
            **shared,
        )

    def _supplied(self, key: str) -> str | Callable[[], Awaitable[str]]:
        """A value, or a file that is read anew each time: a platform rotates what is in it."""
        file = self._get(f"{key}File")
        if file is None:
            return self._need(key)

        async def read() -> str:
            return self._read(file, f"{key}File").strip()

        return read

    def _read(self, file: str, key: str) -> str:
        path = self.folder / Path(file).expanduser()
        try:
            return path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise self.fail(f"{key}: cannot read {path}: {error}.", key) from error

    def _scopes(self) -> tuple[str, ...]:
        if isinstance(self.values.get("scopes"), str):
            return tuple((self._get("scopes") or "").split())
        return tuple(self.fields.strings(self.values, self.path, "scopes"))

    def _get(self, key: str) -> str | None:
        return self.fields.string(self.values, self.path, key)

    def _need(self, key: str) -> str:
        value = self._get(key)
        if not value:
            raise self.fail(f"{self.values.get('type')!r} needs {key!r}.")
        return value
