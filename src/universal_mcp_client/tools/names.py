"""Names that every provider accepts, unique over all servers, readable, stable, reversible.

OpenAI takes `^[a-zA-Z0-9_-]{1,64}$`, Anthropic the same up to 128; MCP allows anything. A tool
keeps its own name where it can. Otherwise:

1. Characters outside the alphabet become `_`.
2. Tools whose names then meet are called `server_tool`.
3. What is too long, still ambiguous, or has lost its meaning ends in eight hex digits of
   SHA-256(server, tool), so that the name does not depend on the order of servers.
4. What has neither server nor another name to tell it apart, such as two agents that were given no
   name, is numbered.

`read_result` is ours (see `budgeted`): a server's tool of that name is called by its server's too.
"""

import re
from collections import Counter
from collections.abc import Sequence
from hashlib import sha256

from universal_mcp_client.types.tools import ToolSpec

MAX_LENGTH = 64
RESERVED = frozenset({"read_result"})
_VALID = re.compile(r"[a-zA-Z0-9_-]{1,64}\Z")
_OTHER = re.compile(r"[^a-zA-Z0-9_-]+")


def public_names(specs: Sequence[ToolSpec]) -> list[str]:
    """A public name for each spec, in order. Tools without a server win over those with one."""
    plain = [_clean(spec.name) for spec in specs]
    taken = Counter([*plain, *RESERVED])
    names = [
        name if taken[name] == 1 or not spec.server else _clean(f"{_clean(spec.server)}_{name}")
        for name, spec in zip(plain, specs, strict=True)
    ]
    if len(set(names)) < len(names) or any(len(name) > MAX_LENGTH for name in names):
        again = Counter(names)
        names = [
            _hashed(name, spec)
            if len(name) > MAX_LENGTH or (again[name] > 1 and (spec.server or name != spec.name))
            else name
            for name, spec in zip(names, specs, strict=True)
        ]
    return _numbered(names)


def _numbered(names: list[str]) -> list[str]:
    taken, seen, numbers = {*names, *RESERVED}, set(RESERVED), dict[str, int]()
    unique = list[str]()
    for name in names:
        candidate = name
        if name in seen:
            number = numbers.get(name, 2)
            while (candidate := f"{name[: MAX_LENGTH - 6]}_{number}") in taken:
                number += 1
            numbers[name] = number + 1
            taken.add(candidate)
        seen.add(candidate)
        unique.append(candidate)
    return unique


def _clean(name: str) -> str:
    if _VALID.match(name):
        return name
    cleaned = _OTHER.sub("_", name)
    readable = cleaned.strip("_-")
    if not readable or len(readable) * 2 < len(name):  # most of it was in another script
        return f"{readable or 'tool'}_{sha256(name.encode()).hexdigest()[:8]}"
    return cleaned


def _hashed(name: str, spec: ToolSpec) -> str:
    digest = sha256(f"{spec.server}\0{spec.name}".encode()).hexdigest()[:8]
    return f"{name[: MAX_LENGTH - 9]}_{digest}"
