"""How far a run may go."""

from dataclasses import dataclass

from universal_mcp_client.models.base import Model
from universal_mcp_client.types.errors import ConfigError
from universal_mcp_client.types.events import Limit
from universal_mcp_client.types.usage import Usage


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """None is "no limit". `tokens` counts input and output together, `cost` is US dollars,
    `seconds` wall time."""

    turns: int | None = 50
    tool_calls: int | None = None
    tokens: int | None = None
    cost: float | None = None
    seconds: float | None = None

    def describe(self, limit: Limit) -> str:
        """Why a run ended, for people."""
        bound = getattr(self, limit)
        unit = {"cost": f"${bound}", "seconds": f"{bound} seconds"}
        said = unit.get(limit, f"{bound} {limit.replace('_', ' ')}")
        return f"The run was ended by its limit of {said}; what was done so far is kept."


class Meter:
    """What a run has used so far, held against its limits."""

    def __init__(self, limits: Limits, model: Model) -> None:
        if limits.cost is not None and model.profile.price is None:
            raise ConfigError(
                f"A cost limit needs the price of {model.name}, which is not known. Give it: "
                "resolve(name, price=Price(input=…, output=…)), in US dollars per million tokens."
            )
        self.limits = limits
        self.turns = 0
        self.tool_calls = 0
        self.usage = Usage()
        self._price = model.profile.price

    @property
    def cost(self) -> float | None:
        return self._price.cost(self.usage) if self._price else None

    def spend(self, usage: Usage) -> None:
        self.usage += usage

    def reached(self, upcoming_calls: int = 0) -> Limit | None:
        """The limit that forbids another turn, or `upcoming_calls` more tool calls."""
        limits = self.limits
        if upcoming_calls:
            over = (
                limits.tool_calls is not None
                and self.tool_calls + upcoming_calls > limits.tool_calls
            )
            return "tool_calls" if over else None
        if limits.turns is not None and self.turns >= limits.turns:
            return "turns"
        if limits.tokens is not None and self.usage.total_tokens >= limits.tokens:
            return "tokens"
        if limits.cost is not None and (self.cost or 0.0) >= limits.cost:
            return "cost"
        return None
