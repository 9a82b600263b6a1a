"""Fixtures which all tests share: a home of their own, and real servers."""

import os
import shutil
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
KEYS = (
    "ANTHROPIC_API_KEY",
    "OPENAI_API_KEY",
    "OPENAI_BASE_URL",
    "ANTHROPIC_BASE_URL",
    "UMCP_MODEL",
)


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"  # fastmcp's clients are made for asyncio alone


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """No key, no configuration and no model of the developer's reaches a test."""
    for key in KEYS:
        monkeypatch.delenv(key, raising=False)
    monkeypatch.setenv("UMCP_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("OLLAMA_BASE_URL", "http://127.0.0.1:9/v1")  # nothing answers there
    return tmp_path


@pytest.fixture(scope="session")
def time_server() -> str:
    """The command line of a real MCP server from PyPI."""
    return f"time={sys.executable} -m mcp_server_time --local-timezone Etc/UTC"


@pytest.fixture(scope="session")
def desk_server() -> str:
    """The command line of the example server."""
    return f"desk={sys.executable} {ROOT / 'examples' / 'desk_server.py'}"


def npm_binary(name: str) -> str:
    """A server from npm; the test is skipped where it is not installed."""
    places = os.environ.get("UMCP_TEST_NPM", str(ROOT / ".cache" / "npm"))
    found = shutil.which(name, path=f"{places}/node_modules/.bin") or shutil.which(name)
    if found is None or shutil.which("node") is None:
        pytest.skip(f"{name} is not installed (npm install --prefix .cache/npm)")
    return found


@pytest.fixture(scope="session")
def everything_server() -> str:
    """The command line of the reference server which has everything, over stdio."""
    return f"everything={npm_binary('mcp-server-everything')} stdio"
