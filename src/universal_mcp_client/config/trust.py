"""A project's own file may start programs only after the user has looked at it.

Trust is in the file's content: when it changes, it is asked for again.
"""

import hashlib
import json
from pathlib import Path

from universal_mcp_client.config.paths import home


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _store() -> Path:
    return home() / "trusted.json"


def _trusted() -> dict[str, str]:
    try:
        data: object = json.loads(_store().read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return {str(k): str(v) for k, v in data.items()} if isinstance(data, dict) else {}


def is_trusted(path: Path) -> bool:
    """The user trusted this file with just this content."""
    return _trusted().get(str(path.resolve())) == _digest(path)


def trust(path: Path) -> None:
    """Trust the file as it is now."""
    known = _trusted() | {str(path.resolve()): _digest(path)}
    _store().parent.mkdir(parents=True, exist_ok=True)
    _store().write_text(json.dumps(known, indent=2) + "\n", encoding="utf-8")
