"""One page of JSON over HTTP: whether a process of the pipeline lives and is well, as seen from outside."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

Tell = Callable[[], tuple[bool, Mapping[str, object]]]
"""Whether all is well, and what there is to say."""


def listen(port: int, tell: Tell, host: str = "127.0.0.1") -> ThreadingHTTPServer:
    """Answer every GET with 200 or 503, from a thread of its own."""

    class Answers(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            is_well, words = tell()
            body = json.dumps(words).encode()
            self.send_response(200 if is_well else 503)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *arguments: object) -> None:
            """Not every look is worth a line."""

    server = ThreadingHTTPServer((host, port), Answers)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, name="listen", daemon=True).start()
    return server
