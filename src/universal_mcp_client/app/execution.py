"""One prompt's execution: whose turn it is, what counts as an answer, and what is left in the end."""

import logging
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any, cast

import anyio

from universal_mcp_client.app.context import servers_of, system_sections
from universal_mcp_client.app.resources import InContext
from universal_mcp_client.app.subagents import handing_over
from universal_mcp_client.core.limits import Meter
from universal_mcp_client.core.loop import Emit, Loop, add_to_user
from universal_mcp_client.core.output import Output
from universal_mcp_client.core.session import Session
from universal_mcp_client.models.base import ModelRequest
from universal_mcp_client.models.hosted import HostedTool
from universal_mcp_client.tools.base import RunContext, current_run, opened
from universal_mcp_client.tools.program import awaited, with_context
from universal_mcp_client.types.errors import (
    Fatal,
    ModelRefused,
    OutputInvalid,
    ToolError,
    UniversalMCPError,
)
from universal_mcp_client.types.events import (
    CallRecord,
    Event,
    HandedOff,
    Limit,
    PartialOutput,
    RunFinished,
    RunResult,
    StopReason,
)
from universal_mcp_client.types.messages import Message, UserContent, messages_of, user

if TYPE_CHECKING:
    from universal_mcp_client.app.agent import Agent

logger = logging.getLogger(__name__)

Observer = Callable[[Event], Any]

_LIMITS = {"turns", "tool_calls", "tokens", "cost", "seconds"}


@dataclass(slots=True, kw_only=True)
class Execution:
    """A run of `agent`, and of those to whom it hands over: they share the history, the limits and
    the form of the answer, which are the first one's."""

    agent: "Agent[Any, Any]"
    prompt: UserContent
    session: Session
    output: Output | None
    context: RunContext[Any]
    meter: Meter
    wait: bool
    records: list[CallRecord] = field(default_factory=list[CallRecord])
    value: Any = None
    plain: Any = None
    end: StopReason | Limit = "end_turn"
    start: int = 0
    _next: "list[Agent[Any, Any]]" = field(default_factory=list["Agent[Any, Any]"])

    async def run(self, emit: Emit) -> None:
        """Ends with `RunFinished`, or with an error whose `result` is what there was."""
        async with self.session.alone(wait=self.wait), AsyncExitStack() as opening:
            self.start = len(self.session.messages)
            emit = observed(emit, self.agent.observers)
            self.context = replace(self.context, emit=emit)
            current_run.set(self.context)
            handing_over.set(self._next)
            try:
                with anyio.move_on_after(self.agent.limits.seconds) as time:
                    await self._begin()
                    await self._answer(emit, opening)
                if time.cancelled_caught:
                    self.end = "seconds"
            except UniversalMCPError as error:
                if not isinstance(error, ToolError):  # whose result is the tool's
                    error.result = self.result()  # an inner run's is a part of it
                raise
            await emit(RunFinished(result=self.result()))

    async def _begin(self) -> None:
        """Put the prompt into the history, after what the agent has in its context; neither where a
        part of that cannot be had."""
        messages = list(messages_of(self.prompt))
        if parts := await self._in_context().opening(self.agent.context, self.context):
            if messages and messages[0].role == "user":
                parts = [*parts, *messages.pop(0).parts]
            messages.insert(0, Message(role="user", parts=tuple(parts)))
        self.session.messages.extend(messages)

    def _in_context(self) -> InContext:
        return InContext(
            servers=servers_of(self.agent.toolset),
            session=self.session,
            profile=self.agent.resolved_model.profile,
        )

    async def _answer(self, emit: Emit, opening: AsyncExitStack) -> None:
        """Until somebody has given an answer that counts, or a limit is reached."""
        history, failed = self.session.messages, 0
        loop = await self._loop(emit)
        while True:
            self.end = await loop.run()
            if self.end in _LIMITS:
                return
            if self._next:
                self.agent = self._next.pop().now()
                await opening.enter_async_context(opened(self.agent.toolset))
                await emit(HandedOff(agent=self.agent.name))
                if parts := await self._in_context().opening(self.agent.context, self.context):
                    add_to_user(history, parts)
                loop = await self._loop(emit)
                continue
            try:
                await self._accept(history[-1 if history[-1].role == "assistant" else -2].text)
                return
            except ValueError as error:
                failed += 1
                if failed > self.agent.output_retries:
                    raise OutputInvalid(
                        f"The answer of {loop.model.name} does not fit the output type: {error}",
                        output=history[-1].text,
                        schema=self.output.schema if self.output else {},
                    ) from error
                history.append(user(f"{error}\n{self._again}"))

    @property
    def _again(self) -> str:
        return "Answer again, with the JSON alone." if self.output else "Answer again."

    async def _accept(self, text: str) -> None:
        """Take this as the answer. Raises ValueError, in words for the model, where it is none."""
        if self.output is None:
            value, plain = text, None
        elif self.end == "refusal":
            model = self.agent.resolved_model.name
            raise ModelRefused(text or "The model refused.", model=model)
        else:
            value, plain = self.output.parse(text)
        if self.agent.validate is not None:
            try:
                checked = await with_context(self.agent.validate, self.context, value)
            except (Fatal, ModelRefused):
                raise
            except Exception as error:
                raise ValueError(str(error) or type(error).__name__) from error
            value = value if checked is None else checked
        self.value, self.plain = value, plain

    async def _loop(self, emit: Emit) -> Loop:
        agent, output = self.agent, self.output
        model = agent.resolved_model
        self.meter.uses(model)
        self.context = replace(
            self.context,
            agent=agent.name,
            approval=self.context.approval.narrowed(agent.interaction, agent.approve),
            spent=lambda usage: self.meter.spend(usage, model),
        )
        current_run.set(self.context)
        parts = [section.text for section in await system_sections(agent, self.context)]
        parts.append(output.instructions if output else "")
        return Loop(
            model=model,
            tools=agent.guarded(self.session, self.context.approval),
            request=ModelRequest(
                messages=(),
                instructions="\n\n".join(filter(None, parts)),
                settings=agent.settings,
                output_schema=output.schema if output and not output.or_text else None,
                hosted_tools=tuple(t for t in agent.tools if isinstance(t, HostedTool)),
            ),
            history=self.session.messages,
            meter=self.meter,
            emit=emit,
            context=self.context,
            records=self.records,
            answered=self._answered,
            written=_Written(output, emit) if output else None,
            handed_over=lambda: bool(self._next),
            news=partial(self._in_context().news, agent.name),
        )

    def _answered(self, message: Message) -> bool:
        return (
            self.agent.end_strategy == "early"
            and self.output is not None
            and self.output.fits(message.text)
        )

    def result(self) -> RunResult[Any]:
        """What the run has come to, at any moment."""
        messages = self.session.messages
        limit = cast(Limit, self.end) if self.end in _LIMITS else None
        new = tuple(messages[self.start :])
        last = next((m for m in reversed(new) if m.role == "assistant"), None)
        if self.value is None and (self.output is None or limit):
            self.value = last.text if last else ""
        return RunResult(
            output=self.value,
            messages=tuple(messages),
            new_messages=new,
            usage=self.meter.usage,
            turns=self.meter.turns,
            tool_calls=tuple(self.records),
            stop_reason="end_turn" if limit else cast(StopReason, self.end),
            limit=limit,
            structured_output=self.plain,
            session=self.session.id,
            run_id=self.context.run_id,
            agent=self.agent.name,
            priced=self.meter.spending(),
        )


class _Written:
    """The answer's text while it grows; told from time to time, so that the cost stays linear."""

    def __init__(self, output: Output, emit: Emit) -> None:
        self._output, self._emit = output, emit
        self._text, self._size, self._next = list[str](), 0, 1
        self._last: Any = None

    async def __call__(self, text: str) -> None:
        self._text.append(text)
        self._size += len(text)
        if self._size < self._next:
            return
        self._next = self._size + max(16, self._size // 8)
        partial = self._output.partial("".join(self._text))
        if partial is not None and partial != self._last:
            self._last = partial
            await self._emit(PartialOutput(output=partial))


def observed(emit: Emit, observers: Sequence[Observer]) -> Emit:
    """`emit`, heard by `observers` as well; one that fails costs a log line."""
    if not observers:
        return emit

    async def tell(event: Event) -> None:
        for observer in observers:
            try:
                await awaited(observer(event))
            except Exception:
                logger.exception("The observer %r failed at %s.", observer, type(event).__name__)
        await emit(event)

    return tell
