"""`umcp run` as a process: a real model server over HTTP, real MCP servers over stdio and HTTP."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest
from tests.support.llm_server import Call, Fault, LLMServer

CLOCK = [Call("get_current_time", {"timezone": "Asia/Tokyo"})]


def endpoint(llm: LLMServer, provider: str) -> dict[str, str]:
    """The environment which points a provider's SDK at the server."""
    if provider == "anthropic":
        return {"ANTHROPIC_BASE_URL": llm.url, "ANTHROPIC_API_KEY": "sk-test"}
    return {"OPENAI_BASE_URL": f"{llm.url}/v1", "OPENAI_API_KEY": "sk-test"}


@pytest.mark.parametrize("provider", ["openai", "openai-responses", "anthropic"])
def test_a_run_with_a_tool_call_in_each_wire_format(
    provider: str, llm: LLMServer, umcp: Callable[..., Any], time_server: str
) -> None:
    llm.script = [CLOCK, "It is late in Tokyo."]
    ran = umcp(
        *("run", "What time is it in Tokyo?", "--model", f"{provider}:any", "--json"),
        *("--server", time_server),
        **endpoint(llm, provider),
    )
    assert ran.code == 0, ran.err
    result = ran.json
    assert result["output"] == "It is late in Tokyo."
    assert result["turns"] == 2
    assert result["stop_reason"] == "end_turn"
    (call,) = result["tool_calls"]
    assert (call["server"], call["tool"]) == ("time", "get_current_time")
    assert json.loads(call["result"])["timezone"] == "Asia/Tokyo"
    assert result["usage"]["input_tokens"] == 40
    assert result["usage"]["cache_read_tokens"] == 16
    assert result["usage"]["output_tokens"] == 10
    assert "Asia/Tokyo" in json.dumps(llm.requests[1])


def test_parallel_calls_to_two_servers_keep_their_order(
    llm: LLMServer, umcp: Callable[..., Any], time_server: str, desk_server: str
) -> None:
    llm.script = [[*CLOCK, Call("add", {"a": 2, "b": 3})], "5"]
    ran = umcp(
        *("run", "both", "--model", "openai:any", "--json"),
        *("--server", time_server, "--server", desk_server),
        **endpoint(llm, "openai"),
    )
    assert [call["server"] for call in ran.json["tool_calls"]] == ["time", "desk"]
    results = [m for m in llm.requests[1]["messages"] if m["role"] == "tool"]
    assert [r["tool_call_id"] for r in results] == ["call_1_0", "call_1_1"]
    assert results[1]["content"] == "5"


def test_stream_json_prints_every_event(
    llm: LLMServer, umcp: Callable[..., Any], desk_server: str
) -> None:
    llm.script = [[Call("add", {"a": 2, "b": 3})], "The sum is five."]
    ran = umcp(
        *("run", "2+3", "--model", "openai:any", "--stream-json", "--server", desk_server),
        **endpoint(llm, "openai"),
    )
    events = [json.loads(line) for line in ran.out.splitlines()]
    kinds = [event["type"] for event in events]
    assert kinds[0] == "completion"
    assert "tool_started" in kinds and "tool_finished" in kinds
    assert kinds[-1] == "run_finished"
    assert "".join(e["text"] for e in events if e["type"] == "text_delta") == "The sum is five."


def test_wrong_arguments_go_back_to_the_model_and_cost_no_crash(
    llm: LLMServer, umcp: Callable[..., Any], desk_server: str
) -> None:
    llm.script = [
        [Call("add", {"a": "two"}), Call("add", "{broken"), Call("subtract", {})],
        [Call("add", {"a": 2, "b": 3})],
        "5",
    ]
    ran = umcp(
        *("run", "2+3", "--model", "openai:any", "--json", "--server", desk_server),
        **endpoint(llm, "openai"),
    )
    assert ran.code == 0
    told = [m["content"] for m in llm.requests[1]["messages"] if m["role"] == "tool"]
    assert "'b' is a required property" in told[0] or "b" in told[0]
    assert "JSON" in told[1]
    assert "subtract" in told[2] and "add" in told[2]
    assert [call["is_error"] for call in ran.json["tool_calls"]] == [True, True, True, False]


def test_an_output_schema_gives_a_structured_output(
    llm: LLMServer, umcp: Callable[..., Any], tmp_path: Path
) -> None:
    schema = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
    (tmp_path / "n.json").write_text(json.dumps(schema))
    llm.script = ['{"n": 4}']
    ran = umcp(
        *("run", "two and two", "--model", "openai:any", "--json", "--output-schema", "n.json"),
        **endpoint(llm, "openai"),
    )
    assert ran.json["structured_output"] == {"n": 4}


def test_a_limit_ends_the_run_with_exit_code_4_and_keeps_its_result(
    llm: LLMServer, umcp: Callable[..., Any], desk_server: str
) -> None:
    llm.script = [[Call("add", {"a": i, "b": 1})] for i in range(5)]
    ran = umcp(
        *("run", "count", "--model", "openai:any", "--json", "--max-turns", "2"),
        *("--server", desk_server),
        **endpoint(llm, "openai"),
    )
    assert ran.code == 4
    assert ran.json["stop_reason"] == "limit:turns"
    assert ran.json["turns"] == 2


@pytest.mark.parametrize(
    ("provider", "fault", "code", "says"),
    [
        ("openai", Fault(401, {"error": {"message": "bad key"}}), 3, "OPENAI_API_KEY"),
        (
            "openai",
            Fault(404, {"error": {"message": "no such model", "code": "model_not_found"}}),
            1,
            "any",
        ),
        (
            "openai",
            Fault(429, {"error": {"message": "pay", "code": "insufficient_quota"}}),
            1,
            "quota",
        ),
        (
            "anthropic",
            Fault(
                401, {"type": "error", "error": {"type": "authentication_error", "message": "x"}}
            ),
            3,
            "ANTHROPIC_API_KEY",
        ),
    ],
)
def test_a_refusing_provider_is_one_clear_line(
    provider: str, fault: Fault, code: int, says: str, llm: LLMServer, umcp: Callable[..., Any]
) -> None:
    llm.script = [fault]
    ran = umcp("run", "hello", "--model", f"{provider}:any", **endpoint(llm, provider))
    assert ran.code == code
    assert says in ran.err
    assert len(llm.requests) == 1


def test_a_busy_provider_is_asked_again_after_the_time_it_names(
    llm: LLMServer, umcp: Callable[..., Any]
) -> None:
    busy = Fault(429, {"error": {"message": "slow down"}}, {"retry-after": "0"})
    llm.script = [busy, busy, "hello"]
    ran = umcp("run", "hello", "--model", "openai:any", **endpoint(llm, "openai"))
    assert (ran.code, ran.out) == (0, "hello\n")
    assert ran.err.count("Trying again") == 2


def test_a_stream_that_breaks_in_the_middle_is_reported(
    llm: LLMServer, umcp: Callable[..., Any]
) -> None:
    llm.script = [Fault(after="This answer is never finished, because the wire is cut.")]
    ran = umcp("run", "hello", "--model", "openai:any", **endpoint(llm, "openai"))
    assert ran.code == 1
    assert "broke" in ran.err or "ended" in ran.err or "interrupted" in ran.err
    assert len(llm.requests) == 1


def test_an_endpoint_that_refuses_is_named(umcp: Callable[..., Any]) -> None:
    ran = umcp(
        *("run", "hello", "--model", "openai:any"),
        OPENAI_BASE_URL="http://127.0.0.1:9/v1",
        OPENAI_API_KEY="k",
        UMCP_RETRIES="0",
    )
    assert ran.code == 1
    assert "127.0.0.1:9" in ran.err


def test_everything_over_http(
    llm: LLMServer, umcp: Callable[..., Any], everything_url: str
) -> None:
    llm.script = [[Call("echo", {"message": "over http"})], "done"]
    ran = umcp(
        *("run", "echo", "--model", "openai:any", "--json"),
        *("--server", f"everything={everything_url}"),
        **endpoint(llm, "openai"),
    )
    assert ran.code == 0, ran.err
    assert ran.json["tool_calls"][0]["result"] == "Echo: over http"


def test_an_image_reaches_the_model_as_an_image(
    llm: LLMServer, umcp: Callable[..., Any], everything_server: str
) -> None:
    llm.script = [[Call("get-tiny-image", {})], "a tiny image"]
    ran = umcp(
        *("run", "show", "--model", "anthropic:any", "--json", "--server", everything_server),
        **endpoint(llm, "anthropic"),
    )
    assert ran.code == 0, ran.err
    result = llm.requests[1]["messages"][-1]["content"][0]
    kinds = [block["type"] for block in result["content"]]
    assert "image" in kinds


def test_files_are_read_and_the_limits_of_the_server_hold(
    llm: LLMServer, umcp: Callable[..., Any], filesystem_server: str, tmp_path: Path
) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "a.txt").write_text("forty-two")
    llm.script = [
        [
            Call("read_text_file", {"path": f"{tmp_path}/data/a.txt"}),
            Call("read_text_file", {"path": "/etc/hostname"}),
        ],
        "forty-two",
    ]
    ran = umcp(
        *("run", "read", "--model", "openai:any", "--json"),
        *("--server", f"files={filesystem_server} {tmp_path}/data"),
        **endpoint(llm, "openai"),
    )
    inside, outside = ran.json["tool_calls"]
    assert (inside["is_error"], inside["result"]) == (False, "forty-two")
    assert outside["is_error"] and "outside" in outside["result"]


def test_ctrl_c_ends_with_130_and_leaves_no_process(
    llm: LLMServer, everything_server: str, tmp_path: Path
) -> None:
    llm.script = [[Call("trigger-long-running-operation", {"duration": 60, "steps": 60})]]
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "universal_mcp_client", "run", "wait"),
            *("--model", "openai:any", "--server", everything_server),
        ],
        cwd=tmp_path,
        env=os.environ | endpoint(llm, "openai"),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stderr is not None
    for line in process.stderr:
        if "1/60" in line:  # the call is under way
            break
    children = psutil.Process(process.pid).children(recursive=True)
    assert children
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "interrupted" in said and "Traceback" not in said
    _, alive = psutil.wait_procs(children, timeout=10)
    assert alive == []
