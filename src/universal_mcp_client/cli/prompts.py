"""What a prompt that is typed stands for: `/name key=value …` for a prompt, `@PATH` for a file."""

import re
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from universal_mcp_client.cli.gate import gate
from universal_mcp_client.config.definitions import PromptDefinition
from universal_mcp_client.policy.files import read_text
from universal_mcp_client.policy.text import printable
from universal_mcp_client.types.errors import ConfigError

_MENTION = re.compile(r"(?:(?<=\s)|\A)@(\S+)")
_LARGEST = 400_000  # bytes


@dataclass(frozen=True, slots=True)
class Prompt:
    """`text` is what goes to the model; `typed` the part of it that a person typed, who alone may
    put files in: the text of a prompt's file attaches none, whoever wrote it."""

    text: str
    typed: str


def expanded(text: str) -> Prompt:
    """The text itself, or the prompt that it names, with its arguments filled in.

    A text that begins with a slash but names no prompt (a path, say) is left as it is.
    """
    if not text.startswith("/"):
        return Prompt(text, text)
    first, _, rest = text[1:].partition(" ")
    definition = gate().prompt(first)
    if definition is None:
        return Prompt(text, text)
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
    return Prompt(definition.render(pairs), " ".join(pairs.values()))


def listed_prompts() -> list[str]:
    """A line for each prompt that can be typed, and for those that cannot yet."""
    lines: list[str] = []
    for name, row in gate().listed("prompt"):
        prompt = cast(PromptDefinition, row.value)
        places = " ".join(f"{place}=…" for place in prompt.arguments)
        mark = "(not trusted: umcp trust) " if row.trusted is False else ""
        lines.append(printable(f"/{name} {places}  {mark}{prompt.description}", lines=False))
    return lines


def with_files(prompt: Prompt) -> str:
    """The text, and after it the files which were typed as @PATH; other words with an @ stay words."""
    parts = [prompt.text]
    for name in dict.fromkeys(_MENTION.findall(prompt.typed)):
        path = Path(name.rstrip(".,;:!?")).expanduser()
        if not path.is_file():
            continue
        try:
            content = read_text(path, largest=_LARGEST)
        except ConfigError as error:
            raise ConfigError(f"@{path}: {error}") from error
        parts.append(f'<file path="{path}">\n{content}\n</file>')
    return "\n\n".join(parts)
