"""Signals, on loops that handle them and on those of Windows, which do not."""

import asyncio
import signal
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from universal_mcp_client.ui.signals import on_signal


def refuses(*arguments: Any) -> None:
    raise NotImplementedError


@pytest.fixture
def reached() -> Iterator[list[int]]:
    """The signals that reached the handler which was there before."""
    found: list[int] = []
    before = signal.signal(signal.SIGINT, lambda number, frame: found.append(number))
    yield found
    signal.signal(signal.SIGINT, before)


@pytest.mark.parametrize("windows", [False, True], ids=["unix", "windows"])
async def test_ctrl_c_cancels_what_runs_each_time_and_then_does_what_it_did_before(
    windows: bool, reached: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    if windows:
        monkeypatch.setattr(asyncio.get_running_loop(), "add_signal_handler", refuses)

    async def interrupted(during: Callable[[], None]) -> bool:
        task = asyncio.create_task(asyncio.Event().wait())
        with on_signal(signal.SIGINT, task.cancel):
            during()
            await asyncio.wait({task}, timeout=10)
        return task.cancelled()

    for _ in range(2):
        assert await interrupted(lambda: signal.raise_signal(signal.SIGINT))
    assert reached == []
    signal.raise_signal(signal.SIGINT)
    assert reached == [signal.SIGINT]
