"""No token, code, secret or verifier is ever shown, written to a log, or told to a model."""

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.conftest import ROOT
from tests.support.llm_server import Call, LLMServer
from tests.support.oauth_server import Protected, protected
from tests.support.terminal import Terminal

from universal_mcp_client.auth.encryption import VARIABLE, new_key

BROWSER = f"{sys.executable} {ROOT / 'tests' / 'support' / 'browser.py'} %s"


@pytest.fixture
def server() -> Iterator[Protected]:
    yield from protected()


def test_nothing_secret_is_shown(
    server: Protected,
    umcp: Callable[..., Any],
    llm: LLMServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    key = new_key()
    for name, value in {
        VARIABLE: key,
        "UMCP_TOKEN_STORE": f"disk:{tmp_path / 'tokens'}",
        "BROWSER": BROWSER,
        "OPENAI_BASE_URL": f"{llm.url}/v1",
        "OPENAI_API_KEY": "k",
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("CI", raising=False)
    monkeypatch.delenv("SSH_CONNECTION", raising=False)
    monkeypatch.delenv("SSH_TTY", raising=False)

    terminal = Terminal(["login", server.url, "--debug"], {}, tmp_path)
    try:
        said = terminal.until("The server answers")
        assert "logged in" in said and terminal.process.wait(30) == 0
    finally:
        terminal.close()

    llm.script = [[Call("add", {"a": 1, "b": 2})], "Three."]
    run = umcp("run", "Add", "--server", server.url, "--model", "openai:any", "--yes",
               "--stream-json", "--debug")  # fmt: skip
    assert run.code == 0 and "Three." in run.out, run.err

    server.revoke_all()
    ended = umcp("call", server.url, "add", '{"a": 1, "b": 2}', "--debug")
    assert ended.code == 3
    terminal = Terminal(["login", server.url, "--again", "--debug"], {}, tmp_path)
    try:
        said += terminal.until("The server answers")
        terminal.process.wait(30)
    finally:
        terminal.close()
    listed = umcp("tokens", "--debug")
    out = umcp("logout", server.url, "--debug")
    assert out.code == 0, out.err

    secrets = {*server.issuer.secrets, key}
    assert len(secrets) >= 9  # two logins: a code, a verifier and two tokens each; and the key
    shown = said + "".join(r.out + r.err for r in (run, ended, listed, out))
    shown += json.dumps(llm.requests)
    kept = "".join(
        path.read_text(errors="replace") for path in tmp_path.rglob("*") if path.is_file()
    )
    for secret in secrets:
        assert secret not in shown
        assert secret not in kept
