"""MCP servers for programs with a loop of their own, on a provider's own SDK."""

import copy
from collections import Counter
from collections.abc import (
    AsyncGenerator,
    Callable,
    Collection,
    Iterable,
    Mapping,
    Sequence,
)
from contextlib import AsyncExitStack, aclosing
from dataclasses import replace
from typing import Any, Self, cast
from uuid import uuid4

import anyio

from universal_mcp_client.app.agent import Agent
from universal_mcp_client.app.recipe import Tool
from universal_mcp_client.app.sdk_calls import called, chunks, direct, wire_of
from universal_mcp_client.app.wires import (
    WIRES,
    Asked,
    Heard,
    Turn,
    Wire,
    follow,
    plain,
    read,
    results,
)
from universal_mcp_client.config.sources import ServerSource
from universal_mcp_client.core.run import sole_leaf
from universal_mcp_client.core.session import Session
from universal_mcp_client.models.dialects import Dialect, function_specs
from universal_mcp_client.models.hosted import HostedTool
from universal_mcp_client.models.provider_calls import given
from universal_mcp_client.models.strict import drop_nulls
from universal_mcp_client.tools.base import Catalogue, RunContext, current_run, opened
from universal_mcp_client.tools.budgeted import DEFAULT_BUDGET
from universal_mcp_client.tools.rules import Approval, Needs
from universal_mcp_client.types.errors import ConfigError, LimitExceeded, ServerError
from universal_mcp_client.types.interaction import Interaction
from universal_mcp_client.types.messages import ToolCall, ToolResult
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
        token_store: Any = None,
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

            self._host = Host(*sources, interaction=interaction, token_store=token_store)
            tools = [*tools, self._host]
        self._needs = _either(approve, policy)
        self._agent = Agent[Any, Any](
            tools=tools, interaction=interaction, approve=self._needs, result_budget=result_budget
        )
        self._made = dict[
            tuple[int, Wire], tuple[ToolSpec, Any]
        ]()  # specs, in the provider's shape
        self._shown: tuple[object, Wire | None, list[Any]] = ((), None, [])
        self._stacks = list[AsyncExitStack]()
        self._names: Mapping[str, ToolSpec] | None = None
        self._failures: Counter[str] | None = None  # of all conversations: not counted
        self._begin()

    def _begin(self) -> None:
        self._catalogue = Catalogue()
        self._session = Session()
        approval = Approval(seen=self._session.seen)
        self._approval = approval.narrowed(self._agent.interaction, self._needs)
        self._guarded = self._agent.guarded(self._session, self._approval)

    def conversation(self) -> "Bridge":
        """A bridge for one conversation more: the same connections and tools, results of its own."""
        other = copy.copy(self)
        other._failures = Counter()
        other._begin()
        return other

    @property
    def failures(self) -> Mapping[str, ServerError]:
        """Why servers are not there, by name."""
        return self._host.failures if self._host is not None else {}

    async def tools(self, *, deps: Any = None) -> list[Any]:
        """The `tools` of a request. The same list as long as nothing changed: leave it as it is."""
        if self.wire is None:
            raise ConfigError(f"Say which API the tools are for: Bridge(…, wire={WIRES!r}).")
        return self._encoded(await self._list(self._around(deps)), self.wire)

    async def answer(
        self, response: object, *, deps: Any = None, others: Collection[str] | None = None
    ) -> list[Any]:
        """Make the calls that a model asked for, all at once, and return what is to be appended.

        `response` is the SDK's response, its dict, a stream's final message, or a list of calls;
        `deps` is what functions get as `RunContext.deps`. The list is empty where nothing of ours
        was asked for. Calls of other tools are left to you, see `others`; your results stand before
        these (for Anthropic, in the content of the one message). With the names of your tools as
        `others`, a call of neither yours nor ours is answered with an error that tells the model so.

        A tool that fails is a result that says so. Raises ConfigError for what is no answer.
        """
        turn, context = read(response, self.wire), self._around(deps)
        await self._list(context)
        return await self._answer(turn, self._split(turn, others)[0], context)

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
        `request` what it takes. With `stream=True` this returns an async iterator over the chunks of
        all turns. `tools` of your own go beside ours; a response that calls them is returned with no
        call made: `answer` makes ours. `added` is a list that gets what was appended on the way;
        yours (`messages`, `input`) are never changed.

        Raises LimitExceeded when the model still asks for tools after `max_turns` requests; its
        `response` is the last one. Raises what `create` raises.
        """
        if max_turns < 1:
            raise ConfigError(f"max_turns has to be at least 1, not {max_turns}.")
        found = wire_of(create)
        if found is not None and self.wire not in (None, found):
            raise ConfigError(f"This call speaks {found!r}, and the bridge {self.wire!r}.")
        wire = found or self.wire
        if wire is None:
            raise ConfigError(
                f"Which API {create!r} calls is not known: Bridge(…, wire={WIRES!r})."
            )
        key = "input" if wire == "openai-responses" else "messages"
        if isinstance(request.get(key), Iterable) and not isinstance(request[key], str):
            request[key] = [plain(item) for item in request[key]]
        await self._list(self._around(deps))
        steps = self.conversation()._steps(create, wire, key, request, max_turns, deps, added)
        if request.get("stream"):
            return steps
        return [response async for response in steps][-1]

    async def _steps(
        self,
        create: Callable[..., Any],
        wire: Wire,
        key: str,
        request: dict[str, Any],
        max_turns: int,
        deps: Any,
        added: list[Any] | None,
    ) -> AsyncGenerator[Any]:
        """The responses of all turns, or their chunks."""
        tools, context = request.pop("tools", None), self._around(deps)
        theirs: list[Any] = list(tools) if isinstance(tools, Iterable) else []
        first = {key: request[key]} if key in request else {}
        by_body = bool(first) and direct(create, [first, theirs])
        for left in reversed(range(max_turns)):
            ours = self._encoded(await self._list(context), wire)
            known = set(map(id, ours))
            theirs = [tool for tool in theirs if id(tool) not in known]
            names = {_name(tool) for tool in theirs}
            if taken := names & (self._names or {}).keys():
                raise ConfigError(
                    f"{min(taken)!r} is the bridge's tool and one in tools=…; rename it."
                )
            every = [*theirs, *ours] if theirs else ours
            tools = {"tools": every} if every else {}
            if by_body:
                body = {key: request[key], **tools, **(request.get("extra_body") or {})}
                got = await called(create, {**request, **first, "extra_body": body})
            else:
                got = await called(create, {**request, **tools})
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
            said = turn.plain()
            if added is not None:
                added += said
            asked, others = self._split(turn, names)
            if others or not (asked or turn.paused):
                return
            if not left:
                text = f"The model still asks for tools after {max_turns} requests."
                error = LimitExceeded(text, result=cast(Any, None))
                error.response = turn.response
                raise error
            more = await self._answer(turn, asked, context)
            if added is not None:
                added += more
            request = follow(request, turn, said, more)

    def _around(self, deps: Any) -> RunContext[Any]:
        return RunContext(
            deps=deps,
            run_id=uuid4().hex,
            session=self._session,
            approval=self._approval,
            failures=self._failures,
        )

    async def _list(self, context: RunContext[Any]) -> Sequence[ToolSpec]:
        if not self._stacks:
            raise ConfigError("The bridge is not open: use it inside of `async with bridge:`.")
        token = current_run.set(context)
        try:
            listing = await self._guarded.list_tools()
        finally:
            current_run.reset(token)
        self._names = self._catalogue(listing)
        return listing

    def _encoded(self, listing: Sequence[ToolSpec], wire: Wire) -> list[Any]:
        """The specs of a listing; each tool's is made once for all conversations."""
        of, form, specs = self._shown
        if of is not listing or form != wire or len(specs) != len(listing):
            if len(self._made) > 2 * len(listing) + 100:  # of tools that are no more
                self._made.clear()
            specs = [self._one(spec, wire) for spec in listing]
            self._shown = (listing, wire, specs)
        return specs

    def _one(self, spec: ToolSpec, wire: Wire) -> Any:
        kept = self._made.get((id(spec), wire))
        if kept is None or kept[0] is not spec:
            form = cast(Dialect, f"{wire}-strict" if self._strict else wire)
            kept = self._made[id(spec), wire] = (spec, function_specs([spec], form)[0])
        return kept[1]

    def _split(self, turn: Turn, others: Collection[str] | None) -> tuple[list[Asked], list[Any]]:
        """The calls that are ours to make, each once, and the rest as they came."""
        if (names := self._names) is None:
            raise ConfigError(
                "Which tools are the bridge's is not known before `tools` or `answer`."
            )
        asked, rest = list[Asked](), list[Any]()
        for one in turn.calls:
            call = one.call
            if call is None or (call.name not in names and (others is None or call.name in others)):
                rest.append(one.raw)
            elif not any(call == other.call for other in asked):
                spec = names.get(call.name)
                if spec and (self._strict if spec.strict is None else spec.strict):
                    given = drop_nulls(call.arguments, spec.input_schema)
                    one = Asked(one.raw, replace(call, arguments=given))
                asked.append(one)
        return asked, rest

    async def _answer(
        self, turn: Turn, asked: Sequence[Asked], context: RunContext[Any]
    ) -> list[Any]:
        found = [cast(ToolResult, None)] * len(asked)

        async def make(at: int, call: ToolCall) -> None:
            own = replace(context, call=call)
            current_run.set(own)  # of this task alone
            found[at] = await self._guarded.call_tool(call, own)

        try:
            async with anyio.create_task_group() as group:
                for at, one in enumerate(asked):
                    group.start_soon(make, at, cast(ToolCall, one.call))
        except BaseExceptionGroup as failures:
            error = sole_leaf(failures)
            raise error from error.__cause__
        return results(turn, asked, found)

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(opened(self._agent.toolset))
            self._stacks.append(stack.pop_all())
        return self

    async def __aexit__(self, *_exc: object) -> None:
        await self._stacks.pop().aclose()


def _either(one: Needs | None, other: Needs | None) -> Needs | None:
    if one is None or other is None:
        return one or other
    return lambda spec: one(spec) or other(spec)


def _name(tool: Any) -> Any:
    """A tool's name in any of the wires; None for what a provider has of its own."""
    return given(given(tool, "function") or given(tool, "custom") or tool, "name")
