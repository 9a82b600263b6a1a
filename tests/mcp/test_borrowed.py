"""What a program has already: connections, transports, configs and servers as sources."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import fastmcp
import pytest
from fastmcp.client.transports import FastMCPTransport, StdioTransport
from fastmcp.mcp_config import MCPConfig
from mcp.server.lowlevel import Server as LowLevel
from mcp.server.mcpserver import MCPServer

from universal_mcp_client import Client, ConfigError, Host
from universal_mcp_client.config.servers import ServerConfig
from universal_mcp_client.config.sources import is_source, server_configs


def calculator(name: str = "calculator") -> fastmcp.FastMCP[Any]:
    server: fastmcp.FastMCP[Any] = fastmcp.FastMCP(name)

    @server.tool
    def add(a: int, b: int) -> int:
        return a + b

    return server


# What is a source


def test_an_object_is_told_by_its_class_whether_it_stands_for_servers() -> None:
    app = calculator()
    host = Host(app)
    for source in (
        app, MCPServer("sdk"), LowLevel("low"), fastmcp.Client(app), FastMCPTransport(app),
        StdioTransport("true", []), MCPConfig.from_dict({"mcpServers": {"a": {"url": "http://a"}}}),
        host, host["calculator"], Client(app),
        ServerConfig(name="a", transport="http", url="http://a"),
    ):  # fmt: skip
        assert is_source(source), source
    others: list[object] = ["uvx a", Path("a.py"), {"mcpServers": {}}, 7, None, fastmcp.FastMCP]
    for other in others:
        assert not is_source(other), other


def test_to_tell_imports_nothing() -> None:
    code = (
        "import sys; from universal_mcp_client.config.sources import is_source, server_configs;"
        "is_source(object()); server_configs(['uvx a', 'http://a/mcp']);"
        "from universal_mcp_client import Agent; Agent(tools=[], instructions='a');"
        "print([m for m in ('fastmcp', 'mcp', 'pydantic') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_lone_source_is_a_list_of_one() -> None:
    assert [c.name for c in server_configs("uvx mcp-server-time")] == ["time"]
    assert [c.name for c in server_configs({"mcpServers": {"a": {"command": "x"}}})] == ["a"]
    assert [c.name for c in server_configs(calculator())] == ["calculator"]


@pytest.mark.parametrize("other", [b"uvx a", 7, None, print, ["uvx a"]])
def test_what_is_no_source_is_named(other: object) -> None:
    with pytest.raises(ConfigError) as raised:
        server_configs([other])
    assert repr(other) in str(raised.value)
