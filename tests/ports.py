"""Ports of systems that several files of tests share: each process of a test run has its own."""

from __future__ import annotations

import itertools
import os
import socket
from collections.abc import Iterator


def own(first: int, count: int) -> int:
    """The first of `count` ports from `first` on, of this process: pytest-xdist calls them gw0, gw1 and so on."""
    return first + count * int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))


def own_host() -> str:
    """A loopback address of this process: what listens there can be mistaken for nobody else's."""
    pid = os.getpid()
    return f"127.{64 + (pid >> 16) % 128}.{pid >> 8 & 255}.{pid & 255}"


def free(first: int) -> Iterator[int]:
    """Ports from `first` on that nobody listens on at the moment."""
    for port in itertools.count(first):
        try:
            socket.create_server(("127.0.0.1", port)).close()
        except OSError:
            continue
        yield port
