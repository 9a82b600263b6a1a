"""Images, sounds and files from a disk or an address, and what a prompt is made of."""

import os
from pathlib import Path
from typing import Any

import pytest

from universal_mcp_client import Audio, ConfigError, File, Image, ResourceContents, Text
from universal_mcp_client.models import anthropic, openai_chat, openai_responses
from universal_mcp_client.models.base import Profile
from universal_mcp_client.types import messages
from universal_mcp_client.types.messages import assistant, user

PNG = b"\x89PNG\r\n\x1a\n"


def test_a_part_is_made_of_a_file(tmp_path: Path) -> None:
    for name in ("a.png", "b.MP3", "c.pdf", "d", "e.webp"):
        (tmp_path / name).write_bytes(PNG)
    assert Image.from_file(tmp_path / "a.png") == Image(media_type="image/png", data=PNG)
    assert Image.from_file(str(tmp_path / "e.webp")).media_type == "image/webp"
    assert Audio.from_file(tmp_path / "b.MP3") == Audio(media_type="audio/mpeg", data=PNG)
    pdf = File(media_type="application/pdf", data=PNG, name="c.pdf")
    assert File.from_file(tmp_path / "c.pdf") == pdf
    assert File.from_file(tmp_path / "d").media_type == "application/octet-stream"
    assert Image.from_file(tmp_path / "d", media_type="image/png").data == PNG


def test_a_file_that_cannot_be_a_part_is_refused_by_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(messages, "FILE_BYTES", 4)
    (tmp_path / "large.png").write_bytes(PNG)
    (tmp_path / "report.pdf").write_bytes(b"x")
    for path, words in {
        tmp_path / "none.png": "none.png: there is no such file",
        tmp_path: "no image by its name",
        tmp_path / "report.pdf": "report.pdf: this is no image",
        tmp_path / "large.png": "over 4 bytes",
        "nul\0.png": "cannot be read|no such file",
    }.items():
        with pytest.raises(ConfigError, match=words):
            Image.from_file(path)
    with pytest.raises(ConfigError, match="no such file"):
        File.from_file(tmp_path)
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe")
        with pytest.raises(ConfigError, match="no such file"):  # and nobody waits for a writer
            File.from_file(tmp_path / "pipe")


def test_a_file_has_bytes_or_an_address() -> None:
    assert File(url="https://example.org/a/report.pdf?v=1").media_type == "application/pdf"
    assert File(data=b"a,b", name="table.csv").media_type == "text/csv"
    for wrong in ({}, {"data": b"x", "url": "https://example.org"}):
        with pytest.raises(ConfigError, match="one of the two"):
            File(**wrong)


def test_an_address_goes_to_the_wires_that_take_one() -> None:
    address = "https://example.org/report.pdf"
    message, profile = user(File(url=address)), Profile(images=True, files=True)
    assert anthropic.to_wire(message, profile)["content"][0]["source"] == {
        "type": "url",
        "url": address,
    }
    (item,) = openai_responses.to_wire(message, profile)
    assert item["content"] == [{"type": "input_file", "file_url": address}]
    (sent,) = openai_chat.to_wire(message, profile)
    assert address in sent["content"][0]["text"]  # told in words


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (b"x", r"bytes: .*Image\(data=…\)"),
        (bytearray(b"x"), "bytearray: .*Image"),
        (Path("a.png"), r"Path: .*Image\.from_file"),
        ({"role": "user", "content": "hi"}, "dict: give text"),
        (None, "NoneType: give text"),
        (7, "int: give text"),
        (assistant("hello"), "Message: .*history="),
        (["look", None], "NoneType"),
        (["look", b"x"], "bytes"),
        ([["nested"]], "list: "),
    ],
    ids=str,
)
def test_a_prompt_of_something_else_is_refused_by_name(given: Any, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        user(given)


def test_what_was_read_of_a_server_can_be_sent() -> None:
    assert user(["look", ResourceContents(uri="file:///a.txt", text="hello")]).parts == (
        Text(text="look"),
        Text(text="[file:///a.txt]\nhello"),
    )
    image = ResourceContents(uri="x://logo", media_type="image/png", data=PNG)
    assert user(image).parts == (Image(media_type="image/png", data=PNG),)
    table = ResourceContents(uri="https://example.org/t/table.csv", data=b"a,b")
    assert user(table).parts == (File(media_type="text/csv", data=b"a,b", name="table.csv"),)


@pytest.mark.parametrize("path", ["~nobody-of-that-name/a.png", b"a.png", None, 5])
def test_what_is_no_path_is_refused_as_one_that_leads_nowhere(path: Any) -> None:
    with pytest.raises(ConfigError, match="from_file"):
        Image.from_file(path)
