"""No request to a real model where a test suite says so."""

import os

from universal_mcp_client.types.errors import ConfigError

VARIABLE = "UMCP_ALLOW_MODEL_REQUESTS"


def check_allowed(model: str) -> None:
    """Raises ConfigError, which no retry and no `Fallback` swallows, where `UMCP_ALLOW_MODEL_REQUESTS`
    is 0, false or no."""
    if os.environ.get(VARIABLE, "").strip().lower() in ("0", "false", "no", "off"):
        raise ConfigError(
            f"{model} was about to be asked, and {VARIABLE} forbids requests to real models. In a "
            "test, give the agent a ScriptedModel: `with agent.override(model=…):`."
        )
