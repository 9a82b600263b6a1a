"""The ways to reach a server: old and new HTTP, files, environment, folders, timeouts."""

import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastmcp import FastMCP
from fastmcp.server.dependencies import get_http_headers
from tests.support.llm_server import serving

from universal_mcp_client import AuthenticationError, Host, ToolCall

SCRIPT = textwrap.dedent(
    """
    import os
    import time
    from fastmcp import FastMCP

    server = FastMCP("probe")

    @server.tool
    def about() -> dict[str, str]:
        return {"cwd": os.getcwd(), "word": os.environ.get("WORD", ""), "home": os.environ["HOME"]}

    @server.tool
    def hang() -> str:
        time.sleep(30)
        return "late"

    @server.tool
    def die() -> str:
        os._exit(3)

    if __name__ == "__main__":
        server.run(show_banner=False)
    """
)


@pytest.fixture
def script(tmp_path: Path) -> Path:
    file = tmp_path / "probe.py"
    file.write_text(SCRIPT)
    return file


def config(script: Path, **more: Any) -> dict[str, Any]:
    entry = {"command": sys.executable, "args": [str(script)], **more}
    return {"mcpServers": {"probe": entry}}


async def called(host: Host, tool: str, **arguments: Any) -> Any:
    return await host.call_tool(ToolCall(id="1", name=tool, arguments=arguments))


async def test_the_legacy_sse_transport(everything_sse: str) -> None:
    async with Host(everything_sse) as host:
        assert host.failures == {}
        assert "Echo: hello" in (await called(host, "echo", message="hello")).text


async def test_streamable_http(everything_url: str) -> None:
    async with Host(everything_url) as host:
        assert "Echo: hello" in (await called(host, "echo", message="hello")).text


async def test_a_python_file_is_a_server(script: Path) -> None:
    async with Host(str(script)) as host:
        assert (await called(host, "about")).structured_content is not None


async def test_environment_and_folder(script: Path, tmp_path: Path) -> None:
    (tmp_path / "inner").mkdir()
    given = config(script, env={"WORD": "x y"}, cwd=str(tmp_path / "inner"))
    async with Host(given) as host:
        about = (await called(host, "about")).structured_content
    assert about["word"] == "x y"
    assert about["cwd"] == str((tmp_path / "inner").resolve())
    assert about["home"]  # what programs need of the environment is passed on


async def test_a_call_that_takes_longer_than_the_servers_timeout_is_an_error(script: Path) -> None:
    async with Host(config(script, timeout=0.5)) as host:
        result = await called(host, "hang")
    assert result.is_error
    assert "probe" in result.text


async def test_a_server_that_died_is_started_again(script: Path) -> None:
    async with Host(config(script)) as host:
        died = await called(host, "die")
        assert died.is_error and "may or may not" in died.text
        assert not (await called(host, "about")).is_error


@pytest.fixture(scope="module")
def guarded() -> Iterator[str]:
    """A server that takes one bearer token."""
    server = FastMCP("guarded")

    @server.tool
    def whoami() -> str:
        return get_http_headers(include_all=True).get("x-name", "")

    inner = server.http_app()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        headers = dict(scope.get("headers", ()))
        refused = 503 if scope.get("path") == "/busy" else 401
        if scope["type"] == "http" and headers.get(b"authorization") != b"Bearer right":
            await send({"type": "http.response.start", "status": refused, "headers": []})
            await send({"type": "http.response.body", "body": b""})
            return
        await inner(scope, receive, send)

    for url in serving(app):
        yield f"{url}/mcp"


async def test_headers_are_sent(guarded: str) -> None:
    headers = {"Authorization": "Bearer right", "X-Name": "ada"}
    async with Host({"mcpServers": {"g": {"url": guarded, "headers": headers}}}) as host:
        assert host.failures == {}
        assert (await called(host, "whoami")).text == "ada"


async def test_a_server_that_wants_a_login_says_so_at_once(guarded: str) -> None:
    async with Host(f"g={guarded}") as host:
        failure = host.failures["g"]
        assert isinstance(failure, AuthenticationError) and failure.reason == "needs_login"
        assert host["g"].state == "needs-login"
        assert f"Run: umcp login {guarded}" in str(failure)


async def test_a_server_that_answers_with_a_status_is_told_by_it(guarded: str) -> None:
    async with Host(f"g={guarded.replace('/mcp', '/busy')}") as host:
        assert "HTTP 503 Service Unavailable" in str(host.failures["g"])


async def test_a_login_that_expires_is_told_to_the_model_as_such() -> None:
    tokens = ["valid"]
    server = FastMCP("expiring")

    @server.tool
    def work() -> str:
        return "done"

    inner = server.http_app()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http" and not tokens:
            await send({"type": "http.response.start", "status": 401, "headers": []})
            await send({"type": "http.response.body", "body": b""})
            return
        await inner(scope, receive, send)

    for url in serving(app):
        async with Host(f"e={url}/mcp") as host:
            assert (await called(host, "work")).text == "done"
            tokens.clear()
            result = await called(host, "work")
            assert result.is_error and "wants a login" in result.text
