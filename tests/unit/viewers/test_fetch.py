"""A server that cannot even be connected to costs a viewer little."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from target_platform.viewers import fetch
from target_platform.viewers.fetch import Call, Connections, Route, Tally


class Well(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def well() -> Iterator[str]:
    with HTTPServer(("127.0.0.1", 0), Well) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.fixture
def silent() -> Iterator[str]:
    """Its queue of connections is full, so the first packet of the next one is dropped, as on a way that is cut."""
    with ExitStack() as stack:
        server = stack.enter_context(socket.socket())
        server.bind(("127.0.0.1", 0))
        server.listen(0)
        for _ in range(4):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(server.getsockname())
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


def test_a_server_that_is_cut_off_is_left_for_the_next_one_soon(
    silent: str, well: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetch, "CONNECT_SECONDS", 0.1)
    began = time.monotonic()
    connections = Connections("test")
    answer = connections.ask(Route([silent, well]), Call(path="/", until=began + 20), Tally())
    took = time.monotonic() - began
    connections.close()
    assert answer.body == b"ok"
    assert 0.1 <= took < 9, "half of the time, 10 s, is what a server that was reached would have had"
