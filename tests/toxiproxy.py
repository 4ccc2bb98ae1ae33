"""Fault proxies for tests: the real Toxiproxy, written in Go, and ours; processes on loopback, gone with the block."""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import pytest

MISSING = "no toxiproxy-server is installed (.ci/toxiproxy builds one)"


@contextmanager
def real(port: int, *options: str) -> Iterator[str]:
    """The Go server; without it the test is skipped. Yields its API's address once it answers."""
    program = shutil.which("toxiproxy-server")
    if program is None:
        pytest.skip(MISSING)
    with _running([program, "-host", "127.0.0.1", "-port", str(port), *options], port) as address:
        yield address


@contextmanager
def ours(port: int, *options: str) -> Iterator[str]:
    """Ours, as users start it. Yields its API's address once it answers."""
    with _running([sys.executable, "-m", "chaos.proxy", "serve", "--port", str(port), *options], port) as address:
        yield address


@contextmanager
def _running(command: Sequence[str], port: int) -> Iterator[str]:
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as server:
        try:
            _await(port, server)
            yield f"http://127.0.0.1:{port}"
        finally:
            server.kill()


def _await(port: int, server: subprocess.Popen[bytes]) -> None:
    ends = time.monotonic() + 30
    while time.monotonic() < ends:
        assert server.poll() is None, f"it ended with {server.returncode}"
        with socket.socket() as client:
            if client.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.01)
    raise AssertionError(f"nothing listens on {port}")
