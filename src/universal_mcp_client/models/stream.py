"""A model server's answer while it comes: bounded in time and in bytes, and never believed to be of
the form that was asked for."""

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from typing import Any, Protocol, cast

from universal_mcp_client.models.base import ModelSettings
from universal_mcp_client.models.failures import from_status
from universal_mcp_client.types import bounds
from universal_mcp_client.types.errors import ModelError, ModelUnavailable
from universal_mcp_client.types.events import Completion, ModelEvent

_LARGEST_PAGE = 1 << 20
_EXCERPT = 200

HEADERS = {
    "Content-Type": "application/json",
    "Accept": "text/event-stream",
    "Accept-Encoding": "identity",  # what is packed small may be large without an end
}

NONSENSE = (
    KeyError, TypeError, AttributeError, IndexError, ValueError, RecursionError, OverflowError,
)  # fmt: skip
"""What reading an event of another form than expected raises."""


class Answer(Protocol):
    """The events of one answer, put together. `size` is the number of characters in it."""

    size: int

    def feed(self, event: Any) -> Sequence[ModelEvent]:
        """What an event adds. Raises one of NONSENSE for what is of another form, and a ModelError
        for what reports one."""
        ...

    def completion(self) -> Completion:
        """The whole answer. Raises ModelUnavailable where the stream broke off."""
        ...


async def listen(
    stream: Any, answer: Answer, settings: ModelSettings, model: str, key: str
) -> AsyncGenerator[ModelEvent]:
    """What the events of `stream` (an SDK's) add to `answer`, and last its completion.

    Raises ModelUnavailable where the server says nothing for too long, or what is not of its
    format; ModelError where the answer has no end.
    """
    async with stream:
        await _refuse_pages(stream.response, model, key)
        watch = _Watch(settings)
        iterator = aiter(stream)
        event: Any = None
        try:
            while True:
                last = event
                try:
                    event = await watch.next(iterator)
                except StopAsyncIteration:
                    break
                try:
                    found = answer.feed(event)
                except NONSENSE as error:
                    raise nonsense(model, event, error) from error
                for one in found:
                    yield one
                if answer.size > bounds.ANSWER_CHARACTERS:
                    raise ModelError(
                        f"{model} answers without an end: more than {bounds.ANSWER_CHARACTERS:,} characters. "
                        "It was cut off.",
                        model=model,
                    )
                # What says the same again, such as an empty delta, is no sign of life.
                if answer.size and event != last:
                    watch.alive()
        except TimeoutError as error:
            raise ModelUnavailable(f"{model} {watch.complaint}.", model=model) from error
        finally:
            watch.stop()
        try:
            completion = answer.completion()
        except NONSENSE as error:
            raise nonsense(model, event, error) from error
    if len(completion.message.tool_calls) > bounds.ANSWER_CALLS:
        raise ModelError(
            f"{model} asks for {len(completion.message.tool_calls)} tool calls at once; "
            f"{bounds.ANSWER_CALLS} are the most.",
            model=model,
        )
    yield completion


def nonsense(model: str, event: object, error: BaseException) -> ModelUnavailable:
    """The error for an event of another form than its wire format has."""
    return ModelUnavailable(
        f"{model} answered with what is not its format ({type(error).__name__}): {excerpt(event)}",
        model=model,
    )


def excerpt(said: object) -> str:
    """The beginning of what a server said."""
    try:
        text = said if isinstance(said, str) else json.dumps(said, ensure_ascii=False)
    except NONSENSE:
        text = f"a value of the type {type(said).__name__}"
    text = " ".join(text[: 4 * _EXCERPT].split())
    return text if len(text) <= _EXCERPT else f"{text[:_EXCERPT]}…"


def text_of(value: object) -> str:
    """`value`, which must be text. Raises TypeError."""
    if type(value) is not str:
        raise TypeError(f"text was expected, not {type(value).__name__}")
    return value


def count_of(value: object) -> int:
    """A number of tokens; 0 for what is none, as no answer is lost for its bill's sake."""
    return value if isinstance(value, int) and value > 0 else 0


def mapping_of(value: object) -> Mapping[str, Any]:
    """`value` where it is an object, else an empty one."""
    return cast(Mapping[str, Any], value) if isinstance(value, Mapping) else {}


async def _refuse_pages(response: Any, model: str, key: str) -> None:
    """An error object or a web page with status 200 is no stream of events: say what it says."""
    kind = str(response.headers.get("content-type", "")).partition(";")[0].strip().lower()
    if kind not in ("application/json", "text/html"):
        return
    page = b""
    async for chunk in response.aiter_bytes():
        page += chunk
        if len(page) > _LARGEST_PAGE:
            break
    text = page.decode("utf-8", "replace")
    try:
        body: object = json.loads(text)
    except (ValueError, RecursionError):
        body = None
    if isinstance(body, Mapping) and ("error" in body or "message" in body):
        raise from_status(model, None, cast(object, body), {}, excerpt(text), key)
    raise ModelUnavailable(
        f"{model} answered with {kind} instead of a stream of events: {excerpt(text)}", model=model
    )


class _Watch:
    """Ends the wait for a next event when the server has been silent for too long.

    Time runs only while an event is waited for, not while somebody works on the last. There is one
    timer for a stream, which looks at the clock when it goes off: `asyncio.timeout` around every
    event would cost a tenth of what an event costs.
    """

    def __init__(self, settings: ModelSettings) -> None:
        self._loop = asyncio.get_running_loop()
        self._first, self._between = settings.timeout, settings.stall_timeout
        self._patience: float | None = self._first
        self._spent = 0.0
        self._since = 0.0
        self._task: asyncio.Task[Any] | None = None
        self._fired = False
        self._timer: asyncio.TimerHandle | None = None
        self._arm(self._first)

    @property
    def complaint(self) -> str:
        if self._patience is self._first:
            return f"did not begin to answer within {self._first:g} s"
        return f"stopped in the middle of its answer for {self._between:g} s"

    def alive(self) -> None:
        """The server has said something new."""
        if self._patience is self._first:
            self._patience = self._between
            self._arm(self._between)
        self._spent = 0.0

    def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()

    async def next(self, iterator: AsyncIterator[Any]) -> Any:
        """The next event. Raises TimeoutError."""
        task = self._task = asyncio.current_task()
        assert task is not None
        requests = task.cancelling()
        self._since = self._loop.time()
        try:
            return await anext(iterator)
        except asyncio.CancelledError:
            if self._fired and task.uncancel() <= requests:
                raise TimeoutError from None
            raise
        finally:
            self._task = None
            self._spent += self._loop.time() - self._since

    def _arm(self, seconds: float | None) -> None:
        self.stop()
        self._timer = None if seconds is None else self._loop.call_later(seconds, self._look)

    def _look(self) -> None:
        if self._patience is None:
            return
        waited = self._loop.time() - self._since if self._task is not None else 0.0
        left = self._patience - self._spent - waited
        if left > 0 or self._task is None:
            self._arm(max(left, 0.01))
        else:
            self._fired = True
            self._task.cancel()


async def bounded(response: Any) -> None:
    """An httpx2 response hook: bytes as they are on the wire, and not without an end."""
    encoding = response.headers.get("content-encoding", "identity")
    if encoding != "identity":
        raise ModelUnavailable(
            f"the answer is packed ({excerpt(encoding)}), which was not asked for"
        )
    response.stream = _bounded(response.stream)


def _bounded(stream: Any) -> Any:
    from httpx2 import AsyncByteStream

    class Bounded(AsyncByteStream):
        async def __aiter__(self) -> AsyncIterator[bytes]:
            total = line = 0
            async for chunk in stream:
                total += len(chunk)
                end = max(chunk.rfind(b"\n"), chunk.rfind(b"\r"))
                line = line + len(chunk) if end < 0 else len(chunk) - end
                if line > bounds.ANSWER_EVENT_BYTES or total > bounds.ANSWER_BYTES:
                    raise ModelError(
                        f"The answer is too large: {line:,} bytes in one event, {total:,} in all."
                    )
                yield chunk

        async def aclose(self) -> None:
            await stream.aclose()

    return Bounded()
