"""Whether a skill's file is what its server had announced (SEP-2640, integrity and verification)."""

import hashlib
import re
from collections.abc import Sequence
from typing import Any

import yaml

from universal_mcp_client.types.errors import IntegrityError
from universal_mcp_client.types.resources import ResourceContents, Skill

_FRONTMATTER = re.compile(r"\A\ufeff?---\r?\n(.*?)\r?\n---(?:\r?\n|\Z)", re.DOTALL)


class _JSONLoader(yaml.SafeLoader):
    """YAML as JSON knows it: a date is a string."""


_JSONLoader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def verified(
    skill: Skill, uri: str, parts: Sequence[ResourceContents], server: str
) -> ResourceContents:
    """The one content of a skill's file. Raises IntegrityError where it is not what `skill` says."""

    def wrong(what: str) -> IntegrityError:
        return IntegrityError(
            f"Server {server!r}: {uri} of the skill {skill.name!r} {what}. It is not used.",
            server=server,
        )

    if len(parts) != 1:
        raise wrong(f"came in {len(parts)} parts")
    (contents,) = parts
    data = contents.data if contents.text is None else contents.text.encode()
    data = data or b""
    if skill.files is not None:
        file = next((file for file in skill.files if file.uri == uri), None)
        if file is None:
            raise wrong("is not among its files")
        if len(data) != file.size:
            raise wrong(f"has {len(data)} bytes, not {file.size}")
        if f"sha256:{hashlib.sha256(data).hexdigest()}" != file.digest:
            raise wrong("has another digest than announced")
    if uri == skill.uri and _frontmatter(data) != skill.frontmatter:
        raise wrong("has another frontmatter than announced")
    return contents


def _frontmatter(data: bytes) -> Any:
    found = _FRONTMATTER.match(data.decode("utf-8", "replace"))
    if found is None:
        return None
    try:
        return yaml.load(found[1], Loader=_JSONLoader)
    except (yaml.YAMLError, ValueError, RecursionError):
        return None
