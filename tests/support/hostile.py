"""Runs a program in a process of its own and measures what it takes: memory, and how long its event
loop's thread computed without looking at anything else.

The program is the body of `async def main()`. The hostile server, where there is one, is a process
of its own: what it needs is not counted.
"""

import subprocess
import sys
import textwrap
from dataclasses import dataclass

_FRAME = """
import asyncio, json, re, selectors, sys, time

class Selector(selectors.DefaultSelector):
    '''Notes the CPU time of the loop's thread from one look at its descriptors to the next.'''
    longest = 0.0
    last = None
    def select(self, timeout=None):
        now = time.thread_time()
        if self.last is not None:
            Selector.longest = max(Selector.longest, now - self.last)
        try:
            return super().select(timeout)
        finally:
            self.last = time.thread_time()

def peak_mb():
    if sys.platform == "linux":  # getrusage begins with the peak of the process that started this
        with open("/proc/self/status") as status:
            return int(re.search(r"VmHWM:\\s+(\\d+) kB", status.read())[1]) / 1024
    if sys.platform == "win32":
        import psutil
        return psutil.Process().memory_info().peak_wset / 1024**2
    import resource
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2

async def main():
{program}

async def measured():
    await asyncio.sleep(0)  # imports before the first await of the program count; these do not
    Selector.longest = 0.0
    await main()

loop = asyncio.SelectorEventLoop(Selector())
asyncio.set_event_loop(loop)
loop.run_until_complete(measured())
loop.run_until_complete(asyncio.sleep(0))
loop.run_until_complete(loop.shutdown_default_executor())
print("\\x1e" + json.dumps({{"memory_mb": peak_mb(), "stall": Selector.longest}}))
"""
_IMPORTS = """\
import universal_mcp_client
from universal_mcp_client import Agent, Host, ToolCall
from universal_mcp_client.testing import ScriptedModel, call
import mcp.types, fastmcp, jsonschema, pydantic
"""


@dataclass(frozen=True)
class Measured:
    """`memory_mb`: the peak of the process; `stall`: seconds; `out`: what the program printed."""

    memory_mb: float
    stall: float
    out: str


def run_hostile(
    program: str, *, memory_mb: float = 300, stall: float = 1.5, timeout: float = 60
) -> Measured:
    """Run `program` and hold it to its bounds. Libraries are imported before the clock starts."""
    import json

    body = textwrap.indent(textwrap.dedent(program).strip("\n"), "    ")
    done = subprocess.run(
        [
            sys.executable,
            "-W",
            "error::ResourceWarning",
            "-c",
            _IMPORTS + _FRAME.format(program=body),
        ],
        capture_output=True,
        text=True,
        timeout=timeout,
    )
    assert done.returncode == 0, done.stderr[-3_000:]
    out, _, numbers = done.stdout.rpartition("\x1e")
    found = Measured(out=out, **json.loads(numbers))
    assert found.memory_mb < memory_mb, f"it took {found.memory_mb:.0f} MB"
    assert found.stall < stall, f"the loop stood still for {found.stall:.2f} s"
    return found
