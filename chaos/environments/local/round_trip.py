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
    """Milliseconds until the link answered with an end or a reset, None when it did neither.

    The proxy resets a connection when the destination refuses: that refusal has come over the link, too.
    """
    host, _, port = address.rpartition(":")
    began = time.perf_counter()
    try:
        with socket.create_connection((host, int(port)), timeout=TIMEOUT_SECONDS) as connection:
            _exchange_ends(connection, began + TIMEOUT_SECONDS)
    except ConnectionResetError:
        pass  # already while connecting, when the refusal was quick
    except OSError:
        return None  # silence, or not even the proxy is there
    return (time.perf_counter() - began) * 1000


def _exchange_ends(connection: socket.socket, deadline: float) -> None:
    try:
        connection.shutdown(socket.SHUT_WR)
        while connection.recv(65536):
            connection.settimeout(max(0.001, deadline - time.perf_counter()))
    except TimeoutError:
        raise
    except OSError:
        pass  # reset, before or after our end was sent
