"""Whom a server takes us for: headers and `_meta` of whoever makes a call, over one connection."""

import asyncio
import json
import logging
import sys
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

import pytest
from tests.mcp.test_elicitation import NOSY, Person
from tests.support.tenants_server import tenants

from universal_mcp_client import Agent, ConfigError, Host, ServerConfig, ServerUnavailable
from universal_mcp_client.config.auth import OAuth
from universal_mcp_client.models.base import ModelRequest
from universal_mcp_client.testing import ScriptedModel, call
from universal_mcp_client.tools.base import RunContext
from universal_mcp_client.tools.rules import Approval
from universal_mcp_client.types.messages import ToolCall, ToolResult

pytestmark = pytest.mark.anyio


@pytest.fixture(params=[False, True], ids=["2025-11-25", "2026-07-28"])
def era(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


def api(url: str, **more: Any) -> ServerConfig:
    given: dict[str, Any] = {"meta": lambda ctx: {"tenant": ctx.deps and ctx.deps.name}}
    given |= {"headers": lambda ctx: {"Authorization": ctx.deps.token}, "transport": "http"} | more
    return ServerConfig(name="api", url=url, **given)


@dataclass(frozen=True)
class Tenant:
    name: str

    @property
    def token(self) -> str:
        return f"Bearer token-of-{self.name}"


def of(who: str, **more: Any) -> RunContext[Tenant]:
    return RunContext(deps=Tenant(who), **more)


async def called(host: Host, tool: str, context: RunContext[Any] | None = None) -> ToolResult:
    return await host.call_tool(ToolCall(id="1", name=tool, arguments={}), context)


def passed_on(tool: str) -> ScriptedModel:
    """Calls the tool, and answers with what it said; for a hundred runs at once."""

    def reply(request: ModelRequest) -> str | ToolCall:
        last = request.messages[-1].parts[-1]
        if isinstance(last, ToolResult):
            return last.text
        return call(tool, **dict.fromkeys(request.tools[0].input_schema.get("required", ()), "x"))

    return ScriptedModel(*[reply] * 202)


async def test_a_hundred_runs_at_once_of_three_tenants_share_a_connection_and_no_token(
    era: bool,
) -> None:
    names = [("anna", "ben", "cleo")[n % 3] for n in range(100)]
    with tenants(modern=era, gathers=100) as (server, url):
        async with Agent(passed_on("whoami"), servers=[api(url)]) as agent:
            runs = await asyncio.gather(*(agent.run("Who am I?", deps=Tenant(n)) for n in names))
            await agent.run("And later?", deps=Tenant("anna"))
    assert [json.loads(run.output)[:2] for run in runs] == [
        [f"Bearer token-of-{who}", who] for who in names
    ]
    assert server.sent("initialize") == ([] if era else [None])
    signed = {method for method, headers in server.seen if "authorization" in headers}
    assert signed == {"tools/call"}  # what no run asks for carries nobody's token
    assert not [headers for _, headers in server.seen if "cookie" in headers]


async def test_a_call_that_is_sent_again_carries_the_same_callers_headers() -> None:
    with tenants(modern=False) as (server, url):
        async with Host(api(url)) as host:
            await called(host, "whoami", of("ben"))
            server.forgets = 1
            result = await called(host, "whoami", of("anna"))
    assert json.loads(result.text)[0] == "Bearer token-of-anna"
    assert server.sent("tools/call")[1:] == ["Bearer token-of-anna"] * 2
    assert server.sent("initialize") == [None, None]  # opened again, and by nobody


async def test_what_no_run_asks_for_is_signed_with_an_empty_context(era: bool) -> None:
    def headers(context: RunContext[Any]) -> dict[str, str]:
        return {"Authorization": context.deps.token if context.deps else "Bearer of-the-service"}

    with tenants(modern=era, locked=True) as (server, url):
        async with Host(api(url, headers=headers)) as host:
            await called(host, "whoami", of("anna"))
    assert server.sent("tools/call") == ["Bearer token-of-anna"]
    assert {h["authorization"] for m, h in server.seen if m != "tools/call"} == {
        "Bearer of-the-service"
    }


async def test_a_server_that_wants_a_token_of_nobody_says_what_its_function_lacks() -> None:
    person = Person()
    with tenants(modern=True, locked=True) as (server, url):
        async with Host(api(url), interaction=person) as host:
            failed = str(host.failures["api"])
    assert "'api'" in failed and "its function gives" in failed and "`deps` None" in failed
    assert "GET" not in [method for method, _ in server.seen]  # nobody looks for a login for all


async def test_authorization_of_the_function_goes_before_a_login() -> None:
    def headers(context: RunContext[Any]) -> dict[str, str]:
        return {"Authorization": "Bearer mine", "X-Tenant": "anna"}

    with tenants(modern=False) as (server, url):
        async with Host(api(url, headers=headers, auth=OAuth())) as host:
            assert json.loads((await called(host, "whoami")).text)[0] == "Bearer mine"
            server.refuses = True
            refused = await called(host, "whoami")
    assert "refuses the request (HTTP 401)" in refused.text and "log" not in refused.text
    assert server.seen[-1][1]["x-tenant"] == "anna"


@pytest.mark.parametrize(
    ("given", "why"),
    [
        (None, "not NoneType"),
        (["a"], "not list"),
        ({"X-Token": None}, "'X-Token'"),
        ({"X-Token": b"a"}, "'X-Token'"),
        ({"X-Token": "a\r\nX-Admin: yes"}, "line break"),
        ({"X-Token": "a\n"}, "line break"),
        ({"X-Tökn": "a"}, "no name"),
        ({"MCP-Session-Id": "forged"}, "the protocol itself sets"),
        ({"X-Token": "schlüssel"}, "ASCII"),
    ],
)
async def test_headers_that_cannot_be_sent_are_refused_and_nothing_is_sent(
    given: Any, why: str
) -> None:
    def headers(context: RunContext[Any]) -> Any:
        return given if context.deps else {}

    with tenants(modern=False) as (server, url):
        async with Host(api(url, headers=headers)) as host:
            with pytest.raises(ConfigError, match=r"'api'.*header") as refused:
                await called(host, "whoami", of("anna"))
            assert why in str(refused.value) and "X-Admin" not in str(refused.value)
            assert server.sent("tools/call") == []
            assert not (await called(host, "whoami")).is_error  # and costs nobody else
        async with Host(api(url, headers=lambda ctx: given)) as host:  # where none can connect
            of_nobody = given == {"X-Token": None}  # as it is where no run asks
            assert of_nobody or why in str(host.failures["api"])


async def test_headers_that_are_written_down_are_held_against_the_same_rules() -> None:
    async with Host(
        api("http://127.0.0.1:9/mcp", headers={"X-Token": "a\r\nX-Admin: yes"})
    ) as host:
        assert "line break" in str(host.failures["api"])
    for wrong in ({"X-Token": 7}, "X-Token: 7", None):
        with pytest.raises(ConfigError, match=r"'api'.* headers must be strings by name"):
            api("http://127.0.0.1:9/mcp", headers=wrong)


async def test_a_function_that_raises_costs_its_call_and_tells_the_model_no_text(
    era: bool,
) -> None:
    async def headers(context: RunContext[Any]) -> dict[str, str]:
        await asyncio.sleep(0)
        if not context.deps:
            raise KeyError("Bearer s3cr3t")
        return {}

    with tenants(modern=era) as (server, url):
        async with Host(api(url, headers=headers)) as host:
            lost, kept = await asyncio.gather(
                called(host, "whoami", RunContext()), called(host, "whoami", of("ben"))
            )
            with pytest.raises(ServerUnavailable) as raised:
                await host["api"].request_tool(ToolCall(id="1", name="whoami", arguments={}))
    assert lost.text == (
        "Server 'api': its headers function raised KeyError. The call was not made."
    )
    assert isinstance(raised.value.__cause__, KeyError)  # for the program
    assert not kept.is_error and len(server.sent("tools/call")) == 1


async def test_a_header_of_nobody_is_left_out_where_no_run_asks(era: bool) -> None:
    config_of = {"headers": lambda context: {"Authorization": context.deps}}
    with tenants(modern=era) as (_, url):
        async with Host(api(url, meta={}, **config_of)) as host:
            named = await called(host, "whoami", RunContext(deps="Bearer token-of-anna"))
            with pytest.raises(ConfigError, match="'Authorization' must be a string, not NoneType"):
                await called(host, "whoami", RunContext())
    assert "anna" in named.text


async def test_a_function_whose_own_waiting_is_cancelled_costs_its_call_alone(era: bool) -> None:
    async def headers(context: RunContext[Any]) -> dict[str, str]:
        if context.deps and context.deps.name == "anna":
            renewing = asyncio.create_task(asyncio.sleep(60))
            asyncio.get_running_loop().call_soon(renewing.cancel)
            await renewing
        return {}

    with tenants(modern=era) as (_, url):
        async with Host(api(url, headers=headers)) as host:
            lost, kept = await asyncio.gather(
                called(host, "whoami", of("anna")), called(host, "whoami", of("ben"))
            )
            assert host["api"].connected
    assert "its headers function raised CancelledError. The call was not made." in lost.text
    assert not kept.is_error


async def test_a_function_that_hangs_ends_with_the_time_of_its_call() -> None:
    ended = asyncio.Event()

    async def headers(context: RunContext[Any]) -> dict[str, str]:
        try:
            await asyncio.sleep(60 if context.deps else 0)
        finally:
            ended.set()
        return {}

    with tenants(modern=False) as (_, url):
        async with Host(api(url, headers=headers, timeout=0.2)) as host:
            assert "did not answer" in (await called(host, "whoami", of("anna"))).text
            assert ended.is_set() and not (await called(host, "whoami")).is_error


@pytest.mark.parametrize("hangs", [True, False])
async def test_an_answer_to_a_question_waits_for_no_headers_that_hang(
    hangs: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("universal_mcp_client.mcp.http._FAREWELL", 0.1)
    person, given = Person(), 0

    async def headers(context: RunContext[Any]) -> dict[str, str]:
        nonlocal given
        given += context.deps is not None
        if given > 1:
            await asyncio.sleep(60 * hangs)
            raise OSError
        return {"Authorization": "Bearer first"} if context.deps else {}

    with tenants(modern=False) as (server, url):
        async with Host(api(url, headers=headers)) as host:
            asked = await called(host, "ask", asks(person))
    if hangs:
        assert (asked.text, server.sent("answer")) == ("accept", ["Bearer first"])
    else:
        assert "raised OSError. The call may or may not have taken effect" in asked.text


async def test_the_legacy_transport_sends_each_call_with_its_callers_headers_too() -> None:
    def headers(context: RunContext[Any]) -> dict[str, str]:
        if context.deps and context.deps.name == "nobody":
            raise KeyError
        return {"Authorization": context.deps.token} if context.deps else {}

    names = ["anna", "ben"] * 10
    with tenants(modern=False, gathers=20) as (server, url):
        at = url.replace("/mcp", "/sse")
        async with Host(api(at, transport="sse", headers=headers)) as host:
            lost = await called(host, "whoami", of("nobody"))
            found = await asyncio.gather(*(called(host, "whoami", of(who)) for who in names))
    assert "was not made" in lost.text
    assert server.sent("initialize") == [None]  # what it costs is not the connection
    assert [json.loads(result.text)[1] for result in found] == names
    assert [json.loads(result.text)[0] for result in found] == [of(who).deps.token for who in names]


@pytest.mark.filterwarnings("ignore:The logging capability is deprecated")
async def test_no_error_and_no_log_shows_a_token_of_the_function(
    era: bool, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "universal_mcp_client")
    anna = of("s3cr3t-anna")
    with tenants(modern=era) as (_, url):
        async with Host(api(url)) as host:
            result = await called(host, "echo_error", anna)
    assert "no rights for" in result.text
    assert "s3cr3t" not in result.text + caplog.text


locale: ContextVar[str] = ContextVar("locale", default="-")


async def test_meta_is_worked_out_of_the_context_whose_own_goes_before_it() -> None:
    async def meta(context: RunContext[Any]) -> dict[str, Any]:
        return {"tenant": locale.get(), "trace": "of the server"}

    with tenants(modern=True) as (_, url):
        async with Host(api(url, headers={}, meta=meta)) as host:
            locale.set("no")
            plain = await called(host, "whoami", RunContext())
            traced = await called(host, "whoami", RunContext(meta={"trace": "of the call"}))
        async with Host(api(url, headers={}, meta={"tenant": {1}})) as host:
            with pytest.raises(ConfigError, match=r"'api'.*meta"):
                await called(host, "whoami")
    assert json.loads(plain.text) == [None, "no", "of the server"]
    assert json.loads(traced.text) == [None, "no", "of the call"]


def asks(person: Person, who: str = "anna") -> RunContext[Any]:
    return of(who, approval=Approval(interaction=person))


async def test_a_servers_question_is_answered_by_whom_the_run_asks(era: bool) -> None:
    people = [Person() for _ in range(8)]
    with tenants(modern=era) as (server, url):
        async with Host(api(url)) as host:
            found = await asyncio.gather(*(called(host, "ask", asks(p)) for p in people))
    assert [result.text for result in found] == ["accept"] * 8
    assert [person.asked for person in people] == [["Who?"]] * 8
    assert set(server.sent("answer")) <= {"Bearer token-of-anna"}  # an answer is its caller's too


async def test_a_servers_question_to_an_agent_among_the_tools_goes_to_the_callers_person(
    era: bool,
) -> None:
    person = Person()
    with tenants(modern=era) as (_, url):
        inner = Agent(passed_on("ask"), servers=[api(url)], name="clerk", description="Asks.")
        async with Agent(passed_on("clerk"), tools=[inner], interaction=person) as outer:
            run = await outer.run("Ask.", deps=Tenant("anna"))
    assert (run.output, person.asked) == ("accept", ["Who?"])


async def test_an_interaction_of_the_host_is_asked_before_that_of_the_run(era: bool) -> None:
    own, runs = Person(), Person()
    with tenants(modern=era) as (_, url):
        async with Host(api(url), interaction=own) as host:
            await called(host, "ask", asks(runs))
    assert (own.asked, runs.asked) == (["Who?"], [])


async def test_a_question_that_names_no_call_is_declined_and_the_model_told() -> None:
    person = Person()
    survey = ToolCall(id="1", name="survey", arguments={"questions": 1})
    with tenants(modern=False) as (_, url):
        async with Host(f"nosy={sys.executable} {NOSY}", api(url)) as host:
            over_stdio = await host["nosy"].call_tool(survey, asks(person))
            over_http = await called(host, "ask_anyone", asks(person))
            nobody = await called(host, "ask", of("ben"))
    assert person.asked == []
    for result in (over_stdio, over_http, nobody):
        assert result.text.startswith("decline") and "nobody is there to answer" in result.text
