"""Secrets of a server's entry stand in no message."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from universal_mcp_client.config.server_file import read_servers
from universal_mcp_client.config.servers import ServerConfig
from universal_mcp_client.config.sources import server_configs
from universal_mcp_client.policy.redact import redacted


@pytest.fixture
def entry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> "list[ServerConfig]":
    monkeypatch.setenv("DOCS_TOKEN", "s3cr3t/+va=lue")
    file = tmp_path / "mcp.json"
    file.write_text(
        json.dumps(
            {
                "mcpServers": {
                    "local": {
                        "command": "serve",
                        "args": [
                            "--token",
                            "${DOCS_TOKEN}",
                            "--api-key=literal-key",
                            "${DOCS_TOKEN}",
                        ],
                        "env": {
                            "MODE": "debug",
                            "DATA_DIR": "/srv/data",
                            "GITHUB_PAT": "ghp_12345",
                        },
                    },
                    "remote": {
                        "url": "https://user:pa55word@example.com/mcp?api_key=${DOCS_TOKEN}&v=2&sig=abcdef",
                        "headers": {"Authorization": "Bearer head-er-token", "X-Team": "blue-team"},
                    },
                }
            }
        )
    )
    return read_servers(file)


def test_a_target_is_shown_as_it_is_written(entry: "list[ServerConfig]") -> None:
    local, remote = entry
    assert local.target == "serve --token ${DOCS_TOKEN} --api-key=… ${DOCS_TOKEN}"
    assert remote.target == "https://…@example.com/mcp?api_key=${DOCS_TOKEN}&v=…&sig=…"
    assert replace(remote, name="other").target == remote.target
    for config in entry:
        assert not any(s in repr(config) for s in ("s3cr3t", "literal-key", "ghp_", "head-er"))


@pytest.mark.parametrize(
    "echo",
    [
        "no such user s3cr3t/+va=lue",
        "GET /mcp?api_key=s3cr3t%2F%2Bva%3Dlue",
        '{"token": "s3cr3t\\/+va=lue"}'.replace("\\/", "/"),
        "bad key literal-key",
        "ghp_12345 is revoked",
        "header head-er-token, team blue-team",
        "pa55word and abcdef",
        "key=Bearer abcdefgh12345",
        "run `x --password hunter2hunter2`",
        "https://bob:builder@host/ and https://host/?access_token=zzz1",
    ],
)
def test_a_secret_is_hidden_wherever_it_is_echoed(entry: "list[ServerConfig]", echo: str) -> None:
    shown = redacted(echo, *entry)
    secrets = ("s3cr3t", "literal-key", "ghp_12345", "head-er-token", "blue-team", "pa55word")
    more = ("abcdef", "hunter2", "builder", "zzz1")
    assert not [s for s in (*secrets, *more) if s in shown], shown


def test_what_is_no_secret_stays_readable(entry: "list[ServerConfig]") -> None:
    said = "debug: cannot open /srv/data/x with --verbose true at https://docs.example.com/?page=2"
    assert redacted(said, *entry) == said


def test_a_target_from_the_command_line_is_shown_without_its_secrets() -> None:
    command, url = server_configs(
        ["npx -y server --api-key sk-1 --root /data", "https://example.com/mcp?token=abc#frag"]
    )
    assert command.target == "npx -y server --api-key … --root /data"
    assert url.target == "https://example.com/mcp?token=…#…"
