"""Which servers have a login in the default store: names only, so that it need not be opened."""

import json

from universal_mcp_client.config.paths import home
from universal_mcp_client.config.state import read_private, write_private
from universal_mcp_client.types.errors import ConfigError


class Hints:
    """`logins.json` in the home. What cannot be read or written is no hint, and costs a request."""

    def __init__(self) -> None:
        self._path = home() / "logins.json"

    def _known(self) -> set[str]:
        try:
            data: object = json.loads(read_private(self._path) or "[]")
        except (ConfigError, ValueError, RecursionError):
            return set()
        return {str(server) for server in data} if isinstance(data, list) else set()

    def has(self, server: str) -> bool:
        return server in self._known()

    def set(self, server: str, present: bool) -> None:
        known = self._known()
        changed = known | {server} if present else known - {server}
        if changed != known:
            try:
                write_private(self._path, json.dumps(sorted(changed), indent=2) + "\n")
            except ConfigError:
                pass
