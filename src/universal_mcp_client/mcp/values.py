"""JSON measured before it is parsed: a byte of it can become 300 of Python objects."""

from universal_mcp_client.types.bounds import MESSAGE_VALUES

_SLICE = 65_536


class Values:
    """The values of JSON text, counted as its pieces come. With `events`, the text is a stream of
    server-sent events, and each of them counts anew.

    The count is no less than what a parser would build: what misleads it, such as a line's end
    within a string, no parser accepts.
    """

    def __init__(self, *, events: bool = False) -> None:
        self._events = events
        self._count = self._quotes = 0
        self._inside = self._escaped = False
        self._empty = True

    def too_many(self, piece: bytes) -> bool:
        """Whether there are more than MESSAGE_VALUES, with this piece."""
        for number, line in enumerate(piece.split(b"\n")):
            if number:
                if self._empty and self._events:
                    self._count = self._quotes = 0
                self._inside, self._escaped, self._empty = False, False, True
            for part_number, part in enumerate(line.split(b"\r")):
                if part_number:
                    self._inside = self._escaped = False
                if part:
                    self._empty = False
                    self._add(part)
        # Between two strings of JSON stands a sign that is counted; of colons there are as many.
        return self._count > MESSAGE_VALUES or self._quotes > 4 * MESSAGE_VALUES + 4

    def _add(self, part: bytes) -> None:
        if self._escaped:
            part = part[1:]
        self._escaped = (len(part) - len(part.rstrip(b"\\"))) % 2 == 1
        if self._escaped:
            part = part[:-1]
        if b"\\" in part:
            part = part.replace(b"\\\\", b"").replace(b'\\"', b"")
        segments = part.split(b'"')
        outside = b" ".join(segments[self._inside :: 2])
        self._count += outside.count(b",") + outside.count(b"[") + outside.count(b"{")
        self._quotes += len(segments) - 1
        self._inside ^= len(segments) % 2 == 0


def too_many_values(line: bytes) -> bool:
    """Whether one message holds more than MESSAGE_VALUES."""
    if len(line) <= MESSAGE_VALUES:
        return False
    values = Values()
    return any(values.too_many(line[at : at + _SLICE]) for at in range(0, len(line), _SLICE))
