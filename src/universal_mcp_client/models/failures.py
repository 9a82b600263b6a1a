"""A provider SDK's errors, translated into ours at one place."""

import math
import time
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from email.utils import parsedate_to_datetime
from types import ModuleType
from typing import Any, cast

from universal_mcp_client.policy.text import printable
from universal_mcp_client.types.errors import (
    BadModelRequest,
    ContentFiltered,
    ContextOverflow,
    ModelAuthenticationError,
    ModelError,
    ModelNotFound,
    ModelUnavailable,
    QuotaExceeded,
    RateLimited,
)

_OVERFLOW = (
    "context_length_exceeded",
    "maximum context length",
    "prompt is too long",
    "context window",
    "context size",
    "exceed context limit",
    "too many tokens",
    "input is too long",
)
_FILTERED = ("content_filter", "content_policy_violation", "content management policy")
_BUSY = ("overloaded_error", "api_error", "timeout_error", "server_error")
_EXCERPT, _LONGEST = 200, 2_000  # characters of what a server says
_BROKE = ("insufficient_quota", "credit balance", "billing", "billing_error", "out of credits")


@contextmanager
def translated(sdk: ModuleType, model: str, base_url: str, key: str) -> Generator[None]:
    """Raise every error of `sdk` (openai or anthropic) as the `ModelError` that it means.

    `base_url` and `key` (the name of the environment variable with the API key) tell people where
    to look.
    """
    import httpx2

    try:
        yield
    except sdk.APIStatusError as error:
        if 300 <= error.status_code < 400:
            to = _clean(error.response.headers.get("location", "another address"), _EXCERPT)
            raise BadModelRequest(
                f"{base_url} sends to {to}, which is not followed; if that is right, use it as base_url.",
                model=model,
            ) from error
        raise from_status(
            model, error.status_code, error.body, error.response.headers, str(error), key
        ) from error
    except (sdk.APITimeoutError, httpx2.TimeoutException) as error:
        raise ModelUnavailable(f"{base_url} did not answer in time.", model=model) from error
    except (sdk.APIConnectionError, httpx2.RequestError) as error:
        raise ModelUnavailable(
            f"Cannot reach {base_url}: {_clean(_cause(error), _LONGEST)}", model=model
        ) from error
    except sdk.APIError as error:  # an error that came as an event of the stream
        raise from_status(model, None, error.body, {}, str(error), key) from error
    except root_error(sdk) as error:
        raise BadModelRequest(_clean(str(error), _LONGEST), model=model) from error
    except (ValueError, RecursionError) as error:  # a line of the stream that is no JSON
        said = _clean(str(error), _EXCERPT)
        raise ModelUnavailable(f"{base_url} sent what is not JSON: {said}", model=model) from error


def root_error(sdk: ModuleType) -> type[Exception]:
    """What all errors of an SDK are."""
    root: type[Exception] = getattr(sdk, "OpenAIError", None) or sdk.AnthropicError
    return root


def from_status(
    model: str,
    status: int | None,
    body: object,
    headers: Mapping[str, str],
    text: str,
    key: str,
) -> ModelError:
    """The error for an HTTP status (None: reported inside a stream) and the provider's words."""
    if status is not None and status < 400:  # an error that came as an event of a good answer
        status = None
    details = _details(body)
    message = _clean(str(details.get("message") or text), _LONGEST)
    words = f"{details.get('code') or ''} {details.get('type') or ''} {message}".lower()
    kind, hint = _kind(status, words, key)
    if kind is ModelNotFound and not details:
        hint = "is the address right? Most end in /v1"
    said = f"{model}: {message}" + (f" ({hint})" if hint else "")
    return kind(said, model=model, status=status, retry_after=retry_after(headers))


def _kind(status: int | None, words: str, key: str) -> tuple[type[ModelError], str]:
    if status in (401, 403) or "authentication_error" in words or "invalid_api_key" in words:
        return ModelAuthenticationError, f"check {key}"
    if any(word in words for word in _OVERFLOW):
        return ContextOverflow, "the conversation is longer than the model reads"
    if any(word in words for word in _BROKE) or status == 402:
        return QuotaExceeded, "the account's quota or credit is used up"
    if any(word in words for word in _FILTERED):
        return ContentFiltered, ""
    if any(word in words for word in _BUSY):
        return ModelUnavailable, ""
    if status == 404 or "model_not_found" in words:
        return ModelNotFound, "`umcp models` lists what there is"
    if status == 429 or "rate_limit" in words:
        return RateLimited, ""
    if status in (408, 409) or (status or 0) >= 500:
        return ModelUnavailable, ""
    if status is None and not any(w in words for w in ("invalid_request", "not_found", "invalid_")):
        return ModelUnavailable, ""
    return BadModelRequest, ""


def _details(body: object) -> Mapping[str, Any]:
    if not isinstance(body, Mapping):
        return {}
    outer = cast(Mapping[str, Any], body)
    inner = outer.get("error")
    if isinstance(inner, str):
        return {"message": inner}
    return cast(Mapping[str, Any], inner) if isinstance(inner, Mapping) else outer


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds to wait, from `retry-after-ms` or `Retry-After` (RFC 9110, 10.2.3: seconds or a date)."""
    milliseconds, value = headers.get("retry-after-ms"), headers.get("retry-after")
    for given, unit in ((milliseconds, 1000), (value, 1)):
        try:
            if given:
                return _seconds(float(given) / unit)
        except ValueError:
            pass
    try:
        return _seconds(parsedate_to_datetime(str(value)).timestamp() - time.time())
    except (ValueError, OverflowError):
        return None


def _seconds(given: float) -> float | None:
    """A wait that makes sense: none for what is no number."""
    return max(0.0, given) if math.isfinite(given) else None


def _clean(said: str, longest: int) -> str:
    """What a server said, in one line that can be shown and written anywhere."""
    return " ".join(printable(said[:longest], lines=False).split())


def _cause(error: BaseException) -> str:
    while error.__cause__ is not None:
        error = error.__cause__
    return str(error) or type(error).__name__
