"""What the models behind a wire format have in common."""

from abc import abstractmethod
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any, ClassVar, cast

from universal_mcp_client.models.base import ModelRequest, Profile
from universal_mcp_client.models.connection import Connection
from universal_mcp_client.models.dialects import Dialect, function_specs
from universal_mcp_client.models.fields import Notes
from universal_mcp_client.models.intercepted import Interceptable
from universal_mcp_client.models.retry import retrying
from universal_mcp_client.models.stream import Answer
from universal_mcp_client.models.strict import without_nulls
from universal_mcp_client.models.wire import Encoded
from universal_mcp_client.types.events import Completion, ModelEvent
from universal_mcp_client.types.messages import Message
from universal_mcp_client.types.tools import ToolSpec


class Adapter(Interceptable):
    """One model: its requests, and its answers as events."""

    path: ClassVar[str]
    form: ClassVar[Dialect]

    def __init__(self, model: str, connection: Connection, profile: Profile) -> None:
        self.model = model
        self.name = f"{connection.provider}:{model}"
        self.profile = profile
        self._connection = connection
        self._notes = Notes(self.name)
        self._messages = Encoded[Message](self._wire)
        self._tools = Encoded[ToolSpec](self._tool)

    @abstractmethod
    def _wire(self, message: Message) -> object:
        """A message as the API's."""

    @abstractmethod
    def _body(self, request: ModelRequest) -> bytes:
        """A request as the API's."""

    @abstractmethod
    def _answer(self) -> Answer:
        """What puts the events of an answer together."""

    def _tool(self, spec: ToolSpec) -> dict[str, Any]:
        strict = f"{self.form}-strict" if self.profile.strict_tools else self.form
        return function_specs((spec,), cast(Dialect, strict))[0]

    def stream(self, request: ModelRequest) -> AsyncGenerator[ModelEvent]:
        return retrying(lambda: self._attempt(request), request.settings.retries)

    async def _attempt(self, request: ModelRequest) -> AsyncGenerator[ModelEvent]:
        content, settings = self._body(request), request.settings
        async with aclosing(
            self._connection.answer(self.path, content, settings, self._answer(), self.name)
        ) as events:
            async for event in events:
                if isinstance(event, Completion):
                    event = without_nulls(event, request.tools, self.profile.strict_tools)
                yield event

    async def aclose(self) -> None:
        await self._connection.aclose()
