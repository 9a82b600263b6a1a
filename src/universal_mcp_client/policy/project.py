"""What the current folder's project brings: servers, agents, prompts, skills. Only looked at here."""

import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

from universal_mcp_client.config.agent_file import AgentDefinition, parse_agent
from universal_mcp_client.config.definitions import PromptDefinition, parse_prompt
from universal_mcp_client.config.paths import home, shipped
from universal_mcp_client.config.server_file import entries_in, servers_in
from universal_mcp_client.config.servers import ServerConfig
from universal_mcp_client.config.state import check_own
from universal_mcp_client.policy.files import MOST, is_there, names_below, read_below, read_text
from universal_mcp_client.policy.skills import MANUAL, PLACES, skill_in, skills_below
from universal_mcp_client.types.errors import ConfigError
from universal_mcp_client.types.resources import Skill

SERVERS_FILE = ".mcp.json"
_ROOT = 0  # the number of the user who may do everything anyway

Kind: TypeAlias = Literal["server", "agent", "prompt", "skill"]
Definition: TypeAlias = AgentDefinition | PromptDefinition | Skill


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One thing that a project brings, as it was read: once, so that what is decided about is what
    is used.

    `path` is its file, `digest` the SHA-256 of what is decided about: of a server its parsed entry,
    of an agent or a prompt the whole text, of a skill all its files. A server's `value` has its
    variables unexpanded; `text` is that of its file, from which it is read with them.
    """

    kind: Kind
    name: str
    path: Path
    digest: str
    value: ServerConfig | Definition
    text: str = ""

    @property
    def label(self) -> str:
        return f"{self.kind} {self.name!r}"


def servers_file(folder: Path) -> Path | None:
    """`.mcp.json` of the folder or the nearest above it, up to the user's home or a repository's top.

    Above the folder, only what belongs to the user counts: anybody may put one into /tmp.
    """
    folder = folder.resolve()
    for at in (folder, *folder.parents):
        path = at / SERVERS_FILE
        if (
            is_there(path)
            and not _is_folder(path)
            and (at == folder or _belongs_to_the_user(path, at))
        ):
            return path
        if at == Path.home() or (at / ".git").exists():
            break
    return None


def _is_folder(path: Path) -> bool:
    return path.is_dir() and not path.is_symlink()


def _belongs_to_the_user(*paths: Path) -> bool:
    if not hasattr(os, "getuid"):
        return True
    return all(path.lstat().st_uid in (os.getuid(), _ROOT) for path in paths)


def servers(folder: Path) -> list[Item]:
    """The servers of the project's file. Raises ConfigError for a mistake in it."""
    path = servers_file(folder)
    return [] if path is None else servers_of(path)


def servers_of(path: Path) -> list[Item]:
    """The servers of one file, whose name must not be a link."""
    text = read_text(path, links=False)
    entries = entries_in(text, path)
    return [
        Item(
            kind="server",
            name=config.name,
            path=path,
            digest=_digest(json.dumps(entries[config.name], sort_keys=True)),
            value=config,
            text=text,
        )
        for config in servers_in(text, path, expand=False)
    ]


def agent(folder: Path, name: str) -> Item | None:
    """The project's agent of that name. Raises ConfigError for a mistake in its file."""
    return _item(folder, "agent", name) if name in _stems(folder, "agent") else None


def prompt(folder: Path, name: str) -> Item | None:
    """The project's prompt of that name. Raises ConfigError for a mistake in its file."""
    return _item(folder, "prompt", name) if name in _stems(folder, "prompt") else None


def everything(folder: Path, kind: Kind) -> tuple[list[Item], list[ConfigError]]:
    """All that the project brings of a kind, and what is wrong with the rest."""
    found: list[Item] = []
    wrong: list[ConfigError] = []
    try:
        if kind == "server":
            return servers(folder), []
        if kind == "skill":
            return _skills(folder)
        stems = _stems(folder, kind)
    except ConfigError as error:
        return [], [error]
    if len(stems) > MOST:
        place = folder / f"{kind}s"
        wrong.append(ConfigError(f"{place} has {len(stems)} files; the first {MOST} are listed."))
    for name in stems[:MOST]:
        try:
            if (item := _item(folder, kind, name)) is not None:
                found.append(item)
        except ConfigError as error:
            wrong.append(error)
    return found, wrong


def definition(path: Path, *, kind: Kind) -> Item:
    """The agent or prompt of a file that was named by its path."""
    return _defined(read_text(path), kind, path.stem, path.resolve())


def skill(folder: Path) -> Item:
    """The skill of a folder that was named by its path."""
    return _skill(folder.resolve())


def _skills(folder: Path) -> tuple[list[Item], list[ConfigError]]:
    """Those of its places; of one name, the first counts."""
    found, wrong, folder = dict[str, Item](), list[ConfigError](), folder.resolve()
    for place in PLACES:
        if folder.joinpath(*place) == (home() / "skills").resolve():
            continue  # the user's own
        try:
            names = skills_below(folder, *place)
        except ConfigError as error:
            wrong.append(error)
            continue
        if len(names) > MOST:
            at = folder.joinpath(*place)
            wrong.append(ConfigError(f"{at} has {len(names)} skills; the first {MOST} are listed."))
        for name in names[:MOST]:
            try:
                found.setdefault(name, _skill(folder, *place, name))
            except ConfigError as error:
                wrong.append(error)
    return list(found.values()), wrong


def _skill(folder: Path, *parts: str) -> Item:
    value, text = skill_in(folder, *parts, whole=True)
    files = [[file.uri, file.size, file.digest] for file in value.files or ()]
    return Item(
        kind="skill",
        name=value.name,
        path=folder.joinpath(*parts, MANUAL),
        digest=_digest(json.dumps(files)),
        value=value,
        text=text,
    )


def own(kind: Kind, name: str) -> Definition | None:
    """The user's own agent, prompt or skill of that name, else the one of the package."""
    if kind == "skill":
        return _own_skill(name) if name in own_names(kind) else None
    for folder in _own_folders(kind):
        path = folder / f"{name}.md"
        if name in own_names(kind, folder):
            if folder.parent == home():
                check_own(path)
            return _parsed(read_text(path), kind, name, path)
    return None


def _own_skill(name: str) -> Skill:
    """It may be a link, such as into a checkout of many skills."""
    at = home() / "skills" / name
    check_own(at / MANUAL)
    return skill_in(at.resolve(), name=name)[0]


def own_names(kind: Kind, folder: Path | None = None) -> list[str]:
    """The names of the user's own and the package's, each once, the user's first."""
    if kind == "skill":
        return skills_below((home() / "skills").resolve())
    folders = _own_folders(kind) if folder is None else [folder]
    names = [n.removesuffix(".md") for f in folders for n in names_below(f, suffix=".md")]
    return [name for name in dict.fromkeys(names) if name != "README"]


def _own_folders(kind: Kind) -> Sequence[Path]:
    return [f for f in (home() / f"{kind}s", shipped(f"{kind}s")) if f.is_dir()]


def _stems(folder: Path, kind: Kind) -> list[str]:
    place = folder / f"{kind}s"
    if any(place.is_dir() and place.samefile(own_folder) for own_folder in _own_folders(kind)):
        return []  # this is the user's own folder, or a checkout of this package
    names = names_below(folder, f"{kind}s", suffix=".md")
    return [n.removesuffix(".md") for n in names if n != "README.md"]


def _item(folder: Path, kind: Kind, name: str) -> Item | None:
    """None for a file that is, word for word, the user's own or the package's."""
    text = read_below(folder, f"{kind}s", f"{name}.md")
    for mine in _own_folders(kind):
        path = mine / f"{name}.md"
        if path.is_file():
            if read_text(path) == text:
                return None
            break
    return _defined(text, kind, name, folder.resolve() / f"{kind}s" / f"{name}.md")


def _defined(text: str, kind: Kind, name: str, path: Path) -> Item:
    value = _parsed(text, kind, name, path)
    return Item(kind=kind, name=name, path=path, digest=_digest(text), value=value)


def _parsed(text: str, kind: Kind, name: str, path: Path) -> Definition:
    return parse_agent(text, name, path) if kind == "agent" else parse_prompt(text, name, path)


def _digest(content: str) -> str:
    return hashlib.sha256(content.encode("utf-8", "surrogatepass")).hexdigest()
