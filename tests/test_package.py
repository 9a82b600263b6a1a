"""The package as a whole: what an import costs, what a wheel holds, what the root offers."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from tests.conftest import ROOT

import universal_mcp_client

HEAVY = (
    "openai", "anthropic", "fastmcp", "mcp", "mcp_types", "pydantic", "httpx2", "prompt_toolkit",
    "xllamacpp", "jsonschema", "key_value", "yaml", "asyncio",
)  # fmt: skip


def loaded_by(code: str) -> set[str]:
    """The top-level modules which `code` imports, in a fresh interpreter."""
    report = f"{code}\nimport sys; print(' '.join(m.partition('.')[0] for m in sys.modules), file=sys.stderr)"
    done = subprocess.run(
        [sys.executable, "-c", report], capture_output=True, text=True, check=True
    )
    return set(done.stderr.split())


@pytest.mark.parametrize(
    "code",
    [
        "import universal_mcp_client",
        "from universal_mcp_client.cli.main import main; main(['--help'])",
        "from universal_mcp_client.cli.main import main; main(['--version'])",
    ],
)
def test_the_root_and_the_help_load_no_library(code: str) -> None:
    assert loaded_by(code) & set(HEAVY) == set()


def test_a_model_loads_its_own_sdk_alone() -> None:
    loaded = loaded_by("import universal_mcp_client as u; u.resolve('anthropic:x')")
    assert not {"openai", "fastmcp", "xllamacpp"} & loaded


def test_every_public_name_is_there() -> None:
    for name in universal_mcp_client.__all__:
        assert getattr(universal_mcp_client, name) is not None
    assert set(universal_mcp_client.__all__) <= set(dir(universal_mcp_client))
    with pytest.raises(AttributeError, match="Agnet"):
        _ = universal_mcp_client.Agnet


def test_a_wheel_holds_the_definitions_and_the_types(tmp_path: Path) -> None:
    build = (
        "from hatchling.build import build_wheel; import os, sys; "
        f"os.chdir({str(ROOT)!r}); print(build_wheel({str(tmp_path)!r}))"
    )
    subprocess.run([sys.executable, "-c", build], check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    held = set(zipfile.ZipFile(wheel).namelist())
    package = "universal_mcp_client"
    assert f"{package}/py.typed" in held
    for kind in ("agents", "prompts"):
        for file in (ROOT / kind).glob("*.md"):
            assert f"{package}/definitions/{kind}/{file.name}" in held


def test_every_command_teaches_by_example(capsys: pytest.CaptureFixture[str]) -> None:
    from universal_mcp_client.cli.main import COMMANDS, main

    for command in COMMANDS:
        with pytest.raises(SystemExit) as ended:
            main([command, "--help"])
        assert ended.value.code == 0
        shown = capsys.readouterr().out
        assert f"  umcp {command}" in shown.partition("examples:")[2]


def test_an_unknown_command_is_answered_with_the_nearest(
    capsys: pytest.CaptureFixture[str],
) -> None:
    from universal_mcp_client.cli.main import main

    assert main(["rum", "x"]) == 2
    assert "umcp run" in capsys.readouterr().err
