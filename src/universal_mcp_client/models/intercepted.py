"""What a program does before, around and after a model's answers."""

from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing
from dataclasses import replace
from typing import Any, TypeAlias, cast

from universal_mcp_client.models.base import Model, ModelRequest
from universal_mcp_client.types.errors import ConfigError
from universal_mcp_client.types.events import Completion, ModelEvent
from universal_mcp_client.types.usage import Usage

Proceed: TypeAlias = Callable[[ModelRequest], AsyncGenerator[ModelEvent]]
ModelInterceptor: TypeAlias = Callable[[ModelRequest, Proceed], AsyncIterator[ModelEvent]]
"""An async generator function: `async for event in proceed(request): yield event`."""


class Interceptable:
    """What all our models have besides the protocol."""

    def intercepted(self, function: ModelInterceptor) -> "InterceptedModel":
        """This model, with each request passed through `function(request, proceed)`, which yields the
        events of the answer: those of `proceed(request)`, changed, repeated, or its own."""
        return InterceptedModel(cast(Model, self), function)


class Wrapping(Interceptable):
    """A model in front of others: it has the name of the first, and can what all of them can."""

    def __init__(self, *models: Model) -> None:
        self.models = models
        self.name = models[0].name
        can: dict[str, Any] = {
            able: all(getattr(model.profile, able) for model in models)
            for able in ("images", "audio", "files", "tool_images", "native_output")
        }
        self.profile = replace(models[0].profile, **can)


def members(model: Model) -> list[Model]:
    """The models that may answer for `model`: itself, or those that it stands for."""
    if not isinstance(model, Wrapping):
        return [model]
    return [each for one in model.models for each in members(one)]


def answering(model: Model, name: str) -> Model:
    """Which of its members answered as `name`."""
    first, *others = members(model)
    return next((each for each in others if each.name == name), first)


class InterceptedModel(Wrapping):
    """A model around a model; for one that is not ours, too."""

    def __init__(self, model: Model, function: ModelInterceptor) -> None:
        super().__init__(model)
        self._function = function

    async def stream(self, request: ModelRequest) -> AsyncGenerator[ModelEvent]:
        spent = list[Usage]()

        async def proceed(request: ModelRequest) -> AsyncGenerator[ModelEvent]:
            async with aclosing(self.models[0].stream(request)) as events:
                async for event in events:
                    if isinstance(event, Completion):
                        spent.append(event.usage)
                    yield event

        answer: Any = self._function(request, proceed)
        if not hasattr(answer, "__aiter__"):
            if hasattr(answer, "close"):
                answer.close()  # a coroutine that nobody will wait for
            raise ConfigError(
                f"{self.name}: an interceptor yields the events of the answer: write `async def` with "
                "`yield` in it."
            )
        try:
            async for event in answer:
                if isinstance(event, Completion) and len(spent) > 1:  # it asked again
                    event = replace(event, usage=sum(spent, Usage()))
                yield event
        finally:
            if hasattr(answer, "aclose"):
                await answer.aclose()

    async def aclose(self) -> None:
        await self.models[0].aclose()
