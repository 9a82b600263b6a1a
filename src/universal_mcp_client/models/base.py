"""The one seam between an agent and a language model."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, Literal, Protocol, TypeAlias

from universal_mcp_client.models.hosted import HostedTool
from universal_mcp_client.types.errors import ConfigError
from universal_mcp_client.types.events import ModelEvent
from universal_mcp_client.types.messages import Message
from universal_mcp_client.types.tools import JSONSchema, ToolSpec
from universal_mcp_client.types.usage import Price

ToolChoice: TypeAlias = Literal["auto", "required", "none"] | str
"""Whether the model must call a tool, must not, or must call the one of this name."""
PLAIN_CHOICES = ("auto", "required", "none")


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelSettings:
    """What an agent may ask of any model; None leaves it to the provider.

    `reasoning` is how hard the model should think. `extra` is merged into the request body as it
    is, for what one provider alone offers. `timeout` (seconds) is how long the answer may take to
    begin, `stall_timeout` how long it may then stop in the middle (None: for ever; a model that
    thinks in silence between two parts needs longer; one that says that it goes on, as with a web
    search, has `timeout`), `retries` how often a failed request is tried again.
    """

    temperature: float | None = None
    top_p: float | None = None
    max_tokens: int | None = None
    stop: tuple[str, ...] = ()
    seed: int | None = None
    reasoning: Literal["none", "minimal", "low", "medium", "high"] | None = None
    tool_choice: ToolChoice = "auto"
    parallel_tool_calls: bool | None = None
    timeout: float = 600.0
    stall_timeout: float | None = 300.0
    retries: int = 3
    extra: Mapping[str, Any] = field(default_factory=dict[str, Any])

    @classmethod
    def of(cls, value: object, where: str) -> "ModelSettings":
        """What a program gave as settings: these, or None for the defaults. Raises ConfigError for
        anything else, a dict too: its misspelled keys would only be seen by the provider."""
        if value is None:
            return cls()
        if isinstance(value, cls):
            return value
        given = "ModelSettings(temperature=0)"
        if isinstance(value, Mapping):  # shown without what could be a secret
            plain = {k: v for k, v in value.items() if isinstance(v, bool | int | float)}
            given = f"ModelSettings({', '.join(f'{k}={v!r}' for k, v in plain.items()) or '...'})"
        raise ConfigError(
            f"{where}: settings are ModelSettings, not {type(value).__name__}: write {given}."
        )

    @classmethod
    def parse(cls, values: Mapping[str, Any], where: str) -> "ModelSettings":
        """From a file's plain values; raises ConfigError with `where` for an unknown key and for a
        value that makes no sense."""
        known = {f.name for f in fields(cls)}
        if unknown := values.keys() - known:
            raise ConfigError(
                f"{where}: unknown model setting {sorted(unknown)[0]!r}. "
                f"The settings are: {', '.join(sorted(known))}."
            )
        from pydantic import TypeAdapter, ValidationError

        try:
            settings = TypeAdapter(cls).validate_python(dict(values))
        except ValidationError as error:
            first = error.errors()[0]
            key = ".".join(map(str, first["loc"]))
            raise ConfigError(f"{where}: model setting {key!r}: {first['msg']}.") from error
        for key in ("timeout", "stall_timeout", "retries", "max_tokens"):
            value = getattr(settings, key)
            least = 0 if key == "retries" else 1e-3
            if value is not None and not value >= least:  # which no NaN is
                raise ConfigError(f"{where}: model setting {key!r}: {value} is too small.")
        return settings


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelRequest:
    """One question to a model. `instructions` is the system prompt, `output_schema` the JSON
    Schema which the answer's text must fit, `hosted_tools` what the provider runs itself."""

    messages: Sequence[Message]
    tools: Sequence[ToolSpec] = ()
    instructions: str = ""
    settings: ModelSettings = ModelSettings()
    output_schema: JSONSchema | None = None
    hosted_tools: Sequence[HostedTool] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """How a model differs from others, as data. Adapters ask this, never the model's name.

    `strict_tools` sends tools in strict mode where they fit; `legacy_max_tokens` uses the old
    field name that OpenAI-compatible servers know; `tool_images` says that tool results may hold
    images; `native_output` that the provider itself can hold answers to a schema; `effort` that
    reasoning is asked for by a level, not by a budget of tokens; `encrypted_reasoning` that the
    model's reasoning comes back encrypted, for us to keep and to send again.
    """

    images: bool = True
    audio: bool = False
    files: bool = False
    tool_images: bool = False
    strict_tools: bool = False
    legacy_max_tokens: bool = False
    native_output: bool = True
    effort: bool = True
    encrypted_reasoning: bool = False
    max_output_tokens: int = 8_192
    price: Price | None = None


class Model(Protocol):
    """A language model. `stream` yields deltas and, last, exactly one `Completion`.

    It raises `ModelError`s; leaving it early (`aclosing`) closes the connection. `name` is
    `provider:model`.
    """

    @property
    def name(self) -> str: ...

    @property
    def profile(self) -> Profile: ...

    def stream(self, request: ModelRequest) -> AsyncGenerator[ModelEvent]: ...

    async def aclose(self) -> None: ...
