"""How long a link takes, measured on the link itself and without asking the service for any work.

We send nothing but the end of a stream. A TCP server that closes at the end of its input (nearly all do, uvicorn and
http.server too) answers with the end of its own, and the proxy lets an end pass in order and delayed as it does data.
"""

from __future__ import annotations

import socket
import time

TIMEOUT_SECONDS = 5.0
"""A destination that is stopped accepts and never closes; a delay longer than this cannot be measured."""


def measure_ms(address: str) -> float | None:
    """Milliseconds until the link answered with an end or a refusal, None when it did neither."""
    host, _, port = address.rpartition(":")
    began = time.perf_counter()
    try:
        connection = socket.create_connection((host, int(port)), timeout=TIMEOUT_SECONDS)
    except OSError:
        return None  # not even the proxy is there
    with connection:
        try:
            connection.shutdown(socket.SHUT_WR)
            _read_all(connection, began + TIMEOUT_SECONDS)
        except TimeoutError:
            return None
        except OSError:
            pass  # reset: the destination refused, and its refusal has come over the link
    return (time.perf_counter() - began) * 1000


def _read_all(connection: socket.socket, deadline: float) -> None:
    while connection.recv(65536):
        remaining = deadline - time.perf_counter()
        if remaining <= 0:
            raise TimeoutError
        connection.settimeout(remaining)
