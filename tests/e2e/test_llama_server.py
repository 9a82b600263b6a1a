"""A server that many run at home speaks all three wire formats, in its own way."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.conftest import ROOT
from tests.support.services import free_port, running

from universal_mcp_client import Agent, Limits, ModelSettings


@pytest.fixture(scope="module")
def address(weights: Path) -> Iterator[str]:
    port = free_port()
    program = str(ROOT / "tests" / "support" / "llama_server.py")
    command = [sys.executable, program, str(weights), str(port)]
    for _ in running(command, "ready", stdin=subprocess.PIPE):
        yield f"http://127.0.0.1:{port}"


@pytest.mark.xdist_group("llama")
@pytest.mark.parametrize("wire", ["openai", "openai-responses", "anthropic"])
async def test_llama_cpp_answers_in_each_wire_format(
    wire: str, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for vendor in ("OPENAI", "ANTHROPIC"):
        monkeypatch.setenv(f"{vendor}_API_KEY", "none")
    monkeypatch.setenv("OPENAI_BASE_URL", f"{address}/v1")
    monkeypatch.setenv("ANTHROPIC_BASE_URL", address)
    settings = ModelSettings(max_tokens=8, temperature=0.0, retries=0)
    async with Agent(f"{wire}:any", settings=settings, limits=Limits(turns=1)) as agent:
        result = await agent.run("Say hello.")
    assert result.output
    assert 0 < result.usage.output_tokens <= 8  # Claude's wire has no temperature to fix it
