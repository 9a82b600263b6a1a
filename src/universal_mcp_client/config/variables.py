"""Environment variables in configuration: `${NAME}`, and `${NAME:-what else}`."""

import os
import re
from collections.abc import Callable, MutableMapping

VARIABLE = re.compile(r"\$\{(?:env:)?([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\}")


def expanded(
    text: str, missing: Callable[[str], str], noted: MutableMapping[str, str] | None = None
) -> str:
    """`text` with the variables' values in it. `missing` says what stands for one that is not set and
    has no default, or raises; `noted` gets the values that were put in, each with its `${NAME}`."""

    def value(match: re.Match[str]) -> str:
        name, default = match.groups()
        found = os.environ.get(name)
        if not found:
            return missing(match.group()) if default is None else default
        if noted is not None:
            noted[found] = f"${{{name}}}"
        return found

    return VARIABLE.sub(value, text)
