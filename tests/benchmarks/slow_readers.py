"""Many clients that read a few KiB a second, in one process.

python -m tests.benchmarks.slow_readers PORT PATH COUNT BYTES_A_SECOND: connects and asks, prints "asked", reads slowly
until its input ends, then prints as JSON how many were answered 200 and 503 and were cut off, and the bytes they got.
"""

from __future__ import annotations

import json
import select
import socket
import sys
import time
from dataclasses import dataclass

RECEIVE_BYTES = 16 * 1024
"""The kernel doubles it; small, so that what is under way is not what makes the figures."""


@dataclass
class Reader:
    connection: socket.socket
    head: bytes = b""
    received: int = 0
    ended: bool = False

    def read(self, count: int) -> None:
        try:
            data = self.connection.recv(count)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        self.ended = not data
        self.received += len(data)
        if len(self.head) < 12:
            self.head += data[:12]


def main(port: int, path: str, count: int, bytes_a_second: int) -> None:
    request = f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode()
    readers = [Reader(_asking(port, request)) for _ in range(count)]
    print("asked", flush=True)
    while not select.select([sys.stdin], [], [], 0)[0]:
        began = time.monotonic()
        for reader in readers:
            if not reader.ended:
                reader.read(bytes_a_second)
        time.sleep(max(0.0, began + 1 - time.monotonic()))
    statuses = [reader.head[9:12].decode() for reader in readers]
    cut_off = sum(reader.ended for reader in readers)
    received = sum(reader.received for reader in readers)
    print(
        json.dumps({"200": statuses.count("200"), "503": statuses.count("503"), "cut_off": cut_off, "bytes": received})
    )


def _asking(port: int, request: bytes) -> socket.socket:
    connection = socket.socket()
    connection.settimeout(30)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BYTES)
    connection.connect(("127.0.0.1", port))
    connection.sendall(request)
    connection.setblocking(False)
    return connection


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
