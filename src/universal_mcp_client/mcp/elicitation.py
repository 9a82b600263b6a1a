"""A server's questions to the user (MCP elicitation), passed to the front end."""

from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager
from typing import Any

import mcp_types

from universal_mcp_client.types.interaction import Interaction

Handler = Callable[[str, Any, Any, Any], Awaitable[Any]]


def elicitation_handler(
    server: str, interaction: Interaction, waiting: Callable[[], AbstractContextManager[None]]
) -> Handler:
    """A FastMCP elicitation handler which asks `interaction` on behalf of `server`; meanwhile it is
    inside `waiting()`."""

    async def ask(message: str, _type: Any, params: Any, _context: Any) -> mcp_types.ElicitResult:
        with waiting():
            if isinstance(params, mcp_types.ElicitRequestURLParams):
                answer = await interaction.elicit(server, message, None, params.url)
            else:
                answer = await interaction.elicit(server, message, params.requested_schema)
        content = dict(answer.content) if answer.action == "accept" and answer.content else None
        return mcp_types.ElicitResult(action=answer.action, content=content)

    return ask
