"""Servers that ask for a model's answer: a run's model gives it, by the run's rules and within its
limits."""

from dataclasses import replace
from typing import Any

import mcp_types as t
import pytest
from tests.support.llm_server import Call, LLMServer

from universal_mcp_client import (
    Agent,
    Elicited,
    Fallback,
    Limits,
    LoginRequest,
    Model,
    Question,
    ServerConfig,
    ToolCall,
    ToolSpec,
    Verdict,
    resolve,
)
from universal_mcp_client.mcp.callbacks import Asked, Callbacks
from universal_mcp_client.mcp.calls import Calls

RECOMMEND = Call("recommend", {"about": "Oslo"})


def model_of(llm: LLMServer, name: str = "any") -> Model:
    return resolve(f"openai:{name}", base_url=f"{llm.url}/v1", api_key="k")


class Person:
    can_log_in = False

    def __init__(self, allowed: bool) -> None:
        self.allowed, self.asked = allowed, list[tuple[ToolCall, ToolSpec]]()

    async def approve(self, call: ToolCall, spec: ToolSpec) -> Verdict:
        self.asked.append((call, spec))
        return Verdict(allowed=self.allowed, reason="not today")

    async def elicit(self, *_: Any, **__: Any) -> Elicited:
        raise AssertionError

    async def login(self, request: LoginRequest) -> str | None:
        raise AssertionError


def sampling(spec: ToolSpec) -> bool:
    return spec.name == "sampling/createMessage"


async def test_the_model_of_the_run_answers_and_the_run_pays(
    llm: LLMServer, library: ServerConfig
) -> None:
    llm.script = [[RECOMMEND], "Hunger", "Read Hunger."]
    agent = Agent(model_of(llm), servers=[replace(library, sampling=True)])
    result = await agent.run("What shall I read?")
    asked = llm.requests[1]
    assert asked["messages"][0] == {"role": "system", "content": "You are a librarian."}
    assert "Name a book on Oslo." in str(asked["messages"][1])
    assert 50 in (asked.get("max_tokens"), asked.get("max_completion_tokens"))
    assert "tools" not in asked
    assert '"Hunger"' in result.tool_calls[0].result.text
    assert result.output == "Read Hunger."
    assert (result.usage.requests, result.turns) == (3, 2)


async def test_a_person_is_shown_what_is_asked_and_may_say_no(
    llm: LLMServer, library: ServerConfig
) -> None:
    llm.script = [[RECOMMEND], "A pity."]
    person = Person(allowed=False)
    agent = Agent(
        model_of(llm),
        servers=[replace(library, sampling=True)],
        interaction=person,
        approve=sampling,
    )
    result = await agent.run("What shall I read?")
    ((call, spec),) = person.asked
    assert spec.label == "library/sampling/createMessage"
    assert call.arguments["system_prompt"] == "You are a librarian."
    assert call.arguments["messages"] == ["user: Name a book on Oslo."]
    assert "did not allow it. not today" in result.tool_calls[0].result.text
    assert len(llm.requests) == 2


async def test_a_run_at_its_limit_pays_for_no_sampling(
    llm: LLMServer, library: ServerConfig
) -> None:
    llm.script = [[RECOMMEND], "Hunger"]
    agent = Agent(model_of(llm), servers=[replace(library, sampling=True)], limits=Limits(tokens=1))
    async with agent.stream("What shall I read?") as run:
        async for _ in run:
            pass
    assert run.result.limit == "tokens" and len(llm.requests) == 1
    assert "limit of tokens" in run.result.tool_calls[0].result.text


async def test_a_server_that_may_not_sample_asks_nobody(
    llm: LLMServer, library: ServerConfig
) -> None:
    llm.script = [[RECOMMEND], "A pity."]
    result = await Agent(model_of(llm), servers=[library]).run("What shall I read?")
    assert result.tool_calls[0].result.is_error and len(llm.requests) == 2


# What is asked, in all its shapes


def asked(sample: Any) -> Asked:
    config = ServerConfig(name="s", transport="stdio", command="s")
    return Asked(config, Callbacks(sample=sample), Calls("s"))


def said(role: str, *content: Any) -> t.SamplingMessage:
    return t.SamplingMessage(role=role, content=list(content))  # type: ignore[arg-type]


def params(*messages: t.SamplingMessage, **more: Any) -> t.CreateMessageRequestParams:
    hello = said("user", t.TextContent(type="text", text="Hello"))
    return t.CreateMessageRequestParams(messages=messages or [hello], max_tokens=9, **more)


async def test_tools_of_a_server_are_the_models_and_their_calls_go_back_to_it(
    llm: LLMServer,
) -> None:
    llm.script = [[Call("add", {"a": 1})]]
    tool = t.Tool(name="add", input_schema={"type": "object", "properties": {"a": {}}})
    request = params(
        said("user", t.ImageContent(type="image", data="aGk=", mime_type="image/png")),
        said("assistant", t.ToolUseContent(id="1", name="add", input={"a": 0})),
        said("user", t.ToolResultContent(tool_use_id="1", content=[])),
        tools=[tool],
        tool_choice=t.ToolChoice(mode="required"),
    )
    answer = await asked(model_of(llm)).sampling(None, request, None)
    sent = llm.requests[0]
    assert [m["role"] for m in sent["messages"]] == ["user", "assistant", "tool"]
    assert "image/png" in str(sent["messages"][0])
    assert (sent["tools"][0]["function"]["name"], sent["tool_choice"]) == ("add", "required")
    (used,) = answer.content
    assert (used.name, used.input, answer.stop_reason) == ("add", {"a": 1}, "toolUse")


async def test_a_hint_chooses_among_models_that_are_there(llm: LLMServer) -> None:
    llm.script = ["Hi"]
    several = Fallback(model_of(llm, "big-one"), model_of(llm, "small-one"))
    wish = t.ModelPreferences(hints=[t.ModelHint(name="huge"), t.ModelHint(name="SMALL")])
    answer = await asked(several).sampling(None, params(model_preferences=wish), None)
    assert llm.requests[0]["model"] == "small-one" and "small-one" in answer.model


@pytest.mark.parametrize(
    "request_, why",
    [
        (params(include_context="allServers"), "includeContext"),
        (params(said("assistant", t.ToolUseContent(id="1", name="add", input={}))), "tool_result"),
        (params(said("user", t.ToolUseContent(id="1", name="add", input={}))), "calls no tools"),
        (
            params(
                said(
                    "user",
                    t.ToolResultContent(tool_use_id="1", content=[]),
                    t.TextContent(type="text", text="and"),
                )
            ),
            "nothing else",
        ),
    ],
)
async def test_what_no_model_could_answer_is_refused(request_: Any, why: str) -> None:
    answer = await asked(lambda question: "never").sampling(None, request_, None)
    assert isinstance(answer, t.ErrorData) and why in answer.message
    assert answer.code == t.INVALID_PARAMS


async def test_what_a_program_raises_is_not_told_to_the_server() -> None:
    def fail(question: Question) -> str:
        raise RuntimeError("sk-my-key")

    answer = await asked(fail).sampling(None, params(), None)
    assert isinstance(answer, t.ErrorData) and "sk-my-key" not in answer.message


async def test_samplings_within_samplings_come_to_an_end() -> None:
    depth = 0

    async def again(question: Question) -> str:
        nonlocal depth
        depth += 1
        found = await one.sampling(None, params(), None)
        return str(getattr(found, "message", found))

    one = asked(again)
    async with Calls("s").begin(5):
        await one.sampling(None, params(), None)
    assert depth == 3
