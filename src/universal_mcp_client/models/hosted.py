"""Tools that a provider runs itself: they are given to an agent as its other tools are, and each
adapter writes them as its wire has them, or raises ConfigError where it has none of that kind.

Nobody is asked before they run, and what they find never passes through this program's checks and
budgets: it is part of the model's answer.
"""

from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True, slots=True, kw_only=True)
class WebSearch:
    """The provider searches the web, at most `max_uses` times in one answer, and on these domains
    alone where any are named."""

    max_uses: int | None = None
    allowed_domains: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeExecution:
    """The provider runs the model's programs, in a sandbox of its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FileSearch:
    """The provider searches these stores of uploaded files, for at most `max_results` pieces."""

    vector_store_ids: tuple[str, ...]
    max_results: int | None = None


HostedTool: TypeAlias = WebSearch | CodeExecution | FileSearch
