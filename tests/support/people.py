"""Somebody at the other end, for tests."""

from universal_mcp_client.types.interaction import Elicited, LoginRequest, Verdict
from universal_mcp_client.types.messages import ToolCall
from universal_mcp_client.types.tools import JSONSchema, ToolSpec


class Person:
    """Allows every call and is called Ann; notes what it was asked, or where it was sent."""

    can_log_in = False

    def __init__(self) -> None:
        self.asked: list[str] = []

    async def approve(self, call: ToolCall, spec: ToolSpec) -> Verdict:
        return Verdict(allowed=True)

    async def elicit(
        self, server: str, message: str, schema: JSONSchema | None, url: str | None = None
    ) -> Elicited:
        self.asked.append(url or message)
        return Elicited(action="accept", content={"name": "Ann"})

    async def login(self, request: LoginRequest) -> str | None:
        return None
