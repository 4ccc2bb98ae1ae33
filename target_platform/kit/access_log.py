"""One JSON line a request: when, what, how it ended, how many bytes of body were handed to the socket.

Each line is written at once and whole: what is counted there must survive a SIGKILL of the process.
"""

from __future__ import annotations

import os
from pathlib import Path

import msgspec
from msgspec import Struct

LIMIT_BYTES = 64 * 1024 * 1024
"""Beyond this the file becomes NAME.1, in place of the one before."""


class Served(Struct, frozen=True, kw_only=True):
    """`at` is the epoch second of the request's start. `bytes` counts the body only."""

    at: float
    method: str
    path: str
    status: int
    bytes: int
    ms: float


class AccessLog:
    """Appends to a file of this instance. A full disk costs lines, never requests."""

    def __init__(self, path: Path) -> None:
        self._path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        self._open()

    def write(self, served: Served) -> bool:
        """Whether the line was written."""
        line = msgspec.json.encode(served) + b"\n"
        try:
            if self._size + len(line) > LIMIT_BYTES:
                self._turn_over()
            written = os.write(self._file, line)
        except OSError:
            return False
        self._size += written
        return written == len(line)

    def close(self) -> None:
        os.close(self._file)

    def _open(self) -> None:
        self._file = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        self._size = os.fstat(self._file).st_size

    def _turn_over(self) -> None:
        self._path.replace(self._path.with_name(self._path.name + ".1"))
        os.close(self._file)
        self._open()
