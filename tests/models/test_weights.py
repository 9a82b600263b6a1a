"""Weights from a hub: two real servers, the hub and where it keeps the bytes."""

import hashlib
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from universal_mcp_client.models.local import weights
from universal_mcp_client.types.errors import ConfigError

BYTES = b"GGUF" + bytes(100_000)
SHA = hashlib.sha256(BYTES).hexdigest()


@dataclass
class Site:
    """A server that answers each path with a status, headers and a body; and what it was asked."""

    answers: dict[str, tuple[int, Mapping[str, str], bytes]] = field(default_factory=dict)
    asked: list[tuple[str, str | None]] = field(default_factory=list)
    url: str = ""


def site() -> Iterator[Site]:
    made = Site()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            made.asked.append((self.path, self.headers.get("Authorization")))
            status, headers, body = made.answers[self.path]
            self.send_response(status)
            for name, value in {"Content-Length": str(len(body)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    made.url = f"http://127.0.0.1:{server.server_port}"
    yield made
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    for made in site():
        monkeypatch.setenv("HF_ENDPOINT", made.url)
        monkeypatch.setenv("HF_TOKEN", "hf_secret")
        yield made


@pytest.fixture
def store() -> Iterator[Site]:
    yield from site()


FILE = "/o/r/resolve/main/m.gguf"


def pull() -> Path:
    return weights.pull("hf:o/r/m.gguf", lambda text: None)


def test_the_token_stays_with_the_hub(hub: Site, store: Site) -> None:
    hub.answers[FILE] = (307, {"Location": "/moved/m.gguf"}, b"")
    hub.answers["/moved/m.gguf"] = (
        302,
        {"Location": f"{store.url}/x", "X-Linked-ETag": f'"{SHA}"'},
        b"",
    )
    store.answers["/x"] = (302, {"Location": f"{store.url}/y"}, b"")
    store.answers["/y"] = (200, {}, BYTES)
    assert pull().read_bytes() == BYTES
    assert hub.asked == [(FILE, "Bearer hf_secret"), ("/moved/m.gguf", "Bearer hf_secret")]
    assert store.asked == [("/x", None), ("/y", None)]


def test_a_token_does_not_come_back_by_way_of_another_origin(hub: Site, store: Site) -> None:
    hub.answers[FILE] = (302, {"Location": f"{store.url}/x"}, b"")
    store.answers["/x"] = (302, {"Location": f"{hub.url}/log"}, b"")
    hub.answers["/log"] = (200, {}, BYTES)
    pull()
    assert hub.asked[-1] == ("/log", None)


@pytest.mark.parametrize("lie", [{}, {"X-Linked-ETag": hashlib.sha256(b"evil").hexdigest()}])
def test_what_the_hub_announced_on_its_redirect_is_checked(
    hub: Site, store: Site, lie: Mapping[str, str], tmp_path: Path
) -> None:
    hub.answers[FILE] = (302, {"Location": f"{store.url}/x", "X-Linked-ETag": f'"{SHA}"'}, b"")
    store.answers["/x"] = (200, lie, b"evil")
    with pytest.raises(ConfigError, match="not what was expected"):
        pull()
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_what_broke_off_or_does_not_end_is_thrown_away(hub: Site, store: Site) -> None:
    hub.answers[FILE] = (302, {"Location": f"{store.url}/x", "X-Linked-Size": "100004"}, b"")
    store.answers["/x"] = (200, {}, BYTES[:5000])
    with pytest.raises(ConfigError, match="came 5,000 bytes, not 100,004"):
        pull()
    store.answers["/x"] = (200, {}, BYTES * 30)
    with pytest.raises(ConfigError, match="and more"):
        pull()
    assert not weights.present()


@pytest.mark.parametrize("where", ["file:///etc/passwd", "ftp://127.0.0.1/x"])
def test_only_http_is_followed(hub: Site, where: str) -> None:
    hub.answers[FILE] = (302, {"Location": where}, b"")
    with pytest.raises(ConfigError, match="Cannot fetch"):
        pull()


def test_weights_are_not_written_through_links(hub: Site, tmp_path: Path) -> None:
    hub.answers[FILE] = (200, {}, BYTES)
    weights.folder().mkdir(parents=True)
    (tmp_path / "victim").write_text("untouched")
    (weights.folder() / "m.gguf").symlink_to(tmp_path / "nowhere")
    with pytest.raises(ConfigError, match="is a link"):
        pull()
    assert not (tmp_path / "nowhere").exists()
