"""What an installation stands on: locks, declared dependencies, commands that the README promises."""

import ast
import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.conftest import ROOT

PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))[
    "project"
]
LOCKS = sorted((ROOT / "requirements").glob("*.txt"))
EXTRAS = ("local", "redis", "postgres", "dynamodb")
OURS = {"universal_mcp_client", "tests"}


def imports(folder: str) -> Iterator[tuple[Path, str, ast.AST]]:
    """All modules that the files below `folder` import, with the statement."""
    for path in sorted((ROOT / folder).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and not node.level and node.module:
                private = [alias.name for alias in node.names if alias.name.startswith("_")]
                names = [node.module, *(f"{node.module}.{name}" for name in private)]
            for name in names:
                top = name.partition(".")[0]
                if top not in sys.stdlib_module_names and top not in OURS:
                    yield path, name, node


def declared(*extras: str) -> set[str]:
    lines = [*PROJECT["dependencies"]]
    for extra in extras:
        lines += PROJECT["optional-dependencies"][extra]
    return {_plain(re.split(r"[\[<>=~; ]", line)[0]) for line in lines}


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


@pytest.mark.parametrize(
    ("folder", "extras"),
    [("src", EXTRAS), ("tests", (*EXTRAS, "dev"))],
)
def test_what_is_imported_is_declared(folder: str, extras: tuple[str, ...]) -> None:
    known, of = declared(*extras), packages_distributions()
    missing = {
        name.partition(".")[0]
        for _, name, _ in imports(folder)
        if not {_plain(d) for d in (*of.get(name.split(".")[0], ()), name.split(".")[0])} & known
    }
    assert not missing


def test_private_modules_of_others_are_guarded() -> None:
    """They may go with any release: each stands in one place, in a `try` that can do without."""
    places: dict[str, set[str]] = {}
    for path, name, node in imports("src"):
        if any(part.startswith("_") for part in name.split(".")):
            places.setdefault(name, set()).add(path.name)
            tree = ast.parse(path.read_text(encoding="utf-8"))
            tries = [n for n in ast.walk(tree) if isinstance(n, ast.Try)]
            assert any(
                getattr(inner, "lineno", 0) == node.lineno  # type: ignore[attr-defined]
                for attempt in tries
                if any("ImportError" in ast.unparse(h) for h in attempt.handlers)
                for inner in attempt.body
            ), f"{path.name}: {name}"
    assert all(len(files) == 1 for files in places.values()), places


@pytest.mark.parametrize("call", ["add_reader", "add_writer", "add_signal_handler"])
def test_what_loops_of_windows_do_not_have_stands_where_there_is_another_way(call: str) -> None:
    for path in (ROOT / "src").rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        other_way = "except NotImplementedError" in text or 'sys.platform == "win32"' in text
        assert f".{call}(" not in text or other_way, path.name


def test_without_the_sdks_private_clock_time_runs_on() -> None:
    code = (
        "import fastmcp.client.client, mcp.shared._request_clock as private\n"
        "del private.waiting_on_a_person\n"
        "from universal_mcp_client.mcp.clock import waiting_on_a_person\n"
        "with waiting_on_a_person(): print('asked')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout == "asked\n", done.stderr


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.stem)
def test_a_lock_names_versions_and_hashes_and_no_host(lock: Path) -> None:
    text = lock.read_text(encoding="utf-8")
    assert "://" not in text
    for entry in re.split(r"\n(?=\S)", re.sub(r"^#.*\n", "", text, flags=re.MULTILINE).strip()):
        assert re.match(r"[a-z0-9-]+(\[.*\])?==\S+", entry), entry
        assert "--hash=sha256:" in entry, entry


def test_the_lock_of_npm_names_hashes_and_no_host() -> None:
    text = (ROOT / "tests" / "npm" / "package-lock.json").read_text(encoding="utf-8")
    assert '"resolved"' not in text
    assert text.count('"integrity"') > 100


def test_each_lock_holds_what_is_declared() -> None:
    for name, extras in {"run": (), "demo": ("demo", "local"), "dev": ("dev",)}.items():
        text = (ROOT / "requirements" / f"{name}.txt").read_text(encoding="utf-8")
        locked = set(re.findall(r"^([a-z0-9-]+)(?:\[|==)", text, re.MULTILINE))
        assert not declared(*extras) - locked - {"universal-mcp-client"}


def test_the_locks_agree_so_that_one_environment_serves_demo_and_test() -> None:
    versions: dict[str, set[str]] = {}
    for lock in LOCKS:
        found: dict[str, set[str]] = {}
        for name, version in re.findall(r"^(\S+?)==(.*?) *\\?$", lock.read_text("utf-8"), re.M):
            found.setdefault(name, set()).add(version.partition(" ")[0])
        for name, of_lock in found.items():
            assert versions.setdefault(name, of_lock) == of_lock, name


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("demo", "VENV=nowhere", "PYTHON=python-of-old"), r"Python 3\.11 or newer is needed"),
        (("npm", "UMCP_TEST_NPM=mine"), r"Nothing to be done|^$"),
    ],
    ids=["no-python", "a-folder-of-ones-own"],
)
def test_make_says_what_it_lacks_and_leaves_alone_what_is_not_its_own(
    arguments: tuple[str, ...], said: str
) -> None:
    if shutil.which("make") is None:
        pytest.skip("make is not installed")
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("MAKE", "MFLAGS"))}
    done = subprocess.run(
        ["make", *arguments],
        cwd=ROOT,
        env=environment | {"LC_ALL": "C"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert re.search(said, done.stdout + done.stderr), done
    assert not (ROOT / "nowhere").exists()


def test_the_workflow_and_the_hooks_call_what_a_developer_calls() -> None:
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE)
    workflow = yaml.safe_load((ROOT / ".github/workflows/ci.yml").read_text("utf-8"))
    called: set[str] = set()
    for job in workflow["jobs"].values():
        versions = job.get("strategy", {}).get("matrix", {}).get("versions", [""])
        for command in filter(None, (step.get("run") for step in job["steps"])):
            called |= {command.replace("${{ matrix.versions }}", which) for which in versions}
    hooks = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text("utf-8"))
    called |= {hook["entry"] for repo in hooks["repos"] for hook in repo["hooks"]}
    assert called == {"sudo bash .ci/run"} | {
        f"make {name}" for name in targets if f"make {name}" in called
    }
    assert {"make check", "make test", "make demo", "make test-newest"} < called


def test_a_skipped_test_fails_where_all_must_run(tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text("from tests.conftest import *\n")
    (tmp_path / "test_it.py").write_text("import pytest\ndef test_it(): pytest.skip('no Redis')\n")
    command = [sys.executable, "-m", "pytest", "-c", os.devnull, "-n0", "-p", "no:cacheprovider"]
    for everything, code in (("", 0), ("1", 1)):
        done = subprocess.run(
            [*command, str(tmp_path)],
            env=os.environ | {"UMCP_TEST_ALL": everything, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == code, done.stdout + done.stderr
    assert "no Redis" in done.stdout


def test_nothing_is_promised_on_an_index_before_it_is_there() -> None:
    promise = re.compile(r"\b(pipx?|uvx|uv tool|uv add|uv pip)\b[^`\n]*\buniversal-mcp-client")
    for file in (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")):
        assert not promise.findall(file.read_text(encoding="utf-8")), file.name


# What one `make` tells the next would have the inner one do what the outer one was told.
NOT_FRESH = ("VIRTUAL", "PYTHON", "MAKE", "MFLAGS", "ARGS", "VENV")


def promised() -> list[str]:
    """The commands of the README's first block."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    block = re.search(r"^```sh\n(.*?)^```", readme, re.DOTALL | re.MULTILINE)
    assert block is not None
    return [line.partition(" #")[0].strip() for line in block[1].splitlines() if line.strip()]


@pytest.mark.xdist_group("readme")
def test_the_readmes_first_block_works_on_a_fresh_machine(tmp_path: Path) -> None:
    """In a copy of the checkout, with nothing of this environment but Python and pip's cache."""
    if shutil.which("make") is None or shutil.which("git") is None:
        pytest.skip("make or git is not installed")
    if not online():
        pytest.skip("no package index answers")
    copy = tmp_path / "checkout"
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    for name in filter(None, listed.stdout.split("\0")):
        if (ROOT / name).is_file():
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, copy / name)
    python = Path(getattr(sys, "_base_executable", sys.executable))
    own = {str(Path(sys.executable).parent), str(Path(sys.executable).resolve().parent)}
    path = [str(python.parent), *(p for p in os.environ["PATH"].split(os.pathsep) if p not in own)]
    environment = {k: v for k, v in os.environ.items() if not k.startswith(NOT_FRESH)}
    environment |= {"PATH": os.pathsep.join(path), "UMCP_HOME": str(tmp_path / "home")}
    environment |= {"ARGS": "-n0 tests/tools/test_names.py", "UMCP_TEST_ALL": ""}
    said = ""
    for command in promised():
        if command.startswith("pip install"):
            subprocess.run([python, "-m", "venv", tmp_path / "fresh"], check=True)
            scripts = tmp_path / "fresh" / ("Scripts" if os.name == "nt" else "bin")
            environment["PATH"] = f"{scripts}{os.pathsep}{environment['PATH']}"
        done = subprocess.run(
            ["sh", "-c", command],
            cwd=copy,
            env=environment,
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )
        assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
        said += done.stdout
    assert "5555" in said  # the demo's sum
    assert "4200" in said  # and that of a server's prompt
    assert "passed" in said
    assert shutil.which("umcp", path=str(scripts)) is not None


def online() -> bool:
    """Whether pip finds anything at all."""
    base = getattr(sys, "_base_executable", sys.executable)
    command = [base, "-m", "pip", "index", "versions", "hatchling"]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0
