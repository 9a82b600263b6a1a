"""Python functions as tools."""

import inspect
import json
import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

from universal_mcp_client.tools.base import CallContext, RunContext, current_run
from universal_mcp_client.tools.combined import unknown_tool
from universal_mcp_client.tools.docstrings import parsed
from universal_mcp_client.tools.program import awaited, cause_of, told, with_context
from universal_mcp_client.tools.signature import Signature, implementation, signature_of
from universal_mcp_client.tools.threads import Threads
from universal_mcp_client.tools.tool import Tool, count_failure
from universal_mcp_client.tools.wrapping import Wrappable
from universal_mcp_client.types.errors import ConfigError, Fatal, Retry
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

logger = logging.getLogger(__name__)

_LISTINGS = 64


class FunctionToolset(Wrappable):
    """Python functions, plain or async, and `Tool`s, as tools.

    The name is the function's, the description its docstring, the schema its annotations by
    pydantic; a parameter is described by the docstring (Google, NumPy, Sphinx) or by
    `Annotated[int, Field(description=…)]`. A parameter annotated `RunContext` gets the context of
    the call, and is not in the schema.

    A function may return a string, parts (`Text`, `Image`, …), a `ToolResult`, or anything that
    pydantic can turn into JSON. `Retry` goes to the model as it is, `Fatal` ends the run; what else
    is raised goes to the model with its type, or with `show_errors=False` just as a failure.

    A sync function runs in a thread, with a copy of the context variables, and is not waited for
    once its call is over, by its `timeout` or the run's end, nor by a program that ends:
    `anyio.from_thread.check_cancelled()` raises in it from then on.
    `anyio.from_thread.run(context.progress, …)` reports from a thread.

    Raises ConfigError for what cannot be a tool, and for two of one name.
    """

    def __init__(
        self,
        functions: Sequence[Callable[..., Any] | Tool[..., Any]],
        *,
        show_errors: bool = True,
    ) -> None:
        if isinstance(functions, str) or not isinstance(functions, Iterable):
            raise ConfigError(f"FunctionToolset([…]) takes a list of functions, not {functions!r}.")
        self._functions = dict[str, _Function]()
        self._show_errors = show_errors
        self._listings = dict[tuple[bool, ...], Sequence[ToolSpec]]()
        self._threads = Threads()
        for function in map(_describe, functions):
            if function.spec.name in self._functions:
                raise ConfigError(
                    f"Two of the given functions have the same name {function.spec.name!r}; rename "
                    "one: Tool(function, name=…)."
                )
            self._functions[function.spec.name] = function

    async def list_tools(self) -> Sequence[ToolSpec]:
        context = current_run.get() or RunContext()
        functions = self._functions.values()
        enabled = tuple([await function.enabled(context) for function in functions])
        if len(self._listings) > _LISTINGS:
            self._listings.clear()
        shown = tuple(f.spec for f, is_on in zip(functions, enabled, strict=True) if is_on)
        return self._listings.setdefault(enabled, shown)  # the very same as long as nothing changed

    async def call_tool(self, call: ToolCall, context: CallContext) -> ToolResult:
        import anyio
        from pydantic import ValidationError

        function = self._functions.get(call.name)
        if function is None or not await function.enabled(context):
            return failure(call, unknown_tool(call.name, [s.name for s in await self.list_tools()]))
        tool = function.tool

        def in_thread() -> Any:
            value = bound()
            return value if inspect.isawaitable(value) else _result(value, call)

        # What the function calls itself has not been asked for.
        approval = replace(context.approval, asked=())
        within = replace(context, call=call, tool=None, approval=approval)
        try:
            try:
                bound = function.signature.bound(tool.function, call.arguments, within)
            except ValidationError as wrong:
                text = f"The arguments for {call.name!r} do not fit: {_explain(wrong)}"
                raise Retry(text) from wrong
            with anyio.move_on_after(tool.timeout):
                value = await (bound() if function.is_async else self._threads.run(in_thread))
                return _result(await awaited(value), call)
        except Exception as raised:
            error = cause_of(raised)
            logger.debug("%s failed.", call.name, exc_info=True)
            if isinstance(error, Retry):
                count_failure(function.spec, context, error)
            elif not (isinstance(error, Fatal) or (self._show_errors and tool.show_errors)):
                return failure(call, f"{call.name} failed.")
            return told(call, error)
        return failure(
            call,
            f"{call.name} was given up: it took longer than {tool.timeout:g} seconds. What it does "
            "may have been done all the same, or in part.",
        )


@dataclass(frozen=True, slots=True)
class _Function:
    tool: Tool[..., Any]
    spec: ToolSpec
    signature: Signature
    is_async: bool

    async def enabled(self, context: RunContext[Any]) -> bool:
        answer: Any = self.tool.enabled
        if callable(answer):
            answer = await with_context(answer, context)
        return bool(answer)


def _describe(given: Callable[..., Any] | Tool[..., Any]) -> _Function:
    tool = given if isinstance(given, Tool) else Tool(given)
    function = tool.function
    code = implementation(function)
    by_class = code.__name__ == "__call__"  # an object that is called
    name = tool.name or getattr(function, "__name__", "")
    if not name:
        name = type(function).__name__ if by_class else code.__name__
    if name == "<lambda>":
        raise ConfigError("A lambda has no name for a model to call: Tool(function, name=…).")
    if inspect.isasyncgenfunction(code):
        raise ConfigError(f"{name}() cannot be a tool: it yields. Return a list of its values.")
    signature = signature_of(function, name)
    doc = inspect.getdoc(code) or (inspect.getdoc(type(function)) if by_class else None)
    description, about = parsed(doc or "")
    schema = dict(signature.schema)
    schema["properties"] = {
        name: ({"description": about[name]} if name in about else {}) | one
        for name, one in schema.get("properties", {}).items()
    }
    spec = ToolSpec(
        name=name,
        description=description if tool.description is None else tool.description,
        input_schema=schema,
        annotations=tool.annotations,
        original=name,
        strict=tool.strict,
        retries=tool.retries,
    )
    return _Function(tool, spec, signature, inspect.iscoroutinefunction(code))


def _result(value: object, call: ToolCall) -> ToolResult:
    if isinstance(value, ToolResult):
        return replace(value, call_id=call.id)
    if isinstance(value, bytes | bytearray | memoryview):
        raise TypeError(
            f"{call.name} returned bytes, which a model cannot read: return text, "
            "Image(data=…, media_type=…), Audio(…) or File(…)."
        )
    parts = _parts(value)
    if parts is not None:
        return ToolResult(call_id=call.id, content=parts)
    from pydantic_core import to_jsonable_python

    plain = to_jsonable_python(value, fallback=str)
    return ToolResult(
        call_id=call.id,
        content=(Text(text=json.dumps(plain, ensure_ascii=False)),),
        structured_content=cast(dict[str, Any], plain) if isinstance(plain, dict) else None,
    )


def _parts(value: object) -> tuple[ResultPart, ...] | None:
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
            return None


def _explain(error: Any) -> str:
    return "; ".join(
        f"{'.'.join(map(str, item['loc'])) or 'arguments'}: {item['msg']}"
        for item in error.errors(include_url=False)
    )
