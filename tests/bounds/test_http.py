"""Answers over HTTP that have no end, or that unfold: they are read to a bound."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support import bombs
from tests.support.hostile import run_hostile


@pytest.fixture(scope="module")
def bomb() -> Iterator[str]:
    """The URL of the server, without a path."""
    process = subprocess.Popen(
        [sys.executable, str(Path(bombs.__file__))], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    yield f"http://127.0.0.1:{process.stdout.readline().strip()}"
    process.kill()
    process.communicate()


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("gzip", "longer than 1,000,000 bytes"),
        ("twice", "which was not asked for"),
        ("brotli", "which was not asked for"),
        ("endless", "longer than 1,000,000 bytes"),
        ("drip", "no whole answer within 0.5 s"),
    ],
)
def test_an_authorization_server_is_read_to_a_bound(bomb: str, path: str, says: str) -> None:
    found = run_hostile(
        f"""
        from universal_mcp_client.auth import http
        from universal_mcp_client.types.errors import ServerUnavailable
        http.LOGIN_SECONDS = 0.5 if {path!r} == "drip" else 30
        client = http.AuthorizationHTTP("s", "{bomb}/mcp")
        await asyncio.sleep(0)
        try:
            await client.get("{bomb}/{path}")
        except ServerUnavailable as error:
            print(error)
        await client.aclose()
        """,
        memory_mb=150,
    )
    assert says in found.out


@pytest.mark.parametrize("path", ["gzip", "twice", "brotli", "endless", "event"])
def test_an_mcp_server_is_read_to_a_bound(bomb: str, path: str) -> None:
    found = run_hostile(f"""
        async with Host("bad={bomb}/{path}") as host:
            print("failed:", *host.failures)
    """)
    assert "failed: bad" in found.out


def test_answers_that_are_compressed_in_earnest_are_read() -> None:
    run_hostile("""
        import gzip, httpx2
        from universal_mcp_client.auth.bounded import bounded
        class Server(httpx2.AsyncBaseTransport):
            async def handle_async_request(self, request):
                body = gzip.compress(b'{"a": 1}')
                return httpx2.Response(200, headers={"content-encoding": "gzip"},
                                       stream=httpx2.ByteStream(body))
        hooks = {"response": [bounded(100)]}
        async with httpx2.AsyncClient(transport=Server(), event_hooks=hooks) as client:
            assert (await client.get("http://a/")).json() == {"a": 1}
    """)
