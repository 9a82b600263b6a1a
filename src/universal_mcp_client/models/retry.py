"""Trying again: with backoff, as the provider asks, and only while nothing has been said yet."""

import random
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing

import anyio

from universal_mcp_client.types.errors import ModelError, ModelUnavailable, StreamInterrupted
from universal_mcp_client.types.events import ModelEvent, Retrying, TextDelta, ThinkingDelta
from universal_mcp_client.types.messages import Message, Part, Text, Thinking

FIRST_DELAY = 0.5
LONGEST_DELAY = 30.0
LONGEST_RETRY_AFTER = 120.0
"""A provider that asks for a longer wait than this (seconds) gets no retry but an error."""


async def retrying(
    attempt: Callable[[], AsyncGenerator[ModelEvent]], retries: int
) -> AsyncGenerator[ModelEvent]:
    """The events of `attempt()`, which is begun again when it fails before its first output.

    Raises the last `ModelError`; `StreamInterrupted` with what had arrived when a stream breaks
    after its output began.
    """
    tried = 0
    while True:
        partial = _Partial()
        try:
            async with aclosing(attempt()) as events:
                async for event in events:
                    partial.add(event)
                    yield event
            return
        except ModelError as error:
            if partial.text or partial.thinking:
                if not error.retryable:
                    raise
                raise StreamInterrupted(
                    f"The model's answer broke off in the middle: {error}",
                    model=error.model,
                    status=error.status,
                    partial=partial.message(),
                ) from error
            delay = _delay(error, tried)
            if not error.retryable or tried >= retries or delay is None:
                raise
            tried += 1
            failure = str(error)
        yield Retrying(error=failure, attempt=tried, delay=delay)
        await anyio.sleep(delay)


def _delay(error: ModelError, tried: int) -> float | None:
    if error.retry_after is not None:
        return error.retry_after if error.retry_after <= LONGEST_RETRY_AFTER else None
    backoff: float = min(LONGEST_DELAY, FIRST_DELAY * 2.0**tried)
    return backoff * random.uniform(0.75, 1.0)


class _Partial:
    def __init__(self) -> None:
        self.text: list[str] = []
        self.thinking: list[str] = []

    def add(self, event: ModelEvent) -> None:
        if isinstance(event, TextDelta):
            self.text.append(event.text)
        elif isinstance(event, ThinkingDelta):
            self.thinking.append(event.text)

    def message(self) -> Message:
        parts: list[Part] = []
        if self.thinking:
            parts.append(Thinking(text="".join(self.thinking)))
        if self.text:
            parts.append(Text(text="".join(self.text)))
        return Message(role="assistant", parts=tuple(parts))


def without_completion(model: str) -> ModelUnavailable:
    """The error for a stream that ends as if all were well, but without its last event."""
    return ModelUnavailable("The model's stream ended before the answer was complete.", model=model)
