"""The connection to an OpenAI-compatible server, shared by both of OpenAI's wire formats."""

from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

from universal_mcp_client.models.allowed import check_allowed
from universal_mcp_client.models.base import ModelSettings, Profile
from universal_mcp_client.models.clients import Clients, body_for
from universal_mcp_client.models.failures import translated
from universal_mcp_client.models.stream import (
    HEADERS,
    Answer,
    bounded,
    count_of,
    listen,
    mapping_of,
)
from universal_mcp_client.startup import importing
from universal_mcp_client.types.errors import ModelAuthenticationError
from universal_mcp_client.types.events import ModelEvent
from universal_mcp_client.types.usage import Usage

if TYPE_CHECKING:
    from openai import AsyncOpenAI

OPENAI_URL = "https://api.openai.com/v1"


class OpenAIConnection:
    """An `AsyncOpenAI` client, made when a loop first uses it.

    Requests go through `client.post` with a body that is JSON already: that keeps the SDK's
    transport, authentication and errors, and skips its transformation of the request, which takes
    three quarters of a turn's CPU time. Retries are ours (`models.retry`), so the SDK's are off.
    """

    def __init__(
        self,
        *,
        provider: str = "openai",
        base_url: str | None = None,
        api_key: str | None = None,
        key_variable: str = "OPENAI_API_KEY",
        headers: Mapping[str, str] | None = None,
        client: "AsyncOpenAI | None" = None,
        make: "Callable[[str], AsyncOpenAI] | None" = None,
    ) -> None:
        self.provider = provider
        self.base_url = str(client.base_url) if client else base_url or OPENAI_URL
        self.key_variable = key_variable
        self._api_key = api_key
        self._headers = dict(headers or {})
        self._clients = Clients(make or self._make, client)

    @property
    def official(self) -> bool:
        return self.base_url.rstrip("/") == OPENAI_URL

    def _make(self, model: str) -> "AsyncOpenAI":
        from openai import AsyncOpenAI, DefaultAsyncHttpxClient

        if not self._api_key and self.official:
            raise ModelAuthenticationError(
                f"{model} needs an API key: set {self.key_variable}, or choose another model "
                "with --model (`umcp models` lists what there is).",
                model=model,
            )
        return AsyncOpenAI(
            base_url=self.base_url,
            api_key=self._api_key or "none",
            max_retries=0,
            default_headers=self._headers,
            http_client=DefaultAsyncHttpxClient(event_hooks={"response": [bounded]}),
        )

    async def answer(
        self, path: str, content: bytes, settings: ModelSettings, answer: Answer, model: str
    ) -> AsyncGenerator[ModelEvent]:
        """POST `content`, and yield what the server-sent events add to `answer`."""
        check_allowed(model)
        with importing():
            import openai

        client = await self._clients(model)
        with translated(openai, model, str(client.base_url).rstrip("/"), self.key_variable):
            opening = client.post(
                path,
                cast_to=object,
                options={
                    "headers": {**HEADERS, **settings.headers},
                    "timeout": settings.timeout,
                    "max_retries": 0,
                },
                **body_for(client, content),
                stream=True,
                stream_cls=openai.AsyncStream[object],
            )
            async with aclosing(
                listen(opening, answer, settings, model, self.key_variable)
            ) as events:
                async for event in events:
                    yield event

    async def aclose(self) -> None:
        await self._clients.aclose()


def shared(settings: ModelSettings, profile: Profile) -> dict[str, Any]:
    """The fields that both wires call the same. What is cached otherwise is the provider's choice."""
    longer = settings.cache == "1h" and profile.cache_retention
    return {
        "service_tier": settings.service_tier,
        "prompt_cache_key": settings.cache_key,
        "prompt_cache_retention": "24h" if longer else None,
    }


def counted(usage: object, read: str, wrote: str) -> Usage:
    """OpenAI's usage object; `read` and `wrote` are the words it uses for its two kinds of tokens
    (prompt and completion, or input and output)."""
    given = mapping_of(usage)
    return Usage(
        requests=1,
        input_tokens=count_of(given.get(f"{read}_tokens")),
        output_tokens=count_of(given.get(f"{wrote}_tokens")),
        cache_read_tokens=count_of(
            mapping_of(given.get(f"{read}_tokens_details")).get("cached_tokens")
        ),
        reasoning_tokens=count_of(
            mapping_of(given.get(f"{wrote}_tokens_details")).get("reasoning_tokens")
        ),
    )
