"""A server of a few lines that forks, writes, allocates and computes on demand, to be starved of what that takes.

`python -m tests.local.starved_server PORT DATA_DIR`; asked with one word a connection, it answers with one line.
"""

from __future__ import annotations

import os
import socket
import sys
import time
from pathlib import Path

TAKEN: list[bytes] = []


def answered(word: str, data: Path) -> str:
    try:
        return answer(word, data)
    except OSError as error:
        return f"refused {error.errno}"


def answer(word: str, data: Path) -> str:
    if word == "fork":
        return fork()
    if word == "write":
        with (data / "written").open("ab") as file:
            file.write(b"x" * 65536)
    elif word == "take":
        TAKEN.append(b"x" * 2**24)
    elif word == "burn":
        began = time.process_time()
        while time.process_time() - began < 0.05:
            pass
    return f"ok {os.getpid()}"


def fork() -> str:
    child = os.fork()
    if child == 0:
        time.sleep(600)
        os._exit(0)
    return f"ok {child}"


def main(port: int, data: Path) -> None:
    listener = socket.create_server(("127.0.0.1", port))
    for _ in range(2):
        fork()
    while True:
        try:
            connection, _ = listener.accept()
        except OSError:
            time.sleep(0.02)  # no descriptor left: as asyncio does, wait and try again
            continue
        with connection:
            try:
                connection.sendall(answered(connection.recv(64).decode(), data).encode())
            except OSError:
                pass  # whoever asked has given up


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]))
