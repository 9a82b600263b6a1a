"""A request's time measures the server: it does not run while a person is asked."""

from collections.abc import Generator
from contextlib import contextmanager

try:
    from mcp.shared._request_clock import waiting_on_a_person
except ImportError:  # it is private to the SDK and may go; the request's time then runs on

    @contextmanager
    def waiting_on_a_person() -> Generator[None]:
        """Does nothing."""
        yield


__all__ = ["waiting_on_a_person"]
