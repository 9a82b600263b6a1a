"""Several models as one: where one fails, the next is asked."""

from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, aclosing
from dataclasses import replace
from typing import Any

from universal_mcp_client.models.base import Model, ModelRequest
from universal_mcp_client.models.intercepted import Wrapping, answering, members
from universal_mcp_client.models.registry import resolve
from universal_mcp_client.types.errors import (
    ConfigError,
    ModelAuthenticationError,
    ModelError,
    ModelNotFound,
    ModelUnavailable,
    QuotaExceeded,
    RateLimited,
)
from universal_mcp_client.types.events import Completion, ModelEvent, Retrying

ELSEWHERE: tuple[type[ModelError], ...] = (
    ModelAuthenticationError,
    ModelNotFound,
    ModelUnavailable,
    QuotaExceeded,
    RateLimited,
)
"""Failures that another provider need not have. What is wrong with the request itself is not among
them, nor an answer that broke off: what was said cannot be taken back."""


class Fallback(Wrapping):
    """`models` in order, names or `Model`s: the first that answers is heard.

    One that fails with an error of `on` before it said anything gives way to the next; `Retrying`
    tells. After the last one its error is raised, with what became of the others. Each is asked
    `settings.retries` times. `profile` is what all of them can; each is priced as itself.

    >>> Agent(Fallback("openai:gpt-5", "anthropic:claude-sonnet-5"))
    """

    def __init__(self, *models: str | Model, on: tuple[type[ModelError], ...] = ELSEWHERE) -> None:
        if not models:
            raise ConfigError("Fallback() needs at least one model.")
        for model in models:
            if not isinstance(model, str) and not hasattr(model, "stream"):
                raise ConfigError(
                    f"{model!r:.200} is no model: write Fallback('openai:a', 'anthropic:b'), with "
                    "names or Models one after the other."
                )
        super().__init__(*(resolve(m) if isinstance(m, str) else m for m in models))
        self._owned = [m for m, given in zip(self.models, models, strict=True) if m is not given]
        self._on = on
        prices = dict[str, Any]()  # by who answers
        for each in (each for model in self.models for each in members(model)):
            if prices.setdefault(each.name, each.profile.price) != each.profile.price:
                raise ConfigError(
                    f"Two models of a Fallback are {each.name} and have different prices: of an answer "
                    "it is only known who that was."
                )

    async def stream(self, request: ModelRequest) -> AsyncGenerator[ModelEvent]:
        failed = list[str]()
        for number, model in enumerate(self.models, 1):
            said = False
            try:
                async with aclosing(model.stream(request)) as events:
                    async for event in events:
                        said = said or not isinstance(event, Retrying)
                        if isinstance(event, Completion):
                            event = replace(event, model=answering(model, event.model).name)
                        yield event
                return
            except (ModelError, ConfigError) as error:
                if said or number == len(self.models) or not isinstance(error, self._on):
                    for other in failed:
                        error.add_note(other)
                    raise
                failed.append(f"Before: {model.name}: {error}")
                told = f"{model.name} failed: {error} {self.models[number].name} is asked instead."
            yield Retrying(error=told, attempt=number, delay=0.0)

    async def aclose(self) -> None:
        async with AsyncExitStack() as stack:  # one that fails keeps no other open
            for model in self._owned:
                stack.push_async_callback(model.aclose)
