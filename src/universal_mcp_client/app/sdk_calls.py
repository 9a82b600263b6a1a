"""The SDKs' own calls, as they are made in a loop around them."""

import inspect
from collections.abc import AsyncGenerator, AsyncIterable, Callable, Collection, Mapping
from contextlib import suppress
from functools import partial
from types import MethodType
from typing import Any, Self

import anyio
import anyio.to_thread

from universal_mcp_client.app.wires import Wire
from universal_mcp_client.models.wire import encode
from universal_mcp_client.tools.program import awaited

# Where and by which class the SDKs' own calls are made.
_RESOURCES: Mapping[tuple[str, str], Wire] = {
    ("openai.resources.chat.", "completions"): "openai",
    ("openai.resources.responses.", "responses"): "openai-responses",
    ("anthropic.resources.", "messages"): "anthropic",
}


def wire_of(create: Any) -> Wire | None:
    """The wire of one of the SDKs' own calls, such as `client.responses.create`."""
    owner = getattr(getattr(create, "func", create), "__self__", None)
    for kind in type(owner).__mro__:
        for (home, name), wire in _RESOURCES.items():
            if kind.__module__.startswith(home) and kind.__name__.lower().endswith(name):
                return wire
    return None


def direct(create: Any, said: object) -> bool:
    """Whether a request's messages and tools may go by `extra_body`: the SDK then writes them as they
    are, without holding each against all forms that it might have, at each turn again (which takes
    more time than all else). Not where somebody stands around the SDK's method or its client, to
    watch or to change, nor where `said` is more than JSON: files, which the SDK reads itself.
    """
    if type(create) is not MethodType or create.__name__ != "create":
        return False
    client = getattr(create.__self__, "_client", None)
    homes = [getattr(create.__func__, "__globals__", {}).get("__name__"), type(client).__module__]
    if any(str(home).partition(".")[0] not in ("openai", "anthropic") for home in homes):
        return False
    if {"post", "request"} & {*getattr(client, "__dict__", ())}:
        return False
    try:
        encode(said)
    except (TypeError, ValueError, RecursionError):
        return False
    return True


async def called(
    create: Callable[..., Any], request: Mapping[str, Any], by_body: Collection[str]
) -> Any:
    """What the SDK's call gives; that of a sync client is made in a thread. The fields `by_body` go
    in `extra_body`, see `direct`."""
    if body := {name: request[name] for name in by_body if name in request}:
        empty: dict[str, Any] = dict.fromkeys(body, ())
        body |= request.get("extra_body") or {}
        request = {**request, **empty, "extra_body": body}
    call = partial(create, **request)
    if inspect.iscoroutinefunction(inspect.unwrap(create)):
        return await call()
    found = await anyio.to_thread.run_sync(call, abandon_on_cancel=True)
    return await awaited(found)


class Chunks:
    """The chunks of all turns; as the SDKs' streams are, an iterator and a context manager."""

    def __init__(self, chunks: AsyncGenerator[Any]) -> None:
        self._chunks = chunks

    def __aiter__(self) -> AsyncGenerator[Any]:
        return self._chunks

    async def __anext__(self) -> Any:
        return await anext(self._chunks)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_exc: object) -> None:
        await self.close()

    async def close(self) -> None:
        """End the turn under way, and with it the provider's answer."""
        await self._chunks.aclose()


async def chunks(stream: Any) -> AsyncGenerator[Any]:
    """The chunks of an SDK's stream, which is closed in the end; a sync one is read in threads."""
    try:
        if isinstance(stream, AsyncIterable):
            async for chunk in stream:
                yield chunk
        else:
            pieces, end = iter(stream), object()
            following = partial(anyio.to_thread.run_sync, next, pieces, end, abandon_on_cancel=True)
            while (chunk := await following()) is not end:
                yield chunk
    finally:
        close = getattr(stream, "close", None) or getattr(stream, "aclose", None)
        # A generator that a thread still waits in cannot be closed; it ends with its answer.
        with anyio.CancelScope(shield=True), suppress(ValueError):
            if close is not None and inspect.isawaitable(closed := close()):
                await closed
