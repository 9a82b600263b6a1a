"""Tests of a program with an agent, without a network: pytest examples/test_assistant.py

A suite says UMCP_ALLOW_MODEL_REQUESTS=0 in its conftest.py or its CI, once for all tests.
"""

import pytest

from universal_mcp_client import Agent, ConfigError, ModelUnavailable
from universal_mcp_client.testing import ScriptedModel, call


def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


agent = Agent("openai:gpt-5", tools=[add])  # as the program has it, a global of a module


def reply(question: str) -> str:
    """The program."""
    try:
        return agent.run_sync(question).output
    except ModelUnavailable:
        return "Come back later."


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UMCP_ALLOW_MODEL_REQUESTS", "0")


def test_the_tool_is_called_for_real() -> None:
    model = ScriptedModel(
        call("add", a=1, b=2), lambda asked: asked.messages[-1].tool_results[0].text
    )
    with agent.override(model=model):
        assert reply("1 + 2?") == "3"
    assert [tool.name for tool in model.requests[0].tools] == ["add"]


def test_a_provider_that_is_down() -> None:
    with agent.override(model=ScriptedModel(ModelUnavailable("Down.", model="gpt-5"))):
        assert reply("1 + 2?") == "Come back later."


def test_a_test_that_forgot_to_override_fails_by_name() -> None:
    with pytest.raises(ConfigError, match="openai:gpt-5 was about to be asked"):
        reply("1 + 2?")
