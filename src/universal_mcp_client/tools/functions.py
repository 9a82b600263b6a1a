"""Python functions as tools."""

import inspect
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, cast

from universal_mcp_client.tools.base import CallContext
from universal_mcp_client.tools.combined import unknown_tool
from universal_mcp_client.tools.wrapping import Wrappable
from universal_mcp_client.types.errors import ConfigError
from universal_mcp_client.types.messages import (
    Audio,
    File,
    Image,
    ResourceLink,
    ResultPart,
    Text,
    ToolCall,
    ToolResult,
    failure,
)
from universal_mcp_client.types.tools import ToolSpec


@dataclass(frozen=True, slots=True)
class _Function:
    spec: ToolSpec
    call: Callable[[dict[str, Any]], Any]  # validates the arguments, and calls
    is_async: bool


class FunctionToolset(Wrappable):
    """Python functions, plain or async, as tools.

    The name is the function's, the description its docstring, the schema its annotations by
    pydantic (`Annotated[int, Field(description=…)]` describes a parameter). A function may return
    a string, parts (`Text`, `Image`, …) or anything that pydantic can turn into JSON. What it
    raises goes to the model as a tool error.
    """

    def __init__(self, functions: Sequence[Callable[..., Any]]) -> None:
        self._functions = {f.spec.name: f for f in map(_describe, functions)}
        self._listing = tuple(f.spec for f in self._functions.values())
        if len(self._functions) < len(functions):
            raise ConfigError("Two of the given functions have the same name; rename one.")

    async def list_tools(self) -> Sequence[ToolSpec]:
        return self._listing

    async def call_tool(self, call: ToolCall, context: CallContext) -> ToolResult:
        import anyio.to_thread
        from pydantic import ValidationError

        function = self._functions.get(call.name)
        if function is None:
            return failure(call, unknown_tool(call.name, list(self._functions)))
        try:
            if function.is_async:
                value = await function.call(dict(call.arguments))
            else:
                value = await anyio.to_thread.run_sync(function.call, dict(call.arguments))
            return ToolResult(call_id=call.id, content=_content(value))
        except ValidationError as error:
            return failure(call, f"The arguments for {call.name!r} do not fit: {_explain(error)}")
        except Exception as error:  # noqa: BLE001 - a user's function may raise anything
            return failure(call, f"{type(error).__name__}: {error}")


def _describe(function: Callable[..., Any]) -> _Function:
    from pydantic import TypeAdapter
    from pydantic.errors import PydanticUserError

    name = getattr(function, "__name__", type(function).__name__)
    try:
        adapter = TypeAdapter[Any](cast(Any, function))
        schema = adapter.json_schema()
    except PydanticUserError as error:
        raise ConfigError(f"{name}() cannot be a tool: {error.message}") from error
    if schema.get("type") != "object":
        raise ConfigError(f"{name}() cannot be a tool: its parameters cannot be given by name.")
    spec = ToolSpec(
        name=name,
        description=inspect.getdoc(function) or "",
        input_schema={"type": "object", **schema},
        original=name,
    )
    return _Function(spec, adapter.validate_python, inspect.iscoroutinefunction(function))


def _content(value: object) -> tuple[ResultPart, ...]:
    match value:
        case None:
            return (Text(text="Done."),)
        case str():
            return (Text(text=value),)
        case Text() | Image() | Audio() | File() | ResourceLink():
            return (value,)
        case list() | tuple() if value and all(
            isinstance(item, Text | Image | Audio | File | ResourceLink)
            for item in cast(Sequence[object], value)
        ):
            return tuple(cast(Sequence[ResultPart], value))
        case _:
            from pydantic_core import to_jsonable_python

            plain = to_jsonable_python(value, fallback=str)
            return (Text(text=json.dumps(plain, ensure_ascii=False)),)


def _explain(error: Any) -> str:
    return "; ".join(
        f"{'.'.join(map(str, item['loc'])) or 'arguments'}: {item['msg']}"
        for item in error.errors(include_url=False)
    )
