"""What a function's signature says to a model, and how the function is called by it."""

import inspect
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from types import SimpleNamespace, UnionType
from typing import Annotated, Any, Union, cast, get_args, get_origin, get_type_hints

from universal_mcp_client.tools.base import RunContext
from universal_mcp_client.types.errors import ConfigError
from universal_mcp_client.types.tools import JSONSchema

_CONTEXT = re.compile(r"(\w+\.)*(RunContext|CallContext)(\[.*\])?( *\| *None)?", re.DOTALL)

_UNTYPED = "its parameter {!r} has no type. Is it the context? Then write {}: RunContext."
_ADDRESSED = {
    "self": "it is a method of no object. Give that of one: Thing().method.",
    **{name: _UNTYPED.format(name, name) for name in ("ctx", "context")},
}
"""First parameters that a program means to fill in itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """`contexts` are the parameters that get the `RunContext`: no model is told of them."""

    schema: JSONSchema
    validate: Callable[[Mapping[str, Any]], dict[str, Any]]
    contexts: tuple[inspect.Parameter, ...]

    def bound(
        self, function: Callable[..., Any], arguments: Mapping[str, Any], context: RunContext[Any]
    ) -> Callable[[], Any]:
        """A call of `function`, ready to be made. Raises pydantic's ValidationError."""
        ahead = [context for p in self.contexts if p.kind is p.POSITIONAL_ONLY]
        named = {p.name: context for p in self.contexts if p.kind is not p.POSITIONAL_ONLY}
        return partial(function, *ahead, **(self.validate(arguments) | named))


def implementation(function: Callable[..., Any]) -> Callable[..., Any]:
    """Where the code is: of a partial, and of an object that can be called."""
    while isinstance(function, partial):
        function = function.func
    return function if inspect.isroutine(function) else type(function).__call__


def signature_of(function: Callable[..., Any], name: str) -> Signature:
    """Raises ConfigError, which names the parameter, where it is none that JSON could fill in."""
    try:
        parameters = inspect.signature(function).parameters
    except (TypeError, ValueError, NameError) as error:
        raise ConfigError(
            f"{name}() cannot be a tool: its parameters are not known ({error}). Wrap it in a "
            "function that declares them."
        ) from error
    names = getattr(inspect.unwrap(implementation(function)), "__globals__", {})
    # What a partial has filled in is not the model's to say.
    filled = function.keywords if isinstance(function, partial) else ()
    contexts, hints = list[inspect.Parameter](), dict[str, Any]()
    for p in (each for each in parameters.values() if each.name not in filled):
        hint = _hint(p, names, name)
        if p.name in _ADDRESSED and p.annotation is p.default is p.empty and not hints:
            raise ConfigError(f"{name}() cannot be a tool: {_ADDRESSED[p.name]}")
        if _is_context(hint):
            contexts.append(p)
        elif p.kind in (p.POSITIONAL_ONLY, p.VAR_POSITIONAL):
            what = "positional-only" if p.kind is p.POSITIONAL_ONLY else "any number of arguments"
            raise ConfigError(
                f"{name}() cannot be a tool: its parameter {p.name!r} is {what}, and a model gives "
                "arguments by name. Wrap it in a function whose parameters have names."
            )
        else:
            hints[p.name] = hint
    schema, validate = _checked([parameters[each] for each in hints], hints, name)
    return Signature(schema=schema, validate=validate, contexts=tuple(contexts))


def _hint(p: inspect.Parameter, names: dict[str, Any], function: str) -> Any:
    if p.annotation is p.empty:
        return Any
    if isinstance(p.annotation, str) and _CONTEXT.fullmatch(p.annotation):
        return RunContext  # what its deps are need not be known here
    try:
        holder = SimpleNamespace(__annotations__={p.name: p.annotation})
        return get_type_hints(holder, globalns=names, include_extras=True)[p.name]
    except (NameError, AttributeError, TypeError, SyntaxError) as error:
        raise ConfigError(
            f"{function}() cannot be a tool: the type {p.annotation!r} of its parameter {p.name!r} "
            f"is not known where it is defined ({error}). Import or define it at the module's top."
        ) from error


def _is_context(hint: Any) -> bool:
    hint = getattr(hint, "__value__", hint)  # of `type Context = RunContext[Deps]`
    if get_origin(hint) in (Union, UnionType, Annotated):
        return any(map(_is_context, get_args(hint)))
    return RunContext in (hint, get_origin(hint))


def _checked(
    parameters: list[inspect.Parameter], hints: dict[str, Any], name: str
) -> tuple[JSONSchema, Callable[[Mapping[str, Any]], dict[str, Any]]]:
    from pydantic import TypeAdapter, ValidationError
    from pydantic.errors import PydanticUndefinedAnnotation, PydanticUserError
    from pydantic.json_schema import GenerateJsonSchema
    from pydantic_core import to_json

    class Quiet(GenerateJsonSchema):  # a default that is no JSON is the function's own business
        ignored_warning_kinds = {"skipped-choice", "non-serializable-default"}  # noqa: RUF012

    def schema_of(kind: Any) -> tuple[TypeAdapter[Any], dict[str, Any]]:
        adapter = TypeAdapter[Any](kind)
        return adapter, adapter.json_schema(schema_generator=Quiet)

    def stand_in(**arguments: Any) -> dict[str, Any]:
        return arguments

    stand_in.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    stand_in.__annotations__ = hints
    try:
        adapter, schema = schema_of(stand_in)
    except (PydanticUserError, PydanticUndefinedAnnotation) as error:
        for each, hint in hints.items():
            try:
                schema_of(hint)
            except (PydanticUserError, PydanticUndefinedAnnotation) as reason:
                advice = "Give it a type that pydantic knows, or bind it beforehand: functools.partial, RunContext.deps."
                raise ConfigError(
                    f"{name}() cannot be a tool: no JSON can be its parameter {each!r}, of type "
                    f"{inspect.formatannotation(hint)}. "
                    + (reason.message if reason.code == "typed-dict-version" else advice)
                ) from error
        raise ConfigError(f"{name}() cannot be a tool: {error}") from error

    def validate(arguments: Mapping[str, Any]) -> dict[str, Any]:
        try:
            return cast(dict[str, Any], adapter.validate_python(dict(arguments)))
        except ValidationError:  # what is strict takes a date as text, but of JSON alone
            return cast(
                dict[str, Any], adapter.validate_json(to_json(dict(arguments), fallback=str))
            )

    return {"type": "object", **schema}, validate
