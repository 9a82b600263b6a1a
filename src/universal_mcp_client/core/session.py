"""A conversation over several runs: the only mutable state."""

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, TypeAlias, cast
from uuid import uuid4

from universal_mcp_client.tools.budgeted import KeptResults
from universal_mcp_client.tools.readings import Readings
from universal_mcp_client.tools.rules import Strictest
from universal_mcp_client.types.errors import ConfigError, RunError
from universal_mcp_client.types.messages import Message, Text
from universal_mcp_client.types.tasks import TaskHandle


@dataclass(slots=True, eq=False)
class _Turn:
    """A run that is on a session or waits for it, and the task that reads its events."""

    reader: object
    loop: asyncio.AbstractEventLoop = field(default_factory=asyncio.get_running_loop)
    begin: asyncio.Event = field(default_factory=asyncio.Event)


class _Turns(list[_Turn]):
    """Whose turn it is stands first. A copy of a session is nobody's."""

    def __reduce_ex__(self, _protocol: object) -> Any:
        return _Turns, ()


_holding: ContextVar[frozenset[_Turn]] = ContextVar("_holding", default=frozenset())


@dataclass(slots=True, kw_only=True)
class Session:
    """Give the same session to run after run and each knows what was said before.

    It takes one run at a time; a second one waits for the first. `tasks` are the calls that servers go
    on with as tasks, by the call's id; see `Host.resume_task`.
    """

    id: str = field(default_factory=lambda: uuid4().hex)
    messages: list[Message] = field(default_factory=list[Message])
    results: KeptResults = field(default_factory=KeptResults, repr=False)
    seen: Strictest = field(default_factory=Strictest, repr=False)
    tasks: dict[str, TaskHandle] = field(default_factory=dict[str, TaskHandle], repr=False)
    readings: Readings = field(default_factory=Readings, repr=False)
    _turns: _Turns = field(default_factory=_Turns, init=False, repr=False, compare=False)

    @asynccontextmanager
    async def alone(self, *, wait: bool, reader: object) -> AsyncGenerator[None]:
        """Nobody else's run is on this session meanwhile, in any thread or event loop. Raises RunError
        where one is and `wait` is false, ConfigError for a run that would wait for itself: inside of
        one on the session, or of its `reader`."""
        first = self._turns[0] if self._turns else None
        if first is not None and (first in _holding.get() or first.reader is reader):
            raise ConfigError(
                "This run's session is in use by the run that it is a part of, which would wait for "
                "ever. Give it a session of its own."
            )
        if not wait and self._turns:
            raise RunError(f"Session {self.id} is in use by another run, and wait=False was given.")
        turn = _Turn(reader)
        self._turns.append(turn)
        try:
            if self._turns[0] is not turn:
                await turn.begin.wait()
            yield
        finally:
            self._turns.remove(turn)
            if self._turns:
                self._turns[0].loop.call_soon_threadsafe(self._turns[0].begin.set)

    def enter(self) -> None:
        """What this task does from now on is part of the run that is alone on the session."""
        _holding.set(_holding.get() | {self._turns[0]})


History: TypeAlias = "Sequence[Message | Mapping[str, Any]] | Session"


def session_of(history: History) -> Session:
    """The session itself, or a new one of these messages. Raises ConfigError for what is neither."""
    if isinstance(history, Session):
        return history
    given: object = history  # which programs without a type checker may get wrong
    if isinstance(given, str | bytes | Mapping) or not isinstance(given, Sequence):
        raise ConfigError(
            f"history takes messages (such as result.messages) or a Session, not {type(given).__name__}."
        )
    items = cast(Sequence[object], given)
    return Session(messages=[_message(item, place) for place, item in enumerate(items)])


def _message(item: object, place: int) -> Message:
    match item:
        case Message():
            return item
        case {"role": "system" | "user" | "assistant" as role, "content": str(text), **other}:
            if not any(other.values()):
                return Message(role=role, parts=(Text(text=text),))
        case _:
            pass
    raise ConfigError(
        f"history[{place}] is no Message. Plain texts may be given as "
        '{"role": "user" or "assistant", "content": "…"}; all else as the Messages of an earlier run.'
    )
