"""Services that stores are kept in, each started for the tests; where one is missing, they skip."""

import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def running(command: list[str], ready: str, **options: Any) -> Iterator[None]:
    """A service, once it has said `ready`."""
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **options
    )
    try:
        assert process.stdout is not None
        said = ""
        for line in process.stdout:
            said += line
            if ready in line:
                break
        else:
            pytest.fail(f"{command[0]} ended: {said}")
        yield
    finally:
        process.terminate()
        process.communicate()


def redis_server() -> Iterator[str]:
    """The URL of a Redis of its own."""
    program = shutil.which("redis-server")
    if program is None:
        pytest.skip("redis-server is not installed")
    port = free_port()
    command = [program, "--port", str(port), "--save", "", "--bind", "127.0.0.1"]
    for _ in running(command, "Ready to accept connections"):
        yield f"redis://127.0.0.1:{port}/0"


def postgres_server() -> Iterator[str]:
    """The URL of a PostgreSQL of its own."""
    binaries = [*Path("/usr/lib/postgresql").glob("*/bin"), Path("/usr/local/bin")]
    folder = next((b for b in binaries if (b / "initdb").is_file()), None)
    if folder is None:
        pytest.skip("PostgreSQL is not installed")
    as_user: dict[str, Any] = {"cwd": "/"}
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as data:
        if os.geteuid() == 0:  # it refuses to run as root
            import pwd

            user = pwd.getpwnam("postgres")
            as_user |= {"user": user.pw_uid, "group": user.pw_gid}
            os.chown(data, user.pw_uid, user.pw_gid)
        init = [folder / "initdb", "-D", data, "-U", "umcp", "-A", "trust", "--no-sync"]
        subprocess.run(init, check=True, capture_output=True, **as_user)
        port = free_port()
        command = [str(folder / "postgres"), "-D", data, "-p", str(port), "-k", data, "-F"]
        for _ in running(command, "ready to accept connections", **as_user):
            yield f"postgres://umcp@127.0.0.1:{port}/postgres"


def dynamodb_server() -> Iterator[str]:
    """The URL at which moto speaks DynamoDB's protocol; credentials are in the environment."""
    pytest.importorskip("moto")
    port = free_port()
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ACCESS_KEY_ID", "test")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "test")
        for _ in running(command, "Running on"):
            yield f"http://127.0.0.1:{port}"
