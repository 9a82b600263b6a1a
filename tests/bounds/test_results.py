"""Results of any size and shape: what the model gets, what is kept, and that it can be read on."""

from dataclasses import dataclass, replace
from typing import Any

import pytest
from tests.support.hostile import run_hostile

from universal_mcp_client import Agent, Image, Text, ToolCall
from universal_mcp_client.models.calls import result_text
from universal_mcp_client.testing import ScriptedModel, call
from universal_mcp_client.tools.base import CallContext
from universal_mcp_client.tools.budgeted import BudgetedToolset, KeptResults
from universal_mcp_client.tools.tokens import estimate_tokens
from universal_mcp_client.types.messages import Audio, File, ResourceLink, ToolResult
from universal_mcp_client.types.tools import ToolSpec

LONG = "all work and no play " * 250_000  # 5 MB


@dataclass
class Returns:
    """A toolset of one tool with a result of its own."""

    result: ToolResult

    async def list_tools(self) -> tuple[ToolSpec, ...]:
        return (ToolSpec(name="one"),)

    async def call_tool(self, call: ToolCall, context: CallContext) -> ToolResult:
        return replace(self.result, call_id=call.id)


def size(result: ToolResult) -> int:
    """Bytes of a result that are kept in a history."""
    return len(repr(result))


@pytest.mark.parametrize(
    "result",
    [
        ToolResult(call_id="", structured_content={"text": LONG}),
        ToolResult(call_id="", content=(Text(text=""),), structured_content={"text": LONG}),
        ToolResult(call_id="", content=(Text(text="short"),), structured_content={"text": LONG}),
        ToolResult(call_id="", content=(Text(text=LONG),), is_error=True),
        ToolResult(call_id="", content=(ResourceLink(uri="a:b", description=LONG),)),
        ToolResult(call_id="", content=(ResourceLink(uri="a:" + LONG),) * 3),
        ToolResult(call_id="", content=(Text(text="a small part of a long result"),) * 200_000),
        ToolResult(call_id="", content=(Text(text=""),) * 200_000),
        ToolResult(call_id="", content=(Image(data=b"x" * 32_000_000), Text(text="a picture"))),
        ToolResult(call_id="", content=(Image(data=b"x"),) * 5_000),
        ToolResult(call_id="", content=(Image(url="data:image/png;base64," + "x" * 9_000_000),)),
        ToolResult(call_id="", content=(Audio(media_type="audio/wav", data=b"x" * 9_000_000),)),
        ToolResult(call_id="", content=(File(media_type="a/b", data=b"x" * 4_000_000),) * 9),
        ToolResult(call_id="", content=(Text(text=LONG), Image(data=b"x")) * 20),
    ],
)
async def test_whatever_a_result_is_made_of_the_model_gets_no_more_than_its_budget(
    result: ToolResult,
) -> None:
    agent = Agent(ScriptedModel(call("one"), "done"), tools=[Returns(result)], result_budget=10_000)
    ran = await agent.run("go")
    (kept,) = ran.messages[-2].tool_results
    assert ran.tool_calls[0].result is kept
    assert estimate_tokens(result_text(kept)) < 13_000
    attached = sum(len(getattr(part, "data", None) or b"") for part in kept.content)
    assert attached <= 20_000_000
    assert len(kept.content) <= 50
    assert size(kept) < 300_000 + 4 * attached
    assert kept.is_error is result.is_error


async def read_on(tools: BudgetedToolset, name: str) -> str:
    text, page = "", 1
    while True:
        asked = ToolCall(id="1", name="read_result", arguments={"id": name, "page": page})
        more = await tools.call_tool(asked, CallContext())
        if more.is_error:
            return text
        text += more.text.rpartition("\n[Page")[0]
        page += 1


@pytest.mark.parametrize(
    ("result", "whole"),
    [
        (ToolResult(call_id="", structured_content={"n": list(range(30_000))}),
         '{"n": [' + ", ".join(map(str, range(30_000))) + "]}"),
        (ToolResult(call_id="", content=tuple(Text(text=f"part {n}") for n in range(30_000))),
         "\n".join(f"part {n}" for n in range(30_000))),
    ],
)  # fmt: skip
async def test_what_was_cut_can_be_read_to_its_end(result: ToolResult, whole: str) -> None:
    tools = BudgetedToolset(wrapped=Returns(result), budget=10_000)
    await tools.call_tool(ToolCall(id="1", name="one"), CallContext())
    assert await read_on(tools, "r1") == whole


async def test_small_parts_in_small_numbers_stay_as_they_are() -> None:
    content = (Text(text="a"), Image(data=b"x"), ResourceLink(uri="a:b"), Text(text="b"))
    result = ToolResult(call_id="1", content=content, structured_content={"a": 1})
    fitted = await BudgetedToolset(wrapped=Returns(result)).call_tool(
        ToolCall(id="1", name="one"), CallContext()
    )
    assert fitted == result


async def test_the_oldest_results_give_way_and_that_is_said() -> None:
    kept = KeptResults(limit=100_000)
    for _ in range(5):
        kept.keep("x" * 30_000, 1_000)
    assert list(kept.pages) == ["r3", "r4", "r5"]
    tools = BudgetedToolset(wrapped=Returns(ToolResult(call_id="")), kept=kept)
    asked = ToolCall(id="1", name="read_result", arguments={"id": "r1", "page": 1})
    said: Any = await tools.call_tool(asked, CallContext())
    assert said.is_error and "no longer kept" in said.text
    kept.keep("y" * 500_000, 1_000)
    assert sum(len(pages.text) for pages in kept.pages.values()) <= 100_000


def test_fifteen_results_of_20_mb_do_not_stay_in_memory() -> None:
    run_hostile("""
        def big() -> str:
            return ("all work and no play " * 1_000_000)[:20_000_000]
        calls = [call("big") for _ in range(15)]
        agent = Agent(ScriptedModel(*calls, "done"), tools=[big])
        result = await agent.run("go")
        assert len(result.tool_calls) == 15
    """)


def test_a_catalogue_of_100000_tools_is_bounded_and_that_is_said() -> None:
    found = run_hostile("""
        import logging
        logging.basicConfig(stream=sys.stdout)
        from universal_mcp_client.types.tools import ToolSpec
        listing = [ToolSpec(name=f"tool_{n}", description="x" * 100) for n in range(100_000)]
        class Many:
            async def list_tools(self):
                return listing
        sizes = []
        class Model(ScriptedModel):
            async def stream(self, request):
                sizes.append(len(request.tools))
                async for event in super().stream(request):
                    yield event
        await asyncio.sleep(0)
        Many.call_tool = None
        await Agent(Model(call("tool_99999"), "done"), tools=[Many()]).run("go")
        assert sizes == [10_000] * 2, sizes
    """)
    assert "90,000 of 100,000 tools are left out" in found.out


def test_descriptions_and_schemas_of_a_server_are_bounded() -> None:
    found = run_hostile("""
        from fastmcp import FastMCP
        from fastmcp.tools import FunctionTool
        from typing import Annotated
        from pydantic import Field

        server = FastMCP("hostile")
        def wordy(x: Annotated[str, Field(description="word " * 1_000_000)]) -> str:
            return x
        server.tool(wordy, description="word " * 1_000_000)
        def wide(x: str) -> str:
            return x
        tool = FunctionTool.from_function(wide)
        tool.parameters["properties"] |= {f"p{n}": {"type": "string"} for n in range(50_000)}
        deep = tool.parameters["properties"]["deep"] = {}
        for _ in range(100):
            deep["properties"] = {"x": {}}
            deep = deep["properties"]["x"]
        server.add_tool(tool)
        async with Host(server) as host:
            tools = await host.list_tools()
            assert [t.name for t in tools] == ["wordy", "wide"]
            assert sum(len(repr(t)) for t in tools) < 15_000
            assert "cut: 5,000,000 characters" in tools[0].description
            result = await host.call_tool(ToolCall(id="1", name="wide", arguments={"x": "here"}))
            print(result.text)
    """)
    assert "here" in found.out
