"""Which revision of MCP a server is spoken to in, and for how long its listings are good."""

import json
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from fastmcp import FastMCP

from universal_mcp_client import Host, ServerConfig, ServerUnavailable, ToolCall
from universal_mcp_client.mcp import eras

pytestmark = pytest.mark.anyio

# Knows sessions only, and says nothing to what it does not know.
SILENT = """
import json, sys
for line in sys.stdin:
    message = json.loads(line)
    with open(sys.argv[1], "a") as log:
        print(message.get("method"), file=log)
    match message.get("method"):
        case "initialize":
            info = {"name": "s", "version": "1"}
            result = {"protocolVersion": "2025-11-25", "capabilities": {}, "serverInfo": info}
        case _:
            continue
    print(json.dumps({"jsonrpc": "2.0", "id": message["id"], "result": result}), flush=True)
"""


@pytest.fixture
def silent(tmp_path: Path) -> ServerConfig:
    (tmp_path / "silent.py").write_text(SILENT)
    args = (str(tmp_path / "silent.py"), str(tmp_path / "log"))
    return ServerConfig(name="silent", transport="stdio", command=sys.executable, args=args)


def asked(tmp_path: Path) -> list[str]:
    found = (tmp_path / "log").read_text().split()
    (tmp_path / "log").unlink()
    return found


async def test_a_server_that_does_not_answer_is_waited_for_once(
    silent: ServerConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(eras, "PATIENCE", 0.1)
    began = time.monotonic()
    async with Host(silent) as host:
        assert host["silent"].protocol_version == "2025-11-25"
    assert time.monotonic() - began < 8  # the SDK waits for ten seconds
    assert asked(tmp_path)[:2] == ["server/discover", "initialize"]
    monkeypatch.setattr(eras, "_silent", {})  # as in another process
    async with Host(silent):
        pass
    assert asked(tmp_path)[0] == "initialize"


async def test_what_was_learnt_is_forgotten_after_a_while_and_when_it_fails(
    silent: ServerConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(eras, "PATIENCE", 0.1)
    eras.remember(silent)
    assert eras.is_silent(silent)
    monkeypatch.setattr(time, "time", lambda: 4e9)
    assert not eras.is_silent(silent)
    monkeypatch.undo()
    (tmp_path / "silent.py").write_text("raise SystemExit(1)")
    async with Host(silent) as host:
        assert host.failures
    assert not eras.is_silent(silent)


@pytest.mark.parametrize("kept", ["no json", "[]", '{"a": "b", "c": null}', '{"x": 1}'])
async def test_a_broken_memory_costs_nothing(
    silent: ServerConfig, kept: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(eras, "_silent", {})
    eras.remember(silent)
    eras._file().write_text(kept)
    monkeypatch.setattr(eras, "_silent", {})
    assert not eras.is_silent(silent)
    eras.remember(silent)
    assert json.loads(eras._file().read_text())[eras._key(silent)] > 1e9


async def test_a_server_that_is_slow_to_start_is_not_remembered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(eras, "PATIENCE", 0.01)  # less than any server needs to start
    (tmp_path / "slow.py").write_text(
        "from fastmcp import FastMCP\nFastMCP('slow').run(show_banner=False)"
    )
    config = ServerConfig(
        name="slow", transport="stdio", command=sys.executable, args=(str(tmp_path / "slow.py"),)
    )
    async with Host(config) as host:
        assert not host.failures
    assert not eras.is_silent(config)


async def test_a_revision_that_is_demanded_is_spoken(library: ServerConfig) -> None:
    async with Host(library) as host:
        server: Any = host["library"]
        assert (server.protocol_version or "").startswith(library.protocol)
        assert server._calls.lasts == ({"tools": 30.0} if library.protocol == "2026" else {})


async def test_one_that_the_server_does_not_speak_is_an_error(
    silent: ServerConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mcp.client.session.DISCOVER_TIMEOUT_SECONDS", 0.1)
    newer = ServerConfig(
        name="silent", transport="stdio", command=silent.command, args=silent.args, protocol="2026"
    )
    async with Host(newer) as host:
        (error,) = host.failures.values()
    assert isinstance(error, ServerUnavailable)
    assert 'speaks MCP 2025-11-25, and its `protocol` is set to "2026"' in str(error)


@pytest.mark.parametrize(
    ("said", "lasts"), [(None, 60.0), (0, 5.0), (30_000, 30.0), (10**12, 86_400.0)]
)
async def test_listings_last_as_long_as_the_server_says(
    said: int | None, lasts: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with Host(FastMCP("x")) as host:
        server: Any = host["x"]
        await server.list_tools()
        server._calls.lasts.pop("tools", None)
        if said is not None:
            server._calls.lasts["tools"] = said / 1_000
        monkeypatch.setattr(type(server), "_tells", lambda self, kind: False)
        assert server._lasts("tools") == lasts
        monkeypatch.setattr(type(server), "_tells", lambda self, kind: True)
        assert server._lasts("tools") == float("inf")


@pytest.mark.parametrize("library", ["http-2026"], indirect=True)
async def test_a_header_that_was_not_listed_is_learnt_and_the_call_made_once_more(
    library: ServerConfig,
) -> None:
    async with Host(library) as host:
        server: Any = host["library"]
        server.client.session._x_mcp_header_maps.clear()  # as if listed before the schema changed
        asked = ToolCall(id="1", name="branch", arguments={"city": "Oslo"})
        result = await host.call_tool(asked)
        assert json.loads(result.text) == {"mcp-param-city": "Oslo"}
        seen = json.loads((await host.call_tool(ToolCall(id="2", name="seen"))).text)
    assert [what for what in seen if what[0] == "call"] == [["call", "branch"], ["call", "seen"]]
