"""What could not be listed is said: to who typed the command, and to the model."""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tests.conftest import ROOT

from universal_mcp_client import Agent, Host, ToolCall
from universal_mcp_client.testing import ScriptedModel
from universal_mcp_client.tools.base import CallContext
from universal_mcp_client.tools.combined import CombinedToolset
from universal_mcp_client.types.messages import ToolResult
from universal_mcp_client.types.tools import ToolSpec

BROKEN = {"name": "bro\x1b[2Jken", "inputSchema": 5}
SERVER = f"""
import sys
sys.path.insert(0, {str(ROOT)!r})
from tests.support import raw_server
raw_server.TOOLS.append({BROKEN!r})
raw_server._Stdio(sys.argv[1]).serve()
"""


@dataclass
class Many:
    count: int

    async def list_tools(self) -> tuple[ToolSpec, ...]:
        return tuple(ToolSpec(name=f"t{n}") for n in range(self.count))

    async def call_tool(self, call: ToolCall, context: CallContext) -> ToolResult:
        raise AssertionError


@pytest.fixture
def lossy(tmp_path: Path) -> str:
    (tmp_path / "lossy.py").write_text(SERVER)
    return f"lossy={sys.executable} {tmp_path / 'lossy.py'} {tmp_path / 'log'}"


@pytest.mark.parametrize(
    "command", [("tools",), ("servers", "test", "lossy"), ("doctor",), ("run", "hi")]
)
def test_a_tool_that_the_list_lost_is_named_in_one_line(
    umcp: Callable[..., Any], llm: Any, lossy: str, command: tuple[str, ...]
) -> None:
    if command[0] == "servers":
        name, _, line = lossy.partition("=")
        umcp("servers", "add", name, line)
        ran = umcp(*command)
    elif command[0] == "run":
        llm.script = ["hello"]
        key = {"ANTHROPIC_BASE_URL": llm.url, "ANTHROPIC_API_KEY": "sk-test"}
        ran = umcp(*command, "--server", lossy, "--model", "anthropic:any", **key)
    else:
        ran = umcp(*command, "--server", lossy)
    lines = [line for line in (ran.out + ran.err).splitlines() if "ken' is malformed" in line]
    assert len(lines) == 1, ran
    assert "inputSchema" in lines[0] and "lossy" in lines[0] and "\x1b" not in lines[0]
    if command[0] != "doctor":
        assert lines[0] in ran.err.splitlines()


async def test_the_model_is_told_that_tools_are_missing_in_words_that_stay_the_same() -> None:
    said = []
    for count in (10_000, 10_001, 10_500):
        model = ScriptedModel("done")
        await Agent(model, instructions="Be brief.", tools=[Many(count)]).run("go")
        said.append(model.requests[0].instructions)
    assert said[0] == "Be brief."
    assert said[1] == said[2] and said[1].startswith("Be brief.\n\n")
    assert "could be listed" in said[1]


async def test_tools_beyond_the_bound_are_counted_through_all_layers() -> None:
    tools = CombinedToolset([CombinedToolset([Many(10_003)]), Many(1)])
    await tools.list_tools()
    assert [line[:32] for line in tools.left_out] == [
        "3 of 10,003 tools are left out, ",
        "1 of 10,001 tools are left out, ",
    ]


async def test_a_listing_that_fails_later_is_told(lossy: str) -> None:
    async with Host(lossy) as host:
        await host.list_tools()
        (lost,) = host.left_out
        assert "malformed" in lost and "lossy" in lost
        await host.call_tool(ToolCall(id="1", name="list_as", arguments={"listing": "error"}))
        await host.list_tools()
        assert "the database is gone" in host.left_out[0]
        model = ScriptedModel("done")
        await Agent(model, tools=[host]).run("go")
        assert "could be listed" in model.requests[-1].instructions
