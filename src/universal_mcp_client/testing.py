"""For tests of programs that use agents: a model that follows a script. See docs/testing.md."""

from universal_mcp_client.models.scripted import ScriptedModel, call

__all__ = ["ScriptedModel", "call"]
