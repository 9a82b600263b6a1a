"""A server's questions to the user (MCP elicitation), passed to the front end."""

import logging
from collections.abc import Awaitable, Callable
from typing import Any

import mcp_types

from universal_mcp_client.mcp.calls import Calls, current
from universal_mcp_client.policy.visits import visit
from universal_mcp_client.types.interaction import Elicited, Interaction

Handler = Callable[[str, Any, Any, Any], Awaitable[Any]]

QUESTIONS = 10
"""That a server may ask during one request."""

TOO_MANY = (
    f"(The server had more than {QUESTIONS} questions to the user in this call; those beyond were "
    "declined unasked.)"
)
"""For the model, which else takes them for the user's own no."""

NOBODY = "(The server had a question to the user, declined unasked: nobody is there to answer.)"

logger = logging.getLogger(__name__)


def elicitation_handler(server: str, interaction: Interaction | None, calls: Calls) -> Handler:
    """A FastMCP elicitation handler which asks `interaction` on behalf of `server`, or without one
    the interaction of the run that made the call; meanwhile no clock of `calls` runs. Declined
    unasked are questions beyond the limit, addresses that nobody should visit, and what nobody is
    there for: no run has an interaction, or it is not told whose call the question is for."""

    async def ask(message: str, _type: Any, params: Any, _context: Any) -> mcp_types.ElicitResult:
        # For whose call the server asks, where that is told: nobody guesses.
        asking = call if (call := current.get()) in calls.live else None
        context = asking.context if asking else None
        who = interaction or (context.approval.interaction if context else None)
        if who is None:
            for call in (asking,) if asking else calls.live:
                call.unheard = True
            return mcp_types.ElicitResult(action="decline")
        if (asked := calls.question()) > QUESTIONS:
            if asked == QUESTIONS + 1:  # the others would only repeat it
                logger.warning(
                    "Server %r asked more than %d questions in one request; those were declined.",
                    server,
                    QUESTIONS,
                )
            return mcp_types.ElicitResult(action="decline")
        try:
            async with calls.asking():
                answer = await put(who, message, params)
        except TimeoutError:  # the person has left the call, and the question with it
            return mcp_types.ElicitResult(action="cancel")
        content = dict(answer.content) if answer.action == "accept" and answer.content else None
        return mcp_types.ElicitResult(action=answer.action, content=content)

    async def put(interaction: Interaction, message: str, params: Any) -> Elicited:
        if not isinstance(params, mcp_types.ElicitRequestURLParams):
            return await interaction.elicit(server, message, params.requested_schema)
        try:
            visit(params.url)
        except ValueError as error:
            logger.warning("Server %r wanted an address visited: %s; declined.", server, error)
            return Elicited(action="decline")
        return await interaction.elicit(server, message, None, params.url)

    return ask
