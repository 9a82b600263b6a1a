"""A tool-augmented model call, in one function."""

from typing import Any, TypeVar, overload

from typing_extensions import TypeForm, Unpack

from universal_mcp_client.app.agent import Agent
from universal_mcp_client.app.recipe import Changes
from universal_mcp_client.types.messages import UserContent
from universal_mcp_client.types.tools import JSONSchema

T = TypeVar("T")


@overload
async def ask(
    prompt: UserContent,
    *,
    output_type: None = None,
    deps: Any = None,
    **recipe: Unpack[Changes[Any]],
) -> str: ...


@overload
async def ask(
    prompt: UserContent,
    *,
    output_type: TypeForm[T],
    deps: Any = None,
    **recipe: Unpack[Changes[Any]],
) -> T: ...


@overload
async def ask(
    prompt: UserContent,
    *,
    output_type: JSONSchema,
    deps: Any = None,
    **recipe: Unpack[Changes[Any]],
) -> Any: ...


async def ask(
    prompt: UserContent, *, output_type: Any = None, deps: Any = None, **recipe: Any
) -> Any:
    """A tool-augmented model call: a question in, an answer out, tools handled on the way.

    Takes what `Agent` takes: `model=`, `servers=`, `tools=`, `instructions=`, …, and `deps=`. Returns
    the answer's text, or a value of `output_type`. Raises what `Agent.run` raises.

    >>> await ask("What time is it in Tokyo?", servers=["uvx mcp-server-time"])
    """
    async with Agent(output_type=output_type, **recipe) as agent:
        return (await agent.run(prompt, deps=deps)).output
