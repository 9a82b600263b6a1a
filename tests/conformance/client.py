"""The client that the official conformance suite drives: our `Host`, with what a scenario chooses.

The suite (npm `@modelcontextprotocol/conformance`) starts this with the server's URL as the last
argument, and says which scenario it is in the environment. `make conformance` runs it.
"""

import asyncio
import json
import os
import sys
from collections.abc import Mapping
from typing import Any

import httpx2

from universal_mcp_client import (
    CallContext,
    ClientCredentials,
    EnterpriseIdentity,
    Host,
    IntegrityError,
    OAuth,
    ServerConfig,
    ToolCall,
    WorkloadIdentity,
)
from universal_mcp_client.types.interaction import Elicited, LoginRequest, Verdict
from universal_mcp_client.types.tools import ToolSpec

METADATA_DOCUMENT = "https://conformance-test.local/client-metadata.json"


class Person:
    """Says yes to everything, and logs in without a screen."""

    can_log_in = True

    async def approve(self, call: ToolCall, spec: ToolSpec) -> Verdict:
        return Verdict(allowed=True)

    async def elicit(
        self, server: str, message: str, schema: Any, url: str | None = None
    ) -> Elicited:
        properties = (schema or {}).get("properties") or {}
        return Elicited(
            action="accept",
            content={
                name: form["default"] for name, form in properties.items() if "default" in form
            },
        )

    async def login(self, request: LoginRequest) -> str | None:
        async with httpx2.AsyncClient() as browser:
            response = await browser.get(request.url)
        return response.headers["location"]


def auth(scenario: str, context: Mapping[str, Any]) -> Any:
    """How the scenario wants us to log in."""
    match scenario:
        case "auth/pre-registration":
            return OAuth(client_id=context["client_id"], client_secret=context["client_secret"])
        case "auth/client-credentials-basic":
            return ClientCredentials(
                client_id=context["client_id"], client_secret=context["client_secret"]
            )
        case "auth/client-credentials-jwt":
            return ClientCredentials(
                client_id=context["client_id"],
                private_key=context["private_key_pem"],
                algorithm=context["signing_algorithm"],
            )
        case "auth/enterprise-managed-authorization":
            return EnterpriseIdentity(
                client_id=context["client_id"],
                client_secret=context["client_secret"],
                id_token=context["idp_id_token"],
                idp_token_endpoint=context["idp_token_endpoint"],
                idp_client_id=context["idp_client_id"],
            )
        case "auth/wif-jwt-bearer":
            return WorkloadIdentity(client_id=context["client_id"], assertion=context["valid_jwt"])
        case _:
            return OAuth(client_metadata_url=METADATA_DOCUMENT)


def example(schema: Mapping[str, Any]) -> Any:
    """A value that fits a schema."""
    if "const" in schema:
        return schema["const"]
    if "default" in schema:
        return schema["default"]
    if schema.get("enum"):
        return schema["enum"][0]
    kind = schema.get("type")
    match kind[0] if isinstance(kind, list) else kind:
        case "object":
            properties = schema.get("properties") or {}
            return {name: example(form) for name, form in properties.items()}
        case "number" | "integer":
            return schema.get("minimum", 3)
        case "boolean":
            return True
        case "array":
            return [example(schema["items"])] if isinstance(schema.get("items"), dict) else []
        case "null":
            return None
        case _:
            return "example"


async def main(url: str, scenario: str, context: Mapping[str, Any]) -> int:
    config = ServerConfig(
        name="conformance",
        transport="http",
        url=url,
        auth=auth(scenario, context),
        connect_timeout=120.0,  # all scenarios start at once
    )
    async with Host(config, interaction=Person(), token_store="memory:") as host:
        for error in host.failures.values():
            print(f"{type(error).__name__}: {error}", file=sys.stderr)
            return 1
        for skill in await host["conformance"].list_skills():
            if scenario == "sep-2640-client-no-prefetch":
                continue
            try:
                await host["conformance"].read_skill(skill)
            except IntegrityError as error:
                print(error, file=sys.stderr)
                continue
            for file in skill.files or ():
                await host["conformance"].read_skill_file(skill, file.uri)
        calls: list[tuple[str, Any]] = [
            (tool["name"], tool["arguments"]) for tool in context.get("toolCalls", ())
        ]
        if not calls:
            specs = {spec.name: spec for spec in await host.list_tools()}
            calls = [(name, example(spec.input_schema)) for name, spec in specs.items()]
            if scenario == "json-schema-2020-12-preservation":
                seen = specs["json_schema_2020_12_tool"].input_schema
                calls = [("json_schema_echo", {"schema": seen})]
        for name, arguments in calls:
            call = ToolCall(id=name, name=name, arguments=arguments)
            # The server itself: a host would refuse arguments that its schema does not allow.
            result = await host["conformance"].call_tool(call, CallContext())
            print(f"{name}: {result.text[:200]}")
    return 0


if __name__ == "__main__":
    scenario = os.environ.get("MCP_CONFORMANCE_SCENARIO", "")
    context = json.loads(os.environ.get("MCP_CONFORMANCE_CONTEXT") or "{}")
    sys.exit(asyncio.run(main(sys.argv[-1], scenario, context)))
