"""In a real terminal, a hostile server and a hostile model say what they can: nothing of it drives it."""

import json
import os
import re
import select
import subprocess
import sys
import time
import unicodedata
from pathlib import Path
from typing import Any

import pytest
from tests.conftest import ROOT
from tests.support.hostile_server import BAD
from tests.support.llm_server import Call, Fault, LLMServer
from tests.support.terminal import Terminal

pty = pytest.importorskip("pty")

SERVER = f"{sys.executable} {ROOT / 'tests' / 'support' / 'hostile_server.py'}"
OURS = re.compile(r"\x1b\[(?:0|2|31)m|\r\x1b\[K|\r\n")
"""The only escapes that are ours: colours, the rewriting of a line, and the terminal's own line ends."""

ALL = """
import json, sys
from universal_mcp_client.cli import gate
from universal_mcp_client.cli.main import main
for line in json.loads(sys.argv[1]):
    gate.gate.cache_clear()
    main(line)
"""


def seen(commands: list[list[str]], environment: dict[str, str], cwd: Path) -> str:
    """What reaches a terminal in which these commands run; questions are answered with Enter."""
    master, slave = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-c", ALL, json.dumps(commands)],
        stdin=slave,
        stdout=slave,
        stderr=slave,
        cwd=cwd,
        env=os.environ | {"TERM": "xterm"} | environment,
        start_new_session=True,
    )
    os.close(slave)
    raw, deadline = b"", time.monotonic() + 90
    try:
        while time.monotonic() < deadline:
            if select.select([master], [], [], 0.1)[0]:
                try:
                    data = os.read(master, 65536)
                except OSError:
                    break
                if not data:
                    break
                raw += data
            elif process.poll() is not None:
                break
            elif raw.endswith(b": "):
                os.write(master, b"\n")
        assert process.wait(5) is not None, raw
    finally:
        process.kill()
        process.wait()
        os.close(master)
    return raw.decode(errors="surrogateescape")


def harmful(text: str) -> list[str]:
    bare = OURS.sub("\n", text)
    kinds = ("Cc", "Cf", "Cs", "Zl", "Zp")
    bad = [c for c in bare if c not in "\n\t" and unicodedata.category(c) in kinds]
    return sorted({f"U+{ord(c):04X}" for c in (*bad, *(set(bare) & set("\u3164")))})


@pytest.fixture
def environment(llm: LLMServer, tmp_path: Path) -> dict[str, str]:
    home = tmp_path / "home"
    (home / "agents").mkdir(parents=True)
    (home / "prompts").mkdir()
    about = json.dumps("".join(c for c in BAD if ord(c) < 0x10000))  # as YAML reads it
    for kind in ("agents", "prompts"):
        (home / kind / "evil.md").write_text(f"---\ndescription: {about}\n---\n{BAD}\n")
    return {"OPENAI_BASE_URL": f"{llm.url}/v1", "OPENAI_API_KEY": "k"}


def test_no_command_lets_a_server_or_a_model_drive_the_terminal(
    llm: LLMServer, environment: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / ".mcp.json").write_text(
        json.dumps({"mcpServers": {"p": {"command": "x", "args": [BAD], "env": {"A": BAD}}}})
    )
    server, model = ["--server", f"h={SERVER}"], ["--model", "openai:any"]
    failing = ["--server", f"f={SERVER} fail", "--server", f"g={SERVER} garbage"]
    turn: list[Any] = [[Call("ok", {"k": BAD}), Call("fail"), Call(f"no{BAD}")], f"said {BAD}"]
    llm.script = [
        *turn,
        *turn,
        *turn,
        Fault(400, {"error": {"message": f"refused {BAD}"}}),
        *turn,
    ]
    commands = [
        ["tools", *server, *failing],
        ["tools", *server, "--format", "mcp"],
        ["tools", *server, "--format", "openai"],
        ["call", "h", "ok", *server],
        ["call", "h", "ok", "--json", *server],
        ["call", "h", "fail", *server],
        ["call", "h", "link", *server],
        ["call", "h", f"odd{BAD}", *server],
        ["call", "h", f"none{BAD}", *server],
        ["servers", "test", *server, *failing],
        ["servers", "list", "--server", f"x={SERVER} {BAD}"],
        ["servers"],
        ["trust", "--show"],
        ["doctor", *server, *failing],
        ["run", "go", *server, *failing, *model],
        ["run", "go", *server, *model, "--json"],
        ["run", "go", *server, *model, "--stream-json"],
        ["run", "go", *model, *server],
        ["run", f"@{BAD}", "--model", f"none:{BAD}", *server],
        ["agents"],
        ["agents", "show", "evil"],
        ["models"],
        [f"nonsense{BAD}"],
    ]
    text = seen(commands, environment, tmp_path)
    assert harmful(text) == []
    for said in ("result ␛", "question ␛", "progress ␛", "error ␛", "said ␛", "cannot start: ␛"):
        assert said in text
    assert "refused ␛" in text


def test_debug_shows_logs_and_tracebacks_as_harmlessly(
    llm: LLMServer, environment: dict[str, str], tmp_path: Path
) -> None:
    server = ["--server", f"h={SERVER}", "--server", f"f={SERVER} fail", "--debug"]
    llm.script = [[Call("ok"), Call("fail")], Fault(400, {"error": {"message": f"refused {BAD}"}})]
    commands = [["tools", *server], ["run", "go", *server, "--model", "openai:any"]]
    text = seen(commands, environment, tmp_path)
    assert harmful(text) == []
    assert "log ␛" in text and "stderr ␛" in text and "Traceback" in text


def test_a_terminal_without_colours_or_escapes_gets_none(
    llm: LLMServer, environment: dict[str, str], tmp_path: Path
) -> None:
    llm.script = [[Call("ok"), Call("fail")], "done"]
    run = ["run", "go", "--server", f"h={SERVER}", "--model", "openai:any"]
    text = seen([run], environment | {"TERM": "dumb"}, tmp_path)
    assert "\x1b" not in text and "→" in text


def test_a_chat_sets_no_title_and_fills_no_clipboard(
    llm: LLMServer, environment: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / f"file{BAD.replace('/', '')[:60]}").write_text("x")
    llm.script = [[Call("ok"), Call("fail")], f"said {BAD}"]
    arguments = ["chat", "--server", f"h={SERVER}", "--model", "openai:any"]
    terminal = Terminal(arguments, environment, tmp_path)
    try:
        terminal.until("›")
        terminal.type("/tools\r")
        terminal.until("odd_")
        terminal.until("›")
        terminal.type("/ev")
        terminal.until("evil")
        terminal.type("\x15@fi")
        terminal.until("file")
        terminal.type("\x15go\r")
        terminal.until(r"empty line[^\n]*: ")
        terminal.type("\r")
        terminal.until("said")
        terminal.until("›")
        terminal.type("/exit\r")
        terminal.process.wait(20)
    finally:
        terminal.close()
    raw = terminal.raw.decode(errors="replace")
    for bad in (
        "\x1b[2J",
        "\x1b]",
        "\x1bP",
        "\x9b",
        "\x9d",
        "\u202e",
        "\u2066",
        "\U000e0041",
        "\u200b",
    ):
        assert bad not in raw
