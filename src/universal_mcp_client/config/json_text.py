"""JSON that somebody else may have written."""

import json
from pathlib import Path

from universal_mcp_client.types.errors import ConfigError

_DEEPEST = 50  # levels


def parsed(text: str, path: Path) -> object:
    """The value that the `text` of the file `path` stands for; not nested without end.

    Raises ConfigError that names the file and the line.
    """
    try:
        data: object = json.loads(text)
    except json.JSONDecodeError as error:
        raise ConfigError(
            f"{path}, line {error.lineno}, column {error.colno}: {error.msg}. "
            "The file must be JSON, without comments or trailing commas."
        ) from error
    except (RecursionError, ValueError) as error:  # nested too deeply; a number of 5,000 digits
        raise ConfigError(f"{path}: {error}.") from error
    level = [data]
    for _ in range(_DEEPEST):
        level = [
            inner
            for value in level
            if isinstance(value, dict | list)
            for inner in (value.values() if isinstance(value, dict) else value)
        ]
    if level:
        raise ConfigError(f"{path} is nested more than {_DEEPEST} levels deep.")
    return data
