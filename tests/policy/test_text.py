"""No text of others drives a terminal."""

import time
import unicodedata

import pytest

from universal_mcp_client.policy.text import printable

FORBIDDEN = {
    "clear the screen": "\x1b[2J",
    "title": "\x1b]0;pwned\x07",
    "link": "\x1b]8;;http://evil\x1b\\here\x1b]8;;\x1b\\",
    "clipboard": "\x1b]52;c;ZXZpbA==\x07",
    "device control": "\x1bPq#0\x1b\\",
    "8-bit CSI and OSC": "\x9b2J\x9d0;x\x9c",
    "carriage return": "safe\revil",
    "backspace and delete": "a\x08b\x7f",
    "bidi": "\u202aa\u202eb\u202c\u2066c\u2069\u200e\u200f\u061c",
    "zero width": "a\u200bb\u200cc\u200dd\u2060\ufeff",
    "tags": "".join(chr(0xE0000 + ord(c)) for c in "ignore all"),
    "selectors as bytes": "😀" + "".join(chr(0xE0100 + n) for n in range(40)),
    "selectors in a row": "😀\ufe0f\ufe0f\ufe0e",
    "surrogates": "\ud83d\udc80"[0] + "x",
    "line separators": "a\u2028b\u2029c\x85d",
    "soft hyphen and fillers": "pass\u00adword\u3164\u115f\u1160\uffa0\u034f",
    "operators": "f\u2061(x)\u2062\u2063\u2064",
}


def harmless(text: str) -> bool:
    return all(
        c in "\n\t" or unicodedata.category(c) not in ("Cc", "Cf", "Cs", "Zl", "Zp") for c in text
    ) and not set(text) & set("\u3164\u115f\u1160\uffa0\u034f")


@pytest.mark.parametrize("text", FORBIDDEN.values(), ids=list(FORBIDDEN))
def test_what_a_terminal_would_obey_or_hide_is_shown(text: str) -> None:
    shown = printable(text)
    assert harmless(shown)
    assert len(shown) >= len(text)  # shown, not dropped
    assert "".join(map(printable, text)).isprintable()  # wherever a stream cuts it
    assert "\n" not in printable(f"a\n{text}\tb\r\nc", lines=False)


def test_controls_are_shown_by_their_picture_and_the_invisible_by_number() -> None:
    assert printable("\x1b[2J a\rb \u202ec \x9b") == r"␛[2J a␍b \u{202E}c \u{9B}"


@pytest.mark.parametrize(
    "text",
    [
        "plain text, with\ttabs\nand lines",
        "Grüße, naïve café, Ελληνικά, привет, 漢字, 한국어, ไทย, עברית",
        "👩‍💻 👨‍👩‍👧‍👦 ❤️ 1️⃣ 🏳️‍🌈 👍🏽 ©️",
        "می‌خواهم",
        "क्‍ष ශ්‍රී",
        "Việt e\u0301\u0323",
    ],
)
def test_what_people_write_stays_as_it_is(text: str) -> None:
    assert printable(text) == text


def test_windows_lines_are_lines() -> None:
    assert printable("a\r\nb") == "a\nb"


def test_a_storm_of_marks_is_bounded() -> None:
    for mark in ("\u0301", "\u0e47", "\U0001e944"):
        assert len(printable("a" + mark * 10_000 + "b")) < 20


@pytest.mark.parametrize(
    "unit", ["text ", "\x1b[", "a\u0301", "👩\u200d💻", "a\u200d", "\U000e0041", "漢\x9b"]
)
def test_five_megabytes_take_less_than_a_second(unit: str) -> None:
    text = unit * (5_000_000 // len(unit.encode()))
    printable("\x1b\u0301é")  # tables are made
    began = time.thread_time()
    printable(text)
    assert time.thread_time() - began < 1  # about 0.3 s where nothing else runs
