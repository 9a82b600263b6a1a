"""Skills as folders with a SKILL.md: a head of YAML, then instructions (agentskills.io/specification)."""

import re
from pathlib import Path
from typing import NoReturn

from universal_mcp_client.config.head import split
from universal_mcp_client.types.errors import ConfigError
from universal_mcp_client.types.resources import Skill

NAME = re.compile(r"(?!-)(?!.*--)[a-z0-9-]{1,64}(?<!-)\Z")
DESCRIPTION_CHARACTERS = 1_024
_COMPATIBILITY_CHARACTERS = 500


def parse_skill(text: str, name: str, path: Path) -> Skill:
    """The skill that the `text` of the SKILL.md at `path` describes, in a folder called `name`.

    Its `uri` is the file's, its `files` are None. Keys that the specification does not have are kept
    in the `frontmatter`. Raises ConfigError that names the file and the line.
    """
    head, _ = split(text, path)
    values = head.values

    def wrong(key: str, what: str) -> NoReturn:
        raise ConfigError(f"{head.at(key)}: {what}")

    def string(key: str, longest: int) -> str:
        value = values.get(key)
        if not isinstance(value, str) or not value.strip():
            wrong(key, f"a skill needs {key!r}, a text, in the head between the --- lines.")
        if len(value) > longest:
            wrong(key, f"{key!r} has {len(value):,} characters, of which there may be {longest:,}.")
        return value

    called = string("name", 64)
    if not NAME.match(called):
        wrong(
            "name", f"{called!r} is no name of a skill: a-z, 0-9 and single hyphens between them."
        )
    if called != name:
        wrong(
            "name", f"the skill is called {called!r}, but its folder {name!r}; both must be alike."
        )
    description = string("description", DESCRIPTION_CHARACTERS)
    if "compatibility" in values:
        string("compatibility", _COMPATIBILITY_CHARACTERS)
    if not isinstance(values.get("license") or "", str):
        wrong("license", "'license' must be a text.")
    if not isinstance(values.get("metadata") or {}, dict):
        wrong("metadata", "'metadata' must be a mapping of names to texts.")
    tools = values.get("allowed-tools") or ""
    if not isinstance(tools, str | list):
        wrong("allowed-tools", "'allowed-tools' must be a text or a list of texts.")
    return Skill(
        uri=path.as_uri(),
        name=called,
        description=" ".join(description.split()),
        frontmatter=values,
    )


def for_the_model(skill: Skill) -> bool:
    """Some are only for a person to begin (Claude Code's `disable-model-invocation`)."""
    return skill.frontmatter.get("disable-model-invocation") is not True
