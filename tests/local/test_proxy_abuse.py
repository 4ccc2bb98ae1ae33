"""What is done to the fault proxy that it did not ask for: it answers or refuses, and all else goes on."""

from __future__ import annotations

import json
import os
import random
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path
from typing import Any

import pytest

API_PORT, WELL_PORT, HANGING_PORT, TAKEN_PORT = 30640, 30641, 30642, 30643


class Served:
    """A proxy process with the proxy `well`, whose upstream sends back what it gets."""

    def __init__(self, pid: int) -> None:
        self.pid = pid

    def ask(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        connection = HTTPConnection("127.0.0.1", API_PORT, timeout=20)
        try:
            connection.request(method, path, body=None if body is None else json.dumps(body))
            response = connection.getresponse()
            text = response.read()
            return response.status, json.loads(text) if text else None
        finally:
            connection.close()

    def is_well(self) -> bool:
        """Whether the other proxy and the API answer, both at once: of three times once, for machines may be busy."""
        return any(self._seconds_of_both() < 1 for _ in range(3))

    def _seconds_of_both(self) -> float:
        began = time.monotonic()
        with socket.create_connection(("127.0.0.1", WELL_PORT), timeout=20) as client:
            client.sendall(b"hello")
            assert client.recv(5) == b"hello"
        assert self.ask("GET", "/proxies")[0] == 200
        return time.monotonic() - began

    def memory_mib(self) -> float:
        return int(Path(f"/proc/{self.pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with echo() as upstream:
        config = tmp_path_factory.mktemp("proxy") / "proxies.json"
        config.write_text(json.dumps([{"name": "well", "listen": f"127.0.0.1:{WELL_PORT}", "upstream": upstream}]))
        command = [sys.executable, "-m", "chaos.proxy", "serve", "--port", str(API_PORT), "--config", str(config)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            try:
                assert process.stdout is not None
                assert process.stdout.readline().startswith(f"proxy: Toxiproxy's API at http://127.0.0.1:{API_PORT}")
                yield Served(process.pid)
            finally:
                process.kill()


@pytest.fixture(autouse=True)
def nobody_else_is_hurt(served: Served) -> Iterator[None]:
    yield
    assert served.is_well()


@pytest.mark.parametrize("how", ["announced", "in chunks"])
def test_a_body_of_10_mib_is_refused_and_not_kept(served: Served, how: str) -> None:
    before = served.memory_mib()
    with socket.create_connection(("127.0.0.1", API_PORT), timeout=20) as client:
        form = "Content-Length: 10485760" if how == "announced" else "Transfer-Encoding: chunked"
        client.sendall(f"POST /populate HTTP/1.1\r\nHost: x\r\n{form}\r\n\r\n".encode())
        part = b" " * 65536 if how == "announced" else b"10000\r\n" + b" " * 65536 + b"\r\n"
        for _ in range(160):
            client.sendall(part)
        response = HTTPResponse(client)
        response.begin()
        assert response.status == 413
    assert served.memory_mib() - before < 6


def test_answers_that_nobody_reads_are_not_piled_up(served: Served) -> None:
    populated = [{"name": f"p{number}", "upstream": "h:1", "enabled": False} for number in range(200)]
    assert served.ask("POST", "/populate", populated)[0] == 201
    before = served.memory_mib()
    with socket.create_connection(("127.0.0.1", API_PORT), timeout=0.5) as client:
        with pytest.raises(OSError, match=r"timed out|reset|Broken pipe"):
            client.sendall(b"GET /proxies HTTP/1.1\r\n\r\n" * 2_000_000)
        assert served.memory_mib() - before < 16
    for number in range(200):
        served.ask("DELETE", f"/proxies/p{number}")


def test_random_bytes_are_a_bad_request_or_the_end(served: Served) -> None:
    random_bytes = random.Random(1).randbytes
    for size in (1, 3, 100, 5000, 100_000):
        for head in (
            b"",
            b"GET ",
            b"POST /proxies HTTP/1.1\r\n",
            b"POST /proxies HTTP/1.1\r\nContent-Length: 99\r\n\r\n",
        ):
            with socket.create_connection(("127.0.0.1", API_PORT), timeout=20) as client:
                try:
                    client.sendall(head + random_bytes(size))
                    client.shutdown(socket.SHUT_WR)
                    answer = client.recv(100)
                except (ConnectionResetError, BrokenPipeError):
                    continue
                assert answer == b"" or answer.startswith((b"HTTP/1.1 400 ", b"HTTP/1.1 431 ")), (head, size)


@pytest.mark.parametrize(
    "body",
    [b"{", b"\xff\xfe", b"[" * 100_000, b'{"name": "\\ud800"}', b"1e999", b'{"name": ' + b"9" * 5000 + b"}", b"nul"],
)
def test_json_of_no_use_is_a_bad_request(served: Served, body: bytes) -> None:
    for path in ("/proxies", "/populate", "/proxies/well/toxics", "/proxies/well"):
        connection = HTTPConnection("127.0.0.1", API_PORT, timeout=20)
        connection.request("POST", path, body=body)
        response = connection.getresponse()
        assert (response.status, b"bad request body" in response.read()) == (400, True), path
        connection.close()


def test_many_who_say_nothing_do_not_keep_others_out(served: Served) -> None:
    with ExitStack() as stack:
        for _ in range(400):
            client = stack.enter_context(socket.create_connection(("127.0.0.1", API_PORT), timeout=20))
            client.sendall(b"GET / HTT")
        assert served.is_well()


def test_a_port_that_is_taken_is_an_error_of_the_api_and_changes_nothing(served: Served) -> None:
    before = served.ask("GET", "/proxies")
    wanted = {"name": "x", "listen": f"127.0.0.1:{TAKEN_PORT}", "upstream": "127.0.0.1:1"}
    with socket.create_server(("127.0.0.1", TAKEN_PORT)), connected(WELL_PORT) as client:
        text = f"listen tcp 127.0.0.1:{TAKEN_PORT}: bind: address already in use"
        assert served.ask("POST", "/proxies", wanted) == (500, {"error": text, "status": 500})
        assert served.ask("PATCH", "/proxies/well", {"listen": wanted["listen"]}) == (
            500,
            {"error": text, "status": 500},
        )
        client.sendall(b"still here")
        assert client.recv(10) == b"still here", "a failed update leaves connections alone"
    assert served.ask("GET", "/proxies") == before


def test_a_listener_that_moves_between_addresses_of_one_port_falls_back_to_where_it_was(served: Served) -> None:
    with socket.create_server(("127.0.0.2", WELL_PORT)):
        status, _ = served.ask("PATCH", "/proxies/well", {"listen": f"127.0.0.2:{WELL_PORT}"})
    assert status == 500
    assert served.ask("GET", "/proxies/well")[1]["listen"] == f"127.0.0.1:{WELL_PORT}"


def test_an_upstream_that_hangs_in_connect_holds_up_nobody(served: Served) -> None:
    with hanging() as upstream:
        listen = f"127.0.0.1:{HANGING_PORT}"
        assert served.ask("POST", "/proxies", {"name": "hangs", "listen": listen, "upstream": upstream})[0] == 201
        with connected(HANGING_PORT) as one, connected(HANGING_PORT) as two:
            one.sendall(b"anybody?")
            assert served.is_well()
            assert served.ask("POST", "/proxies/hangs/toxics", {"type": "latency"})[0] == 200
            listed = wait_for(
                lambda: [each["client"] for each in served.ask("GET", "/proxies/hangs/connections")[1]], 2
            )
            assert sorted(listed) == sorted(f"127.0.0.1:{each.getsockname()[1]}" for each in (one, two))
            assert served.ask("DELETE", "/proxies/hangs")[0] == 204
            assert one.recv(1) == two.recv(1) == b""


def test_disabling_a_proxy_ends_its_connections_and_no_others(served: Served) -> None:
    with echo() as upstream, connected(WELL_PORT) as other:
        listen = f"127.0.0.1:{HANGING_PORT}"
        assert served.ask("POST", "/proxies", {"name": "x", "listen": listen, "upstream": upstream})[0] == 201
        with connected(HANGING_PORT) as client:
            client.sendall(b"a")
            assert client.recv(1) == b"a"
            assert served.ask("PATCH", "/proxies/x", {"enabled": False})[0] == 200
            assert client.recv(1) == b""
        other.sendall(b"b")
        assert other.recv(1) == b"b"
        assert served.ask("DELETE", "/proxies/x")[0] == 204


def test_connections_are_listed_with_their_bytes_and_toxics(served: Served) -> None:
    served.ask("POST", "/proxies/well/toxics", {"name": "seen", "type": "latency", "toxicity": 1.0})
    served.ask("POST", "/proxies/well/toxics", {"name": "spared", "type": "latency", "toxicity": 0.0})
    began = time.time()
    with connected(WELL_PORT) as client:
        client.sendall(b"12345")
        assert client.recv(5) == b"12345"
        (listed,) = wait_for(lambda: served.ask("GET", "/proxies/well/connections")[1], 1)  # those before have ended
        assert listed["client"] == f"127.0.0.1:{client.getsockname()[1]}"
        assert listed["toxics"] == ["seen"]
        assert listed["upstream"] == listed["downstream"] == {"received_bytes": 5, "sent_bytes": 5}
        assert began <= listed["since"] <= time.time()
    wait_for(lambda: served.ask("GET", "/proxies/well/connections")[1], 0)
    assert served.ask("POST", "/reset")[0] == 204


def wait_for(listed: Any, count: int) -> Any:
    ends = time.monotonic() + 30
    while len(found := listed()) != count:
        assert time.monotonic() < ends, found
        time.sleep(0.01)
    return found


def connected(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), timeout=20)


@contextmanager
def echo() -> Iterator[str]:
    """The address of a server that sends back what it gets."""

    def serve(client: socket.socket) -> None:
        with client:
            try:
                while data := client.recv(65536):
                    client.sendall(data)
            except OSError:
                pass  # the proxy's doing

    def accept() -> None:
        while True:
            try:
                client, _ = server.accept()
            except OSError:
                return
            threading.Thread(target=serve, args=(client,), daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        yield f"127.0.0.1:{server.getsockname()[1]}"
        server.shutdown(socket.SHUT_RDWR)  # wakes the one who accepts
        thread.join(5)


@contextmanager
def hanging() -> Iterator[str]:
    """The address of a server whose queue is full: who connects is neither accepted nor refused."""
    with ExitStack() as stack:
        server = stack.enter_context(socket.socket())
        server.bind(("127.0.0.1", 0))
        server.listen(0)
        for _ in range(4):
            client = stack.enter_context(socket.socket())
            client.setblocking(False)
            client.connect_ex(server.getsockname())
        time.sleep(0.05)
        yield f"127.0.0.1:{server.getsockname()[1]}"
