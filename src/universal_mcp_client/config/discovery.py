"""Which servers a command uses: from `--config`, the project's file and the user's file."""

from collections.abc import Sequence
from pathlib import Path

from universal_mcp_client.config.auth import OAuth
from universal_mcp_client.config.paths import home
from universal_mcp_client.config.servers import ServerConfig, read_servers
from universal_mcp_client.config.sources import server_configs
from universal_mcp_client.config.trust import is_trusted
from universal_mcp_client.types.errors import ConfigError

PROJECT_FILE = ".mcp.json"


def user_file() -> Path:
    return home() / "mcp.json"


def project_file() -> Path | None:
    """`.mcp.json` of this folder or the nearest one above it, up to the user's home."""
    here = Path.cwd().resolve()
    for folder in (here, *here.parents):
        if (folder / PROJECT_FILE).is_file():
            return folder / PROJECT_FILE
        if folder == Path.home() or (folder / ".git").exists():
            break
    return None


def configured(config: Path | None = None, *, expand: bool = True) -> list[ServerConfig]:
    """All servers that are written down; the project's win over the user's of the same name.
    Without `expand`, `${VAR}` stays as it is written.

    Raises ConfigError for a project file that could do harm and is not trusted.
    """
    if config is not None:
        return read_servers(config, expand=expand)
    found: dict[str, ServerConfig] = {}
    if user_file().is_file():
        found |= {server.name: server for server in read_servers(user_file(), expand=expand)}
    if (path := project_file()) is not None:
        servers = read_servers(path, expand=expand)
        if (danger := _danger(path, servers)) and not is_trusted(path):
            raise ConfigError(
                f"{path} {danger}, and you have not trusted it as it is now. "
                f"Look at it, then run: umcp servers trust. Or name servers with --server."
            )
        found |= {server.name: server for server in servers}
    return list(found.values())


def _danger(path: Path, servers: Sequence[ServerConfig]) -> str | None:
    """What a file that came with a project could do to its reader, if anything."""
    if any(s.transport == "stdio" and not s.disabled for s in servers):
        return "starts programs on this machine"
    if "${" in path.read_text(encoding="utf-8-sig"):
        return "sends values of your environment to its servers"
    if any(not isinstance(s.auth, str | OAuth) for s in servers):
        return "sends credentials from this machine to its servers"
    return None


def selected(servers: Sequence[str], config: Path | None = None) -> list[ServerConfig]:
    """The servers that `--server` names (from the config, or given whole); without, all of them."""
    if not servers:
        return [server for server in configured(config) if not server.disabled]
    needs_config = config is not None or any(_looks_like_a_name(text) for text in servers)
    known = {s.name: s for s in configured(config)} if needs_config else {}
    chosen: list[ServerConfig] = []
    for text in servers:
        if text in known:
            chosen.append(known[text])
        elif _looks_like_a_name(text) and known:
            raise ConfigError(f"There is no server {text!r}. The servers are: {', '.join(known)}.")
        else:
            chosen += server_configs([text])
    return server_configs(chosen)


def _looks_like_a_name(text: str) -> bool:
    return not any(mark in text for mark in " /=:") and not text.endswith((".py", ".js", ".json"))
