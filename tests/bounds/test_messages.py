"""The largest message that is taken, and one beyond: memory, and how long the loop stands still."""

import json
import sys
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
from tests.conftest import ROOT
from tests.support.hostile import run_hostile
from tests.support.raw_server import RawHTTP

from universal_mcp_client.types.bounds import MESSAGE_BYTES

LONG = '{"content": [{"type": "text", "text": "%s"}]}'
SERVER = f"""
import json, sys
sys.path.insert(0, {str(ROOT)!r})
from tests.support import raw_server
class Long(raw_server._Stdio):
    def call(self, request, name, params):
        text = {LONG!r} % ("x" * params["arguments"]["size"])
        yield '{{"jsonrpc": "2.0", "id": %s, "result": %s}}' % (json.dumps(request), text)
Long(sys.argv[1]).serve()
"""


class Long(RawHTTP):
    def call(self, request: Any, name: str, params: dict[str, Any]) -> Iterator[str]:
        text = LONG % ("x" * params["arguments"]["size"])
        yield f'{{"jsonrpc": "2.0", "id": {json.dumps(request)}, "result": {text}}}'


@pytest.mark.parametrize("way", ["stdio", "json", "events"])
def test_the_longest_message_is_taken_and_a_longer_one_fails_its_call(
    way: str, tmp_path: Path
) -> None:
    (tmp_path / "long.py").write_text(SERVER)
    raw = Long()
    raw.plain = way == "json"
    here = {"command": sys.executable, "args": [str(tmp_path / "long.py"), str(tmp_path / "log")]}
    with nullcontext() if way == "stdio" else raw.serving() as url:
        config = {"mcpServers": {"raw": {"url": url} if url else here}}
        found = run_hostile(f"""
            async with Host({config!r}) as host:
                for size in ({MESSAGE_BYTES - 1_000}, 60_000_000, 5_000_000):
                    asked = ToolCall(id="1", name="effect", arguments={{"size": size}})
                    result = await host.call_tool(asked)
                    print(result.is_error, len(result.text))
        """)
    first, second, third = found.out.splitlines()
    assert first == f"False {MESSAGE_BYTES - 1_000}"
    assert second.startswith("True") and int(second.split()[1]) < 1_000
    assert third == "False 5000000"
