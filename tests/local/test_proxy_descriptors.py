"""The proxy when the system gives it few descriptors."""

from __future__ import annotations

import errno
import json
import resource
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from http.client import HTTPConnection
from pathlib import Path

API_PORT, LINK_PORT, UPSTREAM_PORT = 20510, 20511, 20512
LIMIT = 200


def test_at_its_limit_it_resets_new_connections_and_goes_on_with_the_others_and_the_api(tmp_path: Path) -> None:
    with (
        socket.create_server(("127.0.0.1", UPSTREAM_PORT), backlog=1000) as upstream,
        serving_with_few_descriptors(tmp_path) as said,
        ExitStack() as stack,
    ):
        upstream.settimeout(20)
        first = Client(stack)
        server = stack.enter_context(upstream.accept()[0])
        clients = [Client(stack) for _ in range(150)]
        until(lambda: sum(each.is_reset() for each in clients) + carried() == 150 + 1)
        refused = sum(each.is_reset() for each in clients)
        assert 50 <= refused <= 100, "half of them do not fit: each takes two"
        first.socket.sendall(b"still here")
        assert server.recv(10) == b"still here"
        assert said.read_text().count(f"proxy: link l: at most {LIMIT} descriptors") == 1, "once, not for each"
        for client in clients:
            client.socket.close()
        for _ in range(len(clients) - refused):
            upstream.accept()[0].close()
        until(lambda: carried() == 1)
        Client(stack).socket.sendall(b"and another")
        another = stack.enter_context(upstream.accept()[0])
        assert another.recv(20) == b"and another"


@contextmanager
def serving_with_few_descriptors(folder: Path) -> Iterator[Path]:
    """Yields the file that what it says goes to."""
    config, said = folder / "proxy.json", folder / "said"
    link = {"name": "l", "listen": f"127.0.0.1:{LINK_PORT}", "upstream": f"127.0.0.1:{UPSTREAM_PORT}"}
    config.write_text(json.dumps({"proxies": [link]}))
    command = [sys.executable, "-m", "chaos.proxy", "serve", "--api-port", str(API_PORT), "--config", str(config)]
    with said.open("w") as errors:
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=errors)
    try:
        wait_for_api()
        resource.prlimit(process.pid, resource.RLIMIT_NOFILE, (LIMIT, LIMIT))
        yield said
    finally:
        process.kill()
        process.wait()


class Client:
    """Connects to the link; perhaps it is reset by the time it is."""

    def __init__(self, stack: ExitStack) -> None:
        self.socket = stack.enter_context(socket.socket())
        self.socket.settimeout(20)
        code = self.socket.connect_ex(("127.0.0.1", LINK_PORT))
        assert code in (0, errno.ECONNRESET)
        self._was_reset = code != 0  # who was told of its reset is not told again

    def is_reset(self) -> bool:
        """By now; who is carried hears nothing, for the upstream is silent."""
        if not self._was_reset:
            try:
                self.socket.setblocking(False)
                assert self.socket.recv(1) != b"", "it ended without a reset"
            except BlockingIOError:
                pass  # it is carried, or not looked at yet
            except OSError as error:
                if error.errno not in (errno.ECONNRESET, errno.ENOTCONN):
                    raise
                self._was_reset = True
        return self._was_reset


def carried() -> int:
    """How many connections the proxy carries. Its API answers all the while."""
    connection = HTTPConnection("127.0.0.1", API_PORT, timeout=20)
    try:
        connection.request("GET", "/proxies/l/connections")
        return len(json.loads(connection.getresponse().read()))
    finally:
        connection.close()


def wait_for_api() -> None:
    def answers() -> bool:
        try:
            return carried() == 0
        except ConnectionRefusedError:
            return False

    until(answers)


def until(true: Callable[[], bool]) -> None:
    ends_at = time.monotonic() + 30
    while not true():
        assert time.monotonic() < ends_at, "it never came true"
        time.sleep(0.02)
