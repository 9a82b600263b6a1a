"""What a server's entry holds back stands in no error, no log and no message to a model."""

import json
import logging
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from universal_mcp_client import Agent, Host
from universal_mcp_client.testing import ScriptedModel, call

pytestmark = pytest.mark.anyio

TOKEN = "tok-3n-of/the+user"
SECRETS = (
    TOKEN,
    "tok-3n-of%2Fthe%2Buser",
    "literal-0ne",
    "env-v4lue",
    "he4der",
    "passw0rd",
    "q5ery",
)

SERVER = """
import json, os, pathlib, sys
from fastmcp import FastMCP
been = pathlib.Path(sys.argv[1])
print("started with", sys.argv, dict(os.environ), file=sys.stderr)
if been.exists():
    sys.exit("refused: " + json.dumps(sys.argv[2:]) + " and " + os.environ["MY_PASSWORD"])
been.touch()
server = FastMCP("dies")
@server.tool
def die() -> str:
    os._exit(1)
@server.tool
def noop() -> str:
    return "ok"
server.run(show_banner=False)
"""


def ours(caplog: pytest.LogCaptureFixture) -> str:
    """Our own loggers' lines; the SDK's name whole URLs at DEBUG, which the command line hides."""
    return "\n".join(r.getMessage() for r in caplog.records if r.name.startswith("universal_mcp"))


def shown(error: BaseException) -> str:
    return "".join(traceback.format_exception(error)) + repr(error) + str(error)


async def test_a_server_that_fails_to_start_again_tells_the_model_no_secret(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    monkeypatch.setenv("SERVER_TOKEN", TOKEN)
    (tmp_path / "server.py").write_text(SERVER)
    entry = {
        "command": sys.executable,
        "args": [
            *(str(tmp_path / "server.py"), str(tmp_path / "been")),
            *("--token", "${SERVER_TOKEN}", "--api-key=literal-0ne"),
        ],
        "env": {"MY_PASSWORD": "env-v4lue"},
    }
    host = Host({"mcpServers": {"dies": entry}})
    model = ScriptedModel(call("die"), call("noop"), call("noop"), "done")
    async with host, Agent(model, tools=[host]) as agent:
        await agent.run("go")
    told = str([message for request in model.requests for message in request.messages])
    assert "refused: " in told  # the model learns why, though
    assert "${SERVER_TOKEN}" in told
    assert not [secret for secret in SECRETS if secret in told + ours(caplog) + repr(host)]


@pytest.mark.parametrize(
    "where", ["http://user:passw0rd@127.0.0.1:9/mcp", "http://no-such.invalid/mcp"]
)
async def test_a_server_that_cannot_be_reached_is_named_without_its_secrets(
    where: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    monkeypatch.setenv("SERVER_TOKEN", TOKEN)
    entry = {
        "url": f"{where}?api_key=${{SERVER_TOKEN}}&sig=q5ery",
        "headers": {"Authorization": "Bearer he4der"},
        "auth": "none",
    }
    async with Host({"mcpServers": {"far": entry}}) as host:
        said = shown(host.failures["far"])
    assert "api_key=${SERVER_TOKEN}" in said
    assert not [secret for secret in SECRETS if secret in said + ours(caplog)]


async def test_what_is_not_mcp_is_quoted_without_secrets(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    code = "import sys; print('x' * 190 + sys.argv[2], flush=True); sys.stdin.read()"
    entry = {
        "command": sys.executable,
        "args": ["-c", code, "--secret", TOKEN],
        "connectTimeout": 1,
    }
    async with Host({"mcpServers": {"babbles": entry}}) as host:
        said = shown(host.failures["babbles"])
    assert "not MCP" in said
    assert TOKEN[:6] not in said + ours(caplog)


def test_debug_on_the_command_line_shows_no_secret_that_a_library_logs(
    umcp: Callable[..., Any], tmp_path: Path
) -> None:
    entry = {"url": "http://user:passw0rd@127.0.0.1:9/mcp?api_key=${SERVER_TOKEN}&team=q5ery"}
    file = tmp_path / "servers.json"
    file.write_text(json.dumps({"mcpServers": {"far": entry | {"auth": "none"}}}))
    ran = umcp("tools", "--config", str(file), "--debug", SERVER_TOKEN=TOKEN)
    assert ran.code == 1 and "DEBUG" in ran.err and "${SERVER_TOKEN}" in ran.err
    assert not [secret for secret in SECRETS if secret in ran.err]
