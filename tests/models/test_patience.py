"""How long a model server is waited for: every way of being slow, or of never ending, has a clock."""

import asyncio
import itertools
import json
import socket
import threading
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from tests.models.test_nonsense import asked, good, keys, stream, wire
from tests.support.llm_server import Fault, LLMServer, Raw

from universal_mcp_client import ConfigError, ModelRequest, ModelSettings, resolve
from universal_mcp_client.types.errors import ModelError, ModelUnavailable, StreamInterrupted
from universal_mcp_client.types.messages import user

__all__ = ["keys", "wire"]  # fixtures

PACE = 0.02


def trickling(*pieces: bytes, media_type: str = "text/event-stream", pace: float = PACE) -> Raw:
    """The pieces, the last of them for ever."""

    async def body() -> AsyncIterator[bytes]:
        for piece in itertools.chain(pieces, itertools.repeat(pieces[-1])):
            yield piece
            await asyncio.sleep(pace)

    return Raw(body, media_type)


@pytest.fixture
def slow_head() -> Iterator[str]:
    """A server whose head has no end: a header field every 20 ms."""
    listener = socket.create_server(("127.0.0.1", 0))
    ended = threading.Event()

    def serve() -> None:
        peer, _ = listener.accept()
        with peer:
            peer.sendall(b"HTTP/1.1 200 OK\r\n")
            while not ended.wait(PACE):
                try:
                    peer.sendall(b"x-a: b\r\n")
                except OSError:
                    return

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    ended.set()
    thread.join()
    listener.close()


async def test_a_head_without_an_end_has_the_clock_of_an_answer_that_does_not_begin(
    wire: str, slow_head: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", slow_head)
    monkeypatch.setenv("ANTHROPIC_BASE_URL", slow_head)
    async with asyncio.timeout(5):
        with pytest.raises(ModelUnavailable, match=r"did not begin to answer within 0\.3 s"):
            await asked(wire, timeout=0.3)


async def test_so_has_a_page_that_is_sent_byte_by_byte(wire: str, llm: LLMServer) -> None:
    llm.script = [trickling(b"<", b"p>", media_type="text/html")]
    async with asyncio.timeout(5):
        with pytest.raises(ModelUnavailable, match=r"did not begin to answer within 0\.3 s"):
            await asked(wire, timeout=0.3)


@pytest.mark.parametrize("ending", ["silence", "comments"])
async def test_a_complete_answer_needs_no_end_of_its_stream(
    wire: str, ending: str, llm: LLMServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("universal_mcp_client.models.patience.GRACE", 0.1)
    last = b": ping\n\n" if ending == "comments" else b""
    llm.script = [trickling(stream(*good(wire)), last)]
    async with asyncio.timeout(5):
        completion, _ = await asked(wire)
    assert completion.message.text == "It is five."
    assert completion.usage.output_tokens == 5


async def test_an_answer_that_is_read_from_one_task_after_another_has_the_same_clocks(
    llm: LLMServer,
) -> None:
    """As `asyncio.wait_for` reads it in Python 3.11."""
    events = good("openai", "It is five o'clock here.")
    llm.script = [trickling(stream(*events[:4]), b": ping\n\n")]
    model = resolve("openai:any")
    settings = ModelSettings(retries=0, stall_timeout=0.2)
    answer = model.stream(ModelRequest(messages=(user("hello"),), settings=settings))
    async with asyncio.timeout(5):
        with pytest.raises(StreamInterrupted, match=r"for 0\.2 s"):
            while True:
                await asyncio.create_task(anext(answer))  # type: ignore[arg-type]
    await model.aclose()


BARREN: dict[str, Any] = {
    "openai": lambda n: {"created": n, "choices": [{"index": 0, "delta": {"content": ""}}]},
    "openai-responses": lambda n: {"type": f"response.thing_call.{n}", "sequence_number": n},
    "anthropic": lambda n: {"type": "content_block_stop", "index": n},
}


async def test_events_that_differ_and_say_nothing_are_life_only_up_to_a_bound(
    wire: str, llm: LLMServer
) -> None:
    events = good(wire, "It is five o'clock here.")

    async def body() -> AsyncIterator[bytes]:
        yield stream(*events[: len(events) // 2])
        for number in itertools.count(100):
            yield stream(BARREN[wire](number))
            await asyncio.sleep(PACE)

    llm.script = [Raw(body)]
    async with asyncio.timeout(5):
        with pytest.raises(StreamInterrupted, match="stopped in the middle of its answer"):
            await asked(wire, timeout=0.4, stall_timeout=0.3)


async def test_a_tool_of_the_provider_that_works_for_long_is_waited_for(llm: LLMServer) -> None:
    """A web search says in events of its own that it goes on."""
    events = good("openai-responses", "It is five o'clock here.")

    async def body() -> AsyncIterator[bytes]:
        yield stream(*events[:3])
        for step in ("in_progress", "searching", "completed"):
            yield stream({"type": f"response.web_search_call.{step}"})
            await asyncio.sleep(0.15)
        yield stream(*events[3:])

    llm.script = [Raw(body)]
    completion, _ = await asked("openai-responses", timeout=5, stall_timeout=0.3)
    assert completion.message.text == "It is five o'clock here."


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"stall_timeout": "soon"}, "stall_timeout"),
        ({"stall_timeout": 0}, "stall_timeout"),
        ({"timeout": float("nan")}, "timeout"),
        ({"timeout": None}, "timeout"),
        ({"retries": -1}, "retries"),
        ({"retries": "many"}, "retries"),
        ({"stop": [1]}, "stop"),
        ({"reasoning": "hard"}, "reasoning"),
        ({"extra": "x"}, "extra"),
    ],
)
def test_a_setting_of_a_wrong_type_is_said_where_it_is_written(
    settings: dict[str, Any], said: str
) -> None:
    with pytest.raises(ConfigError, match=rf"agent\.md.*{said}"):
        ModelSettings.parse(settings, "agent.md")


async def test_cancelled_while_waiting_to_try_again_it_ends_at_once(
    wire: str, llm: LLMServer
) -> None:
    error = {"error": {"type": "overloaded_error", "message": "Overloaded"}}
    llm.script = [Raw(json.dumps(error).encode(), "application/json")] * 4
    task = asyncio.create_task(asked(wire, retries=3))
    async with asyncio.timeout(5):
        while not llm.requests:
            await asyncio.sleep(PACE)
        await asyncio.sleep(PACE)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert len(llm.requests) == 1


async def test_who_asks_for_too_long_a_wait_gets_none(wire: str, llm: LLMServer) -> None:
    llm.script = [Fault(429, {"error": {"message": "slow"}}, {"retry-after": "1000000000"})]
    async with asyncio.timeout(5):
        with pytest.raises(ModelError, match="slow"):
            await asked(wire, retries=3)
    assert len(llm.requests) == 1
