"""Agents among the tools: as a tool that is asked, and as one to whom the conversation is handed."""

import json
from collections.abc import Sequence
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any, Self

from universal_mcp_client.app.execution import handing_over, started
from universal_mcp_client.core.output import Output
from universal_mcp_client.tools.base import CallContext
from universal_mcp_client.tools.functions import FunctionToolset
from universal_mcp_client.tools.tool import Tool
from universal_mcp_client.tools.wrapping import Wrappable
from universal_mcp_client.types.errors import ConfigError, Fatal, Retry, UniversalMCPError
from universal_mcp_client.types.events import Nested
from universal_mcp_client.types.messages import Text, ToolCall, ToolResult, failure
from universal_mcp_client.types.tools import Annotations, JSONSchema, ToolSpec

if TYPE_CHECKING:
    from universal_mcp_client.app.agent import Agent
    from universal_mcp_client.app.shared import Shared

# It only speaks; the tools which it calls are asked for by the same rules.
_SPEAKS = Annotations(read_only=True)


class AgentToolset(Wrappable):
    """Another agent as one tool: it gets a prompt, or an `input` of a type or JSON Schema of its own,
    and its answer is the result. It keeps to the caller's limits and rules, and has its `deps`."""

    def __init__(
        self,
        agent: "Agent[Any, Any]",
        name: str | None = None,
        description: str | None = None,
        input: Any = None,
    ) -> None:
        self._agent = agent
        self._input = None if input is None else _form(input)
        self._open: list[tuple[Shared, AsyncExitStack]] = []
        self._listing = (
            ToolSpec(
                name=name or agent.name,
                description=description or agent.description or f"Ask the agent {agent.name!r}.",
                input_schema=self._input.schema if self._input else _PROMPT,
                annotations=_SPEAKS,
                original=name or agent.name,
            ),
        )

    async def list_tools(self) -> Sequence[ToolSpec]:
        return self._listing

    async def call_tool(self, call: ToolCall, context: CallContext[Any]) -> ToolResult:
        agent, prompt = self._agent.now(), call.arguments.get("prompt", "")
        if self._input is not None:
            from pydantic_core import to_jsonable_python

            try:
                given = to_jsonable_python(self._input.value(dict(call.arguments)))
                prompt = json.dumps(given, ensure_ascii=False)
            except ValueError as error:
                return failure(call, str(error))
        is_open = any(shared is agent._shared for shared, _ in self._open)
        try:
            async with started(
                agent, prompt, around=context, deps=context.deps, is_open=is_open
            ) as run:
                async for event in run:
                    await context.emit(Nested(call=call, agent=agent.name, event=event))
        except Fatal:
            raise
        except UniversalMCPError as error:
            return failure(call, f"The agent {agent.name!r} failed: {error}")
        result = run.result
        if result.limit is not None:
            reached = agent.limits.describe(result.limit, result)
            return failure(call, f"{reached} Last words: {result.output}")
        plain = result.structured_output
        text = str(result.output) if plain is None else json.dumps(plain, ensure_ascii=False)
        return ToolResult(call_id=call.id, content=(Text(text=text),))

    async def __aenter__(self) -> Self:
        """Its servers are open for as long as the caller's."""
        shared, stack = self._agent.now()._shared, AsyncExitStack()
        await stack.enter_async_context(shared.opened())
        self._open.append((shared, stack))
        return self

    async def __aexit__(self, *_exc: object) -> None:
        _, stack = self._open.pop()
        await stack.aclose()


class HandoffToolset(FunctionToolset):
    """Tools by which another agent goes on with the conversation."""

    def __init__(self, agents: "Sequence[Agent[Any, Any]]") -> None:
        super().__init__([_transfer(agent) for agent in agents])


def _transfer(agent: "Agent[Any, Any]") -> Tool[..., Any]:
    async def transfer() -> str:
        chosen = handing_over.get()
        if chosen is None:
            raise Retry("There is no run here whose agent could change.")
        if chosen:
            raise Retry(f"{chosen[0].name} goes on already; one agent at a time.")
        chosen.append(agent)
        return f"{agent.name} goes on from here."

    return Tool(
        transfer,
        name=f"transfer_to_{agent.name}",
        description=f"Hand the conversation over to {agent.name}. {agent.description}".strip(),
        annotations=_SPEAKS,
    )


_PROMPT: JSONSchema = {
    "type": "object",
    "properties": {"prompt": {"type": "string", "description": "The task, with all it needs."}},
    "required": ["prompt"],
    "additionalProperties": False,
}


def _form(given: Any) -> Output:
    told = f"as_tool(input={given!r}): what a tool takes is an object, such as a model's fields."
    try:
        form = Output(given)
    except ConfigError as error:
        raise ConfigError(told) from error
    if form.wrapped:
        raise ConfigError(told)
    return form
