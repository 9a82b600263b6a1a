"""What every contestant shares: its task, its marks of time, its report. Standard library only.

The runner gives a task in the environment and reads one line back:

    BENCH_LLM_URL    base URL of an OpenAI-compatible server, with BENCH_SERVERS the MCP servers
    BENCH_PROMPTS    JSON list; several prompts run at the same time in this one process
    BENCH_WARM       a prompt to run once before measuring
    BENCH_STREAM     "1": stream, and note the first delta and how many there were
    BENCH_RESULT …   the last line of stdout: whether all answers held DONE, and the marks, each
                     [CLOCK_MONOTONIC in s, CPU of this process in s]
"""

import asyncio
import json
import os
import sys
import time
import traceback
from collections.abc import Awaitable, Callable
from pathlib import Path

LLM = os.environ.get("BENCH_LLM_URL", "")
KEY = "sk-bench"
MODEL = "gpt-4o"
SERVERS = json.loads(os.environ.get("BENCH_SERVERS", "[]"))
MAX_TURNS = 500

_prompts = json.loads(os.environ.get("BENCH_PROMPTS", "[]"))
_report = {"ok": False, "marks": {}}


def _mark(name: str) -> None:
    _report["marks"][name] = [time.monotonic(), time.process_time()]


_mark("start")


def _finish() -> None:
    try:
        with Path("/proc/self/status").open() as status:
            peak = next(line for line in status if line.startswith("VmHWM"))
        _report["hwm_mb"] = int(peak.split()[1]) / 1024
    except OSError:
        pass
    print(f"\nBENCH_RESULT {json.dumps(_report)}", flush=True)
    os._exit(0)


def _fail(error: BaseException) -> None:
    _report["error"] = f"{type(error).__name__}: {error}"[:500]
    _report["tb"] = traceback.format_exc()[-1500:]
    _finish()


def imported() -> None:
    """To be called when the contestant's libraries are imported."""
    _mark("imported")
    if os.environ.get("BENCH_WORKLOAD") == "import":
        _report["ok"] = True
        _finish()


async def drive(
    one: Callable[[str], Awaitable[object]],
    one_stream: Callable[[str, Callable[[str], None]], Awaitable[object]] | None = None,
) -> None:
    """To be called when all servers are connected: `one(prompt)` answers with the final text."""
    _mark("ready")
    streaming = os.environ.get("BENCH_STREAM") == "1"

    async def answer(prompt: str) -> object:
        if not streaming or one_stream is None:
            return await one(prompt)
        seen = 0

        def on_text(_text: str = "") -> None:
            nonlocal seen
            if not seen:
                _report["t_first"] = time.monotonic()
            seen += 1

        text = await one_stream(prompt, on_text)
        _report["n_deltas"] = seen
        return text

    try:
        if warm := os.environ.get("BENCH_WARM"):
            await answer(warm)
        _mark("run0")
        answers = await asyncio.gather(*map(answer, _prompts))
        _mark("run1")
    except BaseException as error:
        _fail(error)
    else:
        _report["ok"] = all("DONE" in str(text) for text in answers)
        if not _report["ok"]:
            _report["error"] = f"unexpected answer: {str(answers[0])[:300]}"
    _finish()


def run(main: Callable[[], Awaitable[None]]) -> None:
    try:
        asyncio.run(main())
    except BaseException as error:
        _fail(error)
    sys.exit(1)
