"""A model server's answer while it comes: bounded in time and in bytes, and never believed to be of
the form that was asked for."""

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping, Sequence
from typing import Any, Protocol, cast

from universal_mcp_client.models.base import ModelSettings
from universal_mcp_client.models.failures import from_status
from universal_mcp_client.models.patience import Patience
from universal_mcp_client.policy.text import printable
from universal_mcp_client.types import bounds
from universal_mcp_client.types.errors import ModelError, ModelUnavailable
from universal_mcp_client.types.events import Completion, ModelEvent

_EXCERPT = 200
_MOST_TOKENS = 2**53
_PAGES = ("application/json", "text/html")
_BLANK = (b"\n\n", b"\r\r", b"\r\n\r\n")

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
    """The events of one answer, put together.

    `size` is what is kept of it, in characters: it grows with everything that is. `finished` says
    that nothing is missing, though the stream may not have ended.
    """

    size: int
    finished: bool

    def feed(self, event: Any) -> Sequence[ModelEvent]:
        """What an event adds. Raises one of NONSENSE for what is of another form, and a ModelError
        for what reports one."""
        ...

    def completion(self) -> Completion:
        """The whole answer. Raises ModelUnavailable where the stream broke off."""
        ...


async def listen(
    opening: Awaitable[Any], answer: Answer, settings: ModelSettings, model: str, key: str
) -> AsyncGenerator[ModelEvent]:
    """What the events of a stream (an SDK's, which `opening` opens) add to `answer`, and last its
    completion.

    Raises ModelUnavailable where the server says nothing for too long, or what is not of its
    format; ModelError where the answer has no end.
    """
    patience = Patience(settings)
    event: Any = None
    try:
        async with await patience.wait(opening) as stream:
            await patience.wait(_refuse_pages(stream.response, model, key))
            iterator = aiter(stream)
            heard = size = 0
            last: object = None
            while True:
                patience.waits()
                try:
                    event = await anext(iterator)
                except StopAsyncIteration:
                    break
                except asyncio.CancelledError as error:
                    patience.explain(error)
                finally:
                    patience.waiting = False
                try:
                    found = answer.feed(event)
                except NONSENSE as error:
                    raise nonsense(model, event, error) from error
                for one in found:
                    yield one
                heard += 1
                bound(model, answer, heard)
                if answer.size != size:
                    size = answer.size
                    if not patience.fresh:
                        patience.grew()
                else:  # what says the same again, such as an empty delta, is no sign of life
                    kind = event.get("type")
                    patience.heard(type(kind) is str and kind != last)
                    last = kind
                if answer.finished:
                    patience.finish()
    except TimeoutError as error:
        if not answer.finished:  # what is complete needs no end of its stream
            raise ModelUnavailable(f"{model} {patience.complaint}.", model=model) from error
    finally:
        patience.stop()
    try:
        completion = answer.completion()
    except NONSENSE as error:
        raise nonsense(model, event, error) from error
    yield completion


def bound(model: str, answer: Answer, events: int) -> None:
    """Raises ModelError for an answer, of so many events, that has no end."""
    if answer.size > bounds.ANSWER_CHARACTERS or events > bounds.ANSWER_EVENTS:
        raise ModelError(
            f"{model} answers without an end: more than {bounds.ANSWER_CHARACTERS:,} characters or "
            f"{bounds.ANSWER_EVENTS:,} events. It was cut off.",
            model=model,
        )


def too_many_calls(model: str) -> ModelError:
    """The error for an answer that would start more tools at once than anybody can follow."""
    return ModelError(
        f"{model} asks for too many tool calls at once; {bounds.ANSWER_CALLS} are the most.",
        model=model,
    )


def nonsense(model: str, event: object, error: BaseException) -> ModelUnavailable:
    """The error for an event of another form than its wire format has."""
    return ModelUnavailable(
        f"{model} answered with what is not its format ({type(error).__name__}): {excerpt(event)}",
        model=model,
    )


def excerpt(said: object) -> str:
    """The beginning of what a server said, fit for an error."""
    try:
        text = said if isinstance(said, str) else json.dumps(said, ensure_ascii=False)
    except NONSENSE:
        text = f"a value of the type {type(said).__name__}"
    text = " ".join(printable(text[: 4 * _EXCERPT], lines=False).split())
    return text if len(text) <= _EXCERPT else f"{text[:_EXCERPT]}…"


def text_of(value: object) -> str:
    """`value`, which must be text. Raises TypeError."""
    if type(value) is not str:
        raise TypeError(f"text was expected, not {type(value).__name__}")
    return value


def count_of(value: object) -> int:
    """A number of tokens; 0 for what is none, as no answer is lost for its bill's sake."""
    return value if type(value) is int and 0 < value < _MOST_TOKENS else 0


def list_of(value: object) -> list[Any]:
    """`value`, which must be a list. Raises TypeError."""
    if type(value) is not list:
        raise TypeError(f"a list was expected, not {type(value).__name__}")
    return value


def mapping_of(value: object) -> Mapping[str, Any]:
    """`value` where it is an object, else an empty one."""
    return cast(Mapping[str, Any], value) if isinstance(value, Mapping) else {}


async def _refuse_pages(response: Any, model: str, key: str) -> None:
    """An error object or a web page with status 200 is no stream of events: say what it says."""
    kind = _kind(response)
    if kind not in _PAGES:
        return
    text = (await response.aread()).decode("utf-8", "replace")
    try:
        body: object = json.loads(text)
    except (ValueError, RecursionError):
        body = None
    if isinstance(body, Mapping) and ("error" in body or "message" in body):
        raise from_status(model, None, cast(object, body), {}, excerpt(text), key)
    raise ModelUnavailable(
        f"{model} answered with {kind} instead of a stream of events: {excerpt(text)}", model=model
    )


def _kind(response: Any) -> str:
    return str(response.headers.get("content-type", "")).partition(";")[0].strip().lower()


async def bounded(response: Any) -> None:
    """An httpx2 response hook: bytes as they are on the wire, and not without an end."""
    failed = response.status_code >= 400
    encoding = response.headers.get("content-encoding", "identity").strip().lower()
    if encoding not in ("", "identity"):
        if not failed:
            raise ModelUnavailable(
                f"the answer is packed ({excerpt(encoding)}), which was not asked for"
            )
        del response.headers["content-encoding"]  # the status says enough
        response.stream = _beginning(response.stream, 0)
    elif failed or _kind(response) in _PAGES:
        response.stream = _beginning(response.stream, bounds.ANSWER_ERROR_BYTES)
    else:
        response.stream = _events(response.stream)


def _beginning(stream: Any, size: int) -> Any:
    """The first `size` bytes of an answer; the rest is not read."""

    async def read() -> AsyncIterator[bytes]:
        left = size
        if left:
            async for chunk in stream:
                yield chunk[:left]
                left -= len(chunk)
                if left <= 0:
                    return

    return _stream(read, stream)


def _events(stream: Any) -> Any:
    """The bytes of server-sent events. The SDKs keep an event until the blank line behind it, and
    one of them copies it once a line."""

    async def read() -> AsyncIterator[bytes]:
        total = event = lines = 0
        tail = b""
        async for chunk in stream:
            total += len(chunk)
            if chunk[-2:] == b"\n\n" and total <= bounds.ANSWER_BYTES:
                event, lines, tail = 0, 0, b""  # whole events, as nearly all that come
                yield chunk
                continue
            seen = tail + chunk
            tail = seen[-3:]
            end = max(map(seen.rfind, _BLANK))
            if end >= 0:
                event, lines, rest = 0, 0, seen[end:]
            else:
                rest = chunk
            event += len(rest)
            lines += rest.count(b"\n") + rest.count(b"\r")
            if (
                event > bounds.ANSWER_EVENT_BYTES
                or lines > bounds.ANSWER_EVENT_LINES
                or total > bounds.ANSWER_BYTES
            ):
                raise ModelError(
                    f"The answer is too large: {event:,} bytes and {lines:,} lines in one event, "
                    f"{total:,} bytes in all."
                )
            yield chunk

    return _stream(read, stream)


def _stream(read: Callable[[], AsyncIterator[bytes]], inner: Any) -> Any:
    from httpx2 import AsyncByteStream

    class Bounded(AsyncByteStream):
        def __aiter__(self) -> AsyncIterator[bytes]:
            return read()

        async def aclose(self) -> None:
            await inner.aclose()

    return Bounded()
