"""Tools under other names."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from universal_mcp_client.tools.derived import DerivedToolset
from universal_mcp_client.types.errors import ConfigError
from universal_mcp_client.types.tools import ToolSpec


@dataclass(kw_only=True)
class RenamedToolset(DerivedToolset):
    """`names` has new names by old ones (by `server:tool` too), or makes one of the other. A tool
    keeps its `server` and its `original` name, by which patterns, rules and records know it.

    Where two would have one name, the one that was given it counts before the one that always had
    it, then the first; the other is left out, and `left_out` says so. Raises ConfigError where
    `names` itself gives a name twice, or makes what is no name.
    """

    names: Mapping[str, str] | Callable[[str], str]
    why = "other tools have their names."

    def __post_init__(self) -> None:
        if isinstance(self.names, Mapping):
            given = list(self.names.values())
            if twice := {name for name in given if given.count(name) > 1}:
                raise ConfigError(f"renamed(): two tools are to be called {min(twice)!r}.")

    def _new(self, spec: ToolSpec) -> str:
        if isinstance(self.names, Mapping):
            own = f"{spec.server}:{spec.original or spec.name}"
            name = self.names.get(spec.name, self.names.get(own, spec.name))
        else:
            name = self.names(spec.name)
        if not (isinstance(name, str) and name):
            raise ConfigError(f"renamed(): {name!r} is no name for {spec.name!r}; give a text.")
        return name

    def derive(self, listing: Sequence[ToolSpec]) -> Iterator[tuple[ToolSpec, ToolSpec]]:
        new = [self._new(spec) for spec in listing]
        owner = dict[str, int]()
        for index in sorted(range(len(new)), key=lambda i: new[i] == listing[i].name):
            owner.setdefault(new[index], index)
        for index, (name, spec) in enumerate(zip(new, listing, strict=True)):
            if owner[name] != index:
                self._lacking.append(spec)
            elif name == spec.name:
                yield spec, spec
            else:
                yield replace(spec, name=name, original=spec.original or spec.name), spec
