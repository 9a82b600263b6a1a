"""A conversation over several runs: the only mutable state."""

from dataclasses import dataclass, field
from uuid import uuid4

from universal_mcp_client.tools.budgeted import KeptResults
from universal_mcp_client.tools.rules import Strictest
from universal_mcp_client.types.messages import Message


@dataclass(slots=True, kw_only=True)
class Session:
    """Give the same session to run after run and each knows what was said before."""

    id: str = field(default_factory=lambda: uuid4().hex)
    messages: list[Message] = field(default_factory=list[Message])
    results: KeptResults = field(default_factory=KeptResults, repr=False)
    seen: Strictest = field(default_factory=Strictest, repr=False)
