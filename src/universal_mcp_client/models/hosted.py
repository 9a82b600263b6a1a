"""Tools that a provider runs itself: they are given to an agent as its other tools are, and each
adapter writes them as its wire has them, or raises ConfigError where it has none of that kind.

Nobody is asked before they run, and what they find never passes through this program's checks and
budgets: it is part of the model's answer.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True, slots=True, kw_only=True)
class WebSearch:
    """The provider searches the web, at most `max_uses` times in one answer, and on these domains
    alone where any are named."""

    max_uses: int | None = None
    allowed_domains: str | Sequence[str] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "allowed_domains", _several(self.allowed_domains))


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeExecution:
    """The provider runs the model's programs, in a sandbox of its own."""


@dataclass(frozen=True, slots=True)
class FileSearch:
    """The provider searches these stores of uploaded files (one, or several), for at most `max_results` pieces."""

    vector_store_ids: str | Sequence[str]
    max_results: int | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "vector_store_ids", _several(self.vector_store_ids))


def _several(given: str | Sequence[str]) -> tuple[str, ...]:
    return (given,) if isinstance(given, str) else tuple(given)


HostedTool: TypeAlias = WebSearch | CodeExecution | FileSearch
