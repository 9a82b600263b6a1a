"""One way to the terminal: who writes to it, in which colours, and how often."""

import ast
import asyncio
import io
import json

import pytest
from tests.conftest import ROOT

from universal_mcp_client.types.events import TextDelta, ToolFinished, ToolProgress
from universal_mcp_client.types.interaction import LoginRequest
from universal_mcp_client.types.messages import Text, ToolCall, ToolResult
from universal_mcp_client.ui.console import Console
from universal_mcp_client.ui.login import log_in
from universal_mcp_client.ui.plain import PlainRenderer

SOURCE = ROOT / "src" / "universal_mcp_client"


class Screen(io.StringIO):
    """A terminal's side of a stream."""

    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def xterm(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("NO_COLOR", "FORCE_COLOR", "CLICOLOR", "CLICOLOR_FORCE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm")


def test_nothing_in_the_front_ends_prints_but_the_console() -> None:
    found = list[str]()
    for file in (*SOURCE.glob("cli/*.py"), *SOURCE.glob("ui/*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call) or file.name == "console.py":
                continue
            called = ast.unparse(node.func)
            arguments = " ".join(ast.unparse(a) for a in (*node.args, *node.keywords))
            prints = called in (
                "print",
                "input",
                "os.write",
                "traceback.print_exc",
                "print_exception",
            )
            writes = called.endswith((".write", ".writelines", "getpass")) and "file" not in called
            hands_on = "StreamHandler" in called or "stream=sys.std" in arguments
            if prints or writes or hands_on:
                found.append(f"{file.relative_to(SOURCE)}:{node.lineno}: {called}")
    assert not found, "use universal_mcp_client.ui.console instead"


@pytest.mark.parametrize(
    ("terminal", "variables", "coloured"),
    [
        (True, {}, True),
        (False, {}, False),
        (True, {"NO_COLOR": "1"}, False),
        (True, {"NO_COLOR": ""}, True),
        (True, {"TERM": "dumb"}, False),
        (True, {"CLICOLOR": "0"}, False),
        (False, {"FORCE_COLOR": "1"}, True),
        (False, {"CLICOLOR_FORCE": "1"}, True),
        (True, {"FORCE_COLOR": "1", "NO_COLOR": "1"}, False),
    ],
)
def test_colours_are_as_the_variables_say(
    terminal: bool, variables: dict[str, str], coloured: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    err = Screen() if terminal else io.StringIO()
    Console(io.StringIO(), err).tell("x", "red")
    assert err.getvalue() == ("\x1b[31mx\x1b[0m\n" if coloured else "x\n")


def test_a_terminal_that_is_dumb_sees_no_escape_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "dumb")
    err = Screen()
    asyncio.run(_progress(Console(Screen(), err), 1000))
    assert "\x1b" not in err.getvalue() and "\r" not in err.getvalue()
    assert "1000/1000" in err.getvalue()


def test_an_answer_is_passed_exactly_to_a_program_and_shown_to_a_person() -> None:
    pipe, screen = io.StringIO(), Screen()
    Console(pipe, io.StringIO()).answer("\x1b[1mbold")
    Console(screen, io.StringIO()).answer("\x1b[1mbold")
    assert (pipe.getvalue(), screen.getvalue()) == ("\x1b[1mbold\n", "␛[1mbold\n")


def test_json_is_the_same_document_and_harmless() -> None:
    said = "\x9b2J \u202e \u2028 \U000e0041 \x7f \ud83d 👩\u200d💻 é"
    pipe = io.StringIO()
    Console(pipe, io.StringIO()).json({said: said})
    assert json.loads(pipe.getvalue()) == {said: said}
    assert not set(pipe.getvalue()) & set("\x9b\u202e\u2028\U000e0041\x7f\ud83d")
    assert "é" in pipe.getvalue()


def test_what_a_code_page_lacks_is_written_by_its_number() -> None:
    windows = io.TextIOWrapper(io.BytesIO(), "cp1252")
    Console(windows, io.StringIO()).row("✓ café")
    assert windows.buffer.getvalue() == "\\u2713 café\n".encode("cp1252")  # type: ignore[attr-defined]
    unix = io.TextIOWrapper(io.BytesIO(), "utf-8")
    Console(unix, io.StringIO()).answer("half \ud83d")
    assert unix.buffer.getvalue() == b"half \\ud83d\n"  # type: ignore[attr-defined]


async def test_a_login_page_and_its_code_cannot_forge_lines(
    capsys: pytest.CaptureFixture[str],
) -> None:
    bad = "https://x/\x1b]52;c;eA==\x07\r\numcp: logged in\u202e"
    await log_in(LoginRequest(server=bad, url=bad, code=bad), browser=False)
    said = capsys.readouterr().err
    assert not set(said) & set("\x1b\x07\r\u202e")
    assert "\numcp:" not in said


CALL = ToolCall(id="1", name="slow", arguments={})


async def _progress(console: Console, count: int) -> None:
    renderer = PlainRenderer(stream=True, to=console)
    for number in range(1, count + 1):
        renderer.show(ToolProgress(call=CALL, progress=number, total=count))
    result = ToolResult(call_id="1", content=(Text(text="done"),))
    renderer.show(ToolFinished(call=CALL, result=result, seconds=1.0))


def test_a_hundred_thousand_notifications_are_one_line_that_is_rewritten() -> None:
    err = Screen()
    asyncio.run(_progress(Console(Screen(), err), 100_000))
    assert err.getvalue().count("\n") == 1  # the result's
    assert err.getvalue().count("\r\x1b[K") < 200
    assert "← done" in err.getvalue()


def test_without_a_terminal_they_are_a_line_a_second_and_always_the_last() -> None:
    err = io.StringIO()
    asyncio.run(_progress(Console(io.StringIO(), err), 100_000))
    lines = err.getvalue().splitlines()
    assert len(lines) < 30
    assert lines[-2] == "  … slow: 100000/100000"


@pytest.mark.parametrize("err", [Screen(), io.StringIO()])
async def test_the_last_word_of_a_call_that_falls_silent_is_shown(
    err: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("universal_mcp_client.ui.progress._REWRITTEN", 0.01)
    monkeypatch.setattr("universal_mcp_client.ui.progress._PRINTED", 0.01)
    renderer = PlainRenderer(stream=True, to=Console(Screen(), err))
    for number in (1, 2, 3):
        renderer.show(ToolProgress(call=CALL, progress=number))
    async with asyncio.timeout(10):
        while "slow: 3" not in err.getvalue():
            await asyncio.sleep(0.001)


def test_a_message_never_joins_a_line_of_the_answer_or_of_progress() -> None:
    screen = Screen()
    console = Console(screen, screen)
    renderer = PlainRenderer(stream=True, to=console)
    renderer.show(TextDelta(text="The answer"))
    console.tell("a message")
    renderer.show(ToolProgress(call=CALL, progress=1))
    console.tell("another")
    assert "The answer\na message\n" in screen.getvalue()
    assert screen.getvalue().endswith("\r\x1b[Kanother\n")


def test_a_question_stays_the_last_line_whatever_comes_meanwhile() -> None:
    screen = Screen()
    console = Console(screen, screen)
    renderer = PlainRenderer(stream=True, to=console)
    with console.asking("Really?\n[y]es / [N]o: "):
        renderer.show(ToolProgress(call=CALL, progress=1))
        console.tell("a message")
        assert screen.getvalue() == "Really?\n[y]es / [N]o: \na message\n[y]es / [N]o: "
    console.tell("after")
    assert screen.getvalue().endswith("[N]o: after\n")  # the answer's Enter ends the line
