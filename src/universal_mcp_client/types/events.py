"""Everything that is seen on the way of a run is one stream of these."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, Literal, TypeAlias

from typing_extensions import TypeVar

from universal_mcp_client.types.messages import Message, ToolCall, ToolResult
from universal_mcp_client.types.tools import ToolSpec
from universal_mcp_client.types.usage import Usage

Output = TypeVar("Output", default=str)

StopReason: TypeAlias = Literal[
    "end_turn",  # the model was done
    "tool_use",  # the model asks for tools
    "max_tokens",  # the answer was cut by the provider's or the agent's token limit
    "stop_sequence",
    "refusal",  # the model would not answer
    "content_filter",  # the provider would not let it answer
    "pause",  # the provider paused a long turn; asking again goes on with it
]
Limit: TypeAlias = Literal["turns", "tool_calls", "tokens", "cost", "seconds"]


@dataclass(frozen=True, slots=True, kw_only=True)
class TextDelta:
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ThinkingDelta:
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Completion:
    """The whole of one model answer; the last event of every model stream."""

    message: Message
    stop_reason: StopReason = "end_turn"
    usage: Usage = Usage(requests=1)
    model: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Retrying:
    """A request failed and is tried again after `delay` seconds."""

    error: str
    attempt: int
    delay: float


ModelEvent: TypeAlias = TextDelta | ThinkingDelta | Completion | Retrying


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolStarted:
    call: ToolCall
    spec: ToolSpec | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolProgress:
    """A server's progress notification. `progress` grows up to `total`, where that is known."""

    call: ToolCall
    progress: float
    total: float | None = None
    message: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolFinished:
    call: ToolCall
    result: ToolResult
    seconds: float
    spec: ToolSpec | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PartialOutput:
    """A structured answer while it is written: plain JSON values, as far as they have come. They are
    not checked yet, and the last text or number may be cut off."""

    output: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class HandedOff:
    """Another agent goes on."""

    agent: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Nested:
    """An event of the agent which was called by `call`."""

    call: ToolCall
    agent: str
    event: "Event"


@dataclass(frozen=True, slots=True, kw_only=True)
class CallRecord:
    """One tool call of a run: what was asked, where it went, what came back."""

    call: ToolCall
    result: ToolResult
    server: str = ""
    tool: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunResult(Generic[Output]):
    """What a run came to.

    `output` is the answer: the model's last text, or an instance of the agent's output type.
    `messages` is the whole history, ready to be handed to the next run; `new_messages` is this
    run's part. `limit` is set when a limit ended the run before the model was done.
    """

    output: Output
    messages: tuple[Message, ...]
    new_messages: tuple[Message, ...]
    usage: Usage
    turns: int
    tool_calls: tuple[CallRecord, ...] = ()
    stop_reason: StopReason = "end_turn"
    limit: Limit | None = None
    structured_output: Mapping[str, Any] | list[Any] | str | float | bool | None = None
    session: str = ""
    run_id: str = ""
    agent: str = ""
    priced: Callable[[], float | None] = field(default=lambda: None, repr=False, compare=False)

    @property
    def cost(self) -> float | None:
        """US dollars, each model's tokens at its own price; None where one is not known."""
        return self.priced()


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFinished:
    result: RunResult[Any]


Event: TypeAlias = (
    TextDelta
    | ThinkingDelta
    | Completion
    | Retrying
    | ToolStarted
    | ToolProgress
    | ToolFinished
    | PartialOutput
    | HandedOff
    | Nested
    | RunFinished
)
