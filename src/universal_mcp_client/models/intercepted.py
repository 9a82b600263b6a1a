"""What a program does before, around and after a model's answers."""

from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing
from typing import Any, TypeAlias, cast

from universal_mcp_client.models.base import Model, ModelRequest
from universal_mcp_client.types.errors import ConfigError
from universal_mcp_client.types.events import ModelEvent

Proceed: TypeAlias = Callable[[ModelRequest], AsyncGenerator[ModelEvent]]
ModelInterceptor: TypeAlias = Callable[[ModelRequest, Proceed], AsyncIterator[ModelEvent]]
"""An async generator function: `async for event in proceed(request): yield event`."""


class Interceptable:
    """What all our models have besides the protocol."""

    def intercepted(self, function: ModelInterceptor) -> "InterceptedModel":
        """This model, with each request passed through `function(request, proceed)`, which yields the
        events of the answer: those of `proceed(request)`, changed, repeated, or its own."""
        return InterceptedModel(cast(Model, self), function)


class InterceptedModel(Interceptable):
    """A model around a model; for one that is not ours, too."""

    def __init__(self, model: Model, function: ModelInterceptor) -> None:
        self.name, self.profile = model.name, model.profile
        self.models = (model,)
        """Whom it stands for."""
        self._function = function

    async def stream(self, request: ModelRequest) -> AsyncGenerator[ModelEvent]:
        answer = self._function(request, self.models[0].stream)
        if not hasattr(answer, "__aiter__"):
            if hasattr(answer, "close"):
                cast(Any, answer).close()  # a coroutine that nobody will wait for
            raise ConfigError(
                f"{self.name}: an interceptor yields the events of the answer: write `async def` with "
                "`yield` in it."
            )
        async with aclosing(cast(Any, answer)) as events:
            async for event in events:
                yield event

    async def aclose(self) -> None:
        await self.models[0].aclose()
