"""What a request says that a tool's arguments could be: its numbers, its times, its words."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from universal_mcp_client.models.schema import Schema
from universal_mcp_client.types.tools import ToolSpec

_NUMBER = re.compile(r"(?<![\w.:])-?\d+(?:,\d{3})*(?:\.\d+)?(?![\w:])")
_TIME = re.compile(r"(?<![\d:])(\d{1,2}):(\d{2})(?![\d:])(?:\s*([ap])\.?m\b)?", re.IGNORECASE)
_HOUR = re.compile(r"(?<![\d:.])(\d{1,2})\s*([ap])\.?m\b", re.IGNORECASE)
_GIVEN = re.compile(r"(?:e\.g\.|for example|such as)[^)\n]*", re.IGNORECASE)
_QUOTED = re.compile(r"['\"“`]([^'\"”`]{1,60})['\"”`]")
_AROUND = "\"'`“”‘’.,;:!?()[]{}"
_MOST_WORDS = 80


@dataclass(frozen=True, slots=True)
class Word:
    before: str
    core: str
    after: str


def numbers(asked: str) -> list[str]:
    """Its numbers as JSON writes them, each once, in order."""
    found = (number.replace(",", "") for number in _NUMBER.findall(asked))
    return list(dict.fromkeys(re.sub(r"^(-?)0+(?=\d)", r"\1", number) for number in found))


def times(asked: str) -> list[str]:
    """Its times of day as HH:MM, on the 24-hour clock."""
    found = [(*_clock(m[1], m[3]), m[2]) for m in _TIME.finditer(asked)]
    found += [(*_clock(m[1], m[2]), "00") for m in _HOUR.finditer(asked)]
    return list(dict.fromkeys(f"{hour:02d}:{minute}" for hour, minute in found if hour < 24))


def _clock(hour: str, half: str | None) -> tuple[int]:
    if half is None:
        return (int(hour),)
    return (int(hour) % 12 + (12 if half in "pP" else 0),)


def words(asked: str) -> list[Word]:
    """Its words, each with the quotes and punctuation around it set apart."""
    found: list[Word] = []
    for word in asked.split()[:_MOST_WORDS]:
        right = word.lstrip(_AROUND)
        core = right.rstrip(_AROUND)
        found.append(Word(word[: len(word) - len(right)], core, right[len(core) :]))
    return found


def shown(description: str) -> list[str]:
    """The values that a description gives as examples, in quotes."""
    return _QUOTED.findall(" ".join(_GIVEN.findall(description)))


def is_time(schema: Mapping[str, Any]) -> bool:
    return "HH:MM" in str(schema.get("description") or "")


def fits(spec: ToolSpec, asked: str) -> bool:
    """Whether the request has a number or a time for each argument that must be one."""
    needed = _needed(spec)
    if any(map(is_time, needed)) and not times(asked):
        return False
    return bool(numbers(asked)) or not any(map(_is_number, needed))


def takes_numbers(spec: ToolSpec, asked: str) -> bool:
    """Whether the tool needs numbers or times, and as many as the request says."""
    needed = _needed(spec)
    return 0 < sum(map(_is_number, needed)) == len(numbers(asked)) or (
        any(map(is_time, needed)) and bool(times(asked))
    )


def _needed(spec: ToolSpec) -> list[Schema]:
    properties = cast(Schema, spec.input_schema.get("properties") or {})
    required = cast(Sequence[str], spec.input_schema.get("required") or ())
    return [properties[name] for name in required if isinstance(properties.get(name), dict)]


def _is_number(schema: Mapping[str, Any]) -> bool:
    return schema.get("type") in ("number", "integer")
