"""Models that run in this process, by llama.cpp (`pip install 'universal-mcp-client[local]'`)."""

from universal_mcp_client.models.local.model import LocalModel

__all__ = ["LocalModel"]
