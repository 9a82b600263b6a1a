"""Every program in examples/ does what it says: with a scripted model over HTTP, and real servers."""

import asyncio
import importlib.util
import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest
import uvicorn
from tests.conftest import ROOT
from tests.support.llm_server import Call, Fault, LLMServer, Raw, Step

EXAMPLES = ROOT / "examples"
APART = {"sse_server", "desk_server", "orders_server", "test_assistant"}  # run in other ways


def last(request: dict[str, Any]) -> str:
    """The text of the newest message."""
    content = request["messages"][-1]["content"]
    return content if isinstance(content, str) else json.dumps(content)


def tools(request: dict[str, Any]) -> list[str]:
    return [tool.get("function", tool)["name"] for tool in request.get("tools", ())]


def reads_orders(request: dict[str, Any]) -> Step:
    """Calls what there is to call, and answers with what came of it."""
    asked = request["messages"][-1]["role"] == "user"
    return [Call("my_orders")] if asked else last(request)


def adds(request: dict[str, Any]) -> Step:
    asked = request["messages"][-1]["role"] == "user"
    return [Call("add", {"a": 17, "b": 25})] if asked and tools(request) else "It is 42."


def multiplies(request: dict[str, Any]) -> Step:
    """The same in all three wires."""
    said = json.dumps(request.get("messages") or request.get("input"))
    answered = any(kind in said for kind in ('"role": "tool"', "tool_result", "call_output"))
    return "It is 391." if answered else [Call("multiply", {"a": 17, "b": 23})]


def hands_over(request: dict[str, Any]) -> Step:
    named, said = tools(request), json.dumps(request["messages"])
    if "Answer in verse." in said:
        return "Seven hundred thousand souls"
    if "inhabitants" in named:
        return "717710" if "717710" in said else [Call("inhabitants", {"city": "Oslo"})]
    if "717710" in said:
        return [Call("transfer_to_poet")]
    return [Call("ask_geographer", {"prompt": "How many live in Oslo?"})]


def stays(request: dict[str, Any]) -> Step:
    """Too long first, and shorter once it was told."""
    nights = 4 if "840" in last(request) else 7
    return json.dumps({"value": {"city": "Oslo", "nights": nights}})


WHAT_THEY_SAY: dict[str, tuple[Any, list[str]]] = {
    "chat_with_history": (adds, ["And twice that?\n  It is 42.", "messages"]),
    "fallback": (adds, ["openai:gpt-5 failed", "anthropic:claude-sonnet-5 is asked", "It is 42."]),
    "handoffs": (
        hands_over,
        [
            "→ ask_geographer",
            "  geographer → inhabitants {'city': 'Oslo'}",
            "poet goes on",
            "Seven hundred thousand souls 5 requests",
        ],
    ),
    "many_prompts": (adds, ["Without weather: ", "200 answers, 0 failures"]),
    "own_loop_anthropic": (multiplies, ["It is 391.\n4 messages"]),
    "own_loop_openai": (multiplies, ["It is 391.\n4 messages"]),
    "own_loop_responses": (multiplies, ["It is 391.\n4 items"]),
    "simple_client": (adds, ["Result: 8"]),
    "tenants": (reads_orders, ['Ada: ["a loom"]', 'Bob: ["tea","sugar"]']),
    "validators": (stays, ["4 nights in Oslo"]),
}


@pytest.fixture
def shop() -> Iterator[str]:
    """The server of examples/orders_server.py; the URL where it listens."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [sys.executable, str(EXAMPLES / "orders_server.py"), str(port)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as server:
        assert server.stderr is not None
        try:
            assert any("running on" in line for line in server.stderr)
            yield f"http://127.0.0.1:{port}/mcp"
        finally:
            server.kill()


def run(*command: str, **environment: str) -> str:
    done = subprocess.run(
        [sys.executable, *command],
        capture_output=True,
        text=True,
        timeout=120,
        cwd=ROOT,
        env=os.environ | environment,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize("name", WHAT_THEY_SAY)
def test_a_program(name: str, llm: LLMServer, request: pytest.FixtureRequest) -> None:
    llm.answer, expected = WHAT_THEY_SAY[name]
    if name == "fallback":
        llm.script = [Fault(401, {"error": {"message": "No."}})]
    printed = run(
        str(EXAMPLES / f"{name}.py"),
        *([request.getfixturevalue("shop")] if name == "tenants" else []),
        OPENAI_API_KEY="k",
        ANTHROPIC_API_KEY="k",
        OPENAI_BASE_URL=f"{llm.url}/v1",
        ANTHROPIC_BASE_URL=llm.url,
    )
    for words in expected:
        assert words in printed, printed
    if name == "tenants":
        assert "token-of" not in json.dumps(llm.requests)


def test_the_tests_without_a_network() -> None:
    ini = ("-c", os.devnull, "--rootdir", str(EXAMPLES), "-p", "no:cacheprovider", "-p", "no:xdist")
    assert "3 passed" in run("-m", "pytest", *ini, str(EXAMPLES / "test_assistant.py"))


def test_a_visitor_who_goes_away_ends_the_run(
    llm: LLMServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("fastapi")
    monkeypatch.setenv("OPENAI_API_KEY", "k")
    monkeypatch.setenv("OPENAI_BASE_URL", f"{llm.url}/v1")
    monkeypatch.chdir(ROOT)
    gone = threading.Event()

    async def endless() -> Any:
        chunk = {"id": "c", "choices": [{"index": 0, "delta": {"content": "word "}}]}
        try:
            while True:
                yield f"data: {json.dumps(chunk)}\n\n".encode()
                await asyncio.sleep(0.001)
        finally:
            gone.set()

    llm.script = [[Call("add", {"a": 1, "b": 2})], "It is 3.", Raw(endless)]
    for url in serving_app(loaded(EXAMPLES / "sse_server.py").app):
        with closing(urlopen(f"{url}/ask?prompt=1%2B2")) as page:
            whole = page.read().decode()
        for event in ('tool\ndata: "add"', 'text\ndata: "It is 3"', "done\ndata: 50"):
            assert f"event: {event}\n" in whole

        page = urlopen(f"{url}/ask?prompt=endless")
        assert b"word" in b"".join(page.readline() for _ in range(2))
        assert not gone.is_set()
        page.close()
        assert gone.wait(30)

        llm.script = [Fault(401, {"error": {"message": "No."}})]
        with closing(urlopen(f"{url}/ask?prompt=refused")) as page:
            assert "event: error" in page.read().decode()


def loaded(file: Path) -> Any:
    spec = importlib.util.spec_from_file_location(file.stem, file)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def serving_app(app: Any) -> Iterator[str]:
    """An application in a thread, its lifespan included."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = uvicorn.Server(uvicorn.Config(app, log_level="warning"))
        thread = threading.Thread(target=server.run, args=([listener],))
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()


def test_every_example_is_run() -> None:
    assert {file.stem for file in EXAMPLES.glob("*.py")} == APART | set(WHAT_THEY_SAY)
