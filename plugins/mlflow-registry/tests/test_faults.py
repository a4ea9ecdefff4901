"""Servers that are down, slow or unwilling: real sockets, and one sentence for each."""

from __future__ import annotations

import socket
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import pytest

from darwin_core import PluginError

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def answering(status: int, body: bytes, kind: str = "text/plain") -> Iterator[str]:
    """Serve one answer to everything; yield the address."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_POST = do_GET  # noqa: N815

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def told(made, uri: str, **options: object) -> str:
    mirror = made(uri=uri, **{"retries": 0, **options})
    with pytest.raises(PluginError) as caught:
        mirror.versions("gate")
    assert str(caught.value).startswith(f"{uri}: ")
    assert "looking for gate" in str(caught.value)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_server_that_is_down(made) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    assert "no connection: is the server running there" in told(made, f"http://127.0.0.1:{port}")


def test_a_server_that_does_not_answer(made) -> None:
    with socket.socket() as mute:
        mute.bind(("127.0.0.1", 0))
        mute.listen()
        said = told(made, f"http://127.0.0.1:{mute.getsockname()[1]}", timeout_s=1)
    assert "no answer within 1 s (0 retries)" in said


@pytest.mark.parametrize(
    ("status", "body", "kind", "said"),
    [
        (
            401,
            b"You are not authenticated",
            "text/plain",
            "it wants credentials, or refuses these (status 401): set MLFLOW_",
        ),
        (403, b"Permission denied", "text/plain", "these credentials may not do that (status 403)"),
        (
            403,
            b'{"error_code": "PERMISSION_DENIED", "message": "no"}',
            "application/json",
            "may not do that (status 403)",
        ),
        (
            401,
            b'{"error_code": "UNAUTHENTICATED", "message": "no"}',
            "application/json",
            "or refuses these (status 401)",
        ),
        (404, b"<html>a shop</html>", "text/html", "404"),
        (200, b"<html>a shop</html>", "text/html", "not in a valid JSON format"),
        (
            400,
            b'{"error_code": "BAD_REQUEST", "message": "bad \\u001b[31mfilter"}',
            "application/json",
            "bad ?[31mfilter",
        ),
    ],
)
def test_a_server_that_says_no_or_nonsense(made, status: int, body: bytes, kind: str, said: str) -> None:
    with answering(status, body, kind) as uri:
        assert said in told(made, uri)


def test_a_token_is_in_no_error(made, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", "a-very-secret-token")
    with answering(401, b"no") as uri:
        assert "a-very-secret-token" not in told(made, uri)
