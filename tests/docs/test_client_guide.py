"""Every block of docs/client-guide.md is run, against real servers and a scripted browser."""

import ast
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastmcp import FastMCP
from mcp.server.auth.provider import AccessToken
from mcp.shared.auth import OAuthClientInformationFull
from pydantic import AnyUrl
from tests.conftest import ROOT
from tests.support import services
from tests.support.llm_server import serving
from tests.support.oauth_server import Protected, protected

from universal_mcp_client.auth.encryption import VARIABLE, new_key
from universal_mcp_client.auth.keyring_store import keyring_trouble

GUIDE = (ROOT / "docs" / "client-guide.md").read_text(encoding="utf-8")
BROWSER = ROOT / "tests" / "support" / "browser.py"

MY_SERVER = """
import os
from fastmcp import Context, FastMCP

server = FastMCP("mine")

@server.tool
async def count(upto: int, context: Context) -> int:
    await context.info("counting")
    for done in range(1, upto + 1):
        await context.report_progress(done, upto)
    return upto

@server.tool
def example_tool() -> str:
    return os.environ.get("API_KEY", "no key")

@server.tool
def answer_question(question: str) -> str:
    return f"{question} to you"

@server.resource("notes://first")
def note() -> str:
    return "a note"

@server.prompt
def explain(topic: str) -> str:
    return f"Explain {topic}."

server.run(show_banner=False)
"""

# What a block prints, by the heading above it and its number below that.
PRINTS = {
    "quick-start-1": ["Available tools: ['add', 'tool_name', 'my_tool']", "Result: value", "a://b"],
    "where-tokens-are-kept-1": ["3"],
    "in-this-process-1": ["8"],
    "what-a-program-has-already-1": ["3", "True"],
    "api-reference-1": ["True", "1 of 2", "counting", "notes://first a note", "user Explain owls."],
    "several-servers-1": ["sunny in London", "Hello to you"],
    "error-handling-1": ["value"],
    "a-local-server-1": ["Found 3 tools", "Result: no key"],
    "notion-1": ["Notion tools: ['add', 'tool_name', 'my_tool']"],
    "github-1": ["Repositories: ['a://b']", "3"],
}
LASTING = ["where-tokens", "encrypted", "files", "keyring", "redis", "postgresql", "dynamodb"]


def blocks() -> list[Any]:
    found, heading, number = [], "", 0
    for part in re.finditer(
        r"^#+ ([^\n]+)$|^```python\n(.*?)^```", GUIDE, re.DOTALL | re.MULTILINE
    ):
        if part[1]:
            heading, number = re.sub(r"\W+", "-", part[1].lower()).strip("-"), 0
        else:
            number += 1
            name = f"{heading}-{number}"
            found.append(pytest.param(name, part[2], id=name))
    return found


@pytest.fixture
def server() -> Iterator[Protected]:
    def furnish(server: FastMCP) -> None:
        @server.tool
        def tool_name(arg: str) -> str:
            return arg

        @server.tool
        def my_tool(arg: str) -> str:
            return arg

        server.resource("a://b")(lambda: "c")

    yield from protected(furnish)


@pytest.fixture(scope="module")
def weather() -> Iterator[str]:
    server = FastMCP("weather")

    @server.tool
    def get_forecast(city: str) -> str:
        return f"sunny in {city}"

    for url in serving(server.http_app()):
        yield f"{url}/mcp"


@pytest.fixture(scope="module")
def redis() -> Iterator[str]:
    yield from services.redis_server()


@pytest.fixture(scope="module")
def postgres() -> Iterator[str]:
    yield from services.postgres_server()


@pytest.fixture(scope="module")
def dynamodb() -> Iterator[str]:
    yield from services.dynamodb_server()


def with_real_places(name: str, code: str, server: Protected, request: Any) -> str:
    """The code with what it names on the internet replaced by what runs here."""
    port = services.free_port()
    code = re.sub(r"https://(your-server|mcp\.notion)\.com/mcp", server.url, code)
    code = code.replace("https://api.githubcopilot.com/mcp/", server.url)
    code = code.replace("callback_port=3000", f"callback_port={port}")
    code = code.replace('"python"', repr(sys.executable))
    if "weather-api" in code:
        code = code.replace(
            "https://weather-api.example.com/mcp", request.getfixturevalue("weather")
        )
    if "keyring://" in code:
        if trouble := keyring_trouble():
            pytest.skip(trouble)
        code = code.replace("keyring://universal-mcp", f"keyring://umcp-guide-{os.getpid()}")
    if "redis://" in code:
        code = code.replace("redis://localhost:6379/0", request.getfixturevalue("redis"))
    if "postgres://" in code:
        code = code.replace("postgres://localhost/tokens", request.getfixturevalue("postgres"))
    if "dynamodb://" in code:
        endpoint = f"&endpoint={request.getfixturevalue('dynamodb')}"
        code = code.replace("region=eu-central-1", f"region=eu-central-1{endpoint}")
    if "GITHUB_CLIENT_ID" in code:
        register(server, port)
        code = code.replace("OAuth(client_id", f"OAuth(callback_port={port}, client_id")
    return code


def register(server: Protected, port: int) -> None:
    """A client that its owner has registered beforehand, and a personal access token."""
    issuer = server.issuer
    issuer.clients["ours"] = OAuthClientInformationFull(
        client_id="ours",
        client_secret="hush",
        redirect_uris=[AnyUrl(f"http://127.0.0.1:{port}/callback")],
        scope="read write",
        token_endpoint_auth_method="client_secret_basic",
    )
    issuer.access_tokens["personal"] = AccessToken(
        token="personal", client_id="ours", scopes=["read"], expires_at=None
    )


def run(code: str, folder: Path) -> str:
    """Run it as `python -m asyncio` would, where `await` needs no function around it."""
    runner = (
        "import ast, asyncio, inspect\n"
        f"code = compile({code!r}, 'block', 'exec', ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)\n"
        "async def main():\n"
        "    await eval(code, {'__name__': '__main__'})\n"
        "waits = code.co_flags & inspect.CO_COROUTINE\n"
        "asyncio.run(main()) if waits else exec(code, {'__name__': '__main__'})\n"
    )
    environment = {
        "HOME": str(folder),
        "BROWSER": f"{sys.executable} {BROWSER} %s",
        "UMCP_HOME": str(folder / "home"),
        "UMCP_TOKEN_STORE": f"disk:{folder / 'default'}",
        "GITHUB_CLIENT_ID": "ours",
        "GITHUB_SECRET": "hush",
        "GITHUB_TOKEN": "personal",
    }
    inherited = {
        k: v for k, v in os.environ.items() if k not in ("CI", "SSH_CONNECTION", "SSH_TTY")
    }
    done = subprocess.run(
        [sys.executable, "-c", runner],
        capture_output=True,
        text=True,
        timeout=120,
        cwd=folder,
        env=inherited | environment,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize(("name", "code"), blocks())
def test_block(
    name: str,
    code: str,
    server: Protected,
    request: pytest.FixtureRequest,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(VARIABLE, new_key())
    for file in ("my_server.py", "assistant_server.py"):
        (tmp_path / file).write_text(MY_SERVER)
    here = with_real_places(name, code, server, request)
    printed = run(here, tmp_path)
    for expected in PRINTS.get(name, ()):
        assert expected in printed
    if server.url in here:
        assert server.issuer.logins == 1
        again = any(word in name for word in [*LASTING, "memory"])
        if again:
            run(here, tmp_path)
            assert server.issuer.logins == (2 if "memory" in name else 1)


def test_what_is_promised_is_checked() -> None:
    names = [block.id for block in blocks()]
    assert set(PRINTS) <= set(names)
    assert all(any(word in name for name in names) for word in LASTING)
    for block in blocks():
        ast.parse(str(block.values[1]))
