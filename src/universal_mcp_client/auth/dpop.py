"""Proofs that we hold the key to which a token is bound (DPoP, RFC 9449)."""

import base64
import hashlib
import json
import uuid
from typing import Any
from urllib.parse import urlsplit, urlunsplit

ALGORITHM = "ES256"


class ProofKey:
    """An ES256 key pair, and the nonces that the servers want to see in its proofs."""

    def __init__(self, pem: str | None = None) -> None:
        from cryptography.hazmat.primitives import serialization
        from cryptography.hazmat.primitives.asymmetric import ec

        self._key: Any = (
            serialization.load_pem_private_key(pem.encode(), None)
            if pem
            else ec.generate_private_key(ec.SECP256R1())
        )
        self.pem = (
            pem
            or self._key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            ).decode()
        )
        self._nonces: dict[str, str] = {}

    def remember(self, url: str, nonce: str | None) -> bool:
        """Keep the nonce that a server wants from now on; whether it is another than before."""
        if not nonce or self._nonces.get(_origin(url)) == nonce:
            return False
        self._nonces[_origin(url)] = nonce
        return True

    def proof(self, method: str, url: str, now: int, access_token: str | None = None) -> str:
        """The value of a `DPoP` header for one request; RFC 9449, section 4.2."""
        import jwt
        from jwt.algorithms import ECAlgorithm

        parts = urlsplit(url)
        claims: dict[str, Any] = {
            "jti": str(uuid.uuid4()),
            "htm": method,
            "htu": urlunsplit((parts.scheme, parts.netloc, parts.path, "", "")),
            "iat": now,
        }
        if access_token is not None:
            digest = hashlib.sha256(access_token.encode("ascii")).digest()
            claims["ath"] = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        if nonce := self._nonces.get(_origin(url)):
            claims["nonce"] = nonce
        public = json.loads(ECAlgorithm.to_jwk(self._key.public_key()))
        headers = {"typ": "dpop+jwt", "jwk": public}
        return jwt.encode(claims, self._key, algorithm=ALGORITHM, headers=headers)


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"
