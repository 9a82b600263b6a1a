"""What `assertions.py` says of types is what type checkers find, in the modes that users have."""

import json
import re
import subprocess
import sys

from tests.conftest import ROOT, npm_binary

FILE = ROOT / "tests" / "typing" / "assertions.py"


def said() -> dict[int, str]:
    """What `reveal_type` must say, by line."""
    lines = enumerate(FILE.read_text(encoding="utf-8").splitlines(), 1)
    return {at: line.partition("# is ")[2] for at, line in lines if "reveal_type(" in line}


def run(*command: str) -> tuple[int, str]:
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=300)
    return done.returncode, done.stdout


def test_there_are_assertions() -> None:
    text = FILE.read_text(encoding="utf-8")
    assert text.count("assert_type(") >= 30
    assert text.count("# type: ignore") >= 10
    assert len(said()) >= 4


def test_mypy() -> None:
    code, out = run(
        *(
            sys.executable,
            "-m",
            "mypy",
            "--strict",
            "--config-file=",
            "--cache-dir=.mypy_cache/typing",
        ),
        str(FILE),
    )
    assert code == 0, out
    found = re.findall(r':(\d+): note: Revealed type is "(.*)"', out)
    assert {int(at): re.sub(r"\b(\w+\.)+", "", what) for at, what in found} == said()


def test_pyright() -> None:
    code, out = run(
        npm_binary("pyright"), "--pythonpath", sys.executable, "--outputjson", str(FILE)
    )
    report = json.loads(out)["generalDiagnostics"]
    revealed = {
        each["range"]["start"]["line"] + 1: each["message"].split('" is "')[1].rstrip('"')
        for each in report
        if each["severity"] == "information"
    }
    assert code == 0, [each for each in report if each["severity"] == "error"]
    assert revealed == said()
