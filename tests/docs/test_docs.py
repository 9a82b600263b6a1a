"""What README and docs show is run, against a model server that calls the tools it gets."""

import json
import re
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.conftest import ROOT
from tests.support.llm_server import Call, LLMServer, Step

from universal_mcp_client.config.server_file import parse_servers

FILES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
APART = "client-guide"  # its blocks need servers with logins; test_client_guide.py runs them
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.DOTALL | re.MULTILINE)
TIME = f"{sys.executable} -m mcp_server_time --local-timezone UTC"
RESULTS = ('"tool_result"', '"role": "tool"', '"function_call_output"')
KEYS = {"OPENAI_API_KEY": "k", "ANTHROPIC_API_KEY": "k"}


def blocks(language: str) -> list[Any]:
    found = []
    for file in FILES:
        for number, match in enumerate(BLOCK.finditer(file.read_text(encoding="utf-8")), 1):
            if match[1] == language and file.stem != APART:
                found.append(pytest.param(match[2], id=f"{file.stem}-{number}"))
    return found


def commands() -> list[Any]:
    lines = [
        (block.id, line)
        for block in blocks("sh")
        for line in str(block.values[0]).splitlines()
        if line.startswith("umcp ") and "local:" not in line and not line.startswith("umcp chat")
    ]
    return [pytest.param(line, id=f"{name}-{at}") for at, (name, line) in enumerate(lines)]


def obliging(request: dict[str, Any]) -> Step:
    """Calls the first tool with made-up arguments, then answers in the form that is asked for."""
    said = json.dumps(request.get("messages") or request["input"])
    if request.get("tools") and not any(form in said for form in RESULTS):
        spec = request["tools"][0]
        inner = spec.get("function", spec)
        return [Call(inner["name"], made_up(inner.get("parameters") or inner["input_schema"]))]
    if form := request.get("response_format"):
        return json.dumps(made_up(form["json_schema"]["schema"]))
    return "It is five o'clock."


def made_up(schema: dict[str, Any]) -> Any:
    match schema.get("type"):
        case "object":
            return {name: made_up(sub) for name, sub in schema["properties"].items()}
        case "integer" | "number":
            return 7
        case _:
            return "UTC"


def failed(requests: list[dict[str, Any]]) -> list[str]:
    """What the model was told of calls that failed."""
    messages = [m for r in requests for m in r.get("messages") or r["input"] if isinstance(m, dict)]
    parts = [p for m in messages if isinstance(m.get("content"), list) for p in m["content"]]
    results = [
        (said.get("is_error"), str(said.get("content") or said.get("output")))
        for said in [*messages, *parts]
        if "tool_use_id" in said or "tool_call_id" in said or "output" in said
    ]
    return [text for error, text in results if error or text.startswith("Error")]


@pytest.fixture
def environment(llm: LLMServer) -> dict[str, str]:
    llm.answer = obliging
    return KEYS | {"OPENAI_BASE_URL": f"{llm.url}/v1", "ANTHROPIC_BASE_URL": llm.url}


def run_python(code: str, environment: dict[str, str], folder: Path) -> str:
    import os

    done = subprocess.run(
        [sys.executable, "-c", code.replace("uvx mcp-server-time", TIME)],
        capture_output=True,
        text=True,
        timeout=120,
        cwd=folder,
        env=os.environ | environment,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("code", blocks("python"))
def test_python(code: str, environment: dict[str, str], llm: LLMServer, tmp_path: Path) -> None:
    printed = run_python(code, environment, tmp_path)
    if "servers=" in code or "Bridge(" in code:
        assert len(llm.requests) >= 2  # a call, and an answer
    assert not failed(llm.requests)
    assert printed or "print(" not in code


@pytest.mark.parametrize("line", commands())
def test_commands(
    line: str, environment: dict[str, str], llm: LLMServer, umcp: Callable[..., Any]
) -> None:
    _, *arguments = shlex.split(line, comments=True)
    arguments = [a.replace("uvx mcp-server-time", TIME) for a in arguments]
    if arguments[:2] == ["call", "time"]:
        arguments[-1] = f"time={TIME}" if "--json" not in arguments else arguments[-1]
        arguments = [f"time={a}" if a == TIME else a for a in arguments]
    ran = umcp(*arguments, **environment, UMCP_MODEL="openai:any")
    assert ran.code == 0, ran.err
    assert ran.out
    assert not failed(llm.requests)
    if "--server" in arguments and arguments[0] == "run":
        assert "\n←" in ran.err, ran.err  # a tool was called, though nobody is there to be asked


@pytest.mark.parametrize("text", blocks("json"))
def test_configs(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCS_TOKEN", "t")
    assert parse_servers(json.loads(text))


def test_the_settings_are_valid(tmp_path: Path) -> None:
    from universal_mcp_client.config.settings import load_settings

    whole = "\n".join(str(block.values[0]) for block in blocks("toml"))
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "config.toml").write_text(whole)
    settings = load_settings()
    assert settings.limits.cost == 0.5
    assert settings.providers["acme"].headers == {"x-team": "blue"}


def test_links_lead_somewhere() -> None:
    for file in [*FILES, ROOT / "CONTRIBUTING.md"]:
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", file.read_text(encoding="utf-8")):
            assert (file.parent / target).exists(), f"{file.name}: {target}"
