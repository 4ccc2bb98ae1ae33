"""Servers that speak S3, for tests: moto's emulation, and a real one; processes on loopback, gone with the block."""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.ports import own_host

MISSING = "no versitygw is installed (.ci/versitygw builds one)"
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "tests", "AWS_SECRET_ACCESS_KEY": "not-a-secret"}
APART = {**CREDENTIALS, "AWS_EC2_METADATA_DISABLED": "true", "AWS_CONFIG_FILE": "/nowhere"}
"""The environment of a client that must find nothing of the user's."""


@contextmanager
def emulated(port: int, folder: Path) -> Iterator[str]:
    """moto's server: everything in memory. Yields its address once it answers."""
    command = [sys.executable, "-m", "moto.server", "-H", own_host(), "-p", str(port)]
    with _running(command, port, folder, own_host()) as address:
        yield address


@contextmanager
def real(port: int, folder: Path, host: str = "") -> Iterator[str]:
    """versitygw, which keeps objects as files in `folder`/data; without it the test is skipped.

    `host` is where it listens, and by default nobody else does.
    """
    host = host or own_host()
    program = shutil.which("versitygw")
    if program is None:
        pytest.skip(MISSING)
    for name in ("data", "about"):  # what is known about an object beside it: not every disk has extended attributes
        (folder / name).mkdir(exist_ok=True)
    access, secret = CREDENTIALS.values()
    options = ["--port", f"{host}:{port}", "--access", access, "--secret", secret, "--quiet"]
    backend = ["posix", "--sidecar", str(folder / "about"), str(folder / "data")]
    with _running([program, *options, *backend], port, folder, host) as address:
        yield address


@contextmanager
def _running(command: Sequence[str], port: int, folder: Path, host: str) -> Iterator[str]:
    with (
        (folder / "server.log").open("wb") as log,
        subprocess.Popen(command, stdout=log, stderr=log) as server,
    ):
        try:
            _await(host, port, server)
            yield f"http://{host}:{port}"
        finally:
            server.kill()


def _await(host: str, port: int, server: subprocess.Popen[bytes]) -> None:
    ends = time.monotonic() + 60
    while time.monotonic() < ends:
        assert server.poll() is None, f"it ended with {server.returncode}"
        with socket.socket() as client:
            if client.connect_ex((host, port)) == 0:
                return
        time.sleep(0.01)
    raise AssertionError(f"nothing listens on {port}")
