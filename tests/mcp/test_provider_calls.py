"""`Host.call_tool` and `Client.call_tool` take what a model asked for as its provider's SDK gives it."""

import sys
from pathlib import Path
from typing import Any

import pytest
from anthropic.types import ToolUseBlock
from openai.types.chat import ChatCompletionMessageToolCall
from openai.types.responses import ResponseFunctionToolCall
from tests.conftest import ROOT

from universal_mcp_client import Client, ConfigError, Host, ToolCall, ToolError, function_specs

pytestmark = pytest.mark.anyio

CHAT: dict[str, Any] = {
    "id": "c1",
    "type": "function",
    "function": {"name": "price", "arguments": '{"item": "tea"}'},
}
RESPONSES: dict[str, Any] = {
    "type": "function_call",
    "id": "fc_1",
    "call_id": "c1",
    "name": "price",
    "arguments": '{"item": "tea"}',
}
ANTHROPIC: dict[str, Any] = {
    "type": "tool_use",
    "id": "c1",
    "name": "price",
    "input": {"item": "tea"},
}
CALLS = [
    pytest.param(CHAT, id="chat-dict"),
    pytest.param(ChatCompletionMessageToolCall.model_validate(CHAT), id="chat-object"),
    pytest.param(RESPONSES, id="responses-dict"),
    pytest.param(ResponseFunctionToolCall.model_validate(RESPONSES), id="responses-object"),
    pytest.param(ANTHROPIC, id="anthropic-dict"),
    pytest.param(ToolUseBlock.model_validate(ANTHROPIC), id="anthropic-object"),
    pytest.param(ToolCall(id="c1", name="price", arguments={"item": "tea"}), id="ours"),
]


def shop(log: Path) -> str:
    return f"shop={sys.executable} -S -E {ROOT / 'tests' / 'support' / 'shop_server.py'} {log}"


@pytest.mark.parametrize("asked", CALLS)
async def test_a_models_call_is_taken_as_it_is(asked: Any, tmp_path: Path) -> None:
    async with Host(shop(tmp_path / "log")) as host, Client(shop(tmp_path / "log")) as client:
        for result in (await host.call_tool(asked), await client.call_tool(asked)):
            assert (result.text, result.call_id) == ("tea: 3 euros", "c1")


@pytest.mark.parametrize("identity", ["functions.price:0", "c" * 300])
async def test_a_result_has_the_id_that_the_call_came_with(identity: str, tmp_path: Path) -> None:
    async with Host(shop(tmp_path / "log")) as host:
        for asked in (CHAT | {"id": identity}, RESPONSES | {"call_id": "", "id": identity}):
            assert (await host.call_tool(asked)).call_id == identity


@pytest.mark.parametrize("cut", ['{"item": "te', "[1]"])
async def test_what_was_cut_off_does_not_run_with_defaults(cut: str, tmp_path: Path) -> None:
    asked = {"id": "c1", "type": "function", "function": {"name": "stock", "arguments": cut}}
    log = tmp_path / "log"
    async with Host(shop(log)) as host, Client(shop(log)) as client:
        result = await host.call_tool(asked)
        assert result.is_error and "The arguments for 'stock'" in result.text
        with pytest.raises(ToolError, match="The arguments for 'stock'"):
            await client.call_tool(asked)
    assert not log.exists()  # no call has reached the server


async def test_a_host_checks_arguments_as_an_agent_does(tmp_path: Path) -> None:
    async with Host(shop(tmp_path / "log")) as host:
        result = await host.call_tool(ToolCall(id="1", name="price", arguments={"itme": "tea"}))
        unknown = await host.call_tool(ToolCall(id="1", name="prices"))
    assert result.is_error and "do not fit its schema; it was not called" in result.text
    assert "Did you mean 'price'" in unknown.text
    assert not (tmp_path / "log").exists()


@pytest.mark.parametrize(
    "wrong", [7, None, object(), {"name": "price"}, {"function": {}}, ["price"]]
)
async def test_what_is_no_call_is_refused_in_words(wrong: Any, tmp_path: Path) -> None:
    async with Host(shop(tmp_path / "log")) as host, Client(shop(tmp_path / "log")) as client:
        for call_tool in (host.call_tool, client.call_tool):
            with pytest.raises(ConfigError, match="is no tool call"):
                await call_tool(wrong)


async def test_a_call_has_its_arguments(tmp_path: Path) -> None:
    async with Client(shop(tmp_path / "log")) as client:
        with pytest.raises(ConfigError, match="give none beside it"):
            await client.call_tool(CHAT, {"item": "coffee"})


def test_a_format_that_there_is_not_is_refused_by_name() -> None:
    with pytest.raises(ConfigError, match=r"no format 'gemini'.*openai, openai-strict"):
        function_specs([], "gemini")  # type: ignore[arg-type]
