"""Commands that are told to end, and programs that are killed: no server outlives them."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

SERVER = Path(__file__).parent.parent / "support" / "raw_server.py"

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has jobs, no signals")


def busy(log: Path) -> Iterator[int]:
    """The process ids of busy servers, as they get busy."""
    deadline, seen = time.monotonic() + 30, 0
    while time.monotonic() < deadline:
        lines = log.read_text().splitlines() if log.exists() else []
        for line in lines[seen:]:
            if line.startswith("busy "):
                yield int(line.split()[1])
        seen = len(lines)
        time.sleep(0.01)
    raise AssertionError("no server got busy")


def gone(pid: int) -> bool:
    try:
        psutil.Process(pid).wait(15)
    except psutil.NoSuchProcess:
        return True
    except psutil.TimeoutExpired:
        return False
    return True


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_command_that_is_told_to_end_takes_its_busy_server_with_it(
    tmp_path: Path, number: signal.Signals
) -> None:
    log = tmp_path / "log"
    command = [
        sys.executable, "-m", "universal_mcp_client", "call", "raw", "busy",
        "--server", f"raw={sys.executable} {SERVER} {log}",
    ]  # fmt: skip
    process = subprocess.Popen(
        command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    server = next(busy(log))
    process.send_signal(number)
    _, said = process.communicate(timeout=30)
    assert process.returncode == 128 + number
    assert "Traceback" not in said
    assert gone(server)


def test_what_nohup_ignores_stays_ignored(tmp_path: Path) -> None:
    program = (
        "import asyncio, os, signal\n"
        "from universal_mcp_client.cli.ending import ending\n"
        "signal.signal(signal.SIGHUP, signal.SIG_IGN)\n"
        "async def main():\n"
        "    os.kill(os.getpid(), signal.SIGHUP)\n"
        "    await asyncio.sleep(0)\n"
        "    print('on')\n"
        "ending(main())\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "on\n")


PROGRAM = """
import asyncio
from universal_mcp_client import Host, ToolCall

async def main():
    servers = [f"raw{{n}}={python} {server} {log}" for n in range(3)]
    async with Host(*servers) as host:
        calls = [
            host[f"raw{{n}}"].request_tool(ToolCall(id="1", name="busy")) for n in range(3)
        ]
        await asyncio.gather(*calls)

asyncio.run(main())
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_program_that_is_killed_leaves_no_busy_server_behind(
    tmp_path: Path, number: signal.Signals
) -> None:
    log = tmp_path / "log"
    text = PROGRAM.format(python=sys.executable, server=SERVER, log=log)
    process = subprocess.Popen([sys.executable, "-c", text], cwd=tmp_path)
    found = busy(log)
    servers = [next(found) for _ in range(3)]
    os.kill(process.pid, number)
    process.wait()
    assert all(gone(server) for server in servers)
