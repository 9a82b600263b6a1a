"""Where things are kept."""

import os
from pathlib import Path


def home() -> Path:
    """`UMCP_HOME`, or `~/.universal_mcp`. Not created here."""
    return Path(os.environ.get("UMCP_HOME") or Path.home() / ".universal_mcp").expanduser()


def shipped(kind: str) -> Path:
    """The definitions that come with the package; `kind` is "agents" or "prompts".

    They lie at the top of a source checkout and inside an installed package.
    """
    package = Path(__file__).parent.parent
    inside = package / "definitions" / kind
    return inside if inside.is_dir() else package.parent.parent / kind
