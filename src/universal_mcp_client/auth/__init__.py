"""Logins at MCP servers: OAuth 2.1 for people and for machines, and the stores of their tokens."""
