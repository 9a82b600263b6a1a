"""Servers that send more than anybody can take: it costs their own request, and little else."""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.conftest import ROOT
from tests.support.hostile import run_hostile
from tests.support.raw_server import RawHTTP

from universal_mcp_client import Host
from universal_mcp_client.mcp.values import Values, too_many_values
from universal_mcp_client.types.bounds import MESSAGE_VALUES

SCRIPT = str(Path(__file__).parent.parent / "support" / "flood_server.py")
PROGRAM = """
async with Host({config!r}) as host:
    server = host.servers["flood"]
    print(len(await host.list_tools()), server.missing)
    for kind in {kinds!r}:
        result = await host.call_tool(ToolCall(id="1", name="tool0", arguments={{"kind": kind}}))
        print(len(result.text), result.is_error, result.text[-300:])
"""


def flooded(*kinds: str, argument: str = "calls") -> str:
    config = {
        "mcpServers": {
            "flood": {"command": sys.executable, "args": [SCRIPT, argument], "timeout": 20}
        }
    }
    return run_hostile(PROGRAM.format(config=config, kinds=kinds)).out


@pytest.mark.parametrize("kind", ["lists", "parts"])
def test_a_message_of_millions_of_values_is_not_parsed(kind: str) -> None:
    assert f"more than {MESSAGE_VALUES:,} values" in flooded(kind)


def test_a_long_text_is_one_value() -> None:
    assert "3000000 False" in flooded("text")


def test_a_server_that_asks_and_never_reads_the_answers_costs_its_calls() -> None:
    assert "asks for more than 100 things at once" in flooded("questions")


def test_what_a_server_has_withdrawn_waits_for_no_answer() -> None:
    assert "4 False done" in flooded("withdrawn")


def test_a_list_whose_pages_are_large_ends() -> None:
    assert "2 ['tools: it has more than 32 million" in flooded(argument="pages")


class Flood(RawHTTP):
    def call(self, request: Any, name: str, params: dict[str, Any]) -> Iterator[str]:
        values = "[]," * 5_000_000 + "[]"
        result = f'{{"content":[],"x":[{values}]}}'
        yield f'{{"jsonrpc":"2.0","id":{json.dumps(request)},"result":{result}}}'


@pytest.mark.parametrize("plain", [True, False], ids=["json", "events"])
def test_a_body_of_millions_of_values_is_not_parsed(plain: bool) -> None:
    raw = Flood()
    raw.plain = plain
    with raw.serving() as url:
        found = run_hostile(f"""
            async with Host({{"mcpServers": {{"raw": {{"url": {url!r}}}}}}}) as host:
                result = await host.call_tool(ToolCall(id="1", name="effect", arguments={{}}))
                print(result.text)
        """)
    assert f"more than {MESSAGE_VALUES:,} values" in found.out


STRANGE = {
    "escapes cut anywhere": '{"a":"' + '\\"' * 50_000 + "," * 200_000 + '"}',
    "backslashes": '{"a":"' + "\\\\" * 50_001 + '","b":["' + "[,{" * 100_000 + '"]}',
}


@pytest.mark.parametrize("text", STRANGE.values(), ids=STRANGE)
def test_what_stands_in_strings_is_not_counted(text: str) -> None:
    json.loads(text)
    for size in (1, 7, 65_536):
        values = Values()
        data = text.encode() if size > 1 else text[:99_000].encode()
        assert not any(values.too_many(data[at : at + size]) for at in range(0, len(data), size))


def test_nothing_hides_values_from_the_count() -> None:
    many = b"[" + b"[]," * MESSAGE_VALUES + b"[]]"
    assert too_many_values(many)
    assert too_many_values(b'"' * 1_000_000)
    for hidden in (b': a comment "\ndata: ', b': "\rdata: ', b": \\\ndata: ", b'data: "\\"", '):
        assert Values(events=True).too_many(hidden + many)
    assert Values(events=False).too_many(many[:200_000] + b"\n\n" + many[200_000:])


def test_each_event_of_a_stream_counts_anew() -> None:
    values = Values(events=True)
    event = b"data: [" + b"1," * (MESSAGE_VALUES // 2) + b"1]\r\n\r\n"
    assert not any(values.too_many(event) for _ in range(4))


async def test_five_thousand_tools_on_one_page_are_a_list() -> None:
    program = ROOT / "benchmarks" / "servers" / "tools.py"
    async with Host(f"many={sys.executable} {program} x 5000") as host:
        assert len(await host.list_tools()) > 5_000
