"""What a server's questions meet before anybody sees them."""

import asyncio
import sys
from typing import Any

import mcp_types
import pytest
from tests.conftest import ROOT
from tests.support.people import Person

from universal_mcp_client import Host
from universal_mcp_client.config.servers import ServerConfig
from universal_mcp_client.mcp.callbacks import QUESTIONS, Asked, Callbacks
from universal_mcp_client.mcp.calls import Calls
from universal_mcp_client.types.interaction import Elicited
from universal_mcp_client.types.messages import ToolCall

NOSY = ROOT / "tests" / "support" / "nosy_server.py"


def asked_of(person: Person, calls: Calls) -> Any:
    config = ServerConfig(name="s", transport="stdio", command="s")
    return Asked(config, Callbacks(interaction=person), calls).elicit


async def test_a_server_asks_ten_questions_in_one_request_and_no_more() -> None:
    person, calls = Person(), Calls("s")
    ask = asked_of(person, calls)
    schema = {"type": "object", "properties": {}}
    params = mcp_types.ElicitRequestFormParams(message="Sure?", requested_schema=schema)
    for _ in range(2):
        async with calls.begin(60):
            said = [(await ask("Sure?", None, params, None)).action for _ in range(200)]
        assert said.count("accept") == QUESTIONS
    assert len(person.asked) == 2 * QUESTIONS


async def test_the_model_is_told_that_questions_were_declined_unasked(
    caplog: pytest.LogCaptureFixture,
) -> None:
    person = Person()
    async with Host(f"nosy={sys.executable} {NOSY}", interaction=person) as host:
        asked = ToolCall(id="1", name="survey", arguments={"questions": 3 * QUESTIONS})
        result = await host.call_tool(asked)
        few = await host.call_tool(ToolCall(id="2", name="survey", arguments={"questions": 1}))
    assert len(person.asked) == QUESTIONS + 1
    assert result.text.count("decline ") >= 2 * QUESTIONS - 1
    assert "beyond were declined unasked" in result.text
    assert few.text == "accept"  # nothing is held against the next call
    assert len([r for r in caplog.records if "declined" in r.message]) == 1


async def test_a_question_ends_with_the_call_that_it_was_asked_for() -> None:
    asked, withdrawn = asyncio.Event(), asyncio.Event()

    class Slow(Person):
        async def elicit(self, *_: Any, **__: Any) -> Elicited:
            asked.set()
            try:
                await asyncio.Event().wait()
            finally:
                withdrawn.set()
            raise AssertionError

    survey = ToolCall(id="1", name="survey", arguments={"questions": 1})
    async with Host(f"nosy={sys.executable} {NOSY}", interaction=Slow()) as host:
        call = asyncio.create_task(host.call_tool(survey))
        await asked.wait()
        call.cancel()
        async with asyncio.timeout(10):
            await withdrawn.wait()


async def test_an_address_that_runs_something_is_declined_unseen() -> None:
    person = Person()
    ask = asked_of(person, Calls("s"))
    for url in ("javascript:alert(1)", "file:///etc/passwd", "https://a.example/pay"):
        params = mcp_types.ElicitRequestURLParams(message="Pay", url=url, elicitation_id="1")
        await ask("Pay", None, params, None)
    assert person.asked == ["https://a.example/pay"]
