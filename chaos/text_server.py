"""A small HTTP server of texts: for whoever scrapes metrics or asks how a process is."""

from __future__ import annotations

from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from chaos.model.errors import Refused

Answer = tuple[int, str, str]
"""Status, content type and text."""


def text_server(host: str, port: int, answer: Callable[[str], Answer]) -> ThreadingHTTPServer:
    """A server, listening, of what `answer` says about a path; `serve_forever` serves. Port 0 takes a free one.

    `answer` is called in a thread for each request. Raises Refused when the address cannot be listened on.
    """

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, kind, text = answer(self.path.partition("?")[0])
            body = text.encode()
            try:
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)
            except OSError:
                pass  # whoever asked has stopped waiting

        def log_message(self, format: str, *args: object) -> None:
            pass

    try:
        return ThreadingHTTPServer((host, port), Handler)
    except OSError as error:
        raise Refused(f"{host}:{port} cannot be listened on: {error.strerror}", "choose another --port") from error
