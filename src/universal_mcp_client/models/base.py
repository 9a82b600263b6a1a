"""The one seam between an agent and a language model."""

import re
from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import MISSING, dataclass, field, fields
from functools import cache
from typing import Any, Literal, Protocol, TypeAlias, get_args, get_type_hints

from universal_mcp_client.models.hosted import HostedTool
from universal_mcp_client.types.errors import ConfigError
from universal_mcp_client.types.events import ModelEvent
from universal_mcp_client.types.messages import Message
from universal_mcp_client.types.tools import JSONSchema, ToolSpec
from universal_mcp_client.types.usage import Price

ToolChoice: TypeAlias = Literal["auto", "required", "none"] | str
"""Whether the model must call a tool, must not, or must call the one of this name."""
Level: TypeAlias = Literal["none", "minimal", "low", "medium", "high", "xhigh", "max"]
BUDGETS: Mapping[Level, int] = dict(
    zip(get_args(Level), (0, 1_024, 2_048, 8_192, 16_384, 32_768, 65_536), strict=True)
)
"""How many tokens of thinking a level stands for."""
_HEADER = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+: [^\x00-\x08\x0a-\x1f\x7f]*\Z")
PLAIN_CHOICES = ("auto", "required", "none")


class _Unlogged(str):
    """A header's value: at DEBUG Anthropic's SDK logs the options of its requests."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "'…'"


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelSettings:
    """What an agent may ask of any model; None leaves it to the provider.

    `thinking` is how hard the model should think: a level, True or False, or a budget of tokens;
    `reasoning` is the same as a level alone. Where a model knows budgets, a level becomes one, and
    the other way round. `cache` is whether the provider may keep the prompt for the next request
    ("1h": longer than usual), `cache_key` what keeps requests that begin alike together.
    `service_tier` is named as the provider names it. `headers` go with the HTTP request and are
    never logged. `extra` and `extra_body` (one thing) are merged into the request's body, for what
    one provider alone offers; tools among them come behind the agent's.

    `timeout` (seconds) is how long the answer may take to begin, `stall_timeout` how long it may
    then stop in the middle (None: for ever; a model that thinks in silence between two parts needs
    longer; one that says that it goes on, as with a web search, has `timeout`), `retries` how
    often a failed request is tried again.

    A setting that a model does not take is left out, with one warning in the log. Raises
    ConfigError for settings that contradict each other and for headers that are none.
    """

    temperature: float | None = None
    top_p: float | None = None
    max_tokens: int | None = None
    stop: tuple[str, ...] = ()
    seed: int | None = None
    reasoning: Level | None = None
    thinking: bool | int | Level | None = None
    tool_choice: ToolChoice = "auto"
    parallel_tool_calls: bool | None = None
    service_tier: str | None = None
    cache: bool | Literal["1h"] = True
    cache_key: str | None = None
    timeout: float = 600.0
    stall_timeout: float | None = 300.0
    retries: int = 3
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    extra: Mapping[str, Any] = field(default_factory=dict[str, Any])
    extra_body: Mapping[str, Any] = field(default_factory=dict[str, Any])

    def __post_init__(self) -> None:
        for name, value in _valid(self).items():
            object.__setattr__(self, name, value)
        for name, least in (
            ("timeout", 1e-3),
            ("stall_timeout", 1e-3),
            ("max_tokens", 1),
            ("retries", 0),
        ):
            number = getattr(self, name)
            if number is not None and not number >= least:  # which no NaN is
                raise ConfigError(f"model setting {name!r}: {number} is too small.")
        if twice := sorted(self.extra.keys() & self.extra_body.keys()):
            raise ConfigError(f"extra and extra_body, which are one, both set {twice[0]!r}.")
        if self.reasoning is not None and self.thinking is not None:
            raise ConfigError("reasoning and thinking say the same: set one of them.")
        if type(self.thinking) is int and self.thinking < 0:
            raise ConfigError(f"thinking: a budget of {self.thinking} tokens is none.")
        for name, value in self.headers.items():
            if not _HEADER.match(f"{name}: {value}"):
                raise ConfigError(f"headers: {name!r} is no HTTP header, or its value is none.")
        unlogged = {name: _Unlogged(value) for name, value in self.headers.items()}
        object.__setattr__(self, "headers", unlogged)

    @property
    def level(self) -> Level | None:
        """How hard to think, as a level: for a budget, the first that reaches it."""
        asked = self.reasoning if self.thinking is None else self.thinking
        if isinstance(asked, bool):
            return "medium" if asked else "none"
        if not isinstance(asked, int):
            return asked
        return next((level for level, budget in BUDGETS.items() if asked <= budget), "max")

    @property
    def budget(self) -> int:
        """How hard to think, in tokens; 0 is not at all."""
        asked = self.thinking
        return asked if type(asked) is int else BUDGETS[self.level or "none"]

    @classmethod
    def of(cls, value: object, where: str) -> "ModelSettings":
        """What a program gave as settings: these, or None for the defaults. Raises ConfigError for
        anything else, a dict too: its misspelled keys would only be seen by the provider."""
        if value is None:
            return cls()
        if isinstance(value, cls):
            return value
        # Of a dict, the numbers are shown: nothing that could be a secret.
        items = value.items() if isinstance(value, Mapping) else {"temperature": 0}.items()
        given = ", ".join(f"{k}={v!r}" for k, v in items if isinstance(v, int | float)) or "..."
        raise ConfigError(
            f"{where}: settings are ModelSettings, not {type(value).__name__}: "
            f"write ModelSettings({given})."
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
        try:
            return cls(**values)
        except ConfigError as error:
            raise ConfigError(f"{where}: {error}") from error


def _valid(settings: ModelSettings) -> dict[str, Any]:
    """What was set, as its types have it. Raises ConfigError for what they cannot be."""
    given = {name: getattr(settings, name) for name in _DEFAULTS}
    unset = {name: _DEFAULTS[name] for name in _SAID if given[name] is None}
    given = {n: v for n, v in given.items() if n not in unset and v != _DEFAULTS[n]}
    if not given:
        return unset
    if isinstance(given.get("stop"), str):
        given["stop"] = (given["stop"],)
    from pydantic import ValidationError

    try:
        made = _form()(**given)
    except ValidationError as error:
        found = error.errors(include_input=False, include_url=False)
        name = found[0]["loc"][0]
        why = " Or: ".join(each["msg"] for each in found if each["loc"][0] == name)
        raise ConfigError(f"model setting {str(name)!r}: {why}.") from None
    return unset | {name: getattr(made, name) for name in given}


@cache
def _form() -> Any:
    """The settings' own types as a pydantic model."""
    from pydantic import create_model

    types = get_type_hints(ModelSettings)
    fields: dict[str, Any] = {name: (types[name], None) for name in _DEFAULTS}
    return create_model("ModelSettings", **fields)


_SAID = ("headers", "extra", "extra_body", "tool_choice", "stop")
"""What a program adds: None is nothing of it."""
_DEFAULTS: Mapping[str, Any] = {
    f.name: f.default if f.default is not MISSING else {} for f in fields(ModelSettings)
}


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
    model's reasoning comes back encrypted, for us to keep and to send again; `sampling` when the model
    takes a temperature; `cache_retention` that prompts can be cached for a day; `web_search` that
    Chat Completions searches the web with this model.
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
    sampling: Literal["always", "without_thinking", "never"] = "always"
    cache_retention: bool = False
    web_search: bool = False
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
