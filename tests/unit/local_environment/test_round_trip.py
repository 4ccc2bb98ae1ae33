"""How long a link takes is measured with the ends of streams alone, on servers of several kinds."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import uvicorn

from chaos.environments.local import round_trip


@contextmanager
def http_server() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


@contextmanager
def uvicorn_server() -> Iterator[str]:
    async def never(scope: object, receive: object, send: object) -> None:
        raise AssertionError("the service must not be asked for any work")

    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(never, log_level="critical", lifespan="off"))
    thread = threading.Thread(target=lambda: asyncio.run(server.serve([listener])))
    thread.start()
    yield f"127.0.0.1:{listener.getsockname()[1]}"
    server.should_exit = True
    thread.join()


@pytest.mark.parametrize("serve", [http_server, uvicorn_server])
def test_a_server_answers_our_end_with_its_own(serve: object) -> None:
    with serve() as address:  # type: ignore[operator]
        took_ms = [round_trip.measure_ms(address) or 1e9 for _ in range(3)]
        while min(took_ms) >= 100 and len(took_ms) < 20:  # a busy machine makes one late, a server that waits all
            took_ms.append(round_trip.measure_ms(address) or 1e9)
    assert 0 < min(took_ms) < 100


def test_nobody_there_is_no_round_trip() -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))  # and does not listen: nobody else can either
        assert round_trip.measure_ms(f"127.0.0.1:{nobody.getsockname()[1]}") is None


def test_a_server_that_stands_still_is_no_round_trip(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(round_trip, "TIMEOUT_SECONDS", 0.1)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        began = time.monotonic()
        assert round_trip.measure_ms(f"127.0.0.1:{listener.getsockname()[1]}") is None
        assert time.monotonic() - began < 4


def test_a_server_that_talks_without_end_is_no_round_trip(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(round_trip, "TIMEOUT_SECONDS", 0.1)

    def talk(listener: socket.socket) -> None:
        connection, _ = listener.accept()
        with connection:
            try:
                while True:
                    connection.sendall(b"more")
                    time.sleep(0.005)
            except OSError:
                pass  # the client has had enough

    with socket.create_server(("127.0.0.1", 0)) as listener:
        talker = threading.Thread(target=talk, args=(listener,))
        talker.start()
        assert round_trip.measure_ms(f"127.0.0.1:{listener.getsockname()[1]}") is None
        talker.join(30)


def test_a_reset_is_an_answer() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        resetter = threading.Thread(target=_accept_and_reset, args=(listener,))
        resetter.start()
        assert round_trip.measure_ms(f"127.0.0.1:{listener.getsockname()[1]}") is not None
        resetter.join()


def _accept_and_reset(listener: socket.socket) -> None:
    connection, _ = listener.accept()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
    connection.close()
