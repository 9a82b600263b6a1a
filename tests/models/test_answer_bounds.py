"""What one answer may cost: whatever is kept of it is counted, and endless answers are cut off."""

import gzip
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from tests.conftest import ROOT
from tests.models.test_nonsense import ANSWERS, asked, keys, wire
from tests.support.hostile import run_hostile
from tests.support.llm_server import LLMServer, Raw
from tests.support.services import free_port, running

from universal_mcp_client.types import bounds
from universal_mcp_client.types.errors import ModelAuthenticationError, ModelError, RateLimited

__all__ = ["keys", "wire"]  # fixtures

BIG = "x" * 100_000
KEPT: dict[str, list[Any]] = {
    "openai": [
        {"choices": [{"delta": {"tool_calls": [call]}}]}
        for call in (
            {"index": 1, "id": BIG},
            {"index": 2, "function": {"name": BIG}},
            {"index": 3, "function": {"arguments": BIG}},
            {"index": 4, "extra_content": {"google": BIG}},
        )
    ]
    + [{"choices": [{"delta": {"reasoning_details": [{"data": BIG}]}}]}],
    "openai-responses": [
        {"type": "response.output_item.done", "item": {"type": "reasoning", "encrypted": BIG}},
    ],
    "anthropic": [
        {"type": "content_block_start", "index": 0, "content_block": block}
        for block in (
            {"type": "redacted_thinking", "data": BIG},
            {"type": "tool_use", "id": BIG, "name": "add"},
            {"type": "tool_use", "id": "a", "name": BIG},
            {"type": "tool_use", "id": "a", "name": "add", "input": {"a": BIG}},
        )
    ]
    + [
        {
            "type": "content_block_delta",
            "index": 0,
            "delta": {"type": "signature_delta", "signature": BIG},
        }
    ],
}


def test_all_that_is_kept_of_an_answer_is_counted(wire: str) -> None:
    for event in KEPT[wire]:
        answer = ANSWERS[wire]()
        if event.get("type") == "content_block_delta":
            begun = {
                "type": "content_block_start",
                "index": 0,
                "content_block": {"type": "thinking"},
            }
            answer.feed(begun)
        answer.feed(event)
        assert answer.size >= len(BIG), str(event)[:100]


DEEP: dict[str, Any] = {
    "openai": lambda deep: [
        {"choices": [{"delta": {"reasoning_details": [deep]}, "finish_reason": "stop"}]}
    ],
    "openai-responses": lambda deep: [
        {"type": "response.output_item.done", "item": {"type": "odd", "x": deep}},
        {"type": "response.completed", "response": {"status": "completed"}},
    ],
    "anthropic": lambda deep: [
        {"type": "content_block_start", "index": 0, "content_block": {"type": "odd", "x": deep}},
        {"type": "message_delta", "delta": {"stop_reason": "end_turn"}},
    ],
}


def test_what_is_kept_to_be_sent_back_can_be_sent_back(wire: str) -> None:
    """The depth at which JSON can be written depends on who calls: 200 levels are not kept."""
    deep: Any = 1
    for _ in range(200):
        deep = [deep]
    answer = ANSWERS[wire]()
    with pytest.raises(ValueError, match="deep"):
        for event in DEEP[wire](deep):
            answer.feed(event)
        answer.completion()


async def test_an_error_of_any_length_is_the_error_that_its_status_means(
    wire: str, llm: LLMServer
) -> None:
    async def body() -> Any:
        yield b'{"error": {"message": "too many requests"}}'
        for _ in range(4_000):
            yield b"\n" * 65_536

    llm.script = [Raw(body, "application/json", status=429)]
    with pytest.raises(RateLimited, match="too many requests"):
        await asked(wire)


async def test_more_events_than_an_answer_has_are_cut_off(
    wire: str, llm: LLMServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bounds, "ANSWER_EVENTS", 3)
    llm.script = ["A text that comes in more than three events."]
    with pytest.raises(ModelError, match="answers without an end"):
        await asked(wire)


async def test_a_packed_error_is_the_error_that_its_status_means(wire: str, llm: LLMServer) -> None:
    packed = gzip.compress(b" " * 10_000_000)
    headers = {"content-encoding": "gzip"}
    llm.script = [Raw(packed, "application/json", headers, status=401)]
    with pytest.raises(ModelAuthenticationError):
        await asked(wire)


@pytest.fixture(scope="module")
def flood() -> Iterator[str]:
    port = free_port()
    program = str(ROOT / "tests" / "support" / "flooding_model.py")
    for _ in running([sys.executable, program, str(port)], "ready", stdin=subprocess.PIPE):
        yield f"http://127.0.0.1:{port}"


@pytest.mark.xdist_group("flood")
@pytest.mark.parametrize("wire_of_flood", ["openai", "anthropic"])
@pytest.mark.parametrize("kind", ["text", "calls", "objects", "line", "lines", "error"])
def test_a_flood_costs_no_more_than_its_bounds(kind: str, wire_of_flood: str, flood: str) -> None:
    found = run_hostile(
        f"""
        import os
        from universal_mcp_client import ModelError, ModelRequest, ModelSettings, resolve
        from universal_mcp_client.types.messages import user
        for vendor in ("OPENAI", "ANTHROPIC"):
            os.environ[vendor + "_API_KEY"] = "sk"
            os.environ[vendor + "_BASE_URL"] = "{flood}/{kind}"
        model = resolve("{wire_of_flood}:any")
        import anthropic, openai
        await asyncio.sleep(0)
        Selector.longest = 0.0
        try:
            async for event in model.stream(
                ModelRequest(messages=(user("hi"),), settings=ModelSettings(retries=0))
            ):
                pass
        except ModelError as error:
            print(type(error).__name__, str(error)[:200])
        await model.aclose()
        """
    )
    assert "Error" in found.out or "Unavailable" in found.out or "Interrupted" in found.out
