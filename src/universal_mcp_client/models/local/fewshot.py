"""What a tiny model is told: examples for choosing a tool, plain facts for answering."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence, Set
from typing import Any, cast

from universal_mcp_client.models.local.examples import VARIANTS, example
from universal_mcp_client.models.local.grammar import literal
from universal_mcp_client.models.local.request import fits, takes_numbers
from universal_mcp_client.types.messages import Message, ToolResult
from universal_mcp_client.types.tools import ToolSpec

MOST_TOOLS = 12
"""A tiny model is shown the tools that share most words with the request, at most this many."""

_NEAR_ENOUGH = 0.5
_MOST_FACTS = 40
_LONGEST_FACT = 120
_COMMON = {"the", "and", "for", "with", "what", "that", "this", "are", "you", "can", "how", "use"}

Turn = dict[str, str]


def choosing(tools: Sequence[ToolSpec], asked: str) -> list[Turn]:
    """Messages after which the model writes a call. The nearest tools come last: a tiny model
    leans towards what it read last."""
    turns = [_turn("system", "Write the tool call that does what the user asks.")]
    for variant in reversed(range(VARIANTS)):
        for spec in tools:
            shown = example(spec, variant)
            turns += [_turn("user", shown.request), _turn("assistant", shown.call)]
    return [*turns, _turn("user", asked)]


def nearest(tools: Sequence[ToolSpec], asked: str) -> list[ToolSpec]:
    """The tools to offer, the nearest to what is asked for last: those that share words with it
    and could take its numbers, without those whose numbers and times it doesn't say."""
    possible = [spec for spec in tools if fits(spec, asked)] or list(tools)
    wanted = _words(asked)
    scores = {spec.name: _nearness(spec, wanted, asked) for spec in possible}
    least = max(scores.values(), default=0.0) * _NEAR_ENOUGH
    near = [spec for spec in possible if scores[spec.name] >= least]
    return sorted(near, key=lambda spec: scores[spec.name])[-MOST_TOOLS:]


def _nearness(spec: ToolSpec, wanted: Set[str], asked: str) -> float:
    name, about = _words(spec.name), _words(spec.description)
    return (
        2.0 * _shared(wanted, name)
        + _shared(wanted, about - name)
        + (1.0 if takes_numbers(spec, asked) else 0.0)
    )


def _shared(wanted: Set[str], words: Set[str]) -> float:
    """How many words are in both, where one form of a word counts half for another."""
    same = len(wanted & words)
    return (
        same
        + (
            len(
                {w[:5].removesuffix("s") for w in wanted} & {w[:5].removesuffix("s") for w in words}
            )
            - same
        )
        / 2
    )


def answering(results: Sequence[ToolResult], asked: str) -> tuple[list[Turn], str | None]:
    """Messages after which the model answers from what tools said, and the grammar that holds it
    to their words where they are short: it may choose among the facts, but not change them."""
    facts = [fact for result in results for fact in _facts(result)]
    shown = ", ".join(f"{name}: {value}" if name else value for name, value in facts)[:1_500]
    said = f"{shown}\n\nFrom this, answer in one short sentence: {asked}"
    values = list(dict.fromkeys(value for _, value in facts))
    short = len(values) <= _MOST_FACTS and all(0 < len(v) <= _LONGEST_FACT for v in values)
    return [_turn("user", said)], _quoting(values) if short and values else None


def _quoting(values: Sequence[str]) -> str:
    sentences = [value for value in values if re.match(r"[A-Z].* .*[.!?]\Z", value)]
    if len(sentences) == len(values):
        return f"root ::= {' | '.join(map(literal, sentences))}"
    choice = " | ".join(literal(value.rstrip(".")) for value in values)
    return f'root ::= "The result is " ({choice}) "."'


def _facts(result: ToolResult) -> list[tuple[str, str]]:
    """A result's values with their paths; a text that is no JSON object is one value."""
    text = result.text.strip()
    try:
        value: object = json.loads(text)
    except ValueError:
        value = None
    if isinstance(value, dict | list) and value:
        return list(_leaves(value, ""))
    return [("", f"Error: {text}" if result.is_error else text)]


def _leaves(value: object, path: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping):
        for key, item in cast(Mapping[str, Any], value).items():
            yield from _leaves(item, f"{path} {key}".strip())
    elif isinstance(value, list):
        for item in value:
            yield from _leaves(item, path)
    else:
        yield path, value if isinstance(value, str) else json.dumps(value)


def talking(messages: Sequence[Message], instructions: str) -> list[Turn]:
    """The conversation itself, as far as it is words, at most its last eight turns."""
    turns = [_turn(m.role, m.text) for m in messages if m.role in ("user", "assistant") and m.text]
    return [*([_turn("system", instructions)] if instructions else []), *turns[-8:]]


def _words(text: str) -> set[str]:
    words = re.findall(r"[a-z]+", text.lower().replace("_", " "))
    return {word for word in words if len(word) > 2} - _COMMON


def _turn(role: str, content: str) -> Turn:
    return {"role": role, "content": content}
