"""The SDK has a clock of its own for its first request, which asks a server for its revision."""

from collections.abc import Generator
from contextlib import contextmanager

try:
    from mcp.shared._request_clock import waiting_on_a_person
except ImportError:  # it is private to the SDK and may go; that clock then runs on

    @contextmanager
    def waiting_on_a_person() -> Generator[None]:
        """Does nothing."""
        yield


__all__ = ["waiting_on_a_person"]
