"""How far a run may go."""

import time
from dataclasses import dataclass, fields
from typing import Any

from universal_mcp_client.models.base import Model
from universal_mcp_client.models.prices import Spending, answering, listed_price, members
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
        named = limit.replace("_", " ")
        said = f"its limit of {unit.get(limit, f'{bound} {named}')}"
        if bound is None:
            said = f"the limit of {named} of the run around it"
        return f"The run was ended by {said}; what was done so far is kept."


class Meter:
    """What a run has used so far, held against its limits and those of the runs around it: what an
    agent among the tools uses counts for `outer` as well, while it is used."""

    def __init__(self, limits: Limits, model: Model, outer: "Meter | None" = None) -> None:
        self.limits = limits
        self.outer = outer
        self.turns = 0
        self.tool_calls = 0
        self.usage = Usage()
        self._cost = 0.0  # counted where there is a limit to it
        self._started = time.monotonic()
        self._by_model = dict[tuple[int, str], tuple[Model, list[Usage]]]()
        self.uses(model)

    def uses(self, model: Model) -> None:
        """Raises ConfigError where a limit of cost could not be held with this model."""
        for each in members(model) if self._limits_cost else ():
            if (each.profile.price or listed_price(each.name)) is None:
                raise ConfigError(
                    f"A cost limit needs the price of {each.name}, which is not known. Give it: "
                    "resolve(name, price=Price(input=…, output=…)), in US dollars per million tokens."
                )

    @property
    def _limits_cost(self) -> bool:
        return self.limits.cost is not None or (self.outer is not None and self.outer._limits_cost)

    def spending(self) -> Spending:
        """What was used of each model, to be priced when somebody asks."""
        return Spending(
            tuple(
                (found.name, found.profile.price, tuple(requests))
                for (_, name), (model, requests) in self._by_model.items()
                for found in (answering(model, name),)
            )
        )

    def spend(self, usage: Usage, model: Model, name: str = "") -> None:
        """`name` is who answered, where `model` stands for several."""
        self.usage += usage
        self._by_model.setdefault((id(model), name), (model, []))[1].append(usage)
        if self._limits_cost:
            found = answering(model, name)
            price = found.profile.price or listed_price(found.name)
            self._cost += price.cost(usage) if price is not None else 0.0
        if self.outer is not None:
            self.outer.spend(usage, model, name)

    def reached(self, upcoming_calls: int = 0) -> Limit | None:
        """The limit that forbids another turn, or `upcoming_calls` more tool calls."""
        if upcoming_calls:
            most = self.limits.tool_calls
            if most is not None and self.tool_calls + upcoming_calls > most:
                return "tool_calls"
            return self.outer.reached(upcoming_calls) if self.outer is not None else None
        if self.limits.turns is not None and self.turns >= self.limits.turns:
            return "turns"
        return self._consumed()

    def calls(self, number: int) -> None:
        """So many tools are being called."""
        self.tool_calls += number
        if self.outer is not None:
            self.outer.calls(number)

    def _consumed(self) -> Limit | None:
        limits = self.limits
        if limits.tokens is not None and self.usage.total_tokens >= limits.tokens:
            return "tokens"
        if limits.cost is not None and self._cost >= limits.cost:
            return "cost"
        return self.outer._consumed() if self.outer is not None else None

    def left(self) -> Limits:
        """The limits as they are for what is still to come, never below zero."""
        used: dict[str, Any] = {
            "turns": self.turns,
            "tool_calls": self.tool_calls,
            "tokens": self.usage.total_tokens,
            "cost": self._cost,
            "seconds": time.monotonic() - self._started,
        }
        bounds = {f.name: getattr(self.limits, f.name) for f in fields(Limits)}
        return Limits(
            **{k: None if bound is None else max(0, bound - used[k]) for k, bound in bounds.items()}
        )
