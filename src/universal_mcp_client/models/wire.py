"""JSON for requests, written once: history and tools are append-only, so what was sent before is
sent again byte for byte (which is what providers' prompt caches need) and not encoded again."""

import json
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from threading import RLock
from typing import Any, Generic, TypeVar
from weakref import ref

T = TypeVar("T")


def encode(value: object) -> bytes:
    """Compact UTF-8 JSON."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")


class Spliced(list[Any]):
    """Several elements that stand for one value, such as a message's tool results."""


class Encoded(Generic[T]):
    """Values as JSON, each written once for as long as it lives and there is room.

    What is known of a request is taken first, what is new written then: of a conversation that is
    larger than `room` (bytes), the excess alone is written anew each time. What was not used for
    longest goes first, and a value that nobody else has any more takes its JSON with it.
    """

    def __init__(self, to_wire: Callable[[T], object], room: int = 64_000_000) -> None:
        self._to_wire = to_wire
        self._room = room
        self._size = 0
        self._kept = OrderedDict[int, tuple[ref[T], bytes]]()
        self._lock = RLock()  # a value may go while another is being written

    def __call__(self, values: Iterable[T]) -> list[bytes]:
        with self._lock:
            values = list(values)
            known = [self._known(value) for value in values]
            return [
                self._write(value) if made is None else made
                for value, made in zip(values, known, strict=True)
            ]

    def _known(self, value: T) -> bytes | None:
        kept = self._kept.get(id(value))
        if kept is None or kept[0]() is not value:
            return None
        self._kept.move_to_end(id(value))
        return kept[1]

    def _write(self, value: T) -> bytes:
        wire = self._to_wire(value)
        made = b",".join(map(encode, wire)) if isinstance(wire, Spliced) else encode(wire)
        key = id(value)
        self._forget(key)
        if len(made) > self._room:
            return made
        self._kept[key] = (ref(value, lambda gone: self._forget(key, gone)), made)
        self._size += len(made)
        while self._size > self._room:
            self._forget(next(iter(self._kept)))
        return made

    def _forget(self, key: int, gone: "ref[T] | None" = None) -> None:
        with self._lock:
            kept = self._kept.get(key)
            if kept is not None and (gone is None or gone is kept[0]):
                del self._kept[key]
                self._size -= len(kept[1])


def body(fields: Mapping[str, Any], arrays: Mapping[str, Sequence[bytes]]) -> bytes:
    """A JSON object of plain `fields` and of `arrays` whose elements are JSON already. An array
    without any is left out.

    An element that is itself a run of elements (see `Spliced`) takes its places among them.
    """
    head = encode(dict(fields))[:-1]
    parts = [head]
    for name, items in arrays.items():
        if items:
            parts.append(b"," if len(parts) > 1 or len(head) > 1 else b"")
            parts.append(b'"%s":[%s]' % (name.encode(), b",".join(filter(None, items))))
    return b"".join(parts) + b"}"
