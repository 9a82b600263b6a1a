"""Which calls are asked for, and whom: rules that a run makes and the agents inside it only add to."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from typing import TypeAlias

from universal_mcp_client.types.interaction import Interaction
from universal_mcp_client.types.messages import ToolCall
from universal_mcp_client.types.tools import Annotations, ToolSpec

Needs: TypeAlias = Callable[[ToolSpec], bool]

_REMEMBERED = 200_000  # tools; of more than these, no hint is believed


def always(spec: ToolSpec) -> bool:
    """All tools."""
    return True


def writes(spec: ToolSpec) -> bool:
    """All but tools that the server declares to be read-only."""
    return spec.annotations.read_only is not True


def destructive(spec: ToolSpec) -> bool:
    """Tools that may destroy something: as MCP has it, those of which nothing else is declared."""
    return writes(spec) and spec.annotations.destructive is not False


@dataclass(frozen=True, slots=True)
class Unless:
    """`needs`, but for tools which one of `patterns` allows; see `allows`."""

    needs: Needs
    patterns: Sequence[str]

    def __call__(self, spec: ToolSpec) -> bool:
        return not allows(self.patterns, spec) and self.needs(spec)


@dataclass(frozen=True, slots=True)
class EitherOf:
    """Where one of `rules` holds."""

    rules: Sequence[Needs]

    def __call__(self, spec: ToolSpec) -> bool:
        return any(needs(spec) for needs in self.rules)


def allows(patterns: Iterable[str], spec: ToolSpec) -> bool:
    """Whether a shell-style pattern means this tool: `server:tool`, or `tool` of any server.

    What has a colon is held against the server's name and the tool's own, so that no server gets in
    by calling its tool `time:now`.
    """
    tool = spec.original or spec.name
    return any(
        fnmatchcase(spec.server, server) and fnmatchcase(tool, own)
        if colon
        else fnmatchcase(tool, pattern) or fnmatchcase(spec.name, pattern)
        for pattern in patterns
        for server, colon, own in (pattern.partition(":"),)
    )


def mentions(patterns: Iterable[str], spec: ToolSpec) -> bool:
    """Whether a pattern means this tool under any of its names: the public one, its own, and
    `server:tool` or `server/tool`."""
    names = {spec.name, spec.own[1], *_full(spec)}
    return any(fnmatchcase(name, pattern) for pattern in patterns for name in names)


def admits(patterns: Iterable[str], spec: ToolSpec, servers: Iterable[str]) -> bool:
    """The same, but what has a colon, or begins with one of `servers` and a slash, means tools of
    that server alone: no other gets in by calling its tool `time:now`."""
    begins = tuple({f"{server}/" for server in servers if server})
    return any(
        any(fnmatchcase(name, pattern) for name in _full(spec))
        if ":" in pattern or pattern.startswith(begins)
        else mentions([pattern], spec)
        for pattern in patterns
    )


def _full(spec: ToolSpec) -> tuple[str, str]:
    server, own = spec.own
    return f"{server}:{own}", f"{server}/{own}"


@dataclass(slots=True)
class Strictest:
    """The strictest annotations that each tool had so far: a server may not talk a tool harmless
    once it is in use."""

    _seen: dict[tuple[str, str], Annotations] = field(
        default_factory=dict[tuple[str, str], Annotations]
    )

    def note(self, specs: Iterable[ToolSpec]) -> None:
        for spec in specs:
            self(spec)

    def __call__(self, spec: ToolSpec) -> ToolSpec:
        """The spec with the strictest annotations seen, those of now included."""
        key = spec.own
        if key not in self._seen and len(self._seen) >= _REMEMBERED:
            return replace(spec, annotations=Annotations(title=spec.annotations.title))
        before, now = self._seen.get(key, spec.annotations), spec.annotations
        strictest = replace(
            now,
            read_only=_weaker(before.read_only, now.read_only, strict=False),
            destructive=_weaker(before.destructive, now.destructive, strict=True),
        )
        self._seen[key] = strictest
        return spec if strictest == now else replace(spec, annotations=strictest)


def _weaker(before: bool | None, now: bool | None, *, strict: bool) -> bool | None:
    """Of two hints the less favourable: `strict`, then none at all, then its opposite."""
    return strict if strict in (before, now) else None if None in (before, now) else now


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """Calls for which `needs` holds run only when `interaction` allows them; with None, never."""

    needs: Needs
    interaction: Interaction | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Approval:
    """What a run decided about asking; it travels inwards with every call.

    `interaction` is the outermost one. All `rules` hold, each with whom it asks. `asked` is who has
    been asked already for which tool in a model's call, so that nobody is asked twice.
    """

    interaction: Interaction | None = None
    rules: tuple[Rule, ...] = ()
    seen: Strictest = field(default_factory=Strictest)
    asked: tuple[tuple[ToolCall, tuple[str, str], Interaction], ...] = ()

    def narrowed(self, interaction: Interaction | None, needs: Needs | None) -> "Approval":
        """With an agent's own `interaction` and `needs` added; nothing is taken away.

        Either switches asking on: without `needs`, for all that is not read-only; without an
        `interaction`, at the outermost one.
        """
        if interaction is None and needs is None:
            return self
        rule = Rule(needs=needs or writes, interaction=interaction or self.interaction)
        rules = self.rules if rule in self.rules else (*self.rules, rule)
        return replace(self, interaction=self.interaction or interaction, rules=rules)

    def asks(self, spec: ToolSpec) -> list[Interaction | None]:
        """Whom to ask before this tool is called, each once."""
        found: list[Interaction | None] = []
        strictest = self.seen(spec)
        for rule in self.rules:
            if rule.needs(strictest) and not any(rule.interaction is each for each in found):
                found.append(rule.interaction)
        return found
