"""A result beyond a budget is cut, and the whole of it is kept for `read_result`."""

from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from universal_mcp_client.tools.base import CallContext
from universal_mcp_client.tools.tokens import IMAGE_TOKENS, estimate_tokens
from universal_mcp_client.tools.wrapper import WrapperToolset
from universal_mcp_client.types.messages import ResultPart, Text, ToolCall, ToolResult, failure
from universal_mcp_client.types.tools import Annotations, ToolSpec

DEFAULT_BUDGET = 25_000
"""Tokens of one tool result that reach the model."""

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


class KeptResults:
    """The pages of results that were cut; the newest `size` of them."""

    def __init__(self, size: int = 100) -> None:
        self.size = size
        self.made = 0
        self.pages: OrderedDict[str, list[str]] = OrderedDict()

    def keep(self, pages: list[str]) -> str:
        """Keep `pages` and return the id by which they are read."""
        self.made += 1
        name = f"r{self.made}"
        self.pages[name] = pages
        while len(self.pages) > self.size:
            self.pages.popitem(last=False)
        return name


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

    async def list_tools(self) -> Sequence[ToolSpec]:
        listing = await self.wrapped.list_tools()
        if not self.kept.made:
            return listing
        if listing is not self._seen:
            self._seen, self._shown = listing, (*listing, _SPEC)
        return self._shown

    async def find(self, name: str) -> ToolSpec | None:
        return self._catalogue(await self.list_tools()).get(name)

    async def call_tool(self, call: ToolCall, context: CallContext) -> ToolResult:
        if self.kept.made and call.name == READ_RESULT:
            return self._read(call)
        return self._fit(await self.wrapped.call_tool(call, context))

    def _fit(self, result: ToolResult) -> ToolResult:
        left, parts = self.budget, list[ResultPart]()
        for part in result.content:
            cost = self.count(part.text) if isinstance(part, Text) else IMAGE_TOKENS
            if cost <= left:
                left -= cost
                parts.append(part)
            elif isinstance(part, Text):
                parts.append(self._cut(part.text, cost, left))
                left = 0
            else:
                parts.append(Text(text="[An attachment was left out: the result is too long.]"))
        return replace(result, content=tuple(parts)) if tuple(parts) != result.content else result

    def _cut(self, text: str, tokens: int, left: int) -> Text:
        # `left` may be less than a page where other parts came before; pages are all alike, so
        # that page 2 is what follows page 1 whatever stood around it.
        size = max(200, int(len(text) * self.budget / tokens))
        pages = paginate(text, size)
        name = self.kept.keep(pages)
        shown = pages[0] if left * 2 >= self.budget else ""
        following = 2 if shown else 1
        notice = (
            f"[Cut: this result has {len(text):,} characters, about {tokens:,} tokens, in "
            f"{len(pages)} pages{', of which this is page 1' if shown else ''}. Read on with "
            f'{READ_RESULT}(id="{name}", page={following}), or narrow the request.]'
        )
        return Text(text=f"{shown}\n{notice}" if shown else notice)

    def _read(self, call: ToolCall) -> ToolResult:
        name, page = call.arguments.get("id"), call.arguments.get("page")
        pages = self.kept.pages.get(str(name))
        if pages is None:
            known = ", ".join(self.kept.pages) or "none"
            return failure(call, f"There is no kept result {name!r}. Kept results: {known}.")
        if not isinstance(page, int) or not 1 <= page <= len(pages):
            return failure(call, f"Result {name!r} has pages 1 to {len(pages)}, not {page!r}.")
        notice = f"\n[Page {page} of {len(pages)} of {name}.]"
        return ToolResult(call_id=call.id, content=(Text(text=pages[page - 1] + notice),))


def paginate(text: str, size: int) -> list[str]:
    """Pages of at most `size` characters, broken at a line end, else a space, where the last
    fifth of the page has one. Joined they are `text` again."""
    pages: list[str] = []
    start = 0
    while len(text) - start > size:
        floor, end = start + size * 4 // 5, start + size
        cut = max(text.rfind("\n", floor, end), 0) or max(text.rfind(" ", floor, end), 0)
        stop = cut + 1 if cut else end
        pages.append(text[start:stop])
        start = stop
    pages.append(text[start:])
    return pages
