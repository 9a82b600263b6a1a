"""Servers that misbehave, over HTTP: sessions forgotten, connections reset, answers that never come."""

import asyncio
import threading
from collections.abc import Iterator

import pytest
from tests.mcp.test_trouble import UNREADABLE, called
from tests.support.raw_server import RawHTTP
from tests.support.services import free_port

from universal_mcp_client import Host

pytestmark = pytest.mark.anyio


def config(url: str, **more: object) -> dict[str, object]:
    return {"mcpServers": {"raw": {"url": url, **more}}}


@pytest.fixture(params=[404, 400])
def forgetful(request: pytest.FixtureRequest) -> Iterator[tuple[RawHTTP, str]]:
    raw = RawHTTP(refusal=request.param)
    with raw.serving() as url:
        yield raw, url


async def test_a_forgotten_session_is_begun_again(forgetful: tuple[RawHTTP, str]) -> None:
    raw, url = forgetful
    async with Host(config(url)) as host:
        for _ in range(3):
            raw.forget()
            assert (await called(host, "effect")).text == "done"
            assert host["raw"].state == "connected" and not host.failures
    assert (raw.initialized, len(raw.effects)) == (4, 3)


async def test_ten_calls_that_meet_a_forgotten_session_begin_one(
    forgetful: tuple[RawHTTP, str],
) -> None:
    raw, url = forgetful
    async with Host(config(url)) as host:
        raw.forget()
        results = await asyncio.gather(*(called(host, "effect") for _ in range(10)))
        assert [result.text for result in results] == ["done"] * 10
    assert (raw.initialized, len(raw.effects)) == (2, 10)


async def test_a_server_that_was_restarted_is_found_again() -> None:
    raw, port = RawHTTP(), free_port()
    with raw.serving(port) as url:
        host = Host(config(url))
        await host.__aenter__()
    lost = await called(host, "effect")
    assert lost.is_error and "The call was not made." in lost.text
    assert not host["raw"].connected and host["raw"].state == "failed"
    again = RawHTTP()
    with again.serving(port):
        assert (await called(host, "effect")).text == "done"
        assert host["raw"].state == "connected"
        await host.__aexit__(None, None, None)
    assert (raw.effects, again.effects) == ([], ["done"])


@pytest.mark.parametrize("modern", [False, True])
async def test_a_call_whose_connection_was_reset_is_not_sent_again(modern: bool) -> None:
    raw = RawHTTP(modern=modern)
    with raw.serving() as url:
        async with Host(config(url)) as host:
            raw.resets = 1
            waiting = asyncio.create_task(called(host, "silent"))
            await asyncio.to_thread(raw.dripping.wait, 10)
            lost = await called(host, "effect")
            assert lost.is_error and "may or may not have taken effect" in lost.text
            assert (await called(host, "effect")).text == "done"
            assert not waiting.done()  # what broke for one call costs no other
            waiting.cancel()
            await asyncio.wait({waiting})
    assert (raw.initialized, len(raw.effects)) == (0 if modern else 1, 2)


@pytest.mark.parametrize("line", UNREADABLE.values(), ids=UNREADABLE.keys())
async def test_an_answer_that_cannot_be_read_fails_its_call_at_once(line: str) -> None:
    with RawHTTP().serving() as url:
        async with Host(config(url)) as host:
            result = await called(host, "say", lines=[line])
            assert result.is_error
            assert "not MCP" in result.text or "closed the connection" in result.text
            assert (await called(host, "effect")).text == "done"


@pytest.mark.parametrize("modern", [False, True])
async def test_a_byte_now_and_then_is_no_progress(modern: bool) -> None:
    raw = RawHTTP(modern=modern)
    with raw.serving() as url:
        async with Host(config(url, timeout=0.5)) as host:
            raw.drip = True
            result = await called(host, "effect")
            assert "did not answer within 0.5 s" in result.text
            assert await asyncio.to_thread(raw.dripped.wait, 10)  # nor is it read any longer
            raw.drip = False
            assert (await called(host, "effect")).text == "done"


async def test_a_body_that_nobody_asked_to_be_compressed_is_not_unpacked() -> None:
    raw = RawHTTP()
    with raw.serving() as url:
        async with Host(config(url)) as host:
            raw.compress = True
            result = await called(host, "effect")
            assert result.is_error and "compressed" in result.text
            raw.compress = False
            assert (await called(host, "effect")).text == "done"


async def test_a_body_is_read_to_its_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("universal_mcp_client.mcp.http.MESSAGE_BYTES", 100_000)
    raw = RawHTTP()
    with raw.serving() as url:
        async with Host(config(url)) as host:
            raw.plain = True
            line = '{"jsonrpc":"2.0","id":$ID,"result":{"x":"' + "x" * 200_000 + '"}}'
            result = await called(host, "say", lines=[line])
            assert result.is_error and "more than 0 MB" in result.text
            assert (await called(host, "effect")).text == "done"


async def test_a_call_that_is_left_lets_go_of_its_request() -> None:
    raw = RawHTTP()
    with raw.serving() as url:
        async with Host(config(url)) as host:
            waiting = asyncio.create_task(called(host, "silent"))
            await asyncio.to_thread(raw.dripping.wait, 10)
            waiting.cancel()
            await asyncio.wait({waiting})
            assert await asyncio.to_thread(raw.dripped.wait, 10)


async def test_a_refusal_is_told_to_the_call_that_was_refused() -> None:
    """-32602 of one call while another is answered with 403."""
    raw = RawHTTP()
    raw.statuses["effect"] = 403
    with raw.serving() as url:
        async with Host(config(url)) as host:
            raw.waiting = threading.Barrier(2)
            refused, wrong = await asyncio.gather(
                called(host, "effect"), called(host, "fail", code=-32602, message="no such owl")
            )
    assert "refuses the request (HTTP 403)" in refused.text
    assert "no such owl" in wrong.text and "-32602" in wrong.text


async def test_an_error_of_the_servers_is_no_closed_connection() -> None:
    raw = RawHTTP()
    with raw.serving() as url:
        async with Host(config(url)) as host:
            result = await called(host, "fail", code=-32000, message="the printer is on fire")
            assert "the printer is on fire" in result.text and "-32000" in result.text
    assert raw.initialized == 1


@pytest.mark.parametrize(
    "answer",
    [
        (200, "text/event-stream", b"id: 1\nretry: 0\ndata: \n\n", {}),
        (200, "text/html", b"<html>", {}),
        (307, "text/plain", b"", {"location": "/elsewhere"}),
    ],
    ids=["a stream that ends and cannot be resumed", "a page", "a redirect"],
)
async def test_what_is_no_answer_of_the_server_is_no_error_of_its_own(
    answer: tuple[int, str, bytes, dict[str, str]],
) -> None:
    raw = RawHTTP()
    raw.answers["effect"] = answer
    with raw.serving() as url:
        async with Host(config(url)) as host:
            result = await called(host, "effect")
            assert result.is_error and "JSON-RPC error" not in result.text
            assert "may or may not have taken effect" in result.text
            raw.answers.clear()
            assert (await called(host, "effect")).text == "done"


async def test_a_stream_of_news_may_be_silent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("universal_mcp_client.mcp.http._TIMEOUT", 0.2)
    raw = RawHTTP()
    raw.quiet = True
    with raw.serving() as url:
        async with Host(config(url)):
            assert await asyncio.to_thread(raw.listened.wait, 10)
            assert not await asyncio.to_thread(raw.left.wait, 0.6)
