"""An agent: an immutable recipe of a model, instructions and tools."""

import json
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Self, TypeAlias, TypeVar, cast, overload

import anyio

from universal_mcp_client.core.limits import Limits, Meter
from universal_mcp_client.core.loop import Emit, Loop
from universal_mcp_client.core.output import Output
from universal_mcp_client.core.run import Run, running
from universal_mcp_client.core.session import Session
from universal_mcp_client.models.base import Model, ModelRequest, ModelSettings
from universal_mcp_client.models.registry import choose, resolve
from universal_mcp_client.tools.approval import ApprovalToolset
from universal_mcp_client.tools.base import CallContext, Toolset, opened
from universal_mcp_client.tools.budgeted import DEFAULT_BUDGET, BudgetedToolset
from universal_mcp_client.tools.checked import CheckedToolset
from universal_mcp_client.tools.combined import CombinedToolset
from universal_mcp_client.tools.functions import FunctionToolset
from universal_mcp_client.tools.rules import Approval, Needs
from universal_mcp_client.types.errors import (
    LimitExceeded,
    ModelRefused,
    OutputInvalid,
    UniversalMCPError,
)
from universal_mcp_client.types.events import Limit, RunFinished, RunResult, StopReason
from universal_mcp_client.types.interaction import Interaction
from universal_mcp_client.types.messages import (
    Message,
    Text,
    ToolCall,
    ToolResult,
    UserContent,
    failure,
    user,
)
from universal_mcp_client.types.tools import Annotations, JSONSchema, ToolSpec

T = TypeVar("T")
Tool: TypeAlias = "Toolset | Callable[..., Any] | Agent"
History: TypeAlias = Sequence[Message] | Session

_LIMITS = {"turns", "tool_calls", "tokens", "cost", "seconds"}
_OUTPUT_RETRIES = 2


@dataclass(frozen=True)
class Agent:
    """A model with instructions and tools.

    `model` is a name such as `"anthropic:claude-sonnet-5"`, a `Model`, or None for the default.
    `tools` are toolsets (a `Host` is one), Python functions, and other agents. `output_type` is a
    type that pydantic knows, or a JSON Schema.

    Tools are called unasked, as the program connected them. An `interaction` or an `approve` switches
    asking on: before a call of a tool for which `approve(spec)` holds (by default all that are not
    declared read-only), the interaction decides; without one, such calls are refused. Agents among
    the tools ask by the same rules, and by their own besides.

    Toolsets that need opening are opened for each run, or once by `async with agent:`.
    """

    model: str | Model | None = None
    instructions: str = ""
    tools: Sequence[Tool] = ()
    output_type: Any = None
    settings: ModelSettings = ModelSettings()
    limits: Limits = Limits()
    name: str = "agent"
    description: str = ""
    interaction: Interaction | None = None
    approve: Needs | None = None
    result_budget: int = DEFAULT_BUDGET
    _stacks: list[AsyncExitStack] = field(
        default_factory=list[AsyncExitStack], init=False, repr=False, compare=False
    )

    @overload
    async def run(
        self, prompt: UserContent, *, history: History = (), output_type: type[T]
    ) -> RunResult[T]: ...

    @overload
    async def run(
        self, prompt: UserContent, *, history: History = (), output_type: JSONSchema | None = None
    ) -> RunResult[Any]: ...

    async def run(
        self, prompt: UserContent, *, history: History = (), output_type: Any = None
    ) -> RunResult[Any]:
        """Run to the end. `history` is the messages so far, or a `Session`, which grows.

        Raises ModelError, ServerError (of a required server), ConfigError, OutputInvalid;
        LimitExceeded, whose `result` keeps everything so far, when a limit ended the run.
        """
        return await self._run(prompt, history, output_type, None)

    async def _run(
        self, prompt: UserContent, history: History, output_type: Any, outer: Approval | None
    ) -> RunResult[Any]:
        async with self._stream(prompt, history, output_type, outer) as run:
            async for _ in run:
                pass
        result = run.result
        if result.limit is not None:
            raise LimitExceeded(self.limits.describe(result.limit), result=result)
        return result

    async def run_within(self, prompt: UserContent, context: CallContext) -> RunResult[Any]:
        """`run` as one call of another run, by whose rules its tools are asked for too."""
        return await self._run(prompt, (), None, context.approval)

    def run_sync(
        self, prompt: UserContent, *, history: History = (), output_type: Any = None
    ) -> RunResult[Any]:
        """`run` for programs without an event loop."""
        import asyncio

        return asyncio.run(self.run(prompt, history=history, output_type=output_type))

    @asynccontextmanager
    async def stream(
        self, prompt: UserContent, *, history: History = (), output_type: Any = None
    ) -> AsyncGenerator[Run]:
        """The run's events as they happen; the last is `RunFinished`.

        A limit does not raise here: `run.result.limit` names it. Leaving early cancels the run,
        the model's stream and the tool calls in flight.
        """
        async with self._stream(prompt, history, output_type, None) as run:
            yield run

    @asynccontextmanager
    async def _stream(
        self, prompt: UserContent, history: History, output_type: Any, outer: Approval | None
    ) -> AsyncGenerator[Run]:
        """`stream`, inside of a run that decided `outer`; with None, it is the outermost."""
        session = history if isinstance(history, Session) else Session(messages=list(history))
        form = output_type or self.output_type
        output = Output(form) if form is not None else None
        async with opened(self._toolset):
            tools = self._guarded(session, outer)

            async def drive(emit: Emit) -> None:
                await self._drive(prompt, session, tools, output, emit)

            async with running(drive) as run:
                yield run

    async def _drive(
        self,
        prompt: UserContent,
        session: Session,
        tools: Toolset,
        output: Output | None,
        emit: Emit,
    ) -> None:
        history, start = session.messages, len(session.messages)
        history.append(user(prompt))
        model = self._model
        loop = Loop(
            model=model,
            tools=tools,
            request=self._request(output),
            history=history,
            meter=Meter(self.limits, model),
            emit=emit,
        )
        value: Any = None
        plain: Any = None
        end: StopReason | Limit = "seconds"
        with anyio.move_on_after(self.limits.seconds):
            end = await loop.run()
            for attempt in range(_OUTPUT_RETRIES + 1):
                if output is None or end in _LIMITS:
                    break
                if end == "refusal":
                    raise ModelRefused(history[-1].text or "The model refused.", model=model.name)
                try:
                    value, plain = output.parse(history[-1].text)
                    break
                except ValueError as error:
                    if attempt == _OUTPUT_RETRIES:
                        raise OutputInvalid(
                            f"The answer of {model.name} does not fit the output type: {error}",
                            output=history[-1].text,
                            schema=output.schema,
                        ) from error
                    history.append(user(f"{error}\nAnswer again, with the JSON alone."))
                    end = await loop.run()
        limit = cast(Limit, end) if end in _LIMITS else None
        last = next((m for m in reversed(history[start:]) if m.role == "assistant"), None)
        text = last.text if last else ""
        await emit(
            RunFinished(
                result=RunResult(
                    output=text if output is None or limit else value,
                    messages=tuple(history),
                    new_messages=tuple(history[start:]),
                    usage=loop.meter.usage,
                    turns=loop.meter.turns,
                    tool_calls=tuple(loop.records),
                    stop_reason="end_turn" if limit else cast(StopReason, end),
                    limit=limit,
                    structured_output=plain,
                    cost=loop.meter.cost,
                    session=session.id,
                )
            )
        )

    def _request(self, output: Output | None) -> ModelRequest:
        parts = [self.instructions, output.instructions if output else ""]
        return ModelRequest(
            messages=(),
            instructions="\n\n".join(filter(None, parts)),
            settings=self.settings,
            output_schema=output.schema if output else None,
        )

    @cached_property
    def _model(self) -> Model:
        if self.model is None:
            return resolve(choose().name)
        return resolve(self.model) if isinstance(self.model, str) else self.model

    @cached_property
    def _toolset(self) -> Toolset:
        functions = [t for t in self.tools if callable(t) and not hasattr(t, "call_tool")]
        toolsets: list[Toolset] = [FunctionToolset(functions)] if functions else []
        for tool in self.tools:
            if isinstance(tool, Agent):
                toolsets.append(AgentToolset(tool))
            elif hasattr(tool, "call_tool"):
                toolsets.append(cast(Toolset, tool))
        return CheckedToolset(wrapped=CombinedToolset(toolsets))

    def _guarded(self, session: Session, outer: Approval | None) -> Toolset:
        tools: Toolset = self._toolset
        tools = BudgetedToolset(wrapped=tools, budget=self.result_budget, kept=session.results)
        around = outer or Approval(seen=session.seen)  # for as long as the conversation lasts
        approval = around.narrowed(self.interaction, self.approve)
        return ApprovalToolset(wrapped=tools, approval=approval)

    async def list_tools(self) -> Sequence[ToolSpec]:
        """The tools as the model sees them; opens what needs opening."""
        async with opened(self._toolset) as tools:
            return await tools.list_tools()

    async def __aenter__(self) -> Self:
        stack = AsyncExitStack()
        await stack.enter_async_context(opened(self._toolset))
        self._stacks.append(stack)
        return self

    async def __aexit__(self, *_exc: object) -> None:
        stack = self._stacks.pop()
        await stack.aclose()
        if not self._stacks and isinstance(self.model, str | None) and "_model" in self.__dict__:
            await self._model.aclose()


class AgentToolset:
    """Another agent as one tool: it gets a prompt, and its answer is the result."""

    def __init__(self, agent: Agent) -> None:
        self._agent = agent
        self._listing = (
            ToolSpec(
                name=agent.name,
                description=agent.description or f"Ask the agent {agent.name!r}.",
                input_schema={
                    "type": "object",
                    "properties": {
                        "prompt": {"type": "string", "description": "The task, with all it needs."}
                    },
                    "required": ["prompt"],
                    "additionalProperties": False,
                },
                # It only speaks; the tools which it calls are asked for by the same rules.
                annotations=Annotations(read_only=True),
                original=agent.name,
            ),
        )

    async def list_tools(self) -> Sequence[ToolSpec]:
        return self._listing

    async def call_tool(self, call: ToolCall, context: CallContext) -> ToolResult:
        try:
            result = await self._agent.run_within(str(call.arguments.get("prompt", "")), context)
        except LimitExceeded as error:
            context.spent(error.result.usage)
            return failure(call, f"{error} Last words: {error.result.output}")
        except UniversalMCPError as error:
            return failure(call, f"The agent {self._agent.name!r} failed: {error}")
        context.spent(result.usage)
        plain = result.structured_output
        if plain is not None:
            return ToolResult(call_id=call.id, content=(Text(text=json.dumps(plain)),))
        return ToolResult(call_id=call.id, content=(Text(text=str(result.output)),))
