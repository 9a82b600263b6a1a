"""From a name, a client or the user's settings to a model; clouds with their own ways to log in."""

import base64
import binascii
import json
import struct
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import anthropic
import openai
import pytest
import respx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route
from tests.support.llm_server import _chat, _messages, _sse, serving

from universal_mcp_client import (
    Agent,
    BadModelRequest,
    ConfigError,
    Limits,
    ModelAuthenticationError,
    ModelNotFound,
    Price,
    Profile,
    resolve,
)
from universal_mcp_client.models.registry import ENTRY_POINTS

pytestmark = pytest.mark.anyio


def frame(event: dict[str, Any]) -> bytes:
    """An event as AWS has it (application/vnd.amazon.eventstream)."""
    payload = json.dumps({"bytes": base64.b64encode(json.dumps(event).encode()).decode()}).encode()
    told = {":event-type": "chunk", ":content-type": "application/json", ":message-type": "event"}
    head = b"".join(
        bytes([len(k)]) + k.encode() + b"\x07" + struct.pack(">H", len(v)) + v.encode()
        for k, v in told.items()
    )
    start = struct.pack(">II", 16 + len(head) + len(payload), len(head))
    start += struct.pack(">I", binascii.crc32(start))
    whole = start + head + payload
    return whole + struct.pack(">I", binascii.crc32(whole))


@dataclass
class Cloud:
    """A server that answers at any path, and remembers what it was asked."""

    url: str = ""
    asked: list[tuple[str, dict[str, str], dict[str, Any]]] = field(default_factory=list)

    async def answer(self, request: Request) -> Response:
        path = request.url.path
        self.asked.append((path, dict(request.headers), await request.json()))
        if path.endswith("invoke-with-response-stream"):

            async def frames() -> AsyncIterator[bytes]:
                for event in _messages("hello", [], 1)[1]:
                    yield frame(event)

            return StreamingResponse(frames(), media_type="application/vnd.amazon.eventstream")
        speak = _chat if path.endswith("completions") else _messages
        return StreamingResponse(
            _sse(speak("hello", [], 1)[1], False), media_type="text/event-stream"
        )


@pytest.fixture(scope="module")
def server() -> Iterator[Cloud]:
    cloud = Cloud()
    app = Starlette(routes=[Route("/{path:path}", cloud.answer, methods=["POST"])])
    for cloud.url in serving(app):
        yield cloud


@pytest.fixture
def cloud(server: Cloud, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Cloud:
    server.asked.clear()
    for name in ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "OPENAI_BASE_URL", "ANTHROPIC_BASE_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("UMCP_HOME", str(tmp_path))
    return server


async def test_an_address_a_key_and_headers_may_be_said(cloud: Cloud) -> None:
    for name, path in (("openai:m", "/x/chat/completions"), ("anthropic:m", "/x/v1/messages")):
        model = resolve(name, base_url=f"{cloud.url}/x", api_key="k", headers={"x-team": "blue"})
        assert (await Agent(model).run("?")).output == "hello"
        asked, headers, _ = cloud.asked[-1]
        assert asked == path and headers["x-team"] == "blue"
        assert "k" in (
            headers.get("authorization", "").removeprefix("Bearer "),
            headers.get("x-api-key"),
        )


async def test_a_provider_of_the_users_settings_is_one_more(
    cloud: Cloud, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ACME_KEY", "secret")
    monkeypatch.setenv("TEAM", "blue")
    text = f"""
        [providers.acme]
        wire = "anthropic"
        url = "{cloud.url}/acme"
        key = "ACME_KEY"
        headers = {{ x-team = "${{TEAM}}" }}
    """
    config = tmp_path / "config.toml"
    config.write_text(text)
    config.chmod(0o600)
    model = resolve("acme:large")
    assert model.name == "acme:large"
    assert (await Agent(model).run("?")).output == "hello"
    path, headers, body = cloud.asked[-1]
    assert (path, headers["authorization"], headers["x-team"]) == (
        "/acme/v1/messages",
        "Bearer secret",
        "blue",
    )
    assert body["model"] == "large"
    config.write_text(text.replace("acme]", "openai]"))
    with pytest.raises(
        ConfigError, match=r"\[providers.openai\] in config.toml: that name is taken"
    ):
        resolve("nobody:x")
    config.write_text(text.replace("wire", "wires"))
    with pytest.raises(ConfigError, match=r"providers\.acme\.wires"):
        resolve("nobody:x")


async def test_azure_gets_the_deployment_in_its_path(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AZURE_OPENAI_ENDPOINT", cloud.url)
    monkeypatch.setenv("AZURE_OPENAI_API_KEY", "azure-key")
    monkeypatch.setenv("OPENAI_API_VERSION", "2026-01-01")
    assert (await Agent("azure:gpt-5-east").run("?")).output == "hello"
    path, headers, body = cloud.asked[-1]
    assert path == "/openai/deployments/gpt-5-east/chat/completions"
    assert headers["api-key"] == "azure-key"
    assert body["messages"][-1]["content"] == "?"
    monkeypatch.delenv("AZURE_OPENAI_ENDPOINT")
    with pytest.raises(ConfigError, match=r"azure:gpt-5-east: .*AZURE_OPENAI_ENDPOINT"):
        await Agent("azure:gpt-5-east").run("?")


async def test_bedrock_gets_the_model_in_its_path_and_answers_in_its_own_frames(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_BEARER_TOKEN_BEDROCK", "aws-token")
    monkeypatch.setenv("AWS_REGION", "eu-north-1")
    name = "bedrock:eu.anthropic.claude-sonnet-4-5-20250929-v1:0"
    model = resolve(name, base_url=cloud.url)
    assert model.profile.effort is False  # as claude-sonnet-4-5 has it
    assert (await Agent(model).run("?")).output == "hello"
    path, headers, body = cloud.asked[-1]
    assert path == f"/model/{name.partition(':')[2]}/invoke-with-response-stream"
    assert headers["authorization"] == "Bearer aws-token"
    assert "model" not in body and body["anthropic_version"]


async def test_vertex_by_a_client_that_the_program_has(cloud: Cloud) -> None:
    client = anthropic.AsyncAnthropicVertex(
        access_token="g-token", project_id="p", region="r", base_url=f"{cloud.url}/v1"
    )
    model = resolve("vertex:claude-sonnet-5@20260101", client=client)
    async with Agent(model) as agent:
        assert (await agent.run("?")).output == "hello"
    path, headers, _ = cloud.asked[-1]
    assert path.endswith("/models/claude-sonnet-5@20260101:streamRawPredict")
    assert headers["authorization"] == "Bearer g-token"
    assert not client.is_closed()  # it is the program's
    await client.close()


async def test_a_client_of_the_program_is_used_and_its_retries_are_off(cloud: Cloud) -> None:
    client = openai.AsyncOpenAI(api_key="mine", base_url=f"{cloud.url}/mine", max_retries=7)
    model = resolve("openai:gpt-5", client=client, profile=Profile(price=Price(input=1, output=1)))
    result = await Agent(model).run("?")
    assert cloud.asked[-1][0] == "/mine/chat/completions"
    assert result.cost is not None
    await client.close()


@pytest.mark.parametrize(
    ("provider", "variable"),
    [
        ("openai", "OPENAI_API_KEY"),
        ("openai-responses", "OPENAI_API_KEY"),
        ("anthropic", "ANTHROPIC_API_KEY"),
        ("groq", "GROQ_API_KEY"),
        ("gemini", "GEMINI_API_KEY"),
    ],
)
async def test_a_key_that_is_missing_is_named_before_anything_is_sent(
    provider: str, variable: str, monkeypatch: pytest.MonkeyPatch, cloud: Cloud
) -> None:
    monkeypatch.delenv(variable, raising=False)
    with pytest.raises(ModelAuthenticationError, match=f"set {variable}"):
        await Agent(f"{provider}:m").run("?")


async def test_a_server_of_ones_own_needs_no_key(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    config = tmp_path / "config.toml"
    config.write_text(f'[providers.here]\nurl = "{cloud.url}"\nkey = "NO_SUCH_KEY"\n')
    config.chmod(0o600)
    assert (await Agent("here:m").run("?")).output == "hello"
    for name in ("ollama", "vllm"):
        monkeypatch.setenv(f"{name.upper()}_BASE_URL", cloud.url)
        assert (await Agent(f"{name}:m").run("?")).output == "hello"


async def test_what_variables_say_for_a_vendor_goes_nowhere_else(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_ORG_ID", "secret")
    monkeypatch.setenv("OPENAI_PROJECT_ID", "secret")
    monkeypatch.setenv("OPENAI_CUSTOM_HEADERS", "x-gateway: secret")
    monkeypatch.setenv("ANTHROPIC_CUSTOM_HEADERS", "x-gateway: secret")
    monkeypatch.setenv("ANTHROPIC_AUTH_TOKEN", "secret")
    monkeypatch.setenv("OLLAMA_BASE_URL", cloud.url)
    for model in (
        resolve("ollama:m"),
        resolve("openai:m", base_url=cloud.url, api_key="k"),
        resolve("anthropic:m", base_url=cloud.url, api_key="k"),
    ):
        await Agent(model).run("?")
        assert "secret" not in str(cloud.asked[-1][1])
    monkeypatch.setenv("OPENAI_BASE_URL", cloud.url)  # a gateway, as these variables know it
    await Agent("openai:m").run("?")
    assert cloud.asked[-1][1]["x-gateway"] == "secret"


@pytest.mark.parametrize("name", ["openai:m", "openai-responses:m", "anthropic:m"])
async def test_a_redirect_takes_nothing_to_another_address(
    name: str, httpx2_mock: respx.Router, cloud: Cloud
) -> None:
    httpx2_mock.post(url__startswith="https://first.example/").respond(
        307, headers={"location": "https://other.example/x"}
    )
    model = resolve(name, base_url="https://first.example/v1", api_key="k")
    with pytest.raises(BadModelRequest, match=r"sends to https://other.example/x, which is not"):
        await Agent(model).run("?")
    assert [call.request.url.host for call in httpx2_mock.calls] == ["first.example"]


async def test_an_address_that_is_none_is_said(httpx2_mock: respx.Router) -> None:
    with pytest.raises(ConfigError, match=r"base_url='localhost:8000' must begin with http://"):
        resolve("openai:gpt-5", base_url="localhost:8000")
    httpx2_mock.post("https://first.example/chat/completions").respond(404, text="Not Found")
    model = resolve("openai:gpt-5", base_url="https://first.example", api_key="k")
    with pytest.raises(ModelNotFound, match="is the address right"):
        await Agent(model).run("?")


async def test_of_anthropics_two_variables_the_key_holds_and_a_key_that_was_said_before_both(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ANTHROPIC_BASE_URL", cloud.url)
    monkeypatch.setenv("ANTHROPIC_AUTH_TOKEN", "token")
    sent = list[str]()
    for key, said in ((None, None), ("key", None), ("key", "mine")):
        if key:
            monkeypatch.setenv("ANTHROPIC_API_KEY", key)
        await Agent(resolve("anthropic:m", api_key=said)).run("?")
        headers = cloud.asked[-1][1]
        sent.append(headers.get("x-api-key") or headers["authorization"].removeprefix("Bearer "))
    assert sent == ["token", "key", "mine"]


async def test_a_plugins_model_is_none_that_a_test_suite_allows(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    plugin = EntryPoint("acme", "universal_mcp_client.testing:ScriptedModel", ENTRY_POINTS)
    monkeypatch.setattr("importlib.metadata.entry_points", lambda **_: [plugin])
    model = resolve("acme:hello", price=Price(input=1, output=1))
    assert (await Agent(model, limits=Limits(cost=1.0)).run("?")).output == "hello"
    monkeypatch.setenv("UMCP_ALLOW_MODEL_REQUESTS", "0")
    with pytest.raises(ConfigError, match="was about to be asked"):
        await Agent(resolve("acme:hello")).run("?")


@pytest.mark.parametrize(
    ("name", "given", "says"),
    [
        ("openai:x", {"client": openai.OpenAI(api_key="x")}, "is a sync client"),
        (
            "anthropic:x",
            {"client": openai.AsyncOpenAI(api_key="x")},
            "no async client of the anthropic",
        ),
        ("openai:x", {"client": object()}, "object is no async client of the openai SDK"),
        ("openai:x", {"client": 1, "api_key": "k"}, "give api_key= to the client itself"),
        ("local:x", {"base_url": "http://x"}, "local: models take no base_url="),
        ("claude-sonnet-5", {}, "write anthropic:claude-sonnet-5"),
        ("gpt-5", {}, "write openai:gpt-5"),
        ("o3-mini", {}, "write openai:o3-mini"),
        ("gemini-3-pro", {}, "write gemini:gemini-3-pro"),
        ("openai/gpt-5", {}, "write openai:gpt-5"),
        ("anthropic/claude-sonnet-5", {}, "write anthropic:claude-sonnet-5"),
        ("openai:", {}, "such as openai:gpt-5"),
        (" OpenAI:gpt-5", {}, "Did you mean openai:gpt-5"),
        ("google-gla:gemini-2.5-pro", {}, "Did you mean gemini:gemini-2.5-pro"),
        ("antropic:claude", {}, "Did you mean anthropic:claude"),
        ("mystery", {}, "The providers are: anthropic"),
    ],
)
def test_what_is_no_model_is_said_with_what_to_write(name: str, given: Any, says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        resolve(name, **given)
