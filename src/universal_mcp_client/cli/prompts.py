"""`/name key=value …` in a prompt stands for the prompt of that name."""

import shlex

from universal_mcp_client.config.definitions import prompts
from universal_mcp_client.types.errors import ConfigError


def expanded(text: str) -> str:
    """The text itself, or the prompt that it names, with its arguments filled in.

    A text that begins with a slash but names no prompt (a path, say) is left as it is.
    """
    if not text.startswith("/"):
        return text
    first, _, rest = text[1:].partition(" ")
    definition = prompts().get(first)
    if definition is None:
        return text
    try:
        words = shlex.split(rest)
    except ValueError as error:
        raise ConfigError(f"/{first}: the arguments cannot be read: {error}.") from error
    pairs = dict(word.partition("=")[::2] for word in words if "=" in word)
    loose = [word for word in words if "=" not in word]
    if loose and len(definition.arguments) == 1:  # the only argument needs no name
        pairs.setdefault(next(iter(definition.arguments)), " ".join(loose))
    elif loose:
        raise ConfigError(f"/{first}: write arguments as name=value, not {loose[0]!r}.")
    return definition.render(pairs)
