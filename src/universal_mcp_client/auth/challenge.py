"""`WWW-Authenticate`: why a server refused a request, and what would satisfy it.

Source: RFC 9110, section 11.6.1; RFC 6750, section 3; RFC 9449, section 9; RFC 9728, section 5.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

import httpx2

_TOKEN = r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
_PARAMETER = re.compile(rf'({_TOKEN})\s*=\s*(?:"((?:[^"\\]|\\.)*)"|({_TOKEN}|[^\s,"]+))')
_SCHEME = re.compile(rf"({_TOKEN})(?:\s+|\s*\Z|\s*,)(?!\s*=)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Challenge:
    """A refusal that a login may answer. `scheme` is in lower case."""

    status: int
    scheme: str = "bearer"
    parameters: Mapping[str, str] = field(default_factory=dict[str, str])
    nonce: str | None = None

    @property
    def error(self) -> str | None:
        return self.parameters.get("error")

    @property
    def scopes(self) -> tuple[str, ...] | None:
        """The scopes that the server names; None where it names none."""
        scope = self.parameters.get("scope")
        return None if scope is None else tuple(scope.split())

    @property
    def metadata_url(self) -> str | None:
        return self.parameters.get("resource_metadata")

    @property
    def step_up(self) -> bool:
        """The token is good, but it does not permit this."""
        return self.status == 403 and self.error == "insufficient_scope"


def challenge_of(response: httpx2.Response) -> Challenge | None:
    """The challenge in a 401, or in a 403 for want of scopes; None for any other answer."""
    if response.status_code not in (401, 403):
        return None
    nonce = response.headers.get("dpop-nonce")
    known = [
        Challenge(status=response.status_code, scheme=scheme, parameters=parameters, nonce=nonce)
        for scheme, parameters in _challenges(
            ", ".join(response.headers.get_list("www-authenticate"))
        )
        if scheme in ("bearer", "dpop")
    ]
    if response.status_code == 403:
        return next((challenge for challenge in known if challenge.step_up), None)
    # DPoP is the stronger of two on offer.
    known.sort(key=lambda challenge: challenge.scheme != "dpop")
    return known[0] if known else Challenge(status=401, nonce=nonce)


def _challenges(header: str) -> list[tuple[str, dict[str, str]]]:
    found: list[tuple[str, dict[str, str]]] = []
    position = 0
    while position < len(header):
        if header[position] in " \t,":
            position += 1
        elif parameter := _PARAMETER.match(header, position):
            name, quoted, bare = parameter.groups()
            value = re.sub(r"\\(.)", r"\1", quoted) if quoted is not None else bare
            if found:
                found[-1][1].setdefault(name.lower(), value)
            position = parameter.end()
        elif scheme := _SCHEME.match(header, position):
            found.append((scheme.group(1).lower(), {}))
            position = scheme.end(1)
        else:  # what no grammar knows: the rest of the word
            position = next(
                (i for i in range(position, len(header)) if header[i] in " ,"), len(header)
            )
    return found
