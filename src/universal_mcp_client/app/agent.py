"""An agent: an immutable recipe of a model, instructions, tools and servers."""

from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import (
    AbstractAsyncContextManager,
    AbstractContextManager,
    AsyncExitStack,
    contextmanager,
)
from contextvars import ContextVar
from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Self, cast, overload

from typing_extensions import TypeForm, Unpack

from universal_mcp_client.app.context import Section, servers_of
from universal_mcp_client.app.execution import started
from universal_mcp_client.app.recipe import (
    Changes,
    Deps,
    Fields,
    Instructions,
    Options,
    OutputT,
    Override,
    Recipe,
    T,
    Validate,
)
from universal_mcp_client.app.subagents import AgentToolset
from universal_mcp_client.app.sync import Held, SyncRun, run_blocking, stream_blocking
from universal_mcp_client.core.run import Run
from universal_mcp_client.core.session import History, Session
from universal_mcp_client.models.base import Model
from universal_mcp_client.tools.approval import ApprovalToolset
from universal_mcp_client.tools.base import Toolset, opened
from universal_mcp_client.tools.budgeted import BudgetedToolset
from universal_mcp_client.tools.rules import Approval
from universal_mcp_client.types.errors import ConfigError, LimitExceeded
from universal_mcp_client.types.events import RunResult
from universal_mcp_client.types.messages import UserContent
from universal_mcp_client.types.tools import JSONSchema, ToolSpec

if TYPE_CHECKING:
    from universal_mcp_client.app.skills import Skills
    from universal_mcp_client.mcp.server import Server

_overrides: ContextVar[Mapping[object, Override]] = ContextVar(
    "_overrides", default=MappingProxyType(dict[object, Override]())
)


class Agent(Fields[OutputT, Deps]):
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
    their path, what was read of a server, or parts of messages. `skills` are folders of skills,
    servers that have some by their names (`"*"` for all, `"server/skill"` for one), and what their
    `list_skills` gave. With `resources`, the model may list and read the servers' resources itself.
    What servers say of their own use is told to the model unless `server_instructions` is False.
    docs/context.md has all of it.

    `observers` get every event of every run; one that fails costs nothing but a log line.

    >>> agent = Agent("openai:gpt-5", servers=["uvx mcp-server-time"])
    >>> result = await agent.run("What time is it in Tokyo?")
    """

    if TYPE_CHECKING:  # the form of the answer says what an agent is

        @overload
        def __new__(
            cls,
            model: str | Model | None = None,
            instructions: "Instructions[Deps] | Sequence[Instructions[Deps]]" = "",
            *,
            output_type: None = None,
            validate: Validate[str, Deps] | None = None,
            **recipe: Unpack[Recipe[Deps]],
        ) -> "Agent[str, Deps]": ...
        @overload
        def __new__(
            cls,
            model: str | Model | None = None,
            instructions: "Instructions[Deps] | Sequence[Instructions[Deps]]" = "",
            *,
            output_type: TypeForm[OutputT],
            validate: Validate[OutputT, Deps] | None = None,
            **recipe: Unpack[Recipe[Deps]],
        ) -> "Agent[OutputT, Deps]": ...
        @overload
        def __new__(
            cls,
            model: str | Model | None = None,
            instructions: "Instructions[Deps] | Sequence[Instructions[Deps]]" = "",
            *,
            output_type: JSONSchema,
            validate: Callable[..., Any] | None = None,
            **recipe: Unpack[Recipe[Deps]],
        ) -> "Agent[Any, Deps]": ...
        def __new__(cls, *args: Any, **kwargs: Any) -> Any: ...

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
        any field. It shares the connections of this one, open or not, as long as `servers` and the
        `interaction` that answers for them stay."""
        if self.validate is not None and changes.keys() & {"output_type", "validate"} == {
            "output_type"
        }:
            raise ConfigError(
                "replace(output_type=…) of an agent with validate= needs another one too."
            )
        return replace(self, **changes)

    @contextmanager
    def override(self, **changes: Unpack[Changes[Deps]]) -> Generator[Self]:
        """Within the block, in this task and those that it starts, this agent and all that were made
        of it by `replace` run with `changes`: for tests, `agent.override(model=ScriptedModel(…))`."""
        lineage, before = self._shared.lineage, _overrides.get()
        given = (*changes.get("tools", ()), *changes.get("handoffs", ()))
        if any(isinstance(each, Agent) and each._shared.lineage is lineage for each in given):
            raise ConfigError(f"The agent {self.name!r} cannot be a tool of itself.")
        around = before.get(lineage)
        override = Override({**(around.changes if around else {}), **changes})
        token = _overrides.set({**before, lineage: override})
        try:
            yield self.now()
        finally:
            _overrides.reset(token)

    def as_tool(
        self,
        name: str | None = None,
        description: str | None = None,
        input: Any = None,
    ) -> AgentToolset:
        """This agent as a tool of others, under another name, or with an `input` of its own: a type
        with fields, or a JSON Schema. Its JSON is then the prompt."""
        return AgentToolset(self, name, description, input)

    def now(self) -> Self:
        """The agent as `override` has it here."""
        override = _overrides.get().get(self._shared.lineage)
        if override is None:
            return self
        if override not in self._overridden:  # the very same each time, with all that it opens
            self._overridden[override] = replace(self, **override.changes)
        return cast(Self, self._overridden[override])

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
        """Run to the end. `history` is the messages so far, or a `Session`, which grows and takes one
        run at a time; with `wait=False` a second one raises RunError instead of waiting. `deps` is
        what `RunContext.deps` has.

        Raises ConfigError for what cannot be run, and ModelError, ServerError (of a required server),
        OutputInvalid, Fatal, and LimitExceeded (of a limit) for what ended the run: `result` keeps
        everything that was done, and the history can be sent again after each of them.
        """
        async with self.stream(prompt, output_type=output_type, **options) as run:
            async for _ in run:
                pass
        result: RunResult[Any] = run.result
        if result.limit is not None:
            raise LimitExceeded(self.now().limits.describe(result.limit, result), result=result)
        return result

    ask = run  # as one says it who only wants an answer

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

    def stream(
        self, prompt: UserContent, *, output_type: Any = None, **options: Any
    ) -> AbstractAsyncContextManager[Run[Any]]:
        """The run's events as they happen; the last is `RunFinished`.

        A limit does not raise here: `run.result.limit` names it. Leaving early cancels the run,
        the model's stream and the tool calls in flight.
        """
        return started(self.now(), prompt, output_type, **options)

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

    # What it is made of

    @property
    def resolved_model(self) -> Model:
        """The model that `model` names."""
        return self._shared.model.made.model

    @property
    def toolset(self) -> Toolset:
        """All tools under their public names, with their arguments checked."""
        return self._shared.toolset.made()

    def guarded(
        self, session: Session, approval: Approval, skills: "Skills | None" = None
    ) -> Toolset:
        """The tools as a run has them: results within a budget, calls by rules."""
        tools = self.toolset
        if skills is not None:
            from universal_mcp_client.app.skills import SkillToolset

            tools = SkillToolset(wrapped=tools, skills=skills)
        tools = BudgetedToolset(wrapped=tools, budget=self.result_budget, kept=session.results)
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

    async def context_report(self, history: History = (), *, deps: Any = None) -> list[Section]:
        """What a model has before it when the next prompt is sent after `history`, part by part, with
        its tokens: instructions, those of servers, skills, tools, resources, history. Nothing is sent
        to a model. Raises ConfigError and ServerError for a part that cannot be had."""
        from universal_mcp_client.app.report import report

        return await report(self.now(), history, deps)

    def server(self, name: str) -> "Server":
        """A server of this agent, for its prompts and resources; connected while the agent is open.
        Raises ConfigError for one that it does not have."""
        servers = servers_of(self.now().toolset)
        if name not in servers:
            raise ConfigError(
                f"The agent {self.name!r} has no server {name!r}; it has: {', '.join(servers) or 'none'}."
            )
        return servers[name]

    async def __aenter__(self) -> Self:
        stack = AsyncExitStack()
        agents: list[Agent[Any, Any]] = [self.now(), *self.now().handoffs]
        for agent in agents:
            await stack.enter_async_context(agent.now()._shared.opened(close=True))
        self._open.append(stack)
        return self

    async def __aexit__(self, *_exc: object) -> None:
        await self._open.pop().aclose()

    def __enter__(self) -> Self:
        """`async with agent:` for programs without an event loop: `run_sync`, from any thread, uses
        what is open."""
        held = Held(lambda: self)
        held.__enter__()
        self._held.append(held)
        return self

    def __exit__(self, *_exc: object) -> None:
        self._held.pop().__exit__()
