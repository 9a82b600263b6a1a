"""MCP servers: connections, their tools as a toolset, and MCP's own types kept inside."""

import logging

from universal_mcp_client.startup import importing

with importing():
    import fastmcp.client.client  # noqa: F401

# The SDK logs what servers do wrong as errors with its own traceback, and without a logger set up
# Python prints those. Our errors tell the same in words.
logging.getLogger("mcp").addHandler(logging.NullHandler())
