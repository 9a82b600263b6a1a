"""JSON for requests, written once: history and tools are append-only, so what was sent before is
sent again byte for byte (which is what providers' prompt caches need) and not encoded again."""

import json
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Generic, TypeVar

T = TypeVar("T")


def encode(value: object) -> bytes:
    """Compact UTF-8 JSON."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")


class Spliced(list[Any]):
    """Several elements that stand for one value, such as a message's tool results."""


class Encoded(Generic[T]):
    """Values and their JSON by identity; the most recently used `size` are remembered."""

    def __init__(self, to_wire: Callable[[T], object], size: int) -> None:
        self._to_wire = to_wire
        self._size = size
        self._kept: OrderedDict[int, tuple[T, bytes]] = OrderedDict()

    def __call__(self, value: T) -> bytes:
        key = id(value)
        kept = self._kept.get(key)
        if kept is not None and kept[0] is value:
            self._kept.move_to_end(key)
            return kept[1]
        wire = self._to_wire(value)
        made = b",".join(map(encode, wire)) if isinstance(wire, Spliced) else encode(wire)
        self._kept[key] = (value, made)
        if len(self._kept) > self._size:
            self._kept.popitem(last=False)
        return made


def body(fields: Mapping[str, Any], arrays: Mapping[str, Sequence[bytes] | bytes]) -> bytes:
    """A JSON object of plain `fields` and of `arrays` whose elements (or wholes) are JSON already.

    An element that is itself a run of elements (see `Spliced`) takes its places among them.
    """
    head = encode(dict(fields))[:-1]
    parts = [head]
    for name, items in arrays.items():
        parts.append(b"," if len(parts) > 1 or len(head) > 1 else b"")
        whole = items if isinstance(items, bytes) else b"[" + b",".join(filter(None, items)) + b"]"
        parts.append(b'"%s":%s' % (name.encode(), whole))
    return b"".join(parts) + b"}"
