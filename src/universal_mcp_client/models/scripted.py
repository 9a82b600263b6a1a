"""A model that says what it was told to say: for tests of programs that use agents."""

import re
from collections.abc import AsyncGenerator, Callable, Sequence
from itertools import count
from typing import Any, TypeAlias

from universal_mcp_client.models.base import ModelRequest, Profile
from universal_mcp_client.models.intercepted import Interceptable
from universal_mcp_client.types.errors import ModelError
from universal_mcp_client.types.events import Completion, ModelEvent, TextDelta
from universal_mcp_client.types.messages import Message, Part, Text, ToolCall
from universal_mcp_client.types.usage import Usage

_numbers = count(1)

Reply: TypeAlias = str | Message | ToolCall | Completion | ModelError | Sequence[ToolCall | str]
Script: TypeAlias = Reply | Callable[[ModelRequest], Reply]


class ScriptedModel(Interceptable):
    """Answers with its `replies`, one a turn; `requests` records what it was asked.

    A reply is a text, a tool call (see `call`), a list of both, a `Message` or `Completion`, an
    error to raise, or a function from the request to one of these. Texts arrive word by word.

    >>> model = ScriptedModel(call("add", a=1, b=2), "It is 3.")
    """

    name = "scripted:model"

    def __init__(self, *replies: Script, profile: Profile | None = None) -> None:
        self.profile = profile or Profile(tool_images=True, files=True, audio=True)
        self.requests: list[ModelRequest] = []
        self._replies = list(replies)

    async def stream(self, request: ModelRequest) -> AsyncGenerator[ModelEvent]:
        self.requests.append(request)
        if not self._replies:
            raise AssertionError(f"The script has no reply for request {len(self.requests)}.")
        script = self._replies.pop(0)
        reply = script(request) if callable(script) else script
        if isinstance(reply, ModelError):
            raise reply
        completion = _completion(reply)
        for part in completion.message.parts:
            if isinstance(part, Text):
                for word in re.findall(r"\S+\s*|\s+", part.text):
                    yield TextDelta(text=word)
        yield completion

    async def aclose(self) -> None:
        return None


def call(tool: str, /, **arguments: Any) -> ToolCall:
    """A tool call for a script, with an id of its own."""
    return ToolCall(id=f"call_{next(_numbers)}", name=tool, arguments=arguments)


def _completion(reply: Reply) -> Completion:
    if isinstance(reply, Completion):
        return reply
    if isinstance(reply, Message):
        message = reply
    else:
        items: Sequence[ToolCall | str] = (
            [reply]
            if isinstance(reply, str | ToolCall)
            else reply
            if isinstance(reply, Sequence)
            else []
        )
        parts: tuple[Part, ...] = tuple(Text(text=i) if isinstance(i, str) else i for i in items)
        message = Message(role="assistant", parts=parts)
    return Completion(
        message=message,
        stop_reason="tool_use" if message.tool_calls else "end_turn",
        usage=Usage(requests=1, input_tokens=10, output_tokens=5),
        model=ScriptedModel.name,
    )
