"""The measure itself: what blocks or takes memory is seen."""

import pytest
from tests.support.hostile import run_hostile


def test_a_program_that_does_nothing_is_far_from_the_bounds() -> None:
    found = run_hostile("await asyncio.sleep(0)\nprint('done')", memory_mb=200, stall=0.1)
    assert found.out == "done\n"


def test_what_takes_much_here_is_not_counted_there() -> None:
    """A process begins with the peak of the one that starts it, as getrusage counts."""
    taken = b"x" * 300_000_000
    assert run_hostile("print('done')").memory_mb < 200
    assert taken


def test_a_loop_that_stands_still_and_memory_that_is_taken_are_seen() -> None:
    with pytest.raises(AssertionError, match="stood still"):
        run_hostile(
            """
            await asyncio.sleep(0)
            end = time.thread_time() + 0.6
            while time.thread_time() < end: pass
            await asyncio.sleep(0)
            """,
            stall=0.5,
        )
    with pytest.raises(AssertionError, match="it took"):
        run_hostile("kept = b'x' * 300_000_000")
