"""MCP servers: connections, their tools as a toolset, and MCP's own types kept inside."""

from universal_mcp_client.startup import importing

with importing():
    import fastmcp.client.client  # noqa: F401
