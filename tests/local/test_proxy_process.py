"""The proxy as a process of its own: how it starts, refuses to start, and ends."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

API_PORT, LINK_PORT, UPSTREAM_PORT = 29500, 29501, 29502


def command(tmp_path: Path, api_port: int = API_PORT) -> list[str]:
    config = tmp_path / "proxy.json"
    link = {"name": "a>b", "listen": f"127.0.0.1:{LINK_PORT}", "upstream": f"127.0.0.1:{UPSTREAM_PORT}"}
    config.write_text(json.dumps({"proxies": [link]}))
    return [sys.executable, "-m", "chaos.proxy", "serve", "--api-port", str(api_port), "--config", str(config)]


@contextmanager
def serving(tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(command(tmp_path), stderr=subprocess.PIPE)
    try:
        deadline = time.monotonic() + 30
        while not answers(API_PORT):
            assert time.monotonic() < deadline
            time.sleep(0.01)
        yield process
    finally:
        process.kill()
        process.communicate()


def ask(method: str, path: str, body: Any = None) -> int:
    connection = HTTPConnection("127.0.0.1", API_PORT, timeout=20)
    try:
        connection.request(method, path, body=None if body is None else json.dumps(body))
        return connection.getresponse().status
    finally:
        connection.close()


def test_links_are_open_when_the_api_answers_and_sigterm_ends_it(tmp_path: Path) -> None:
    with serving(tmp_path) as process, socket.create_connection(("127.0.0.1", LINK_PORT), timeout=5) as client:
        assert ask("GET", "/proxies/a%3Eb") == 200
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
        assert process.stderr is not None
        assert process.stderr.read() == b""
        client.close()


def test_a_port_in_use_is_one_sentence_and_exit_code_2(tmp_path: Path) -> None:
    for taken in (API_PORT, LINK_PORT):
        with socket.create_server(("127.0.0.1", taken)):
            done = subprocess.run(command(tmp_path), capture_output=True, text=True, timeout=20, check=False)
        assert done.returncode == 2
        assert done.stderr.count("\n") == 1
        assert f"127.0.0.1:{taken}: the port is in use" in done.stderr


def test_it_takes_no_time_of_the_processor_while_nothing_happens(tmp_path: Path) -> None:
    with serving(tmp_path) as process:
        toxic = {"type": "latency", "attributes": {"latency": 10}, "expires_at": time.time() + 60}
        assert ask("POST", "/proxies/a%3Eb/toxics", toxic) == 200
        assert any(rests(process.pid) for _ in range(5)), "on a busy machine it may still have had something to end"


def test_deleting_a_toxic_never_waits_for_what_it_holds(tmp_path: Path) -> None:
    with (
        serving(tmp_path),
        socket.create_server(("127.0.0.1", UPSTREAM_PORT)) as upstream,
        socket.create_connection(("127.0.0.1", LINK_PORT), timeout=20) as client,
    ):
        server, _ = upstream.accept()
        with server:
            toxic = {"name": "slow", "type": "latency", "attributes": {"latency": 600_000}}
            assert ask("POST", "/proxies/a%3Eb/toxics", toxic) == 200
            server.sendall(b"held back")
            time.sleep(0.05)
            assert ask("DELETE", "/proxies/a%3Eb/toxics/slow") == 204
            assert client.recv(100) == b"held back"  # within the client's patience, not in ten minutes


def rests(pid: int) -> bool:
    """For a second and a half."""
    before = cpu_seconds(pid)
    time.sleep(1.5)
    return cpu_seconds(pid) - before <= 0.02


def cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def answers(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0
