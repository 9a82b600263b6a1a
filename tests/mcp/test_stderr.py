"""What servers say on stderr, on loops that watch pipes and on those of Windows, which do not."""

import asyncio
import logging
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from universal_mcp_client import Host, ServerUnavailable, ToolCall

CHATTY = """
import sys
from fastmcp import FastMCP

server = FastMCP("chatty")

@server.tool
def talk(lines: int) -> str:
    for number in range(lines):
        print("line", number, "." * 1000, file=sys.stderr)
    print("all said", file=sys.stderr, flush=True)
    return "done"

server.run(show_banner=False)
"""
DYING = "import sys; print('one\\n' * 60, file=sys.stderr); sys.exit('no key: set CHATTY_KEY')"


def refuses(*arguments: Any) -> None:
    raise NotImplementedError


@pytest.fixture(params=["unix", "windows"])
async def system(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    if request.param == "windows":
        monkeypatch.setattr(asyncio.get_running_loop(), "add_reader", refuses)
    return str(request.param)


def command(folder: Path, code: str) -> dict[str, Any]:
    (folder / "chatty.py").write_text(code)
    return {"mcpServers": {"chatty": {"command": sys.executable, "args": ["chatty.py"]}}}


async def test_the_last_words_of_a_server_that_dies_are_in_the_error(
    system: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    async with Host(command(tmp_path, DYING)) as host:
        (error,) = host.failures.values()
    assert isinstance(error, ServerUnavailable)
    assert "| no key: set CHATTY_KEY" in str(error)


async def test_a_server_that_writes_much_is_never_held_up(
    system: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A pipe that nobody reads is full after 64 kB, and its writer stands still."""
    monkeypatch.chdir(tmp_path)
    with caplog.at_level(logging.DEBUG, logger="universal_mcp_client.server.chatty"):
        async with Host(command(tmp_path, CHATTY)) as host:
            (tool,) = await host.list_tools()
            call = ToolCall(id="1", name=tool.name, arguments={"lines": 500})
            async with asyncio.timeout(30):
                result = await host.call_tool(call)
            assert "done" in result.text
        for thread in threading.enumerate():
            if thread.name == "umcp-stderr":
                thread.join(10)
                assert not thread.is_alive()  # it ends with the server
    said = [record.getMessage() for record in caplog.records]
    assert sum(line.startswith("line") for line in said) == 500
    assert "all said" in said
