"""The proxy when the system gives it few descriptors."""

from __future__ import annotations

import errno
import json
import resource
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from http.client import HTTPConnection
from pathlib import Path

API_PORT, LINK_PORT, UPSTREAM_PORT = 20510, 20511, 20512
LIMIT = 200


def test_at_its_limit_it_resets_new_connections_and_goes_on_with_the_others_and_the_api(tmp_path: Path) -> None:
    with (
        socket.create_server(("127.0.0.1", UPSTREAM_PORT), backlog=1000) as upstream,
        serving_with_few_descriptors(tmp_path),
        ExitStack() as stack,
    ):
        first = stack.enter_context(connected())
        server = stack.enter_context(upstream.accept()[0])
        clients = [stack.enter_context(connected()) for _ in range(150)]
        time.sleep(0.3)
        refused = [client for client in clients if is_reset(client)]
        assert 50 <= len(refused) <= 100, "half of them do not fit: each takes two"
        first.sendall(b"still here")
        assert server.recv(10) == b"still here"
        wait_for_api()
        for client in clients:
            client.close()
        for _ in range(len(clients) - len(refused)):
            upstream.accept()[0].close()
        time.sleep(0.3)
        assert not is_reset(stack.enter_context(connected()))


@contextmanager
def serving_with_few_descriptors(folder: Path) -> Iterator[None]:
    config = folder / "proxy.json"
    link = {"name": "l", "listen": f"127.0.0.1:{LINK_PORT}", "upstream": f"127.0.0.1:{UPSTREAM_PORT}"}
    config.write_text(json.dumps({"proxies": [link]}))
    command = [sys.executable, "-m", "chaos.proxy", "serve", "--api-port", str(API_PORT), "--config", str(config)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        wait_for_api()
        resource.prlimit(process.pid, resource.RLIMIT_NOFILE, (LIMIT, LIMIT))
        yield
    finally:
        process.kill()
        process.wait()


def connected() -> socket.socket:
    """Perhaps reset by the time it is."""
    client = socket.socket()
    client.settimeout(5)
    assert client.connect_ex(("127.0.0.1", LINK_PORT)) in (0, errno.ECONNRESET)
    return client


def is_reset(client: socket.socket) -> bool:
    """At once; who is carried hears nothing, for the upstream is silent."""
    client.settimeout(0.05)
    try:
        client.recv(1)
    except TimeoutError:
        return False
    except OSError as error:
        return error.errno in (errno.ECONNRESET, errno.ENOTCONN)
    raise AssertionError("it ended without a reset")


def wait_for_api() -> None:
    deadline = time.monotonic() + 10
    while True:
        connection = HTTPConnection("127.0.0.1", API_PORT, timeout=5)
        try:
            connection.request("GET", "/version")
            assert connection.getresponse().status == 200
        except ConnectionRefusedError:
            assert time.monotonic() < deadline
            time.sleep(0.02)
        else:
            return
        finally:
            connection.close()
