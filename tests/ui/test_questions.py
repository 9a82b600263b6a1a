"""A line typed at a console of Windows, which only tells of keys."""

from typing import Any

import pytest

from universal_mcp_client.policy.text import printable
from universal_mcp_client.types.messages import ToolCall
from universal_mcp_client.types.tools import ToolSpec
from universal_mcp_client.ui import questions
from universal_mcp_client.ui.terminal import QUESTIONS, TerminalInteraction, reason_of


async def test_keys_become_a_line() -> None:
    typed, shown = iter("yx\b\xe0Hes\r"), list[str]()
    assert await questions.keys(lambda: True, lambda: next(typed), shown.append) == "yes"
    assert "".join(shown) == "yx\b \bes\n"


async def test_ctrl_c_among_keys_interrupts() -> None:
    with pytest.raises(KeyboardInterrupt):
        await questions.keys(lambda: True, lambda: "\x03", lambda _: None)


@pytest.fixture
def person(monkeypatch: pytest.MonkeyPatch) -> tuple[TerminalInteraction, list[str]]:
    asked: list[str] = []

    async def answer(question: str) -> str:
        asked.append(question)
        return ""

    monkeypatch.setattr(questions, "answer", answer)
    made = TerminalInteraction()
    made._interactive = True
    return made, asked


async def test_a_form_that_wants_a_secret_is_declined_by_an_empty_line(
    person: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    made, asked = person
    form = {"type": "object", "properties": {"api_key": {"type": "string"}}}
    assert (await made.elicit("shop", "Log in", form)).action == "decline"
    assert len(asked) == 1
    assert "'shop' asks for what looks like a secret: api_key" in capsys.readouterr().err


async def test_huge_arguments_are_shown_by_both_ends(person: Any) -> None:
    made, asked = person
    call = ToolCall(id="1", name="t", arguments={"a": "b" * 100_000, "z": "the end"})
    assert not (await made.approve(call, ToolSpec(name="t"))).allowed
    assert len(asked[0]) < 5_000
    assert "the end" in asked[0] and "not shown" in asked[0]
    assert printable(asked[0]) == asked[0]


async def test_a_prompt_asks_a_hundred_questions_and_says_what_it_declines_then(
    person: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    made, asked = person
    call, tool = ToolCall(id="1", name="t", arguments={}), ToolSpec(name="t", server="s")
    verdicts = [await made.approve(call, tool) for _ in range(QUESTIONS + 1)]
    assert len(asked) == QUESTIONS
    assert "more than 100 questions" in verdicts[-1].reason
    form = {"type": "object", "properties": {"name": {"type": "string"}}}
    assert (await made.elicit("shop", "Who?", form)).action == "decline"
    assert len(asked) == QUESTIONS
    told = capsys.readouterr().err
    assert "s/t was not called: more than 100" in told
    assert "a question of server 'shop' was declined: more than 100" in told
    made.begin_prompt()
    await made.approve(call, tool)
    assert len(asked) == QUESTIONS + 1


async def test_a_form_of_more_fields_than_anybody_answers_is_declined_unasked(person: Any) -> None:
    made, asked = person
    form = {"type": "object", "properties": {f"f{n}": {"type": "string"} for n in range(10_000)}}
    assert (await made.elicit("shop", "All of it", form)).action == "decline"
    assert asked == []


@pytest.mark.parametrize(
    "properties",
    [[1], {"a": True}, {"a": {"enum": 5}}, {"a": {"oneOf": [1]}}, {"a": {"oneOf": [{}]}}],
)
async def test_a_form_that_is_none_is_declined_unasked(
    properties: Any, person: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    made, asked = person
    form = {"type": "object", "properties": properties}
    assert (await made.elicit("shop", "Who?", form)).action == "decline"
    assert asked == []
    assert "'shop' was declined: its form is malformed" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("kind", "typed"),
    [("integer", "9" * 5_000), ("integer", "seven"), ("integer", "2.5"), ("number", "nan"),
     ("number", "inf"), ("number", "1e999"), ("number", "9" * 5_000)],
)  # fmt: skip
async def test_what_is_no_number_is_asked_for_again_in_words(
    kind: str, typed: str, person: Any, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    made, _ = person
    said = iter([typed, "7"])

    async def answer(question: str) -> str:
        return next(said)

    monkeypatch.setattr(questions, "answer", answer)
    form = {"type": "object", "properties": {"n": {"type": kind}}}
    assert (await made.elicit("shop", "How many?", form)).content == {"n": 7}
    told = capsys.readouterr().err
    assert "Answer with a" in told and "number, such as" in told


@pytest.mark.parametrize(
    ("typed", "reason"),
    [
        ("n wrong title", "wrong title"),
        ("no, ask Ann first", "ask Ann first"),
        ("No: too many", "too many"),
        ("nobody asked for it", "nobody asked for it"),
        ("no such file is there", "no such file is there"),
    ],
)
def test_a_reason_is_told_without_the_no_before_it(typed: str, reason: str) -> None:
    assert reason_of(typed) == reason
