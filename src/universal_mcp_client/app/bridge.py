"""MCP servers for programs with a loop of their own, on a provider's own SDK."""

import copy
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Collection, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack, aclosing
from dataclasses import replace
from typing import Any, Self, cast
from uuid import uuid4

from universal_mcp_client.app.agent import Agent
from universal_mcp_client.app.recipe import Tool
from universal_mcp_client.app.sdk_calls import Chunks, called, chunks, direct, wire_of
from universal_mcp_client.app.wires import SAY_WHICH, WIRES, Heard, Turn, Wire, follow, plain, read
from universal_mcp_client.config.sources import ServerSource
from universal_mcp_client.core.run import make_calls
from universal_mcp_client.core.session import Session
from universal_mcp_client.models.dialects import Dialect, function_specs
from universal_mcp_client.models.hosted import HostedTool
from universal_mcp_client.models.provider_calls import given
from universal_mcp_client.models.strict import meant
from universal_mcp_client.tools.base import RunContext, current_run, opened
from universal_mcp_client.tools.budgeted import DEFAULT_BUDGET
from universal_mcp_client.tools.rules import Approval, Needs
from universal_mcp_client.types.errors import ConfigError, LimitExceeded, ServerError
from universal_mcp_client.types.interaction import Interaction
from universal_mcp_client.types.messages import ToolCall, ToolResult, failure
from universal_mcp_client.types.tools import ToolSpec


class Bridge:
    """Tools in a provider's own terms: its specs, its calls, its results.

    `sources` are what `Host` takes, connections that the program already has among them; `tools`
    functions, toolsets and agents. `wire` is the API that the loop speaks: "openai" (Chat
    Completions and all that is compatible), "openai-responses" or "anthropic". Calls pass what an
    agent's pass: arguments are checked, `interaction` and `approve` (or `policy`, the same) decide as
    in `Agent`, results are cut to `result_budget` tokens. `strict` sends strict schemas.

    >>> async with Bridge("uvx mcp-server-time", wire="openai") as bridge:
    ...     response = await llm.chat.completions.create(…, tools=await bridge.tools())
    ...     messages += [response.choices[0].message, *await bridge.answer(response)]

    A bridge takes calls at the same time. It keeps long results for the model to read on
    (`read_result`), and counts a tool's `retries` in a conversation: give each a
    `bridge.conversation()`, which shares all else. `run` is one of its own.
    """

    def __init__(
        self,
        *sources: ServerSource,
        wire: Wire | None = None,
        tools: Sequence[Tool] = (),
        interaction: Interaction | None = None,
        approve: Needs | None = None,
        policy: Needs | None = None,
        strict: bool = False,
        result_budget: int = DEFAULT_BUDGET,
    ) -> None:
        if wire is not None and wire not in WIRES:
            raise ConfigError(f"There is no wire {wire!r}. The wires are: {', '.join(WIRES)}.")
        if hosted := [tool for tool in tools if isinstance(tool, HostedTool)]:
            raise ConfigError(
                f"{hosted[0]!r} is the provider's own: give it to your request, as the API has it."
            )
        self.wire, self._strict = wire, strict
        self._host = None
        if sources:
            from universal_mcp_client.mcp.host import Host

            self._host = Host(*sources, interaction=interaction)
            tools = [*tools, self._host]
        self._needs = (approve, policy) if approve and policy else (approve or policy,)
        self._agent = Agent[Any, Any](
            tools=tools, interaction=interaction, result_budget=result_budget
        )
        self._stacks = list[AsyncExitStack]()
        # Specs in the providers' shapes, each made once for all conversations.
        self._made = dict[tuple[int, Wire], tuple[ToolSpec, Any]]()
        self._begin(None)  # of all conversations: their failures are not counted

    def _begin(self, failures: Counter[str] | None) -> None:
        self._listing: Sequence[ToolSpec] | None = None
        self._by_name: Mapping[str, ToolSpec] = {}
        self._shown: list[Any] | None = None
        session = Session()
        approval = Approval(seen=session.seen)
        for needs in self._needs:
            approval = approval.narrowed(self._agent.interaction, needs)
        self._guarded = self._agent.guarded(session, approval)
        self._context = RunContext[Any](
            run_id=uuid4().hex, session=session, approval=approval, failures=failures
        )

    def conversation(self) -> "Bridge":
        """A bridge for one conversation more: the same connections and tools, results of its own."""
        other = copy.copy(self)
        other._begin(Counter())
        return other

    @property
    def failures(self) -> Mapping[str, ServerError]:
        """Why servers are not there, by name."""
        return self._host.failures if self._host is not None else {}

    async def tools(self, *, deps: Any = None) -> list[Any]:
        """The `tools` of a request. The same list as long as nothing changed: leave it as it is."""
        if self.wire is None:
            raise ConfigError(f"Say which API the tools are for: {SAY_WHICH}.")
        listing = await self._list(deps)
        if self._shown is None:
            if len(self._made) > 2 * len(listing) + 100:  # of tools that are no more
                self._made.clear()
            self._shown = [self._spec(spec, self.wire) for spec in listing]
        return self._shown

    async def answer(
        self, response: object, *, deps: Any = None, others: Collection[str] | None = None
    ) -> list[Any]:
        """Make the calls that a model asked for, all at once, and return what is to be appended.

        `response` is the SDK's response, its dict, a stream's final message, or a list of calls;
        `deps` is what functions get as `RunContext.deps`. The list is empty where nothing of ours
        was asked for. Calls of other tools are left to you, see `others`; your results stand before
        these (for Anthropic, in the content of the one message). With the names of your tools as
        `others`, a call of neither yours nor ours is answered with an error that tells the model so.

        A tool that fails is a result that says so. Raises ConfigError for what is no answer, and
        ModelError for calls in one that failed or was filtered.
        """
        turn = read(response, self.wire)
        # What `tools` has shown stays ours, though it may be gone: the model is told so then.
        if self._listing is None or not self._shows(turn):
            await self._list(deps)
        asked, _ = self._split(turn, others)
        found = _cancelled(asked)
        await self._make(asked, found, deps)
        return turn.answered(found)

    def others(self, response: object) -> list[Any]:
        """The calls in a response that are not of these tools (as `tools` or `answer` had them last),
        as they came."""
        return self._split(read(response, self.wire), None)[1]

    async def run(
        self,
        create: Callable[..., Any],
        /,
        *,
        max_turns: int = 50,
        deps: Any = None,
        added: list[Any] | None = None,
        **request: Any,
    ) -> Any:
        """One of the SDKs' own calls, with the tools, until the model has answered: its last response.

        `create` is `client.chat.completions.create`, `client.responses.create` or
        `client.messages.create`, of an async or a sync client (which is called in threads), and
        `request` what it takes. With `stream=True` this returns the chunks of all turns, to be
        iterated over (async), in an `async with` or not. `tools` of your own go beside ours; a
        response that calls them is returned with no call made: `answer` makes ours. `added` is a list
        that gets what was appended on the way; yours (`messages`, `input`) are never changed.

        Raises LimitExceeded when the model still asks for tools after `max_turns` requests; its
        `response` is the last one. Raises what `create` raises.
        """
        if type(max_turns) is not int or max_turns < 1:
            raise ConfigError(f"max_turns has to be a number, at least 1, not {max_turns!r}.")
        if not isinstance(added, list | None):
            raise ConfigError(f"added has to be a list, to which is appended, not {added!r}.")
        wire = wire_of(create) or self.wire
        if wire is None:
            raise ConfigError(
                f"{create!r} is not known to be chat.completions.create, responses.create or "
                "messages.create of an SDK. Give one of these methods, without calling it; for another "
                f"function that does what they do, {SAY_WHICH}."
            )
        if self.wire not in (None, wire):
            raise ConfigError(f"This call speaks {wire!r}, and the bridge {self.wire!r}.")
        key = "input" if wire == "openai-responses" else "messages"
        if isinstance(request.get(key), Iterable) and not isinstance(request[key], str):
            request[key] = [plain(item) for item in request[key]]
        await self._list(deps)
        within = self.conversation()
        within.wire = wire
        turns = within._turns(create, key, request, max_turns, deps, [] if added is None else added)
        return (
            Chunks(turns) if request.get("stream") else [response async for response in turns][-1]
        )

    async def _turns(
        self,
        create: Callable[..., Any],
        key: str,
        request: dict[str, Any],
        left: int,
        deps: Any,
        added: list[Any],
    ) -> AsyncGenerator[Any]:
        """The responses of all turns, or their chunks."""
        wire, tools = cast(Wire, self.wire), request.pop("tools", None)
        known = set(map(id, await self.tools(deps=deps)))
        theirs = [t for t in tools if id(t) not in known] if isinstance(tools, Iterable) else []
        names = {_name(tool) for tool in theirs}
        by_body = (key, "tools") if direct(create, [request.get(key), theirs]) else ()
        for turns in range(1, left + 1):
            ours = await self.tools(deps=deps)
            if taken := names & self._by_name.keys():
                raise ConfigError(
                    f"{min(taken)!r} is the bridge's tool and one in tools=…; rename it."
                )
            every = {"tools": [*theirs, *ours] if theirs else ours} if theirs or ours else {}
            got = await called(create, request | every, by_body)
            if request.get("stream"):
                heard = Heard(wire, str(request.get("model")))
                async with aclosing(chunks(got)) as pieces:
                    async for chunk in pieces:
                        heard.feed(chunk)
                        yield chunk
                turn = heard.turn()
            else:
                yield got
                turn = read(got, wire)
            added += (said := turn.plain())
            asked, others = self._split(turn, names)
            if others or not (asked or turn.paused):
                return
            if turns == left:
                text = f"The model still asks for tools after {left} requests."
                error = LimitExceeded(text, result=cast(Any, None))
                error.response = turn.response
                raise error
            found = _cancelled(asked)
            try:
                await self._make(asked, found, deps)
            finally:  # what was done stands there, however it ends
                more = turn.answered(found)
                added += more
            request = follow(request, turn, said, more)

    async def _list(self, deps: Any) -> Sequence[ToolSpec]:
        if not self._stacks:
            raise ConfigError("The bridge is not open: use it inside of `async with bridge:`.")
        token = current_run.set(replace(self._context, deps=deps))
        try:
            listing = await self._guarded.list_tools()
        finally:
            current_run.reset(token)
        if listing is not self._listing:
            self._listing, self._shown = listing, None
            self._by_name = {spec.name: spec for spec in listing}
        return listing

    def _spec(self, spec: ToolSpec, wire: Wire) -> Any:
        kept = self._made.get((id(spec), wire))
        if kept is None or kept[0] is not spec:
            form = cast(Dialect, f"{wire}-strict" if self._strict else wire)
            kept = self._made[id(spec), wire] = (spec, function_specs([spec], form)[0])
        return kept[1]

    def _shows(self, turn: Turn) -> bool:
        return all(call is None or call.name in self._by_name for _, call in turn.calls)

    def _split(
        self, turn: Turn, others: Collection[str] | None
    ) -> tuple[list[ToolCall], list[Any]]:
        """The calls that are ours to make, each once, and the rest as they came."""
        if self._listing is None:
            raise ConfigError(
                "Which tools are the bridge's is not known before `tools` or `answer`."
            )
        asked, rest = list[ToolCall](), list[Any]()
        for raw, call in turn.calls:
            spec = self._by_name.get(call.name) if call else None
            if call is None or (spec is None and (others is None or call.name in others)):
                rest.append(raw)
            elif (call := meant(call, spec, self._strict)) not in asked:
                asked.append(call)
        return asked, rest

    async def _make(self, calls: Sequence[ToolCall], found: list[ToolResult], deps: Any) -> None:
        """Make calls all at once; what they give goes to its place in `found`."""

        async def make(place: int, call: ToolCall) -> None:
            context = replace(self._context, deps=deps, call=call)
            current_run.set(context)  # of this task alone
            found[place] = await self._guarded.call_tool(call, context)

        await make_calls(calls, found, make)

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(opened(self._agent.toolset))
            self._stacks.append(stack.pop_all())
        return self

    async def __aexit__(self, *_exc: object) -> None:
        await self._stacks.pop().aclose()


def _cancelled(calls: Sequence[ToolCall]) -> list[ToolResult]:
    return [failure(call, "Cancelled.") for call in calls]


def _name(tool: Any) -> Any:
    """A tool's name in any of the wires; None for what a provider has of its own."""
    return given(given(tool, "function") or given(tool, "custom") or tool, "name")
