"""What a program has to name is importable from the root: whatever the root's own names speak of."""

import ast
import importlib
import inspect
import pkgutil
import re
import sys
import typing
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
from tests.conftest import ROOT
from typing_extensions import is_typeddict

import universal_mcp_client as root
from universal_mcp_client.tools.wrapping import Wrappable
from universal_mcp_client.types import errors, events, messages

PACKAGE = root.__name__
APART = re.compile(rf"{PACKAGE}\.(cli|ui|__main__)\b")  # the command line, which is no library
MODULES = [
    importlib.import_module(module.name)
    for module in pkgutil.walk_packages(root.__path__, f"{PACKAGE}.")
    if not APART.match(module.name)
]
# What annotations may name that only type checkers see.
NAMES = {name: value for module in MODULES for name, value in vars(module).items()}


def offered(value: object) -> bool:
    name = getattr(value, "__name__", "")
    return name in root.__all__ and getattr(root, name) is value


def ours(annotation: Any) -> Iterator[type]:
    """The classes of this package in an annotation, however deep. Dictionaries of keyword arguments
    (`Unpack[Options]`) are no values, and nobody names them."""
    if isinstance(annotation, list | tuple):
        for each in annotation:
            yield from ours(each)
    elif (origin := typing.get_origin(annotation)) is not None:
        yield from ours(origin)
        yield from ours(get_args(annotation))
    elif (
        inspect.isclass(annotation)
        and annotation.__module__.startswith(f"{PACKAGE}.")
        and not is_typeddict(annotation)
    ):
        yield annotation


def signatures(value: Any) -> Iterator[Any]:
    """A function; or a class, with its public methods and properties."""
    yield value
    if not inspect.isclass(value):
        return
    for name, found in inspect.getmembers_static(value):
        plain = found.fget if isinstance(found, property) else getattr(found, "__func__", found)
        plain = inspect.unwrap(plain) if callable(plain) else plain
        public = not name.startswith("_") or name in ("__init__", "__call__")
        if public and inspect.isfunction(plain) and plain.__module__.startswith(PACKAGE):
            yield plain


@pytest.mark.parametrize("name", [name for name in root.__all__ if name != "__version__"])
def test_what_a_public_name_speaks_of_is_public_too(name: str) -> None:
    value = getattr(root, name)
    found = set(ours(value))
    if inspect.isclass(value) or inspect.isfunction(value):
        for each in signatures(value):
            known = {**NAMES, **vars(sys.modules[each.__module__])}
            hints = typing.get_type_hints(each, localns=known)
            found |= {
                c for key, hint in hints.items() if not key.startswith("_") for c in ours(hint)
            }
    assert [c.__qualname__ for c in found if not offered(c)] == []


def test_every_error_is() -> None:
    raised = [c for c in vars(errors).values() if inspect.isclass(c) and issubclass(c, Exception)]
    assert len(raised) >= 25
    assert [c.__name__ for c in raised if not offered(c)] == []


def test_every_event_every_part_and_what_makes_them_is() -> None:
    kinds = {*get_args(events.Event), *get_args(messages.Part), *get_args(messages.ResultPart)}
    makers = [messages.user, messages.assistant, messages.failure]
    assert [c.__name__ for c in [*kinds, *makers] if not offered(c)] == []


def test_every_toolset_is() -> None:
    def all_of(kind: type) -> set[type]:
        return {kind}.union(*map(all_of, kind.__subclasses__()))

    found = {
        c.__name__
        for c in all_of(Wrappable) - {Wrappable}
        if c.__module__.startswith(PACKAGE) and c.__name__.endswith("Toolset")
    }
    assert found - {"DerivedToolset"} <= set(root.__all__)


def test_the_docs_and_examples_import_from_the_root_alone() -> None:
    files = [ROOT / "README.md", *(ROOT / "docs").rglob("*.md"), *(ROOT / "examples").glob("*.py")]
    deep = re.compile(rf"(?:from|import) {PACKAGE}\.(?!testing\b)\w+")
    found = {file.name: deep.findall(file.read_text(encoding="utf-8")) for file in files}
    assert {name: lines for name, lines in found.items() if lines} == {}


def test_the_classes_that_the_guide_names_are_there() -> None:
    text = (ROOT / "docs" / "python.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`([A-Z][A-Za-z]+)\b", text))
    classes = {n for n, c in NAMES.items() if inspect.isclass(c) and PACKAGE in c.__module__}
    assert named & classes - set(root.__all__) - {"ScriptedModel"} == set()


def test_type_checkers_see_the_names_that_there_are() -> None:
    source = Path(str(root.__file__)).read_text(encoding="utf-8")
    (block,) = [node for node in ast.parse(source).body if isinstance(node, ast.If)]
    seen = {
        alias.asname: str(line.module).removeprefix(f"{PACKAGE}.")
        for line in block.body
        if isinstance(line, ast.ImportFrom)
        for alias in line.names
    }
    assert seen == root._HOME_OF
