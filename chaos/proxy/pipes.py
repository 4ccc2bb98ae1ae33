"""Pipes for `splice`, which moves bytes from socket to socket without copying them to this process and back."""

from __future__ import annotations

import fcntl
import os
from dataclasses import dataclass

PIPE_BYTES = 256 * 1024
"""More makes one stream no faster, and 64 at once slower: the bytes leave the processor's caches meanwhile."""

KEPT = 16


@dataclass(slots=True, frozen=True)
class Pipe:
    reads: int
    writes: int

    def close(self) -> None:
        os.close(self.reads)
        os.close(self.writes)


class Pipes:
    """Empty pipes, lent to streams for a moment, or for as long as a reader that stands still leaves bytes in one."""

    def __init__(self, most: int = 512) -> None:
        self._free: list[Pipe] = []
        self._left = most

    def lend(self) -> Pipe | None:
        """None when there are too many, or no descriptor is left: the stream copies its bytes then."""
        if self._free:
            return self._free.pop()
        if not self._left:
            return None
        try:
            pipe = Pipe(*os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC))
        except OSError:
            return None
        try:
            fcntl.fcntl(pipe.writes, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
        except OSError:
            pass  # the user has too many large pipes: this one stays small, and carries less at a time
        self._left -= 1
        return pipe

    def give_back(self, pipe: Pipe, is_empty: bool = True) -> None:
        if is_empty and len(self._free) < KEPT:
            self._free.append(pipe)
        else:
            self._left += 1
            pipe.close()

    def close(self) -> None:
        while self._free:
            self._free.pop().close()
