"""Our own settings: `~/.universal_mcp/config.toml`, overridden by `UMCP_*` variables."""

import tomllib
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from universal_mcp_client.config.paths import home
from universal_mcp_client.config.state import check_own
from universal_mcp_client.config.variables import expanded
from universal_mcp_client.types.errors import ConfigError


class LimitSettings(BaseModel):
    """Bounds on every run; a run's own options and an agent's file override them."""

    model_config = ConfigDict(extra="forbid")

    turns: int | None = Field(default=50, gt=0)
    tool_calls: int | None = Field(default=None, gt=0)
    tokens: int | None = Field(default=None, gt=0)
    cost: float | None = Field(default=None, gt=0)
    seconds: float | None = Field(default=None, gt=0)


class PriceSettings(BaseModel):
    """US dollars per million tokens."""

    model_config = ConfigDict(extra="forbid")

    input: float
    output: float
    cache_read: float | None = None
    cache_write: float | None = None


class ProviderSettings(BaseModel):
    """A provider of models: `key` names the environment variable that holds its key, `headers` may
    refer to others as `${NAME}`."""

    model_config = ConfigDict(extra="forbid")

    url: str = Field(pattern="^https?://")
    wire: Literal["openai", "openai-responses", "anthropic"] = "openai"
    key: str = ""
    headers: dict[str, str] = Field(default_factory=dict[str, str])

    @field_validator("headers")
    @classmethod
    def _expanded(cls, headers: dict[str, str]) -> dict[str, str]:
        def missing(variable: str) -> str:
            raise ValueError(f"the environment variable in {variable} is not set")

        return {name: expanded(text, missing) for name, text in headers.items()}


class Settings(BaseSettings):
    """What applies where nothing more particular is said.

    `approve` says which tools a person is asked about first: all but those declared read-only
    ("writes"), of these only such as may destroy something ("destructive", which includes those of
    which the server says nothing), or "never". `allow` are patterns (`server:tool`, or `tool` of any
    server) for tools that are called without asking. `roots` are folders that servers are told to work
    in. `token_store` is the URL of the store of
    logins (docs/authentication.md). `prices` maps `provider:model`
    patterns to prices, for cost limits. `providers` are further ones, used as `NAME:model`.
    """

    model_config = SettingsConfigDict(
        env_prefix="UMCP_", env_nested_delimiter="__", extra="forbid", validate_default=False
    )

    model: str | None = None
    agent: str = "assistant"
    approve: Literal["destructive", "writes", "never"] = "writes"
    allow: list[str] = Field(default_factory=list[str])
    roots: list[str] = Field(default_factory=list[str])
    result_budget: int = Field(default=25_000, gt=0)
    token_store: str | None = None
    limits: LimitSettings = LimitSettings()
    prices: dict[str, PriceSettings] = Field(default_factory=dict[str, PriceSettings])
    providers: dict[str, ProviderSettings] = Field(default_factory=dict[str, ProviderSettings])

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        file = TomlConfigSettingsSource(settings_cls, home() / "config.toml")
        return init_settings, env_settings, file


def load_settings() -> Settings:
    """The settings. Raises ConfigError that names the file or the variable at fault."""
    path = home() / "config.toml"
    check_own(path)
    try:
        return Settings()
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path}: {error}.") from error
    except ValidationError as error:
        first: Any = error.errors(include_url=False)[0]
        key = ".".join(map(str, first["loc"]))
        known = ", ".join(Settings.model_fields)
        hint = f" Known settings: {known}." if first["type"] == "extra_forbidden" else ""
        raise ConfigError(f"{path} (or a UMCP_ variable): {key}: {first['msg']}.{hint}") from error
