"""One prompt's execution: whose turn it is, what counts as an answer, and what is left in the end."""

import asyncio
import logging
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from functools import partial
from types import NoneType
from typing import TYPE_CHECKING, Any, cast, get_args
from uuid import uuid4

import anyio

from universal_mcp_client.app.context import servers_of, system_sections
from universal_mcp_client.app.resources import InContext
from universal_mcp_client.core.limits import Meter
from universal_mcp_client.core.loop import Emit, Loop, add_to_user
from universal_mcp_client.core.output import Output
from universal_mcp_client.core.run import Run, running
from universal_mcp_client.core.session import History, Session, session_of
from universal_mcp_client.models.base import ModelRequest
from universal_mcp_client.models.hosted import HostedTool
from universal_mcp_client.tools.base import RunContext, current_run
from universal_mcp_client.tools.program import awaited, with_context
from universal_mcp_client.tools.rules import Approval
from universal_mcp_client.types.errors import (
    ConfigError,
    Fatal,
    ModelRefused,
    OutputInvalid,
    ToolError,
    UniversalMCPError,
)
from universal_mcp_client.types.events import (
    CallRecord,
    Completion,
    Event,
    HandedOff,
    Limit,
    PartialOutput,
    RunFinished,
    RunResult,
    StopReason,
    TextDelta,
)
from universal_mcp_client.types.messages import Message, UserContent, messages_of, user

if TYPE_CHECKING:
    from universal_mcp_client.app.agent import Agent
    from universal_mcp_client.app.skills import Skills

logger = logging.getLogger(__name__)

Observer = Callable[[Event], Any]

_LIMITS = frozenset(get_args(Limit))


handing_over: "ContextVar[list[Agent[Any, Any]] | None]" = ContextVar("handing_over", default=None)
"""Where the run of this task looks for the agent that goes on."""


@asynccontextmanager
async def started(
    agent: "Agent[Any, Any]",
    prompt: UserContent,
    output_type: Any = None,
    around: RunContext[Any] | None = None,
    *,
    history: History = (),
    deps: Any = None,
    wait: bool = True,
    is_open: bool = False,
    **unknown: Any,
) -> AsyncGenerator[Run[Any]]:
    """A run of `agent`; as one call of another run, that of `around`, which has the last word on
    rules and limits. `is_open` says that its tools are open already, for as long as it lasts."""
    if unknown:
        raise TypeError(
            f"A run takes history=, deps=, wait= and output_type=, not {min(unknown)}=; what an agent "
            f"is made of is changed by agent.replace({min(unknown)}=…)."
        )
    if output_type is not None and agent.validate is not None:
        raise ConfigError(
            f"The agent {agent.name!r} has a validate=, which is of its own output. For another one: "
            "agent.replace(output_type=…, validate=…)."
        )
    if deps is None and isinstance(agent.deps_type, type) and agent.deps_type is not NoneType:
        of = agent.deps_type.__name__
        raise ConfigError(
            f"The agent {agent.name!r} needs run(…, deps={of}(…)): its deps_type is {of}."
        )
    session = session_of(history)
    form = agent.output_type if output_type is None else output_type
    meter = Meter(agent.limits, agent.resolved_model, around.meter if around else None)
    execution = Execution(
        agent=agent,
        first=agent,
        prompt=prompt,
        session=session,
        output=None if form is None or form is str else Output(form),
        meter=meter,
        wait=wait,
        is_open=is_open,
        context=RunContext(
            deps=deps,
            run_id=uuid4().hex,
            session=session,
            # The rules of the session are as old as its conversation.
            approval=around.approval if around else Approval(seen=session.seen),
            meter=meter,
            failures=Counter(),
        ),
    )
    async with running(execution.run) as run:
        yield run


@dataclass(slots=True, kw_only=True)
class Execution:
    """A run of `agent`, and of those to whom it hands over: they share the history, the limits and
    the form of the answer, which are the first one's."""

    agent: "Agent[Any, Any]"
    first: "Agent[Any, Any]"
    prompt: UserContent
    session: Session
    output: Output | None
    context: RunContext[Any]
    meter: Meter
    wait: bool
    is_open: bool
    reader: object = field(default_factory=asyncio.current_task)
    observers: list[Observer] = field(default_factory=list[Observer])
    records: list[CallRecord] = field(default_factory=list[CallRecord])
    value: Any = None
    plain: Any = None
    end: StopReason | Limit = "end_turn"
    start: int = 0
    _next: "list[Agent[Any, Any]]" = field(default_factory=list["Agent[Any, Any]"])

    async def run(self, emit: Emit) -> None:
        """Ends with `RunFinished`, or with an error whose `result` is what there was."""
        self.observers += self.agent.observers
        self.context = replace(self.context, emit=observed(emit, self.observers))
        async with (
            self.session.alone(wait=self.wait, reader=self.reader),
            AsyncExitStack() as opening,
        ):
            self.start = len(self.session.messages)
            try:
                with anyio.move_on_after(self.agent.limits.seconds) as time:
                    await self._begin(opening)
                    await self._answer(opening)
                if time.cancelled_caught:
                    self.end = "seconds"
            except Exception as error:
                ours = isinstance(error, UniversalMCPError) and not isinstance(error, ToolError)
                if ours or not hasattr(error, "result"):  # a ToolError's is the tool's
                    with suppress(AttributeError, TypeError):
                        error.result = self.result()  # type: ignore[attr-defined] # inner ones too
                raise
            await self.context.emit(RunFinished(result=self.result()))

    async def _begin(self, opening: AsyncExitStack) -> None:
        """Open the agent, and put the prompt into the history, after what the agent has in its
        context; neither where a part of that cannot be had."""
        messages = list(messages_of(self.prompt))
        try:
            if not self.is_open:
                await opening.enter_async_context(self.agent._shared.opened())
        except BaseException:
            self.session.messages.extend(messages)
            raise
        # From here on, as tasks of connections that were opened are nobody's.
        self.session.enter()
        current_run.set(self.context)
        handing_over.set(self._next)
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

    async def _answer(self, opening: AsyncExitStack) -> None:
        """Until somebody has given an answer that counts, or a limit is reached."""
        loop, failed = await self._loop(), 0
        while True:
            end = await loop.turn()
            if self._next:
                self.agent = self._next.pop().now()
                await opening.enter_async_context(self.agent._shared.opened())
                self.observers += [o for o in self.agent.observers if o not in self.observers]
                await self.context.emit(HandedOff(agent=self.agent.name))
                if parts := await self._in_context().opening(self.agent.context, self.context):
                    add_to_user(self.session.messages, parts)
                loop = await self._loop()
                continue
            if end is None:
                continue
            self.end = end
            if end in _LIMITS:
                return
            text = self._last
            try:
                await self._accept(text)
                return
            except ValueError as error:
                failed += 1
                if failed > self.first.output_retries:
                    raise OutputInvalid(
                        f"The answer of {loop.model.name} does not fit the output type: {error}",
                        output=text,
                        schema=self.output.schema if self.output else {},
                    ) from error
                self.session.messages.append(user(f"{error}\n{self._again}"))

    @property
    def _last(self) -> str:
        """What a model has said last in this run."""
        new = self.session.messages[self.start :]
        return next((m.text for m in reversed(new) if m.role == "assistant"), "")

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
        if self.first.validate is not None:
            try:
                checked = await with_context(self.first.validate, self.context, value)
            except (Fatal, ModelRefused):
                raise
            except Exception as error:
                raise ValueError(str(error) or type(error).__name__) from error
            if isinstance(checked, bool) and not isinstance(value, bool):
                raise ConfigError(
                    f"validate= of the agent {self.first.name!r} returned {checked}: it raises what is "
                    "wrong, and returns nothing, or the output."
                )
            value = value if checked is None else checked
            if self.output is not None:
                from pydantic_core import to_jsonable_python

                plain = to_jsonable_python(value, fallback=str)
        self.value, self.plain = value, plain

    async def _loop(self) -> Loop:
        agent, output = self.agent, self.output
        model = agent.resolved_model
        self.meter.uses(model)
        self.context = replace(
            self.context,
            agent=agent.name,
            model=model,
            approval=self.context.approval.narrowed(agent.interaction, agent.approve),
            spent=lambda usage: self.meter.spend(usage, model),
        )
        current_run.set(self.context)
        skills = self._skills(agent)
        parts = [section.text for section in await system_sections(agent, self.context, skills)]
        parts.append(output.instructions if output else "")
        return Loop(
            model=model,
            tools=agent.guarded(self.session, self.context.approval, skills),
            request=ModelRequest(
                messages=(),
                instructions="\n\n".join(filter(None, parts)),
                settings=agent.settings,
                output_schema=output.schema if output and not output.or_text else None,
                hosted_tools=tuple(t for t in agent.tools if isinstance(t, HostedTool)),
            ),
            history=self.session.messages,
            meter=self.meter,
            context=self.context,
            emit=_with_partials(output, self.context.emit) if output else self.context.emit,
            records=self.records,
            answered=self._answered,
            news=partial(self._in_context().news, agent.name, skills),
        )

    def _skills(self, agent: "Agent[Any, Any]") -> "Skills | None":
        if not agent.skills:
            return None
        from universal_mcp_client.app.skills import Skills

        return Skills.of(agent, self.session.readings)

    def _answered(self, message: Message) -> bool:
        return (
            self.first.end_strategy == "early"
            and self.output is not None
            and self.output.fits(message.text)
        )

    def result(self) -> RunResult[Any]:
        """What the run has come to, at any moment."""
        messages = self.session.messages
        limit = cast(Limit, self.end) if self.end in _LIMITS else None
        new = tuple(messages[self.start :])
        if self.value is None and (self.output is None or limit):
            self.value = self._last
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


def _with_partials(output: Output, emit: Emit) -> Emit:
    """`emit`, and `PartialOutput`s while an answer grows: from time to time, so that the cost stays
    linear."""
    said, size, due, last = list[str](), 0, 1, None

    async def tell(event: Event) -> None:
        nonlocal size, due, last
        await emit(event)
        match event:
            case TextDelta():
                said.append(event.text)
                size += len(event.text)
                if size < due:
                    return
                due = size + max(16, size // 8)
                partial = output.partial("".join(said))
                if partial is not None and partial != last:
                    last = partial
                    await emit(PartialOutput(output=partial))
            case Completion():  # what comes next is another answer
                said.clear()
                size, due, last = 0, 1, None
            case _:
                pass

    return tell


def observed(emit: Emit, observers: Sequence[Observer]) -> Emit:
    """`emit`, heard by `observers` as well; one that fails costs a log line."""
    failed = list[Observer]()

    async def tell(event: Event) -> None:
        for observer in observers:
            try:
                await awaited(observer(event))
            except Exception:
                if observer not in failed:  # its next failures are much the same
                    failed.append(observer)
                    kind = type(event).__name__
                    logger.exception("The observer %r failed at %s.", observer, kind)
        await emit(event)

    return tell
