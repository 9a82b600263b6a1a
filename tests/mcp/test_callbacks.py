"""What servers ask of the host, in both eras and over both transports: a program's functions answer,
or whoever a run has."""

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

import mcp_types as t
import pytest
from tests.conftest import ROOT

from universal_mcp_client import (
    Client,
    ConfigError,
    Elicited,
    Host,
    MCPError,
    Question,
    ServerConfig,
    ServerUnavailable,
    ToolCall,
)
from universal_mcp_client.mcp.callbacks import Asked, Callbacks
from universal_mcp_client.mcp.calls import Calls
from universal_mcp_client.mcp.failures import translated

STDIO = ServerConfig(
    name="library",
    transport="stdio",
    command=sys.executable,
    args=(str(ROOT / "tests" / "support" / "library_server.py"), "stdio"),
    protocol="2026",
)


def tied(library: ServerConfig) -> bool:
    """Whether it is told for which call this server asks."""
    return (library.transport, library.protocol) != ("stdio", "2025")


async def told(client: Client, tool: str, **arguments: Any) -> Any:
    return json.loads((await client.call_tool(tool, arguments)).text)


class Card:
    """Fills in a library's card, and keeps what it was asked."""

    def __init__(self, answer: Any) -> None:
        self.answer, self.asked = answer, list[Question]()

    async def __call__(self, question: Question) -> Any:
        self.asked.append(question)
        return self.answer


# Elicitation


async def test_a_programs_function_fills_in_a_form_with_its_defaults(library: ServerConfig) -> None:
    card = Card({"name": "Ann", "age": 7})
    async with Client(library, elicit=card) as client:
        said = await told(client, "join", times="2")
    content = {"name": "Ann", "age": 7, "news": False}
    assert [answer["action"] for answer in said] == ["accept", "accept"]
    assert [answer["content"] for answer in said] == [content, content]
    question = card.asked[0]
    assert (question.server, question.kind, question.message) == (
        "library",
        "form",
        "Card 1, please",
    )
    assert question.schema is not None and "name" in question.schema["properties"]
    assert (question.call is not None) == tied(library)
    assert [call.name for call in question.candidates] == ["join"]


@pytest.mark.parametrize(
    "answer, action",
    [
        ({"name": "A"}, "decline"),  # too short
        ({"name": "Ann", "age": "7"}, "decline"),
        ({"age": 7}, "decline"),
        ("yes", "decline"),  # which is no answer
        (None, "decline"),
        (False, "decline"),
        (Elicited(action="cancel"), "cancel"),
    ],
)
async def test_what_does_not_fit_the_form_is_never_sent(answer: Any, action: str) -> None:
    async with Client(STDIO, elicit=Card(answer)) as client:
        (said,) = await told(client, "join")
    assert said["action"] == action and "content" not in said


async def test_a_function_that_fails_declines(library: ServerConfig) -> None:
    def fail(question: Question) -> bool:
        raise RuntimeError("my own secret")

    async with Client(library, elicit=fail) as client:
        (said,) = await told(client, "join")
    assert said == {"action": "decline"}


async def test_a_visit_is_asked_for_with_its_address(library: ServerConfig) -> None:
    card = Card(True)
    async with Client(library, elicit=card) as client:
        (said,) = await told(client, "pay")
    assert said == {"action": "accept"}
    assert (card.asked[0].kind, card.asked[0].url) == ("url", "https://pay.example/fine")


async def test_a_call_that_needs_a_visit_first_is_made_once_more_after_it(
    library: ServerConfig,
) -> None:
    card = Card(True)
    async with Client(library, elicit=card) as client:
        assert (await client.call_tool("pay_first")).text == "paid"
        calls = [each for each in await told(client, "seen") if each[0] == "call"]
    assert [question.url for question in card.asked] == ["https://pay.example/"]
    assert calls.count(["call", "pay_first"]) == 2


async def test_a_visit_that_is_refused_makes_no_second_call(library: ServerConfig) -> None:
    async with Client(library, elicit=Card(False)) as client:
        with pytest.raises(MCPError, match="Pay first: the user's answer: decline") as failed:
            await client.call_tool("pay_first")
        calls = [each for each in await told(client, "seen") if each[0] == "call"]
    assert failed.value.code == -32042
    assert calls.count(["call", "pay_first"]) == 1


async def test_without_anybody_the_model_is_told_so(library: ServerConfig) -> None:
    async with Host(library) as host:
        joined = await host.call_tool(ToolCall(id="1", name="join"))
        paid = await host.call_tool(ToolCall(id="2", name="pay_first"))
    assert '"decline"' in joined.text and "nobody is there to answer" in joined.text
    assert paid.is_error and "nobody is there to visit it" in paid.text


async def test_more_than_ten_questions_are_declined_in_rounds_too(library: ServerConfig) -> None:
    card = Card({"name": "Ann"})
    async with Client(library, elicit=card) as client:
        result = await client.call_tool("join", {"times": "30"})
    assert len(card.asked) == 10
    assert '"decline"' in result.text


# Roots


async def test_a_server_is_told_of_the_roots_and_of_new_ones(
    library: ServerConfig, tmp_path: Path
) -> None:
    one, other = tmp_path / "one", tmp_path / "other one"
    one.mkdir(), other.mkdir()
    async with Client(library, roots=[one]) as client:
        (said,) = await told(client, "look_around")
        assert [root["uri"] for root in said["roots"]] == [one.as_uri()]
        await client.set_roots(lambda: [other.as_uri()])
        (said,) = await told(client, "look_around")
        assert [root["uri"] for root in said["roots"]] == [other.as_uri()]
        seen = await told(client, "seen")
    assert (["roots changed", True] in seen) == (library.protocol == "2025")


async def test_without_roots_a_server_is_told_of_none(library: ServerConfig) -> None:
    async with Host(library) as host:
        assert (await host.call_tool(ToolCall(id="1", name="look_around"))).is_error


@pytest.mark.parametrize("root", ["/", "~", "https://a.example/", "nowhere/at/all"])
def test_the_home_and_what_is_no_folder_are_no_roots(
    root: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    with pytest.raises(ConfigError, match="root"):
        Host(roots=[root])
    with pytest.raises(ConfigError, match="list of folders"):
        Host(roots=root)


# Sampling


async def test_a_program_answers_in_a_models_place(library: ServerConfig) -> None:
    asked = Card("Hunger")
    async with Client(library, sample=asked) as client:
        (said,) = await told(client, "recommend", about="Oslo")
    assert said["content"] == {"type": "text", "text": "Hunger"}
    assert (said["role"], said["stopReason"]) == ("assistant", "endTurn")
    sample = asked.asked[0].sample
    assert sample is not None and asked.asked[0].kind == "sampling"
    assert [message.text for message in sample.messages] == ["Name a book on Oslo."]
    assert (sample.system_prompt, sample.max_tokens) == ("You are a librarian.", 50)


async def test_no_server_samples_unless_it_is_switched_on(library: ServerConfig) -> None:
    async with Host(library) as host:
        call = ToolCall(id="1", name="recommend", arguments={"about": "Oslo"})
        assert (await host.call_tool(call)).is_error


async def test_a_refused_sampling_is_an_error_for_the_server(library: ServerConfig) -> None:
    async with Host(library, sample=lambda question: None) as host:
        result = await host.call_tool(
            ToolCall(id="1", name="recommend", arguments={"about": "Oslo"})
        )
    assert result.is_error and "did not allow" in result.text


# What a host's functions hear


async def test_a_host_hears_logs_and_progress_of_all_calls(library: ServerConfig) -> None:
    logs, steps = list[Any](), list[float]()

    async def step(progress: float, total: float | None, message: str | None) -> None:
        steps.append(progress)

    async with Host(library, log=lambda line: logs.append(line.data), progress=step) as host:
        await host.call_tool(ToolCall(id="1", name="count", arguments={"steps": "3"}))
    assert steps == [1, 2, 3]
    assert logs == ["shelf 1", "shelf 2", "shelf 3"]


def test_what_is_no_function_is_refused_where_it_is_given() -> None:
    for given in ({"elicit": "yes"}, {"sample": 3}, {"log": "file"}, {"progress": 1}):
        with pytest.raises(ConfigError, match="takes a function"):
            Host(**given)  # type: ignore[arg-type]


# Of one connection


def asked(calls: Calls, **given: Any) -> Asked:
    return Asked(STDIO, Callbacks(**given), calls)


async def test_a_visit_that_the_server_knows_of_needs_no_answer_any_more() -> None:
    shown, withdrawn = asyncio.Event(), asyncio.Event()

    async def wait(question: Question) -> bool:
        shown.set()
        try:
            return await asyncio.Event().wait()
        finally:
            withdrawn.set()

    one = asked(Calls("s"), elicit=wait)
    params = t.ElicitRequestURLParams(message="Pay", url="https://a.example/", elicitation_id="7")
    visit = asyncio.create_task(one.elicit("Pay", None, params, None))
    await shown.wait()
    one.completed("8")  # which nobody asked for
    assert not visit.done()
    one.completed("7")
    assert (await visit).action == "accept" and withdrawn.is_set()


async def test_a_server_that_asks_without_an_end_loses_its_request() -> None:
    calls = Calls("s")
    one = asked(calls, roots=[])
    call = calls.begin(60)
    with pytest.raises(ServerUnavailable, match="asked more than 100 times"), translated("s", call):
        async with call:
            while True:
                await one.roots(None)
                await asyncio.sleep(0)


async def test_two_visits_side_by_side_are_two() -> None:
    card = Card(True)
    one = asked(Calls("s"), elicit=card)
    answers = await asyncio.gather(
        *(
            one.elicit(
                "Pay",
                None,
                t.ElicitRequestURLParams(
                    message="Pay", url=f"https://{name}.example/", elicitation_id=name
                ),
                None,
            )
            for name in ("a", "b")
        )
    )
    assert [answer.action for answer in answers] == ["accept", "accept"]
    assert {question.url for question in card.asked} == {"https://a.example/", "https://b.example/"}
