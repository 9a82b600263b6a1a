"""Fixtures which all tests share: a home of their own, and real servers."""

import json
import os
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import pytest
from tests.support.llm_server import LLMServer, serving
from tests.support.services import free_port, running

from universal_mcp_client.config.servers import ServerConfig

ROOT = Path(__file__).parent.parent
KEYS = (
    "ANTHROPIC_API_KEY",
    "OPENAI_API_KEY",
    "OPENAI_BASE_URL",
    "ANTHROPIC_BASE_URL",
    "UMCP_MODEL",
)


Report = TypeVar("Report", pytest.CollectReport, pytest.TestReport)
EVERYTHING = bool(os.environ.get("UMCP_TEST_ALL"))  # what .ci/run says: nothing may be skipped


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    return _ran((yield))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    return _ran((yield))


def _ran(report: Report) -> Report:
    """A test that was skipped has failed, where nothing may be."""
    if EVERYTHING and report.skipped and not hasattr(report, "wasxfail"):
        reason = report.longrepr[-1] if isinstance(report.longrepr, tuple) else report.longrepr
        report.outcome = "failed"
        report.longrepr = f"{report.nodeid} was skipped, and UMCP_TEST_ALL is set. {reason}"
    return report


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
        pytest.skip(f"{name} is not installed (run: make npm)")
    return found


@pytest.fixture(scope="session")
def everything_server() -> str:
    """The command line of the reference server which has everything, over stdio."""
    return f"everything={npm_binary('mcp-server-everything')} stdio"


@pytest.fixture
def llm() -> Iterator[LLMServer]:
    """A language-model server whose answers the test scripts."""
    server = LLMServer()
    for url in serving(server.app()):
        server.url = url
        yield server


@pytest.fixture(scope="session")
def filesystem_server() -> str:
    """The command line of the reference file server, without its directory."""
    return npm_binary("mcp-server-filesystem")


def everything_over(transport: str) -> Iterator[int]:
    """The reference server which has everything, over HTTP; yields its port once it listens."""
    command = npm_binary("mcp-server-everything")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    process = subprocess.Popen(
        [command, transport],
        env=os.environ | {"PORT": str(port)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    try:
        said = ""
        for line in process.stderr:
            said += line
            if str(port) in line:
                break
        else:
            raise AssertionError(f"server-everything ended: {said}")
        drain = threading.Thread(target=process.stderr.read)  # keeps the pipe empty
        drain.start()
        yield port
        process.terminate()
        drain.join()
    finally:
        process.kill()
        process.wait()
        process.stderr.close()


LIBRARY = str(ROOT / "tests" / "support" / "library_server.py")


@pytest.fixture(params=["stdio-2025", "stdio-2026", "http-2025", "http-2026"])
def library(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[ServerConfig]:
    """A server with all that a server can offer and ask for, over each transport in each era."""
    transport, protocol = request.param.split("-")
    kept = {"LIBRARY": str(tmp_path / "library.json")}
    if transport == "stdio":
        yield ServerConfig(
            name="library",
            transport="stdio",
            command=sys.executable,
            args=(LIBRARY, "stdio"),
            env=kept,
            protocol=protocol,
        )
        return
    port = str(free_port())
    for _ in running([sys.executable, LIBRARY, "http", port], "running on", env=os.environ | kept):
        url = f"http://127.0.0.1:{port}/mcp"
        yield ServerConfig(name="library", transport="http", url=url, protocol=protocol)


@pytest.fixture(scope="session")
def everything_url() -> Iterator[str]:
    """The URL of the reference server over Streamable HTTP."""
    for port in everything_over("streamableHttp"):
        yield f"http://127.0.0.1:{port}/mcp"


@pytest.fixture(scope="session")
def everything_sse() -> Iterator[str]:
    """The URL of the reference server over the legacy HTTP+SSE transport."""
    for port in everything_over("sse"):
        yield f"http://127.0.0.1:{port}/sse"


@dataclass(frozen=True)
class Ran:
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@pytest.fixture
def umcp(tmp_path: Path) -> Callable[..., Ran]:
    """Runs the command line as a process of its own, as a user does."""

    def run(*arguments: str, stdin: str = "", **environment: str) -> Ran:
        done = subprocess.run(
            [sys.executable, "-m", "universal_mcp_client", *arguments],
            input=stdin,
            capture_output=True,
            text=True,
            timeout=120,
            cwd=tmp_path,
            env=os.environ | environment,
        )
        assert "Traceback" not in done.stderr or "--debug" in arguments, done.stderr
        return Ran(done.returncode, done.stdout, done.stderr)

    return run


@pytest.fixture(scope="session")
def weights() -> Path:
    """The embedded model's weights, kept between runs; skipped where they cannot be fetched."""
    pytest.importorskip("xllamacpp")
    from universal_mcp_client.models.local.weights import pull
    from universal_mcp_client.types.errors import UniversalMCPError

    folder = Path(os.environ.get("UMCP_TEST_MODELS", str(ROOT / ".cache" / "models")))
    found = folder / "models" / "smollm2-135m.gguf"
    if not found.is_file():
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("UMCP_HOME", str(folder))
            try:
                pull("smollm2-135m", print)
            except UniversalMCPError as error:
                pytest.skip(f"the embedded model's weights cannot be fetched: {error}")
    return found
