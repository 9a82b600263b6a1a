"""Folders of skills: read in place, bounded, and as they were when they were looked at."""

import hashlib
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit
from urllib.request import url2pathname

from universal_mcp_client.config.skills import parse_skill
from universal_mcp_client.policy.files import (
    LARGEST,
    bytes_below,
    is_there,
    kinds_below,
    read_below,
)
from universal_mcp_client.types.errors import ConfigError
from universal_mcp_client.types.resources import Skill, SkillFile

MANUAL = "SKILL.md"
PLACES = ((".claude", "skills"), ("skills",))
"""Where a project has its skills."""
FILE_BYTES = 1_000_000
"""One file of a skill that is shown to a model."""

_FILES, _BYTES, _LEVELS = 500, 16_000_000, 8  # of one skill


def skill_in(folder: Path, *parts: str, name: str = "", whole: bool = False) -> tuple[Skill, str]:
    """The skill in the folder `parts` below `folder`, and the text of its SKILL.md. With `whole`, its
    files are what they are now, by their digests; otherwise what they are when they are read.

    `name` is that of the folder where a link leads to it. Raises ConfigError for a mistake, a link,
    and more than 500 files or 16 MB.
    """
    at = folder.joinpath(*parts)
    text = read_below(folder, *parts, MANUAL, largest=LARGEST)
    skill = parse_skill(text, name or at.name, at / MANUAL)
    if not whole:
        return skill, text
    files, left = list[SkillFile](), _BYTES
    for path in _paths(folder, parts):
        content = bytes_below(folder, *parts, *path, largest=left)
        left -= len(content)
        digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
        if path == (MANUAL,) and content.decode("utf-8-sig").replace("\r\n", "\n") != text:
            raise ConfigError(f"{at / MANUAL} changed while it was read; try again.")
        uri = f"{base(skill)}{quote('/'.join(path), errors='surrogateescape')}"
        files.append(SkillFile(uri=uri, digest=digest, size=len(content)))
    return Skill(
        uri=skill.uri,
        name=skill.name,
        description=skill.description,
        frontmatter=skill.frontmatter,
        files=tuple(files),
    ), text


def skills_below(folder: Path, *parts: str) -> list[str]:
    """The names of the folders with a SKILL.md in the folder `parts` below `folder`; links to such
    are among them. Raises ConfigError where a part of the path is a link."""
    kinds = kinds_below(folder, *parts)
    return sorted(
        name
        for name, kind in kinds.items()
        if kind != "file" and is_there(folder.joinpath(*parts, name, MANUAL))
    )


def read_file(skill: Skill, file: str) -> bytes:
    """A file of a skill of this machine, by its path in the folder; never one outside of it.

    Raises ConfigError where there is none, for a link, more than 1 MB, and where it is no longer what
    it was when the skill was looked at.
    """
    path, at = parts_of(file), folder_of(skill)
    if path != (MANUAL,) and "/".join(path) not in files_of(skill):
        raise ConfigError(f"The skill {skill.name!r} has no file {file[:200]!r}.")
    content = bytes_below(at, *path, largest=FILE_BYTES)
    uri = f"{base(skill)}{quote('/'.join(path), errors='surrogateescape')}"
    known = next((each for each in skill.files or () if each.uri == uri), None)
    if skill.files is None:
        return content
    if known is None or f"sha256:{hashlib.sha256(content).hexdigest()}" != known.digest:
        raise ConfigError(
            f"{at.joinpath(*path)} has changed since it was trusted, so it is not used; "
            "`umcp trust` shows it as it is now."
        )
    return content


def files_of(skill: Skill) -> list[str]:
    """The paths of a skill's files in its folder, its SKILL.md aside."""
    if skill.files is not None:
        start = base(skill)
        uris = [file.uri for file in skill.files if file.uri.startswith(start)]
        found = [unquote(uri[len(start) :], errors="surrogateescape") for uri in uris]
    else:
        found = ["/".join(path) for path in _paths(folder_of(skill), ())]
    return sorted(path for path in found if path != MANUAL)


def base(skill: Skill) -> str:
    """The URI of its folder, with a slash."""
    return skill.uri[: skill.uri.rfind("/") + 1]


def folder_of(skill: Skill) -> Path:
    return Path(url2pathname(urlsplit(skill.uri).path)).parent


def parts_of(file: str) -> tuple[str, ...]:
    """The names of a path inside of a folder. Raises ConfigError where it could lead out of it."""
    parts = tuple(file.removeprefix("./").split("/"))
    if any(part in ("", ".", "..") or set(part) & set("\\:\0") for part in parts):
        raise ConfigError(f"{file[:200]!r} is no path inside of a skill's folder.")
    return parts


def _paths(folder: Path, parts: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """All files below, without links, hidden ones, and what Python leaves behind."""
    waiting, number = [tuple[str, ...]()], 0
    while waiting:
        inner = waiting.pop()
        for name, kind in sorted(kinds_below(folder, *parts, *inner).items()):
            if name.startswith(".") or name == "__pycache__" or kind == "other":
                continue
            number += 1
            if number > _FILES or len(inner) >= _LEVELS:
                raise ConfigError(
                    f"{folder.joinpath(*parts)} has more than {_FILES} files, or folders more than "
                    f"{_LEVELS} deep, which is too much for a skill."
                )
            if kind == "folder":
                waiting.append((*inner, name))
            else:
                yield (*inner, name)
