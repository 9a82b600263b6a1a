"""A result beyond a budget is cut, and the whole of it is kept for `read_result`."""

import json
import re
import sys
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from universal_mcp_client.tools.base import CallContext
from universal_mcp_client.tools.sizes import json_size
from universal_mcp_client.tools.tokens import IMAGE_TOKENS, estimate_tokens
from universal_mcp_client.tools.wrapping import WrapperToolset
from universal_mcp_client.types.bounds import (
    ATTACHMENT_BYTES,
    ATTACHMENTS_BYTES,
    KEPT_BYTES,
    RESULT_ATTACHMENTS,
    RESULT_PARTS,
    STRUCTURED_CHARACTERS,
)
from universal_mcp_client.types.errors import ConfigError
from universal_mcp_client.types.messages import (
    File,
    Image,
    ResourceLink,
    ResultPart,
    Text,
    ToolCall,
    ToolResult,
    failure,
)
from universal_mcp_client.types.tools import Annotations, ToolSpec

DEFAULT_BUDGET = 25_000
"""Tokens of one tool result that reach the model."""

_LARGEST_JSON = 10_000_000
_DEEPEST_JSON = 200

READ_RESULT = "read_result"
_SPEC = ToolSpec(
    name=READ_RESULT,
    description=(
        "Read a further page of a tool result that was too long to be shown whole. "
        "The notice at the end of a cut result names its id and its number of pages."
    ),
    input_schema={
        "type": "object",
        "properties": {
            "id": {"type": "string", "description": "The id from the notice, such as r1."},
            "page": {"type": "integer", "minimum": 1, "description": "The page, from 1 on."},
        },
        "required": ["id", "page"],
        "additionalProperties": False,
    },
    annotations=Annotations(title="Read result", read_only=True, idempotent=True),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pages:
    """A text and where its pages begin."""

    text: str
    starts: tuple[int, ...]

    def __len__(self) -> int:
        return len(self.starts)

    def __getitem__(self, index: int) -> str:
        end = self.starts[index + 1] if index + 1 < len(self.starts) else None
        return self.text[self.starts[index] : end]

    def __iter__(self) -> Iterator[str]:
        return (self[index] for index in range(len(self)))


class KeptResults:
    """Results that were cut: the newest that have room in `limit` bytes, at most `size` of them.
    Of one that needs more than half of the room alone, the beginning is kept."""

    def __init__(self, size: int = 100, limit: int = KEPT_BYTES) -> None:
        self.size = size
        self.limit = limit
        self.made = 0
        self.pages: OrderedDict[str, Pages] = OrderedDict()

    def keep(self, text: str, page: int) -> str:
        """Keep `text` in pages of `page` characters and return the id by which they are read."""
        if sys.getsizeof(text) > self.limit // 2:
            text = text[: int(len(text) * self.limit / 2 / sys.getsizeof(text))]
        self.made += 1
        name = f"r{self.made}"
        self.pages[name] = Pages(text=text, starts=tuple(page_starts(text, page)))
        while len(self.pages) > self.size or self._bytes() > self.limit:
            self.pages.popitem(last=False)
        return name

    def _bytes(self) -> int:
        return sum(sys.getsizeof(kept.text) for kept in self.pages.values())

    def missing(self, name: str) -> str:
        """Why there is no result of that name."""
        known = ", ".join(self.pages) or "none"
        if re.fullmatch(r"r[1-9][0-9]{0,9}", name) and int(name[1:]) <= self.made:
            return f"Result {name!r} is no longer kept; kept are: {known}. Call the tool again."
        return f"There is no kept result {name[:100]!r}. Kept results: {known}."


@dataclass(kw_only=True)
class BudgetedToolset(WrapperToolset):
    """Cuts results to `budget` tokens at a line break where there is one near.

    `read_result` is listed from the first cut on, so that a catalogue (and with it the provider's
    prompt cache) stays as it is for those who never need it.
    """

    budget: int = DEFAULT_BUDGET
    count: Callable[[str], int] = estimate_tokens
    kept: KeptResults = field(default_factory=KeptResults)
    _seen: Sequence[ToolSpec] | None = field(default=None, init=False, repr=False)
    _shown: Sequence[ToolSpec] = field(default=(), init=False, repr=False)

    def __post_init__(self) -> None:
        if not (isinstance(self.budget, int) and self.budget > 0):
            raise ConfigError(f"result_budget={self.budget!r}: give a number of tokens above 0.")

    async def list_tools(self) -> Sequence[ToolSpec]:
        listing = await self.wrapped.list_tools()
        if not self.kept.made:
            return listing
        if listing is not self._seen:
            self._seen, self._shown = listing, (*listing, _SPEC)
        return self._shown

    async def call_tool(self, call: ToolCall, context: CallContext) -> ToolResult:
        if self.kept.made and call.name == READ_RESULT:
            return self._read(call)
        return self._fit(await self.wrapped.call_tool(call, context))

    def _fit(self, result: ToolResult) -> ToolResult:
        content, structured = result.content, result.structured_content
        if structured is not None:
            shown = not any(isinstance(part, Text) and part.text for part in content)
            if json_size(structured, STRUCTURED_CHARACTERS, _DEEPEST_JSON) > STRUCTURED_CHARACTERS:
                structured = None  # what programs read of it; the model gets its text
                if shown:
                    content = (*content, Text(text=_structured_text(result)))
            elif shown and self.count(text := _structured_text(result)) > self.budget:
                content = (*content, Text(text=text))
        if not self._fits(content):
            content = self._shortened(content)
        if content is result.content and structured is result.structured_content:
            return result
        return replace(result, content=content, structured_content=structured)

    def _fits(self, content: Sequence[ResultPart]) -> bool:
        if len(content) > RESULT_PARTS:
            return False
        room, left = _Room(), self.budget
        for part in content:
            text = _text(part)
            if text is None and not room.takes(part):
                return False
            left -= IMAGE_TOKENS if text is None else self.count(text)
        return left >= 0

    def _shortened(self, content: Sequence[ResultPart]) -> tuple[ResultPart, ...]:
        """Texts and links that stand together become one text, which is cut where it is too long;
        attachments beyond the bounds are left out."""
        room, left, left_out = _Room(), self.budget, 0
        parts, run = list[ResultPart](), list[str]()

        def end_run() -> None:
            nonlocal left
            if not run:
                return
            text = "\n".join(run)
            run.clear()
            cost = self.count(text)
            parts.append(Text(text=text) if cost <= left else self._cut(text, cost, left))
            left = max(0, left - cost)

        for part in content:
            if (text := _text(part)) is not None:
                run.append(text)
            elif left >= IMAGE_TOKENS and room.takes(part):
                end_run()
                parts.append(part)
                left = max(0, left - IMAGE_TOKENS)
            else:
                left_out += 1
        end_run()
        if left_out:
            what = "An attachment was" if left_out == 1 else f"{left_out:,} attachments were"
            parts.append(Text(text=f"[{what} left out: too large, or too many.]"))
        return tuple(parts)

    def _cut(self, text: str, tokens: int, left: int) -> Text:
        # `left` may be less than a page where other parts came before; pages are all alike, so
        # that page 2 is what follows page 1 whatever stood around it.
        size = max(200, int(len(text) * self.budget / tokens))
        name = self.kept.keep(text, size)
        pages = self.kept.pages[name]
        shown = pages[0] if left * 2 >= self.budget else ""
        following = 2 if shown else 1
        kept = len(pages.text)
        beginning = f" of its first {kept:,} characters" if kept < len(text) else ""
        notice = (
            f"[Cut: this result has {len(text):,} characters, about {tokens:,} tokens, in "
            f"{len(pages)} pages{beginning}{', of which this is page 1' if shown else ''}. Read on "
            f'with {READ_RESULT}(id="{name}", page={following}), or narrow the request.]'
        )
        return Text(text=f"{shown}\n{notice}" if shown else notice)

    def _read(self, call: ToolCall) -> ToolResult:
        name, page = str(call.arguments.get("id")), call.arguments.get("page")
        pages = self.kept.pages.get(name)
        if pages is None:
            return failure(call, self.kept.missing(name))
        if not isinstance(page, int) or not 1 <= page <= len(pages):
            return failure(call, f"Result {name!r} has pages 1 to {len(pages)}, not that one.")
        notice = f"\n[Page {page} of {len(pages)} of {name}.]"
        return ToolResult(call_id=call.id, content=(Text(text=pages[page - 1] + notice),))


class _Room:
    """What is left for the attachments of one result."""

    def __init__(self) -> None:
        self.number, self.size = RESULT_ATTACHMENTS, ATTACHMENTS_BYTES

    def takes(self, part: ResultPart) -> bool:
        if isinstance(part, Text | ResourceLink):
            return True
        size = len(part.data or b"")
        if isinstance(part, Image | File):
            size += len(part.url or "")
        if not self.number or size > min(self.size, ATTACHMENT_BYTES):
            return False
        self.number, self.size = self.number - 1, self.size - size
        return True


def _text(part: ResultPart) -> str | None:
    """What a part costs as text, links as they are written out; None for attachments."""
    if isinstance(part, Text):
        return part.text
    if isinstance(part, ResourceLink):
        about = ": ".join(filter(None, [part.name, part.description]))
        return f"[Resource {part.uri}{f' ({about})' if about else ''}]"
    return None


def _structured_text(result: ToolResult) -> str:
    if json_size(result.structured_content, _LARGEST_JSON, _DEEPEST_JSON) > _LARGEST_JSON:
        return "[The result is structured content which is too long or too deep to be shown.]"
    return json.dumps(result.structured_content, ensure_ascii=False)


def paginate(text: str, size: int) -> list[str]:
    """Pages of at most `size` characters, broken at a line end, else a space, where the last
    fifth of the page has one. Joined they are `text` again."""
    return list(Pages(text=text, starts=tuple(page_starts(text, size))))


def page_starts(text: str, size: int) -> Iterator[int]:
    """Where the pages of `paginate` begin."""
    start = 0
    yield start
    while len(text) - start > size:
        floor, end = start + size * 4 // 5, start + size
        cut = max(text.rfind("\n", floor, end), 0) or max(text.rfind(" ", floor, end), 0)
        start = cut + 1 if cut else end
        yield start
