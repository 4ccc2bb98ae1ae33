"""A small API server on a real socket, for what a real one does only by accident."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import yaml

Answer = tuple[int, object]
Answers = Callable[[str, str], Answer]
"""Method and path with its query -> status and body."""


@contextmanager
def api_server(folder: Path, answers: Answers) -> Iterator[Path]:
    """Yields a kubeconfig for it, whose context is called `fake`."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _answer(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            status, body = answers(self.command, self.path)
            data = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = do_PATCH = do_DELETE = _answer  # noqa: N815  the names that the handler looks for

        # parameters: those of BaseHTTPRequestHandler
        def log_message(self, format: str, *args: object) -> None:
            """Nothing: a test's output is its own."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=lambda: server.serve_forever(poll_interval=0.01))
    thread.start()
    try:
        yield _kubeconfig(folder, server.server_address[1])
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _kubeconfig(folder: Path, port: int) -> Path:
    path = folder / "kubeconfig"
    loaded = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "fake",
        "clusters": [{"name": "fake", "cluster": {"server": f"http://127.0.0.1:{port}"}}],
        "users": [{"name": "somebody", "user": {"token": "secret"}}],
        "contexts": [{"name": "fake", "context": {"cluster": "fake", "user": "somebody"}}],
    }
    path.write_text(yaml.safe_dump(loaded))
    return path


def status(code: int, message: str) -> Answer:
    return code, {"kind": "Status", "message": message, "code": code}
