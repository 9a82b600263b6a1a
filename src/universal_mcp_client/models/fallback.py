"""Several models as one: where one fails, the next is asked."""

from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, aclosing
from dataclasses import replace
from typing import Any

from universal_mcp_client.models.base import Model, ModelRequest, Profile
from universal_mcp_client.models.intercepted import Interceptable
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
from universal_mcp_client.types.events import ModelEvent, Retrying

ELSEWHERE: tuple[type[ModelError], ...] = (
    ModelAuthenticationError,
    ModelNotFound,
    ModelUnavailable,
    QuotaExceeded,
    RateLimited,
)
"""Failures that another provider need not have. What is wrong with the request itself is not among
them, nor an answer that broke off: what was said cannot be taken back."""


class Fallback(Interceptable):
    """`models` in order, names or `Model`s: the first that answers is heard.

    One that fails with an error of `on` before it said anything gives way to the next; `Retrying`
    tells. After the last one its error is raised, with what became of the others. Each is asked
    `settings.retries` times. `profile` is what all of them can; each is priced as itself.

    >>> Agent(Fallback("openai:gpt-5", "anthropic:claude-sonnet-5"))
    """

    def __init__(self, *models: str | Model, on: tuple[type[ModelError], ...] = ELSEWHERE) -> None:
        if not models:
            raise ConfigError("Fallback() needs at least one model.")
        self.models = tuple(resolve(m) if isinstance(m, str) else m for m in models)
        self._owned = [m for m, given in zip(self.models, models, strict=True) if m is not given]
        self._on = on

    @property
    def name(self) -> str:
        return self.models[0].name

    @property
    def profile(self) -> Profile:
        """The first one's, without what another one lacks."""
        first, *others = (model.profile for model in self.models)
        can: dict[str, Any] = {
            able: all(getattr(profile, able) for profile in (first, *others))
            for able in ("images", "audio", "files", "tool_images", "native_output")
        }
        return replace(first, **can)

    async def stream(self, request: ModelRequest) -> AsyncGenerator[ModelEvent]:
        failed = list[str]()
        for number, model in enumerate(self.models, 1):
            said = False
            try:
                async with aclosing(model.stream(request)) as events:
                    async for event in events:
                        said = said or not isinstance(event, Retrying)
                        yield event
                return
            except ModelError as error:
                if said or not isinstance(error, self._on):
                    raise
                if number == len(self.models):
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
