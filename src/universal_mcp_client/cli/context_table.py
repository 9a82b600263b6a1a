"""What fills the window, as a table."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from universal_mcp_client.app.context import Kind, Section
from universal_mcp_client.models.prices import context_window
from universal_mcp_client.policy.text import printable

_KINDS: Mapping[Kind, str] = {
    "instructions": "instructions",
    "server": "server instructions",
    "skills": "skills",
    "tools": "tools",
    "resource": "resource",
    "history": "history",
    "output": "form of the answer",
}


def rows(sections: Sequence[Section], model: str) -> Iterator[str]:
    """A line for each part, and one for all."""
    cells = [
        (_KINDS[each.kind], printable(each.name, lines=False)[:60] or "-", f"{each.tokens:,}")
        for each in sections
    ]
    total, window = sum(each.tokens for each in sections), context_window(model)
    cells.append(("together", printable(model, lines=False), f"{total:,}"))
    wide = [max(len(cell[column]) for cell in cells) for column in range(3)]
    for kind, name, tokens in cells:
        yield f"{kind:<{wide[0]}}  {name:<{wide[1]}}  {tokens:>{wide[2]}}"
    if window:
        yield f"tokens, estimated; {total / window:.1%} of the {window:,} that the model reads"
    else:
        yield "tokens, estimated; how many the model reads is not known"


def document(sections: Sequence[Section], model: str) -> dict[str, Any]:
    """The same as JSON."""
    return {
        "model": model,
        "window": context_window(model),
        "tokens": sum(each.tokens for each in sections),
        "sections": [
            {"kind": each.kind, "name": each.name, "tokens": each.tokens} for each in sections
        ],
    }
