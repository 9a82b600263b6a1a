"""The embedded model itself: real weights, a real grammar, real servers."""

import asyncio
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from universal_mcp_client import Agent, Host, ModelError, ModelRequest, ModelSettings
from universal_mcp_client.models.local.model import LocalModel
from universal_mcp_client.tools.tokens import estimate_tokens
from universal_mcp_client.types.events import Completion
from universal_mcp_client.types.messages import user

pytestmark = pytest.mark.xdist_group("embedded")  # one model in memory at a time


@pytest.fixture
async def model(weights: Path) -> Any:
    model = LocalModel(str(weights))
    yield model
    await model.aclose()


async def test_a_run_calls_a_real_tool_and_answers_with_its_result(
    model: LocalModel, time_server: str, desk_server: str
) -> None:
    async with Agent(model, servers=[time_server, desk_server]) as agent:
        result = await agent.run("Add 1234 and 4321")
    (record,) = result.tool_calls
    assert (record.server, record.tool) == ("desk", "add")
    assert record.call.arguments == {"a": 1234, "b": 4321}
    assert "5555" in result.output
    assert result.usage.input_tokens > 0


async def test_whatever_is_asked_the_call_fits_the_schema(
    model: LocalModel, time_server: str, desk_server: str
) -> None:
    import jsonschema

    async with Host(time_server, desk_server) as host:
        tools = {tool.name: tool for tool in await host.list_tools()}
    for asked in ("", "¿Qué hora es?", '"quoted" {braces} \\ and 7 8', "add add add 1"):
        request = ModelRequest(messages=(user(asked),), tools=tuple(tools.values()))
        async for event in model.stream(request):
            if isinstance(event, Completion):
                for call in event.message.tool_calls:
                    assert call.invalid is None
                    jsonschema.validate(dict(call.arguments), tools[call.name].input_schema)


async def test_an_output_type_holds(model: LocalModel) -> None:
    schema = {
        "type": "object",
        "properties": {"name": {"type": "string", "maxLength": 20}, "big": {"type": "boolean"}},
        "required": ["name", "big"],
    }
    result = await Agent(model).run("A river in France", output_type=schema)
    assert set(result.output) == {"name", "big"}


async def test_tokens_are_estimated_high(model: LocalModel) -> None:
    async def counted(text: str) -> int:
        request = ModelRequest(messages=(user(text),), settings=ModelSettings(max_tokens=1))
        found = [
            event.usage.input_tokens
            async for event in model.stream(request)
            if isinstance(event, Completion)
        ]
        return found[0]

    texts = [
        "The quick brown fox jumps over the lazy dog. " * 20,
        json.dumps([{"id": n, "name": f"item {n}", "ok": True} for n in range(20)]),
        "def f(x):\n    return [y ** 2 for y in range(x) if y % 3 == 0]\n" * 10,
        "".join(chr(65 + n * 7 % 26) + str(n % 10) for n in range(300)),
    ]
    around = await counted("a") - 1
    for text in texts:
        assert estimate_tokens(text) >= await counted(text) - around


def test_the_command_line_runs_it(
    umcp: Callable[..., Any], weights: Path, desk_server: str
) -> None:
    ran = umcp(
        *("run", "Multiply 12 by 11", "--model", f"local:{weights}", "--json"),
        *("--server", desk_server),
    )
    assert ran.code == 0, ran.err
    assert "132" in ran.json["output"]


def test_it_answers_from_a_resource_and_runs_a_servers_prompt(
    umcp: Callable[..., Any], weights: Path, desk_server: str
) -> None:
    options = ["--model", f"local:{weights}", "--server", desk_server]
    question = "When does the desk open on Saturday? @desk:desk://opening-hours"
    assert "10" in umcp("run", question, "--agent", "reader", *options).out
    assert "4200" in umcp("run", "/desk:total first=2500 second=1700", *options).out


@pytest.mark.parametrize(
    ("text", "extra"), [("half a \ud83d character", {}), ("hello", {"top_k": object()})]
)
async def test_what_llama_cpp_cannot_be_asked_is_an_error_and_no_wait(
    weights: Path, text: str, extra: dict[str, object]
) -> None:
    model = LocalModel(str(weights))
    settings = ModelSettings(extra=extra, max_tokens=2)
    async with asyncio.timeout(20):
        with pytest.raises(ModelError):
            async for _ in model.stream(ModelRequest(messages=(user(text),), settings=settings)):
                pass
    await model.aclose()


def test_an_engine_that_is_closed_as_soon_as_it_is_loaded_ends(weights: Path) -> None:
    """In a process of its own, as the one that hangs does so with the interpreter's lock."""
    code = (
        "import sys; from pathlib import Path\n"
        "from universal_mcp_client.models.local.engine import Engine\n"
        "for _ in range(6):\n"
        "    engine = Engine(Path(sys.argv[1]))\n"
        "    engine._load()\n"
        "    engine.close()\n"
    )
    subprocess.run([sys.executable, "-c", code, str(weights)], check=True, timeout=120)
