"""What a conversation has read of servers' resources."""

from dataclasses import dataclass, field

from universal_mcp_client.tools.budgeted import KeptResults
from universal_mcp_client.types.resources import Skill

LINKS = 10_000
"""Links of results that are remembered, the newest."""


@dataclass(slots=True)
class Readings:
    """By server and URI: `pages` has the id of what was too long to be shown whole, and is `kept`, `links` what tools have pointed to, `told` the state in which the model was last
    shown what it has in its context: the revision at its server, and a digest. `tools` are the names
    that it knew last, by the agent that has them, `skills` what was loaded, by its name."""

    kept: KeptResults = field(default_factory=KeptResults)
    pages: dict[tuple[str, str], str] = field(default_factory=dict[tuple[str, str], str])
    links: dict[tuple[str, str], None] = field(default_factory=dict[tuple[str, str], None])
    told: dict[tuple[str, str], tuple[int, str]] = field(
        default_factory=dict[tuple[str, str], tuple[int, str]]
    )
    tools: dict[str, frozenset[str]] = field(default_factory=dict[str, frozenset[str]])
    skills: dict[str, Skill] = field(default_factory=dict[str, Skill])

    def link(self, server: str, uri: str) -> None:
        self.links.pop((server, uri), None)
        self.links[server, uri] = None
        while len(self.links) > LINKS:
            del self.links[next(iter(self.links))]
