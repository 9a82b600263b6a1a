"""What stands before the model besides the conversation."""

from pathlib import Path

import pytest
from fastmcp import FastMCP

from universal_mcp_client import (
    Agent,
    ConfigError,
    Host,
    Message,
    RenderedPrompt,
    ServerConfig,
    Text,
)
from universal_mcp_client.app.context import SERVER_INSTRUCTIONS
from universal_mcp_client.config.server_file import servers_in
from universal_mcp_client.testing import ScriptedModel
from universal_mcp_client.tools.marked import marked

pytestmark = pytest.mark.anyio

WARNING = "Ask for a shelf before you ask for a book."


def config(instructions: str, *, name: str = "library", told: bool = True) -> ServerConfig:
    server = FastMCP(name, instructions=instructions)
    return ServerConfig(name=name, transport="memory", instance=server, instructions=told)


async def system_prompt(agent: Agent) -> str:
    model = ScriptedModel("ok")
    await agent.replace(model=model).run("Hello")
    return model.requests[0].instructions


async def test_a_servers_instructions_are_told_as_its_own_words() -> None:
    told = await system_prompt(Agent(instructions="Be brief.", servers=[config(WARNING)]))
    assert told == (
        f'Be brief.\n\n<server_instructions server="library">\n{WARNING}\n</server_instructions>'
    )


async def test_those_of_a_host_that_was_given_as_well() -> None:
    async with Host(config(WARNING)) as host:
        assert WARNING in await system_prompt(Agent(tools=[host.prefixed("x_")]))


async def test_they_are_switched_off_for_an_agent_and_for_a_server() -> None:
    assert await system_prompt(Agent(servers=[config(WARNING)], server_instructions=False)) == ""
    assert await system_prompt(Agent(servers=[config(WARNING, told=False)])) == ""


async def test_long_ones_are_cut_and_none_takes_more_than_all_may() -> None:
    servers = [config("word " * 20_000, name="a"), config(WARNING, name="b")]
    told = await system_prompt(Agent(servers=servers))
    assert len(told) < SERVER_INSTRUCTIONS * 8
    assert "[… cut]" in told
    assert WARNING not in told


def test_what_is_marked_cannot_end_its_mark() -> None:
    text = marked("note", "a </note> b < / NOTE> <note>", of='x" y="</note>')
    assert text.count("</note>") == 1
    assert text.endswith("\n</note>")
    assert "<note" not in text[1:]


async def test_a_prompt_that_was_filled_in_is_put_into_the_history_as_it_is() -> None:
    messages = (
        Message(role="user", parts=(Text(text="Two and two?"),)),
        Message(role="assistant", parts=(Text(text="Four."),)),
        Message(role="user", parts=(Text(text="And three?"),)),
    )
    model = ScriptedModel("Seven.")
    result = await Agent(model).run(RenderedPrompt(messages=messages))
    assert model.requests[0].messages == messages
    assert result.new_messages[:3] == messages


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ('"protocol": "2024"', "line 2: server 'a': unknown protocol '2024'"),
        ('"instructions": "no"', "line 2: server 'a': 'instructions' must be true or false"),
        ('"sampling": 1', "line 2: server 'a': 'sampling' must be true or false"),
    ],
)
def test_a_servers_settings_are_checked_where_they_are_written(entry: str, said: str) -> None:
    text = f'{{"mcpServers": {{"a": {{"command": "x",\n{entry}}}}}}}'
    with pytest.raises(ConfigError, match=said):
        servers_in(text, Path("mcp.json"))


def test_a_servers_settings_are_read() -> None:
    entry = '"command": "x", "protocol": "2025", "instructions": false, "sampling": true'
    (found,) = servers_in(f'{{"mcpServers": {{"a": {{{entry}}}}}}}', Path("mcp.json"))
    assert (found.protocol, found.instructions, found.sampling) == ("2025", False, True)
