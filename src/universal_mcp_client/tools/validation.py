"""Values against JSON Schemas that others wrote, within a bound of time.

A schema may be made to take for ever: patterns that backtrack, references and alternatives that
multiply, `uniqueItems` over thousands. So each keyword is a step with a look at the clock, regular
expressions run on an engine that is linear in the text, and what takes longer than
`CHECK_SECONDS` counts as not checked: the server has the last word.
"""

import json
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache
from threading import local
from typing import Any, cast

from universal_mcp_client.types.bounds import (
    CHECK_SECONDS,
    CHECK_STEPS,
    PATTERN_CHARACTERS,
    SCHEMA_DEPTH,
)
from universal_mcp_client.types.tools import JSONSchema

_MAX_ERRORS = 5
_INLINE_SECONDS = 0.02
_VALUES = ("const", "enum", "default", "examples")  # no schemas within
_SCHEMA_NODES = 100_000
_UNBOUNDED = {"pattern", "patternProperties", "uniqueItems"}
_FANCY_TEXT = 1_000  # characters that look-arounds and back references are tried on


class _OutOfTime(Exception):
    pass


class _Clock(local):
    steps = 0
    end = 0.0

    def start(self, steps: int, seconds: float) -> None:
        self.steps, self.end = steps, time.thread_time() + seconds

    def tick(self) -> None:
        self.steps -= 1
        if self.steps < 0 or time.thread_time() > self.end:
            raise _OutOfTime


_clock = _Clock()


class Check:
    """A schema, ready to judge values. `usable` is False for one that is itself invalid, too deep
    or too long: it finds nothing.

    It is read as its own draft (2020-12 unless it says otherwise), and references that lead out of
    it are never fetched.
    """

    def __init__(self, schema: JSONSchema) -> None:
        self._validator: Any = None
        self._fast: Any = None
        if not _small(schema):
            return
        from jsonschema.validators import Draft202012Validator
        from jsonschema.validators import validator_for as draft_of
        from referencing import Registry

        draft: Any = draft_of(dict(schema), default=Draft202012Validator)
        plain = _without_dialects(schema)
        if _sound(plain, draft):
            self._validator = _counting(draft)(plain, registry=Registry())
            self._fast = _linear(plain, draft)

    @property
    def usable(self) -> bool:
        return self._validator is not None

    async def problems(self, value: object) -> list[str]:
        """What is wrong with `value`, a line each, at most five; empty where it fits or could not
        be checked. A check that is more than a moment's work is done in a thread."""
        try:
            return self._run(value, CHECK_STEPS, _INLINE_SECONDS)
        except _OutOfTime:
            from anyio import to_thread

            return await to_thread.run_sync(self.problems_now, value)

    def problems_now(self, value: object) -> list[str]:
        """`problems` in this thread."""
        try:
            return self._run(value, 10**9, CHECK_SECONDS)
        except _OutOfTime:
            return []

    def _run(self, value: object, steps: int, seconds: float) -> list[str]:
        if self._validator is None:
            return []
        if self._fast is not None and _fits(self._fast, value):
            return []
        from referencing.exceptions import Unresolvable

        _clock.start(steps, seconds)
        try:
            errors = list(_flat(self._validator.iter_errors(value)))
        except (Unresolvable, RecursionError, ArithmeticError, ValueError):
            return []  # references that lead outside or in circles, numbers beyond computing
        lines = list(dict.fromkeys(f"{_path(error)}: {_say(error)}" for error in errors))
        if len(lines) > _MAX_ERRORS:
            lines[_MAX_ERRORS:] = [f"… and {len(lines) - _MAX_ERRORS} more"]
        return lines


def _sound(schema: Any, draft: Any) -> bool:
    """Whether it is a schema of `draft` at all."""
    if (rust := _rust()) is not None:
        try:
            return bool(rust.meta.is_valid({"$schema": draft.META_SCHEMA.get("$schema"), **schema}))
        except (ValueError, TypeError):  # a vocabulary, a string or a number it does not know
            return False
    from jsonschema import SchemaError

    try:
        draft.check_schema(schema, format_checker=None)
    except (SchemaError, RecursionError):
        return False
    return True


def _linear(schema: Any, draft: Any) -> Any:
    """A compiled check for a schema whose checks take no longer than value and schema are long,
    which is most; None for one with references, patterns or comparisons of all with all."""
    rust = _rust()
    if rust is None or not _bounded(schema):
        return None
    try:
        return rust.validator_for({"$schema": draft.META_SCHEMA.get("$schema"), **schema})
    except (ValueError, TypeError):
        return None


def _bounded(schema: Any) -> bool:
    if isinstance(schema, Mapping):
        return all(
            key not in _UNBOUNDED
            and not (key.startswith("$") and key.endswith(("ref", "Ref")))
            and not key.startswith("unevaluated")
            and _bounded(value)
            for key, value in cast(Mapping[str, Any], schema).items()
        )
    return all(map(_bounded, schema)) if isinstance(schema, list) else True


def _fits(fast: Any, value: object) -> bool:
    try:
        return bool(fast.is_valid(value))
    except (ValueError, TypeError, OverflowError, RecursionError):
        return False  # what it cannot take is looked at in the other way


def _rust() -> Any:
    """jsonschema-rs, None on systems that it is not built for: there, patterns are not checked."""
    try:
        import jsonschema_rs
    except ImportError:
        return None
    return jsonschema_rs


def _small(schema: object) -> bool:
    """Whether it is no deeper and no larger than can be gone through."""
    left, stack = _SCHEMA_NODES, [(schema, 0)]
    while stack:
        node, depth = stack.pop()
        left -= 1
        if left < 0 or depth > SCHEMA_DEPTH:
            return False
        if isinstance(node, Mapping):
            stack += [(sub, depth + 1) for sub in cast(Mapping[str, object], node).values()]
        elif isinstance(node, list):
            stack += [(sub, depth + 1) for sub in cast(list[object], node)]
    return True


def _without_dialects(schema: Any) -> Any:
    """A copy in which no subschema names a dialect: jsonschema would leave our class for it."""
    if isinstance(schema, Mapping):
        return {
            key: value if key in _VALUES else _without_dialects(value)
            for key, value in cast(Mapping[str, Any], schema).items()
            if not (key == "$schema" and isinstance(value, str))
        }
    return [_without_dialects(item) for item in schema] if isinstance(schema, list) else schema


@cache
def _counting(draft: Any) -> Any:
    """`draft` with a step counted for each keyword, and with linear patterns and uniqueness."""
    from jsonschema import validators

    extend: Any = validators.extend

    keywords: dict[str, Any] = dict(draft.VALIDATORS)
    own = {
        "pattern": _pattern,
        "patternProperties": _pattern_properties,
        "additionalProperties": _additional_properties(keywords.get("additionalProperties")),
        "unevaluatedProperties": _unevaluated_properties(keywords.get("unevaluatedProperties")),
        "uniqueItems": _unique_items,
    }
    keywords |= {key: keyword for key, keyword in own.items() if key in keywords}
    return extend(draft, {key: _counted(keyword) for key, keyword in keywords.items()})


def _counted(keyword: Callable[..., Any]) -> Callable[..., Any]:
    def counted(validator: Any, value: Any, instance: Any, schema: Any) -> Any:
        _clock.tick()
        return keyword(validator, value, instance, schema)

    return counted


class _Pattern:
    """A regular expression on an engine that is linear in the text; one with look-arounds or back
    references is tried on short texts alone."""

    def __init__(self, source: str) -> None:
        rust, size = _rust(), 1_000_000  # bytes of the compiled program
        self._find: Any = None
        self._longest = 10**12
        if rust is None or len(source) > PATTERN_CHARACTERS:
            return
        engines: list[Any] = [
            rust.RegexOptions(size_limit=size, dfa_size_limit=size),
            rust.FancyRegexOptions(backtrack_limit=10_000, size_limit=size, dfa_size_limit=size),
        ]
        for engine in engines:
            try:
                self._find = rust.validator_for({"pattern": source}, pattern_options=engine)
                break
            except (ValueError, TypeError):
                self._longest = _FANCY_TEXT

    def found_in(self, text: str) -> bool | None:
        """None where it cannot be told; nothing may be refused for that."""
        if self._find is None or len(text) > self._longest:
            return None
        try:
            return bool(self._find.is_valid(text))
        except (ValueError, TypeError):  # it backtracked too often, or the text is not Unicode
            return None


_compiled: dict[str, _Pattern] = {}


def _matches(source: str, text: str) -> bool | None:
    found = _compiled.get(source)
    if found is None:
        if len(_compiled) >= 500:
            _compiled.clear()
        found = _compiled[source] = _Pattern(source)
    return found.found_in(text)


def _pattern(validator: Any, pattern: str, instance: Any, schema: Any) -> Iterator[Any]:
    from jsonschema import ValidationError

    if isinstance(instance, str) and _matches(pattern, instance) is False:
        yield ValidationError(f"{instance!r} does not match {pattern!r}")


def _pattern_properties(
    validator: Any, patterns: Mapping[str, Any], instance: Any, schema: Any
) -> Iterator[Any]:
    if not isinstance(instance, Mapping):
        return
    for pattern, subschema in patterns.items():
        for key, value in cast(Mapping[str, Any], instance).items():
            _clock.tick()
            if _matches(pattern, key):
                yield from validator.descend(value, subschema, path=key, schema_path=pattern)


def _additional_properties(stock: Any) -> Callable[..., Iterator[Any]]:
    def keyword(validator: Any, value: Any, instance: Any, schema: Any) -> Iterator[Any]:
        patterns = schema.get("patternProperties")
        if patterns and isinstance(instance, Mapping):
            # With the properties that a pattern takes out of the way, the rest is as without them.
            left = dict[str, Any]()
            for key, item in cast(Mapping[str, Any], instance).items():
                _clock.tick()
                if all(_matches(pattern, key) is False for pattern in patterns):
                    left[key] = item
            schema = {k: v for k, v in schema.items() if k != "patternProperties"}
            instance = left
        yield from stock(validator, value, instance, schema) or ()

    return keyword


def _unevaluated_properties(stock: Any) -> Callable[..., Iterator[Any]]:
    def keyword(validator: Any, value: Any, instance: Any, schema: Any) -> Iterator[Any]:
        # jsonschema looks for patterns of all subschemas with `re`, which knows no bound.
        if not _mentions_patterns(validator, schema):
            yield from stock(validator, value, instance, schema) or ()

    return keyword


def _mentions_patterns(validator: Any, schema: Any) -> bool:
    root = validator._resolver.lookup("#").contents if "$ref" in repr(schema) else schema
    return "patternProperties" in repr(schema) or "patternProperties" in repr(root)


def _unique_items(validator: Any, wanted: Any, instance: Any, schema: Any) -> Iterator[Any]:
    from jsonschema import ValidationError

    if not wanted or not isinstance(instance, list):
        return
    seen = set[str]()
    for index, item in enumerate(instance):
        _clock.tick()
        text = json.dumps(_whole(item), sort_keys=True)
        if text in seen:
            yield ValidationError(f"has non-unique elements: element {index} was there before")
            return
        seen.add(text)


def _whole(value: Any) -> Any:
    """1.0 as 1: JSON Schema knows one kind of number."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, Mapping):
        return {key: _whole(item) for key, item in cast(Mapping[str, Any], value).items()}
    return [_whole(item) for item in value] if isinstance(value, list) else value


def _flat(errors: Iterable[Any]) -> Iterator[Any]:
    """The most telling error of each: for `anyOf` and `oneOf`, the one of the nearest branch."""
    from jsonschema.exceptions import best_match

    for error in errors:
        yield best_match([error]) if error.context else error


def _path(error: Any) -> str:
    return (
        "".join(
            f"[{step}]" if isinstance(step, int) else f".{step}" for step in error.absolute_path
        ).lstrip(".")
        or "arguments"
    )


def _say(error: Any) -> str:
    text = str(error.message)
    return text if len(text) <= 300 else text[:297] + "…"
