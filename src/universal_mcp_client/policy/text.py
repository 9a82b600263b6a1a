r"""Text that is not ours, made harmless for a terminal.

Servers, models, files and web pages write names, results, logs and errors. A terminal would obey
what is in them: move the cursor, set the title, fill the clipboard, hide or turn around words.
`printable` shows such characters instead: controls by their picture (ESC as ␛), everything invisible
by its number (`\u{202E}`). It looks at single characters and their neighbours, so that a sequence cut in two by
streaming is as harmless as a whole one.

What stays: line feeds and tabs; joiners between emoji (👩‍💻) and within scripts that are written with
them (Persian, the scripts of India); one emoji selector after a symbol; up to six marks on a letter.
"""

import json
import re
import unicodedata
from collections.abc import Iterable
from functools import cache

_CONTROL = "\x00-\x08\x0b-\x1f\x7f-\x9f"
_INVISIBLE = (
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f"  # soft hyphen, fillers, selectors
    "\u200b-\u200f\u2028-\u202e\u2060-\u206f"  # zero width, line separators, bidi, operators
    "\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb"  # fillers, selectors, BOM, annotations
    "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a"  # shorthand and musical formatting
    "\U000e0000-\U000e0fff"  # tags, more selectors
)
_SURROGATE = "\ud800-\udfff"
_UNSAFE = re.compile(f"[{_CONTROL}{_INVISIBLE}{_SURROGATE}]")
_UNSAFE_ASCII = re.compile("[\x00-\x08\x0b-\x1f\x7f]")
_RARE = re.compile("[\U00010000-\U0001efff]")  # scripts of which marks are looked up slowly
_MARKS = 6  # on one letter; no script needs more

_PICTURE = "\u00a9\u00ae\u203c\u2049\u2100-\u27bf\u2900-\u2bff\u3030\u303d\u3297\u3299\U0001f000-\U0001faff"
_JOINED = f"[{_PICTURE}\ufe0f]"
_CURSIVE = "[\u0620-\u08ff\u0900-\u0dff\u1780-\u17dd\u1820-\u18aa\u1000-\u109f]"
_KEPT = re.compile(
    f"(?<={_JOINED})\u200d(?=[{_PICTURE}])"
    f"|(?<={_CURSIVE})[\u200c\u200d](?={_CURSIVE})"
    f"|(?<=[#*0-9{_PICTURE}])[\ufe0e\ufe0f]"
    "|(?<=[\u1820-\u18aa])[\u180b-\u180d\u180f]"
)
_CONTEXT = re.compile("[\u200c\u200d\ufe0e\ufe0f\u180b-\u180d\u180f]")


def printable(text: str, *, lines: bool = True) -> str:
    """`text` with everything shown that a terminal would obey or hide; without `lines`, in one line.

    Carriage returns before line feeds go; others are shown. The length may grow, at most tenfold.
    """
    if "\r\n" in text:
        text = text.replace("\r\n", "\n")
    if not lines:
        text = text.replace("\n", " ").replace("\t", " ")
    if text.isascii():
        return text.translate(_table()) if _UNSAFE_ASCII.search(text) else text
    if _UNSAFE.search(text):
        text = _shown(text)
    common, rare = _storms()
    text = common.sub(r"\1…", text)
    return rare.sub(r"\1…", text) if _RARE.search(text) else text


def _shown(text: str) -> str:
    if not _CONTEXT.search(text):
        return text.translate(_table())
    kept, out, begin = _KEPT.finditer(text), list[str](), 0
    for match in kept:
        out += (text[begin : match.start()].translate(_table()), match[0])
        begin = match.end()
    out.append(text[begin:].translate(_table()))
    return "".join(out)


@cache
def _table() -> dict[int, str]:
    """From a character's number to what is shown for it."""
    unsafe = (c for c in (*range(0x2100), *range(0x3000, 0x3200), *range(0xD800, 0xE000)))
    table = {c: f"\\u{{{c:X}}}" for c in unsafe if _UNSAFE.match(chr(c))}
    for c in (*range(0xFE00, 0x10000), *range(0x1BCA0, 0x1BCA4), *range(0x1D173, 0x1D17B)):
        if _UNSAFE.match(chr(c)):
            table[c] = f"\\u{{{c:X}}}"
    table |= {c: f"\\u{{{c:X}}}" for c in range(0xE0000, 0xE1000)}
    return table | {c: chr(0x2400 + c) for c in range(0x20) if c in table} | {0x7F: "␡"}


@cache
def _storms() -> "tuple[re.Pattern[str], re.Pattern[str]]":
    """Too many marks on one letter, of which the first may stay. Two, as a set of characters is
    looked up at once only where all are below U+10000."""

    def storm(characters: Iterable[int]) -> "re.Pattern[str]":
        marks = "".join(
            re.escape(chr(c)) for c in characters if unicodedata.category(chr(c)) in ("Mn", "Me")
        )
        return re.compile(f"([{marks}][{marks}]{{{_MARKS - 1}}})[{marks}]+")

    return storm((*range(0x300, 0xFE00), *range(0xFE20, 0xFE30))), storm(range(0x10000, 0x1F000))


def escaped_json(document: str) -> str:
    r"""A JSON document in which everything that `printable` could show is written as `\uXXXX`: the
    same document for every reader."""
    if document.isascii() and "\x7f" not in document:
        return document
    return document.translate(_json_table())


@cache
def _json_table() -> dict[int, str]:
    return {c: json.dumps(chr(c))[1:-1] for c in _table() if c > 0x20} | {0x7F: "\\u007f"}
