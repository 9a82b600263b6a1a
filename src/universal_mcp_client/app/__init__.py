"""The composition root: the one place where agents, models and MCP servers meet."""

from universal_mcp_client.app.agent import Agent as Agent
from universal_mcp_client.app.ask import ask as ask
