"""`umcp tools`, `umcp call` and their relatives against real servers."""

import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest

FORMATS = ("mcp", "openai", "openai-strict", "openai-responses", "anthropic")


@pytest.mark.parametrize("form", FORMATS)
def test_every_format_prints_valid_specs(
    form: str, umcp: Callable[..., Any], everything_server: str
) -> None:
    ran = umcp("tools", "--server", everything_server, "--format", form)
    assert ran.code == 0, ran.err
    specs = ran.json
    assert len(specs) >= 10
    for spec in specs:
        inner = spec["function"] if form in ("openai", "openai-strict") else spec
        assert re.fullmatch(r"[a-zA-Z0-9_-]{1,64}", inner["name"])
        key = {"mcp": "inputSchema", "anthropic": "input_schema"}.get(form, "parameters")
        schema = inner[key]
        assert schema["type"] == "object"
        jsonschema.Draft202012Validator.check_schema(schema)
        if form == "openai-strict" and inner.get("strict"):
            assert_strict(schema)
        if form.startswith("openai-responses"):
            assert spec["type"] == "function"
    if form == "openai-strict":
        assert any(spec["function"].get("strict") for spec in specs)


def assert_strict(schema: Any) -> None:
    """The rules of OpenAI's strict mode, for every object in a schema."""
    if isinstance(schema, list):
        for item in schema:
            assert_strict(item)
    if not isinstance(schema, dict):
        return
    if schema.get("type") == "object" or "properties" in schema:
        assert schema["additionalProperties"] is False
        assert sorted(schema["required"]) == sorted(schema["properties"])
    for value in schema.values():
        assert_strict(value)


def test_the_table_names_each_tool(umcp: Callable[..., Any], desk_server: str) -> None:
    ran = umcp("tools", "--server", desk_server)
    assert ran.code == 0
    for tool in ("add", "multiply", "save_note", "read_note", "count_words"):
        assert tool in ran.out


def test_search_keeps_the_matching_ones(umcp: Callable[..., Any], desk_server: str) -> None:
    ran = umcp("tools", "--server", desk_server, "--search", "note", "--format", "openai")
    names = {spec["function"]["name"] for spec in ran.json}
    assert names == {"save_note", "read_note"}


def test_call_prints_the_result_in_mcps_shapes(umcp: Callable[..., Any], desk_server: str) -> None:
    ran = umcp(
        "call", "desk", "add", "--arg", "a=2", "--arg", "b=3", "--json", "--server", desk_server
    )
    assert ran.code == 0, ran.err
    assert ran.json["content"] == [{"type": "text", "text": "5"}]
    assert ran.json["is_error"] is False


def test_call_ends_with_1_when_the_tool_reports_an_error(
    umcp: Callable[..., Any], desk_server: str
) -> None:
    ran = umcp("call", "desk", "read_note", '{"title": "lost"}', "--server", desk_server)
    assert ran.code == 1
    assert "There is no note 'lost'" in ran.out + ran.err


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["call", "desk", "ad", "{}"], "add"),
        (["call", "desk", "add", "{"], "JSON"),
        (["call", "desk", "add", '{"a": 1}'], "b"),
        (["call", "disk", "add", "{}"], "desk"),
    ],
)
def test_a_wrong_call_is_a_usage_error_with_a_hint(
    arguments: list[str], says: str, umcp: Callable[..., Any], desk_server: str
) -> None:
    ran = umcp(*arguments, "--server", desk_server)
    assert ran.code in (1, 2)
    assert says in ran.err + ran.out


def test_git(umcp: Callable[..., Any], tmp_path: Path) -> None:
    import sys

    subprocess.run(["git", "init", "-q", "-b", "main", str(tmp_path / "repo")], check=True)
    (tmp_path / "repo" / "new.txt").write_text("x")
    ran = umcp(
        *("call", "git", "git_status", json.dumps({"repo_path": str(tmp_path / "repo")})),
        *("--server", f"git={sys.executable} -m mcp_server_git"),
    )
    assert ran.code == 0, ran.err
    assert "new.txt" in ran.out


@pytest.mark.parametrize(
    ("config", "code", "says"),
    [
        ('{"mcpServers": {"a": {"command": "x",}}}', 2, ["line 1", "column"]),
        ('{"mcpServers": {"a": {"comand": "x"}}}', 2, ["comand", "command"]),
        ('{"mcpServers": {"a": {"command": "${NO_SUCH_VARIABLE}"}}}', 2, ["NO_SUCH_VARIABLE"]),
        ('{"mcpServers": {"a": {"command": "no-such-cmd"}}}', 1, ["no-such-cmd", "a"]),
        ('{"mcpServers": {"a": {"url": "http://127.0.0.1:9/mcp"}}}', 1, ["127.0.0.1:9"]),
        (
            '{"mcpServers": {"a": {"command": "sh", "args": ["-c", "echo garbage; exit 3"]}}}',
            1,
            ["a"],
        ),
    ],
)
def test_a_bad_config_is_one_clear_message(
    config: str, code: int, says: list[str], umcp: Callable[..., Any], tmp_path: Path
) -> None:
    (tmp_path / "mcp.json").write_text(config)
    ran = umcp("tools", "--config", "mcp.json")
    assert ran.code == code, ran.err
    for text in says:
        assert text in ran.err
