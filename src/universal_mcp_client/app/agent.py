"""An agent: an immutable recipe of a model, instructions, tools and servers."""

from collections import Counter
from collections.abc import AsyncGenerator, Callable, Generator, Mapping, Sequence
from contextlib import (
    AbstractAsyncContextManager,
    AbstractContextManager,
    AsyncExitStack,
    asynccontextmanager,
    contextmanager,
)
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Generic, Literal, Self, cast, overload
from uuid import uuid4

from typing_extensions import TypeForm, Unpack

from universal_mcp_client.app.context import servers_of
from universal_mcp_client.app.execution import Execution, Observer
from universal_mcp_client.app.recipe import (
    Changes,
    D,
    Deps,
    Instructions,
    Options,
    OutputT,
    Recipe,
    T,
    Tool,
)
from universal_mcp_client.app.shared import Shared, check
from universal_mcp_client.app.subagents import AgentToolset
from universal_mcp_client.app.sync import Held, SyncRun, run_blocking, stream_blocking
from universal_mcp_client.config.sources import ServerSource
from universal_mcp_client.core.limits import Limits, Meter
from universal_mcp_client.core.output import Output
from universal_mcp_client.core.run import Run, running
from universal_mcp_client.core.session import History, Session, session_of
from universal_mcp_client.models.base import Model, ModelSettings
from universal_mcp_client.tools.approval import ApprovalToolset
from universal_mcp_client.tools.base import RunContext, Toolset, opened
from universal_mcp_client.tools.budgeted import DEFAULT_BUDGET, BudgetedToolset
from universal_mcp_client.tools.rules import Approval, Needs
from universal_mcp_client.types.errors import LimitExceeded
from universal_mcp_client.types.events import RunResult
from universal_mcp_client.types.interaction import Interaction
from universal_mcp_client.types.messages import UserContent
from universal_mcp_client.types.tools import JSONSchema, ToolSpec

_NOTHING: Mapping[object, Mapping[str, Any]] = MappingProxyType({})
_overrides: ContextVar[Mapping[object, Mapping[str, Any]]] = ContextVar(
    "_overrides", default=_NOTHING
)


@dataclass(frozen=True)
class Agent(Generic[OutputT, Deps]):
    """A model with instructions and tools.

    `model` is a name such as `"anthropic:claude-sonnet-5"`, a `Model`, or None for the default.
    `instructions` is a text, a function of the `RunContext` (plain or async; called when a run
    begins), or a list of both. `tools` are toolsets (a `Host` is one), Python functions, other
    agents, and what the provider runs itself (`WebSearch()`); `servers` what `Host` takes: URLs,
    command lines, files, config dicts, connections that the program already has. They are connected
    for each run, or once for all by `async with agent:`.

    `output_type` is a type that pydantic knows (`City`, `City | Refusal`, `list[City]`), or a JSON
    Schema; with `str | City` the model may also answer in text. `validate` is a function of the
    output (or of the context and it): what it returns is the output, what it raises goes back to the
    model, `output_retries` times. Where an answer comes together with tool calls, they are made and
    the model goes on (`end_strategy="exhaustive"`), or the answer stands and they are not made
    (`"early"`).

    Tools are called unasked, as the program connected them. An `interaction` or an `approve` switches
    asking on: before a call of a tool for which `approve(spec)` holds (by default all that are not
    declared read-only), the interaction decides; without one, such calls are refused. Agents among
    the tools ask by the same rules, and by their own besides; they use up the limits of their caller
    too, and get its `deps`. `handoffs` are agents who may go on in this one's place: with the same
    history, limits and form of the answer.

    `context` is what the model has before it from the start: `"server:uri"` of resources, files by
    their path, what was read of a server, or parts of messages. `skills` are folders of skills and
    what servers' `list_skills` gave. With `resources`, the model may list and read the servers'
    resources itself. What servers say of their own use is told to the model unless
    `server_instructions` is False.

    `observers` get every event of every run; one that fails costs nothing but a log line.

    >>> agent = Agent("openai:gpt-5", servers=["uvx mcp-server-time"])
    >>> result = await agent.run("What time is it in Tokyo?")
    """

    model: str | Model | None = None
    instructions: "Instructions[Any] | Sequence[Instructions[Any]]" = ""
    tools: Sequence[Tool] = ()
    output_type: Any = None
    settings: ModelSettings = ModelSettings()
    limits: Limits = Limits()
    name: str = "agent"
    description: str = ""
    interaction: Interaction | None = None
    approve: Needs | None = None
    result_budget: int = DEFAULT_BUDGET
    servers: "ServerSource | Sequence[ServerSource]" = ()
    deps_type: Any = None
    validate: Callable[..., Any] | None = None
    output_retries: int = 2
    end_strategy: Literal["exhaustive", "early"] = "exhaustive"
    handoffs: "Sequence[Agent[Any, Any]]" = ()
    observers: Sequence[Observer] = ()
    context: Sequence[Any] = ()
    skills: Sequence[Any] = ()
    resources: bool = False
    server_instructions: bool = True
    _shared: "Shared | None" = field(default=None, repr=False, compare=False)
    _stacks: list[AsyncExitStack] = field(
        default_factory=list[AsyncExitStack], init=False, repr=False, compare=False
    )
    _held: list[Held[Any]] = field(
        default_factory=list[Held[Any]], init=False, repr=False, compare=False
    )

    if TYPE_CHECKING:

        @overload
        def __init__(
            self: "Agent[str, None]",
            model: str | Model | None = None,
            instructions: "Instructions[None] | Sequence[Instructions[None]]" = "",
            *,
            output_type: None = None,
            validate: Callable[[str], Any] | Callable[[RunContext[None], str], Any] | None = None,
            **recipe: Unpack[Recipe[None]],
        ) -> None: ...
        @overload
        def __init__(
            self: "Agent[str, D]",
            model: str | Model | None = None,
            instructions: "Instructions[D] | Sequence[Instructions[D]]" = "",
            *,
            output_type: None = None,
            validate: Callable[[str], Any] | Callable[[RunContext[D], str], Any] | None = None,
            **recipe: Unpack[Recipe[D]],
        ) -> None: ...
        @overload
        def __init__(
            self,
            model: str | Model | None = None,
            instructions: "Instructions[Deps] | Sequence[Instructions[Deps]]" = "",
            *,
            output_type: TypeForm[OutputT],
            validate: Callable[[OutputT], Any]
            | Callable[[RunContext[Deps], OutputT], Any]
            | None = None,
            **recipe: Unpack[Recipe[Deps]],
        ) -> None: ...
        @overload
        def __init__(
            self: "Agent[Any, Any]",
            model: str | Model | None = None,
            instructions: "Instructions[Any] | Sequence[Instructions[Any]]" = "",
            *,
            output_type: JSONSchema,
            validate: Callable[..., Any] | None = None,
            **recipe: Unpack[Recipe[Any]],
        ) -> None: ...
        def __init__(self, *args: Any, **kwargs: Any) -> None: ...

    def __post_init__(self) -> None:
        check(self)
        shared = Shared.of(self) if self._shared is None else self._shared.fit_for(self)
        object.__setattr__(self, "_shared", shared)

    # Another recipe

    @overload
    def replace(self, **changes: Unpack[Changes[Deps]]) -> Self: ...

    @overload
    def replace(
        self, *, output_type: TypeForm[T], **changes: Unpack[Changes[Deps]]
    ) -> "Agent[T, Deps]": ...

    @overload
    def replace(
        self, *, output_type: JSONSchema | None, **changes: Unpack[Changes[Deps]]
    ) -> "Agent[Any, Deps]": ...

    def replace(self, **changes: Any) -> Any:
        """The agent with some things changed: `model`, `instructions`, `settings`, `limits`, `tools`,
        any field. It shares the connections of this one, open or not."""
        return replace(self, **changes)

    @contextmanager
    def override(self, **changes: Unpack[Changes[Deps]]) -> Generator[Self]:
        """Within the block, in this task and those that it starts, this agent and all that were made
        of it by `replace` run with `changes`: for tests, `agent.override(model=ScriptedModel(…))`."""
        lineage, before = self._own.lineage, _overrides.get()
        token = _overrides.set({**before, lineage: {**before.get(lineage, {}), **changes}})
        try:
            yield self.now()
        finally:
            _overrides.reset(token)

    def as_tool(
        self,
        name: str | None = None,
        description: str | None = None,
        input: Any = None,
    ) -> Toolset:
        """This agent as a tool of others, under another name, or with an `input` of its own: a type
        with fields, or a JSON Schema. Its JSON is then the prompt."""
        return AgentToolset(self, name, description, input)

    def now(self) -> Self:
        """The agent as `override` has it here."""
        changes = _overrides.get().get(self._own.lineage)
        return replace(self, **changes) if changes else self

    # Runs

    @overload
    async def run(
        self, prompt: UserContent, *, output_type: None = None, **options: Unpack[Options[Deps]]
    ) -> RunResult[OutputT]: ...

    @overload
    async def run(
        self, prompt: UserContent, *, output_type: TypeForm[T], **options: Unpack[Options[Deps]]
    ) -> RunResult[T]: ...

    @overload
    async def run(
        self, prompt: UserContent, *, output_type: JSONSchema, **options: Unpack[Options[Deps]]
    ) -> RunResult[Any]: ...

    async def run(
        self, prompt: UserContent, *, output_type: Any = None, **options: Any
    ) -> RunResult[Any]:
        """Run to the end. See `Options` for `history`, `deps` and `wait`.

        Raises ModelError, ServerError (of a required server), ConfigError, OutputInvalid, Fatal, and
        LimitExceeded when a limit ended the run. Their `result` keeps everything that was done; the
        history can be sent again after each of them.
        """
        agent = self.now()
        async with agent._stream(prompt, output_type, None, **options) as run:
            async for _ in run:
                pass
        result = run.result
        if result.limit is not None:
            raise LimitExceeded(agent.limits.describe(result.limit), result=result)
        return result

    @overload
    def run_sync(
        self, prompt: UserContent, *, output_type: None = None, **options: Unpack[Options[Deps]]
    ) -> RunResult[OutputT]: ...

    @overload
    def run_sync(
        self, prompt: UserContent, *, output_type: TypeForm[T], **options: Unpack[Options[Deps]]
    ) -> RunResult[T]: ...

    @overload
    def run_sync(
        self, prompt: UserContent, *, output_type: JSONSchema, **options: Unpack[Options[Deps]]
    ) -> RunResult[Any]: ...

    def run_sync(
        self, prompt: UserContent, *, output_type: Any = None, **options: Any
    ) -> RunResult[Any]:
        """`run` for programs without an event loop: in one loop in the background, which all threads
        share. A notebook's cell may use it too; an async function has `await agent.run(…)`. Ctrl-C
        cancels the run."""
        return run_blocking(lambda: self.run(prompt, output_type=output_type, **options))

    @overload
    def stream(
        self, prompt: UserContent, *, output_type: None = None, **options: Unpack[Options[Deps]]
    ) -> AbstractAsyncContextManager[Run[OutputT]]: ...

    @overload
    def stream(
        self, prompt: UserContent, *, output_type: TypeForm[T], **options: Unpack[Options[Deps]]
    ) -> AbstractAsyncContextManager[Run[T]]: ...

    @overload
    def stream(
        self, prompt: UserContent, *, output_type: JSONSchema, **options: Unpack[Options[Deps]]
    ) -> AbstractAsyncContextManager[Run[Any]]: ...

    @asynccontextmanager
    async def stream(
        self, prompt: UserContent, *, output_type: Any = None, **options: Any
    ) -> AsyncGenerator[Run[Any]]:
        """The run's events as they happen; the last is `RunFinished`.

        A limit does not raise here: `run.result.limit` names it. Leaving early cancels the run,
        the model's stream and the tool calls in flight.
        """
        async with self.now()._stream(prompt, output_type, None, **options) as run:
            yield run

    @overload
    def stream_sync(
        self, prompt: UserContent, *, output_type: None = None, **options: Unpack[Options[Deps]]
    ) -> AbstractContextManager[SyncRun[OutputT]]: ...

    @overload
    def stream_sync(
        self, prompt: UserContent, *, output_type: TypeForm[T], **options: Unpack[Options[Deps]]
    ) -> AbstractContextManager[SyncRun[T]]: ...

    @overload
    def stream_sync(
        self, prompt: UserContent, *, output_type: JSONSchema, **options: Unpack[Options[Deps]]
    ) -> AbstractContextManager[SyncRun[Any]]: ...

    def stream_sync(
        self, prompt: UserContent, *, output_type: Any = None, **options: Any
    ) -> AbstractContextManager[SyncRun[Any]]:
        """`stream` for programs without an event loop: `with agent.stream_sync(…) as run: for …`."""
        return stream_blocking(lambda: self.stream(prompt, output_type=output_type, **options))

    @asynccontextmanager
    async def stream_within(
        self, prompt: UserContent, around: RunContext[Any]
    ) -> AsyncGenerator[Run[OutputT]]:
        """`stream` as one call of another run, which has the last word on rules and limits."""
        async with self._stream(prompt, None, around, deps=around.deps) as run:
            yield run

    @asynccontextmanager
    async def _stream(
        self,
        prompt: UserContent,
        output_type: Any,
        around: RunContext[Any] | None,
        *,
        history: History = (),
        deps: Any = None,
        wait: bool = True,
    ) -> AsyncGenerator[Run[Any]]:
        session = session_of(history)
        form = self.output_type if output_type is None else output_type
        meter = Meter(self.limits, self.resolved_model, around.meter if around else None)
        execution = Execution(
            agent=self,
            prompt=prompt,
            session=session,
            output=None if form is None or form is str else Output(form),
            meter=meter,
            wait=wait,
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
        async with opened(self.toolset), running(execution.run) as run:
            yield run

    # What it is made of

    @property
    def _own(self) -> "Shared":
        return cast(Shared, self._shared)

    @property
    def resolved_model(self) -> Model:
        """The model that `model` names."""
        return self._own.model.model

    @property
    def toolset(self) -> Toolset:
        """All tools under their public names, with their arguments checked."""
        return self._own.tools.toolset

    def guarded(self, session: Session, approval: Approval) -> Toolset:
        """The tools as a run has them: results within a budget, calls by rules."""
        tools: Toolset = BudgetedToolset(
            wrapped=self.toolset, budget=self.result_budget, kept=session.results
        )
        if servers := servers_of(self.toolset):
            from universal_mcp_client.mcp.resource_tools import ResourceToolset

            tools = ResourceToolset(
                wrapped=tools,
                servers=servers,
                readings=session.readings,
                free=self.resources,
                budget=self.result_budget,
                profile=self.resolved_model.profile,
            )
        return ApprovalToolset(wrapped=tools, approval=approval)

    async def list_tools(self) -> Sequence[ToolSpec]:
        """The tools as the model sees them; opens what needs opening."""
        async with opened(self.now().toolset) as tools:
            return await tools.list_tools()

    async def __aenter__(self) -> Self:
        agent = self.now()
        async with AsyncExitStack() as stack:
            stack.push_async_callback(agent._own.model.leave)
            agent._own.model.entered += 1
            await stack.enter_async_context(opened(agent.toolset))
            self._stacks.append(stack.pop_all())
        return self

    async def __aexit__(self, *_exc: object) -> None:
        await self._stacks.pop().aclose()

    def __enter__(self) -> Self:
        """`async with agent:` for programs without an event loop: `run_sync`, from any thread, uses
        what is open."""
        held = Held(lambda: self)
        held.__enter__()
        self._held.append(held)
        return self

    def __exit__(self, *_exc: object) -> None:
        self._held.pop().__exit__()
