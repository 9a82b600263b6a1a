"""Which scopes to ask for (MCP 2026-07-28, basic/authorization, scope selection)."""

from collections.abc import Sequence

from universal_mcp_client.auth.challenge import Challenge
from universal_mcp_client.auth.metadata import Discovered
from universal_mcp_client.config.auth import Credentials, OAuth, scope_list


def wanted_scopes(
    settings: Credentials, granted: Sequence[str], challenge: Challenge, found: Discovered
) -> Sequence[str]:
    """What the challenge names, else what the resource's metadata names, else nothing; with what the
    user asks for, and on step-up with what was `granted` before."""
    own = scope_list(settings.scopes)
    wanted = [*own]
    if challenge.step_up:
        wanted += granted
    if challenge.scopes is not None:
        wanted += challenge.scopes
    elif not own:
        wanted += found.resource_scopes or ()
    offered = found.issuer.scopes_supported or ()
    if wanted and "offline_access" in offered and isinstance(settings, OAuth):
        wanted.append("offline_access")
    return tuple(dict.fromkeys(wanted))
