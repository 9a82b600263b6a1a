"""How far a run may go."""

import math
import time
from dataclasses import dataclass, fields
from typing import Any

from universal_mcp_client.models.base import Model
from universal_mcp_client.models.intercepted import answering, members
from universal_mcp_client.models.prices import Spending, listed_price
from universal_mcp_client.types.errors import ConfigError
from universal_mcp_client.types.events import Limit, RunResult
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

    def __post_init__(self) -> None:
        for name in (f.name for f in fields(self)):
            value: object = getattr(self, name)
            if not (value is None or (isinstance(value, int | float) and value >= 0)):
                raise ConfigError(f"Limits({name}={value!r}): give a number from 0 on, or None.")

    def describe(self, limit: Limit, result: RunResult[Any] | None = None) -> str:
        """Why a run ended, for people. With its `result`, a limit of the run around it is told from
        its own."""
        bound = getattr(self, limit)
        unit = {"cost": f"${bound}", "seconds": f"{bound} seconds"}
        named = limit.replace("_", " ")
        said = f"its limit of {unit.get(limit, f'{bound} {named}')}"
        used: dict[Limit, float | None] = {}
        if result is not None:  # of the last calls, one is too many
            calls, tokens = len(result.tool_calls) - 1, result.usage.total_tokens
            used = {"tool_calls": calls, "tokens": tokens, "cost": result.cost}
        spent = used.get(limit)
        if bound is None or (spent is not None and spent < bound):
            said = f"the limit of {named} of the run around it"
        return f"The run was ended by {said}; what was done so far is kept."


class Meter:
    """What a run has used so far, held against its limits and those of the runs around it: what an
    agent among the tools uses counts for `outer` as well, while it is used."""

    def __init__(self, limits: Limits, model: Model, outer: "Meter | None" = None) -> None:
        self.limits = limits
        self.turns = 0
        self.tool_calls = 0
        self.usage = Usage()
        self._all: tuple[Meter, ...] = (self, *(outer._all if outer is not None else ()))
        self._priced = any(meter.limits.cost is not None for meter in self._all)
        self._cost = 0.0  # counted where there is a limit to it
        self._started = time.monotonic()
        self._by_model = dict[tuple[int, str], tuple[Model, list[Usage]]]()
        self.uses(model)

    def uses(self, model: Model) -> None:
        """Raises ConfigError where a limit of cost could not be held with this model."""
        for each in members(model) if self._priced else ():
            if (each.profile.price or listed_price(each.name)) is None:
                raise ConfigError(
                    f"A cost limit needs the price of {each.name}, which is not known. Give it: "
                    "resolve(name, price=Price(input=…, output=…)), in US dollars per million tokens."
                )

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
        price = None
        if self._priced:
            found = answering(model, name)
            price = found.profile.price or listed_price(found.name)
        for meter in self._all:
            meter.usage += usage
            meter._by_model.setdefault((id(model), name), (model, []))[1].append(usage)
            meter._cost += price.cost(usage) if price is not None else 0.0

    def calls(self, number: int) -> Limit | None:
        """So many tools are to be called: count them, or say which limit forbids it."""
        most = self.left().tool_calls
        if most is not None and number > most:
            return "tool_calls"
        for meter in self._all:
            meter.tool_calls += number
        return None

    def reached(self) -> Limit | None:
        """The limit that forbids another turn."""
        left = self.left()
        ends: tuple[Limit, ...] = ("turns", "tokens", "cost")
        return next((limit for limit in ends if getattr(left, limit) == 0), None)

    def left(self) -> Limits:
        """How far the run may still go, by the limits of those around it too; never below zero."""
        found = dict[str, Any]()
        for meter in self._all:
            used = {
                "tool_calls": meter.tool_calls,
                "tokens": meter.usage.total_tokens,
                "cost": meter._cost,
                "seconds": time.monotonic() - meter._started,
            } | ({"turns": meter.turns} if meter is self else {})
            for name, number in used.items():
                bound = getattr(meter.limits, name)
                if bound is not None:
                    found[name] = min(max(0, bound - number), found.get(name, math.inf))
        return Limits(**{"turns": None} | found)
