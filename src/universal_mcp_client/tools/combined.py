"""Several toolsets as one, with public names that do not collide."""

import difflib
import logging
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from itertools import chain
from typing import Self

from universal_mcp_client.tools.base import CallContext, Toolset, left_out, opened
from universal_mcp_client.tools.names import public_names
from universal_mcp_client.tools.wrapping import Wrappable
from universal_mcp_client.types.bounds import (
    CATALOGUE_CHARACTERS,
    CATALOGUE_TOOLS,
    NAME_CHARACTERS,
)
from universal_mcp_client.types.messages import ToolCall, ToolResult, failure
from universal_mcp_client.types.tools import ToolSpec

logger = logging.getLogger(__name__)


class CombinedToolset(Wrappable):
    """Lists the tools of all `toolsets` under public names and routes calls back to their own.

    Of tools of one name in one toolset the first counts: a call could not be told apart. Tools
    beyond the bounds of a catalogue are not listed; `left_out` says so, and what its toolsets say.
    """

    def __init__(self, toolsets: Sequence[Toolset]) -> None:
        self.toolsets = tuple(toolsets)
        self._open: list[AsyncExitStack] = []
        self._parts: tuple[Sequence[ToolSpec], ...] = ()
        self._listing: tuple[ToolSpec, ...] = ()
        self._routes: dict[str, tuple[Toolset, ToolSpec]] = {}
        self._too_many: tuple[str, ...] = ()

    @property
    def left_out(self) -> Sequence[str]:
        """What the newest listing had to leave out, a sentence each."""
        return (*chain.from_iterable(map(left_out, self.toolsets)), *self._too_many)

    async def list_tools(self) -> Sequence[ToolSpec]:
        parts = tuple([await toolset.list_tools() for toolset in self.toolsets])
        unchanged = len(parts) == len(self._parts) and all(
            new is old for new, old in zip(parts, self._parts, strict=True)
        )
        if not unchanged:
            self._index(parts)
        return self._listing

    def _index(self, parts: tuple[Sequence[ToolSpec], ...]) -> None:
        owned = self._bounded(
            (toolset, spec)
            for toolset, part in zip(self.toolsets, parts, strict=True)
            for spec in _once_each(part)
        )
        names = public_names([spec for _, spec in owned])
        self._parts = parts
        self._listing = tuple(
            spec.under(name) for name, (_, spec) in zip(names, owned, strict=True)
        )
        self._routes = dict(zip(names, owned, strict=True))

    def _bounded(self, owned: Iterable[tuple[Toolset, ToolSpec]]) -> list[tuple[Toolset, ToolSpec]]:
        shown, left, beyond = (
            list[tuple[Toolset, ToolSpec]](),
            CATALOGUE_CHARACTERS,
            list[ToolSpec](),
        )
        for toolset, spec in owned:
            size = len(spec.description) + len(repr(spec.input_schema))
            if len(shown) < CATALOGUE_TOOLS and size <= left:
                left -= size
                shown.append((toolset, spec))
            else:
                beyond.append(spec)
        self._too_many = told_left_out(
            beyond,
            (*shown, *beyond),
            f"a model is told of at most {CATALOGUE_TOOLS:,}, and of {CATALOGUE_CHARACTERS:,} "
            "characters. Choose with `allow` in the server's config.",
        )
        return shown

    async def call_tool(self, call: ToolCall, context: CallContext) -> ToolResult:
        await self.list_tools()
        toolset, spec = self._routes.get(call.name, (self, None))
        if spec is None:
            return failure(call, unknown_tool(call.name, list(self._routes)))
        if not is_meant(spec, call, context):
            return failure(call, changed_tool(call.name))
        return await toolset.call_tool(*passed_on(call, spec, context))

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as stack:
            for toolset in self.toolsets:
                await stack.enter_async_context(opened(toolset))
            self._open.append(stack.pop_all())
        return self

    async def __aexit__(self, *_exc: object) -> None:
        # Entries are alike (each opened every toolset once), so that any of them will do.
        await self._open.pop().aclose()


def _once_each(specs: Iterable[ToolSpec]) -> Iterator[ToolSpec]:
    seen = set[str]()
    for spec in specs:
        if spec.name in seen:
            logger.warning("%s is listed more than once; the first counts.", spec.label)
            continue
        seen.add(spec.name)
        yield spec


def told_left_out(lacking: Sequence[ToolSpec], all_: Sequence[object], why: str) -> tuple[str, ...]:
    """A sentence, if any of `all_` tools are `lacking`; the log has it too."""
    if not lacking:
        return ()
    first = lacking[0].label[:NAME_CHARACTERS]
    told = f"{len(lacking):,} of {len(all_):,} tools are left out, {first!r} the first: {why}"
    logger.warning("%s", told)
    return (told,)


def is_meant(spec: ToolSpec, call: ToolCall, context: CallContext) -> bool:
    """Whether the name still stands for the tool that rules have decided about."""
    meant = context.tool
    return meant is None or meant.name != call.name or meant.own == spec.own


def passed_on(call: ToolCall, spec: ToolSpec, context: CallContext) -> tuple[ToolCall, CallContext]:
    """A call and its context as they go to the toolset that calls the tool `spec`."""
    if context.tool is not None:
        context = replace(context, tool=spec)
    return call if call.name == spec.name else replace(call, name=spec.name), context


def changed_tool(name: str) -> str:
    return f"The tool {name!r} changed while the user was asked. Not called."


def unknown_tool(name: str, known: Sequence[str]) -> str:
    """What to tell a model that asks for a tool which does not exist."""
    if len(name) > NAME_CHARACTERS:
        name = name[:NAME_CHARACTERS] + "…"
    near = difflib.get_close_matches(name, known, n=3, cutoff=0.5)
    if near:
        return f"There is no tool named {name!r}. Did you mean {' or '.join(map(repr, near))}?"
    if not known:
        return f"There is no tool named {name!r}, and there are no other tools. Answer without."
    some = ", ".join(known[:20]) + (f" and {len(known) - 20} more" if len(known) > 20 else "")
    return f"There is no tool named {name!r}. The tools are: {some}."
