"""What a prompt that is typed stands for: `/name key=value …` for a prompt of ours or of a server,
`@PATH` for a file, `@server:uri` for a resource."""

import re
import shlex
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias, cast

from universal_mcp_client.cli.gate import gate
from universal_mcp_client.config.definitions import PromptDefinition, prompt_values
from universal_mcp_client.policy.files import read_text
from universal_mcp_client.policy.text import printable
from universal_mcp_client.types.errors import ConfigError, ServerError
from universal_mcp_client.types.messages import Message, Part, RenderedPrompt, Text, UserContent
from universal_mcp_client.types.resources import Prompt, PromptArgument

if TYPE_CHECKING:
    from universal_mcp_client.mcp.server import Server

_MENTION = re.compile(r"(?:(?<=\s)|\A)@(\S+)")
_CALL = re.compile(r"/[\w.:-]+(\s+\w+=.*)?", re.DOTALL)
_LARGEST = 400_000  # bytes

Suggest: TypeAlias = Callable[[str], Awaitable[Sequence[str]]]
"""What might be meant by what has been typed of a value."""
Ask: TypeAlias = Callable[[PromptArgument, Suggest], Awaitable[str]]
"""Asks a person for an argument. Raises ConfigError where there is none to be had."""
Servers: TypeAlias = "Mapping[str, Server]"


@dataclass(frozen=True, slots=True)
class Typed:
    """`prompt` is what goes to the model; `mentioning` the parts of it that may put something in by an
    @: what a person typed, and a trusted file's text, which puts in resources and no files."""

    prompt: str | RenderedPrompt
    mentioning: str
    typed: str

    def resources(self, servers: Iterable[str]) -> list[str]:
        """The resources that are mentioned, as `server:uri`."""
        names = tuple(f"{name}:" for name in servers)
        found = [_bare(word) for word in _MENTION.findall(self.mentioning)]
        return [word for word in dict.fromkeys(found) if names and word.startswith(names)]

    def with_files(self) -> "Typed":
        """The same, and after it the files which were typed as @PATH; other words with an @ stay."""
        parts = list[str]()
        for name in dict.fromkeys(_MENTION.findall(self.typed)):
            path = Path(_bare(name)).expanduser()
            if not path.is_file():
                continue
            try:
                content = read_text(path, largest=_LARGEST)
            except ConfigError as error:
                raise ConfigError(f"@{path}: {error}") from error
            parts.append(f'<file path="{path}">\n{content}\n</file>')
        if not parts:
            return self
        if isinstance(self.prompt, str):
            return replace(self, prompt="\n\n".join([self.prompt, *parts]))
        added: tuple[Part, ...] = tuple(Text(text=part) for part in parts)
        return replace(self, prompt=_with(self.prompt, added))

    def content(self, resources: Sequence[Part]) -> UserContent:
        """The prompt, after what was read of the resources that it mentions."""
        if not resources:
            return self.prompt
        if isinstance(self.prompt, str):
            return [*resources, Text(text=self.prompt)]
        return _with(self.prompt, resources)


def _with(prompt: RenderedPrompt, parts: Sequence[Part]) -> RenderedPrompt:
    """A prompt of several messages, with more before what its last one says."""
    *before, last = prompt.messages or (Message(role="user"),)
    if last.role != "user":
        before, last = [*before, last], Message(role="user")
    return replace(prompt, messages=(*before, replace(last, parts=(*parts, *last.parts))))


def _bare(word: str) -> str:
    return word.rstrip(".,;:!?)")


async def understood(
    text: str, servers: Servers, ask: Ask | None = None, *, what: str = "prompt"
) -> Typed:
    """The text itself, or the prompt that it names, with its arguments filled in; those that are
    missing are asked for, where somebody can be.

    A text that begins with a slash but looks like no prompt (a path, say) is left as it is. Raises
    ConfigError for a prompt that is not there, and arguments that are wrong; ServerError where its
    server fails.
    """
    if not text.startswith("/"):
        return Typed(text, text, text)
    name, _, rest = text[1:].partition(" ")
    if (definition := gate().prompt(name)) is not None:
        values = await _values(name, definition.arguments, rest, ask, {})
        filled = definition.render(values)
        return Typed(filled, filled, " ".join(values.values()))
    if (found := await _of_a_server(name, servers)) is not None:
        server, prompt = found
        suggest = {a.name: _suggesting(server, prompt, a) for a in prompt.arguments}
        values = await _values(name, prompt.arguments, rest, ask, suggest)
        typed = " ".join(values.values())
        return Typed(await server.get_prompt(prompt.name, values), typed, typed)
    if _CALL.fullmatch(text) and not _is_a_path(text):
        near = get_close_matches(name, await names(servers), n=3)
        hint = f"Did you mean /{' or /'.join(near)}?" if near else "`umcp prompts` lists them."
        raise ConfigError(f"There is no {what} /{name}. {hint}")
    return Typed(text, text, text)


def _is_a_path(text: str) -> bool:
    try:
        return Path(text).exists()
    except OSError:  # too long
        return False


async def _of_a_server(name: str, servers: Servers) -> "tuple[Server, Prompt] | None":
    """The prompt `server:prompt`, or `prompt` where one server has it."""
    asked = [server for each, server in servers.items() if name.startswith(f"{each}:")]
    if asked:
        own = name[len(asked[0].name) + 1 :]
        found = [prompt for prompt in await asked[0].list_prompts() if prompt.name == own]
        return (asked[0], found[0]) if found else None
    owners = [(s, p) for s, p in await _prompts(servers) if p.name == name]
    if len(owners) > 1:
        names = " or ".join(f"/{server.name}:{name}" for server, _ in owners)
        raise ConfigError(f"Several servers have a prompt {name!r}: write {names}.")
    return owners[0] if owners else None


async def _prompts(servers: Servers) -> "list[tuple[Server, Prompt]]":
    found = list[tuple["Server", Prompt]]()
    for server in servers.values():
        if server.error is None or server.connected:
            try:
                found += [(server, prompt) for prompt in await server.list_prompts()]
            except ServerError:
                continue  # as where it is not there; it is told of where it is named
    return found


def _suggesting(server: "Server", prompt: Prompt, argument: PromptArgument) -> "_Of":
    async def suggest(value: str, given: Mapping[str, str]) -> Sequence[str]:
        return await server.complete(argument.name, value, prompt=prompt.name, given=given)

    return suggest


_Of: TypeAlias = Callable[[str, Mapping[str, str]], Awaitable[Sequence[str]]]


async def _values(
    name: str,
    arguments: Sequence[PromptArgument],
    rest: str,
    ask: Ask | None,
    suggest: Mapping[str, _Of],
) -> dict[str, str]:
    values = _written(name, arguments, rest)
    if ask is None:
        return prompt_values(name, arguments, values)
    prompt_values(name, arguments, {a.name: a.default or "" for a in arguments} | values)
    for argument in arguments:
        if argument.required and argument.default is None and argument.name not in values:
            own, others = suggest.get(argument.name), dict(values)

            async def suggested(
                value: str,
                own: _Of | None = own,
                others: Mapping[str, str] = others,
                choices: tuple[str, ...] = argument.choices,
            ) -> Sequence[str]:
                if own is not None:
                    return await own(value, others)
                return [choice for choice in choices if choice.startswith(value)]

            values[argument.name] = await ask(argument, suggested)
    return prompt_values(name, arguments, values)


def _written(name: str, arguments: Sequence[PromptArgument], rest: str) -> dict[str, str]:
    try:
        words = shlex.split(rest)
    except ValueError as error:
        raise ConfigError(f"/{name}: the arguments cannot be read: {error}.") from error
    known = {argument.name for argument in arguments}
    if len(known) == 1 and words and words[0].partition("=")[0] not in known:
        return {next(iter(known)): " ".join(words)}  # the only argument needs no name
    for word in words:
        if "=" not in word:
            raise ConfigError(f"/{name}: write arguments as name=value, not {word!r}.")
    return dict(word.partition("=")[::2] for word in words)


async def names(servers: Servers) -> dict[str, str]:
    """All prompts that can be typed after a slash, with what they are for."""
    ours = {name: prompt.description for name, prompt in gate().prompts().items()}
    found = await _prompts(servers)
    theirs = {f"{server.name}:{p.name}": p.description or p.title or "" for server, p in found}
    return theirs | ours


def listed_prompts() -> list[str]:
    """A line for each prompt of a file that can be typed, and for those that cannot yet."""
    lines: list[str] = []
    for name, row in gate().listed("prompt"):
        prompt = cast(PromptDefinition, row.value)
        mark = "(not trusted: umcp trust) " if row.trusted is False else ""
        about = f"{mark}{prompt.description}"
        lines.append(printable(f"/{name} {usage(prompt.arguments)}  {about}", lines=False))
    return lines


async def server_prompts(servers: Servers) -> list[str]:
    """A line for each prompt of the servers."""
    return [
        printable(
            f"/{server.name}:{p.name} {usage(p.arguments)}  {p.description or p.title or ''}",
            lines=False,
        )
        for server, p in await _prompts(servers)
    ]


def usage(arguments: Sequence[PromptArgument]) -> str:
    """How the arguments are written: those in brackets can be left out."""
    shown = [(f"{a.name}={'|'.join(a.choices) or '…'}", a) for a in arguments]
    return " ".join(text if a.required else f"[{text}]" for text, a in shown)
