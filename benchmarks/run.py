"""Measures agent hosts side by side; `make bench` runs it.

    python benchmarks/run.py [--repeat 5] [--workload turns50 …] [--add NAME='python contestant.py']

Every contestant does the same work against the same servers on this machine, in turn, and each
figure is a median with its ratio to the floor: AsyncOpenAI and fastmcp.Client written by hand.
With AGENT_BENCH=DIR, a directory with a `bench.py` and a `report.py` that speak the protocol of
contestants/kit.py, that harness runs in place of this one.
"""

import argparse
import json
import os
import shlex
import socket
import subprocess
import sys
import time
import urllib.request
from collections import defaultdict
from pathlib import Path
from statistics import median
from typing import Any

HERE = Path(__file__).parent
CONTESTANTS = {
    "floor": [sys.executable, str(HERE / "contestants" / "c_floor.py")],
    "umcp": [sys.executable, str(HERE / "contestants" / "c_umcp.py")],
    "bridge": [sys.executable, str(HERE / "contestants" / "c_bridge.py")],
}


def stdio(prefix: str, more: int = 0) -> dict[str, Any]:
    script = str(HERE / "servers" / "tools.py")
    args = ["-S", "-E", script, prefix, str(more)]
    return {"name": prefix, "transport": "stdio", "command": sys.executable, "args": args}


def plan(turns: int = 0, calls: int = 1, tool: str = "a_echo", **more: Any) -> dict[str, Any]:
    args = more.pop("args", {"text": "hello world"})
    tools = more.pop("tools", [tool])
    return {"turns": turns, "calls": calls, "tools": tools, "args": args, **more}


SLOW = {"tools": ["a_slow", "b_slow"], "args": {"ms": 100}}
BIG = {"tool": "a_big", "args": {"n": 5_000_000}}
WARM = plan(1)
WORKLOADS: dict[str, dict[str, Any]] = {
    "cold": {"servers": [stdio("a")], "plan": plan()},
    "turns50": {"servers": [stdio("a")], "plan": plan(50), "warm": WARM},
    "parallel20": {
        "servers": [stdio("a"), stdio("b")],
        "plan": plan(1, 20, **SLOW),
        "warm": plan(1, 2, **SLOW | {"args": {"ms": 1}}),
    },
    "catalogue1000": {"servers": [stdio("a", 1000)], "plan": plan()},
    "catalogue5000": {"servers": [stdio("a", 5000)], "plan": plan()},
    "turns10of1000": {"servers": [stdio("a", 1000)], "plan": plan(10), "warm": WARM},
    "concurrent50": {"servers": [stdio("a")], "plan": plan(5), "warm": WARM, "runs": 50},
    "stream2000": {
        "servers": [stdio("a")],
        "plan": plan(chunks=2000),
        "warm": plan(chunks=5),
        "stream": True,
    },
    "result5mb": {"servers": [stdio("a")], "plan": plan(1, **BIG), "warm": WARM},
}
# What of each workload is shown: the time to the first request for the cold ones, else the run.
COLD = {"cold", "catalogue1000", "catalogue5000"}


def main() -> None:
    to = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    to.add_argument("--repeat", type=int, default=5)
    to.add_argument("--workload", action="append", choices=WORKLOADS, default=[])
    to.add_argument("--add", action="append", default=[], metavar="NAME=COMMAND")
    options = to.parse_args()
    if elsewhere := os.environ.get("AGENT_BENCH"):
        raise SystemExit(by(Path(elsewhere), options))
    contestants = dict(CONTESTANTS)
    for added in options.add:
        name, _, command = added.partition("=")
        contestants[name] = shlex.split(command)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    server = subprocess.Popen([sys.executable, str(HERE / "servers" / "model.py"), str(port)])
    try:
        waited_for(port)
        measure(contestants, options.workload or list(WORKLOADS), options.repeat, port)
    finally:
        server.terminate()
        server.wait()


def measure(
    contestants: dict[str, list[str]], workloads: list[str], repeat: int, port: int
) -> None:
    names = list(contestants)
    print("medians; in brackets the ratio to the floor, below 1 is better\n")
    print(f"{'workload':<16}{'measure':<22}" + "".join(f"{name:>20}" for name in names))
    for workload in workloads:
        figures: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
        for turn in range(repeat + 1):  # the first round compiles bytecode and is not counted
            order = names[turn % len(names) :] + names[: turn % len(names)]
            for name in order:
                for measure, value in once(contestants[name], workload, turn, port).items():
                    if turn:
                        figures[measure][name].append(value)
        for measure, values in figures.items():
            base = median(values["floor"])
            cells = [f"{median(v):.1f} ({median(v) / base:.2f})" for v in map(values.get, names)]
            print(f"{workload:<16}{measure:<22}" + "".join(f"{c:>20}" for c in cells), flush=True)


def once(command: list[str], workload: str, turn: int, port: int) -> dict[str, float]:
    work = WORKLOADS[workload]
    run = f"{time.monotonic_ns()}-{turn}"
    runs = work.get("runs", 1)
    environment = os.environ | {
        "BENCH_WORKLOAD": workload,
        "BENCH_LLM_URL": f"http://127.0.0.1:{port}/v1",
        "BENCH_SERVERS": json.dumps(work["servers"]),
        "BENCH_PROMPTS": json.dumps([prompt(work["plan"], run)] * runs),
        "BENCH_WARM": prompt(work["warm"], f"{run}-warm") if "warm" in work else "",
        "BENCH_STREAM": "1" if work.get("stream") else "0",
        "OPENAI_BASE_URL": f"http://127.0.0.1:{port}/v1",
        "OPENAI_API_KEY": "sk-bench",
    }
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    began = time.monotonic()
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)
    lines = [line for line in done.stdout.splitlines() if line.startswith("BENCH_RESULT ")]
    if not lines:
        raise SystemExit(f"{command} reported nothing:\n{done.stderr[-2000:]}")
    result = json.loads(lines[-1].removeprefix("BENCH_RESULT "))
    if not result["ok"]:
        raise SystemExit(f"{command} failed at {workload}: {result.get('tb') or result['error']}")
    marks = result["marks"]
    if workload in COLD:
        first = stats(port, run)["first"] - began
        return {"first request, ms": first * 1e3, "CPU, ms": marks["run1"][1] * 1e3}
    wall, cpu = (marks["run1"][at] - marks["run0"][at] for at in (0, 1))
    units = work["plan"]["turns"] * runs if work["plan"]["turns"] > 1 else 1
    each = " a turn" if units > 1 else ""
    return {f"wall{each}, ms": wall * 1e3 / units, f"CPU{each}, ms": cpu * 1e3 / units}


def prompt(what: dict[str, Any], run: str) -> str:
    return f"Follow the plan. PLAN{json.dumps(what | {'run': run})}END"


def stats(port: int, run: str) -> dict[str, Any]:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/stats?{run}", timeout=10) as answer:
        found: dict[str, Any] = json.load(answer)
    return found


def waited_for(port: int) -> None:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            time.sleep(0.05)
    raise SystemExit("The model server of the benchmark did not start.")


def by(harness: Path, options: argparse.Namespace) -> int:
    """The measurements of another harness, with this project as one more contestant."""
    out = Path(os.environ.get("TMPDIR", "/tmp")) / f"umcp-bench-{os.getpid()}.jsonl"
    ours = shlex.join(CONTESTANTS["umcp"])
    command = [sys.executable, str(harness / "bench.py"), "--reps", str(options.repeat)]
    chosen = ["--c", os.environ.get("AGENT_BENCH_CONTESTANTS", "floor")]
    add = [f"--add={added}" for added in (f"umcp={ours}", *options.add)]
    done = subprocess.run([*command, *chosen, *add, "--out", str(out)])
    if done.returncode == 0:
        done = subprocess.run([sys.executable, str(harness / "report.py"), str(out)])
    return done.returncode


if __name__ == "__main__":
    main()
