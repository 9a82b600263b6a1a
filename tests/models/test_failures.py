"""Every failure of a provider becomes the error of ours that it means."""

import inspect
from typing import Any

import anthropic
import openai
import pytest
import respx

from universal_mcp_client import ModelRequest, ModelSettings, resolve
from universal_mcp_client.models.failures import translated
from universal_mcp_client.types import errors
from universal_mcp_client.types.messages import user

CHAT = "https://api.openai.com/v1/chat/completions"


@pytest.fixture(autouse=True)
def keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-openai")
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-anthropic")


async def asked(name: str) -> None:
    model = resolve(name)
    request = ModelRequest(messages=(user("hello"),), settings=ModelSettings(retries=0))
    try:
        async for _ in model.stream(request):
            pass
    finally:
        await model.aclose()


def public_errors(sdk: Any) -> list[type[Exception]]:
    found = [
        value
        for name, value in list(vars(sdk).items())
        if inspect.isclass(value) and issubclass(value, Exception) and not name.startswith("_")
    ]
    return sorted(set(found), key=lambda kind: kind.__name__)


@pytest.mark.parametrize("sdk", [openai, anthropic], ids=["openai", "anthropic"])
def test_every_error_of_the_sdks_becomes_one_of_ours(sdk: Any) -> None:
    import httpx2

    request = httpx2.Request("POST", "https://example.com")
    for kind in public_errors(sdk):
        error = kind.__new__(kind)
        Exception.__init__(error, "something went wrong")
        error.__dict__.update(
            message="something went wrong",
            request=request,
            response=httpx2.Response(getattr(kind, "status_code", None) or 418, request=request),
            status_code=getattr(kind, "status_code", None) or 418,
            body=None,
            request_id=None,
        )
        with (
            pytest.raises(errors.ModelError) as raised,
            translated(sdk, "x:y", "https://example.com", "KEY"),
        ):
            raise error
        assert raised.value.__cause__ is error


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (400, {"code": "context_length_exceeded", "message": "too long"}, errors.ContextOverflow),
        (400, {"code": "content_filter", "message": "no"}, errors.ContentFiltered),
        (400, {"message": "what?"}, errors.BadModelRequest),
        (401, {"message": "no"}, errors.ModelAuthenticationError),
        (404, {"message": "no"}, errors.ModelNotFound),
        (429, {"message": "slow"}, errors.RateLimited),
        (429, {"code": "insufficient_quota", "message": "pay"}, errors.QuotaExceeded),
        (500, {"message": "oops"}, errors.ModelUnavailable),
        (503, {"message": "busy"}, errors.ModelUnavailable),
    ],
)
async def test_a_status_is_the_error_that_it_means(
    status: int, body: dict[str, Any], kind: type, httpx2_mock: respx.Router
) -> None:
    httpx2_mock.post(CHAT).mock(return_value=respx.MockResponse(status, json={"error": body}))
    with pytest.raises(kind) as raised:
        await asked("openai:gpt-4o")
    assert type(raised.value) is kind


async def test_without_a_key_nothing_is_sent(
    monkeypatch: pytest.MonkeyPatch, httpx2_mock: respx.Router
) -> None:
    monkeypatch.delenv("OPENAI_API_KEY")
    monkeypatch.delenv("ANTHROPIC_API_KEY")
    for name, key in (
        ("openai:gpt-5", "OPENAI_API_KEY"),
        ("anthropic:claude-sonnet-5", "ANTHROPIC_API_KEY"),
    ):
        with pytest.raises(errors.ModelAuthenticationError, match=key):
            await asked(name)
    assert httpx2_mock.calls.call_count == 0
