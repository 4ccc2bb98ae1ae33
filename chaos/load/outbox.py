"""The child's end of the report pipe. Never blocks: a reader that lags must not hold the users back."""

from __future__ import annotations

import os

import msgspec
from msgspec import Struct

from chaos.load.leash import end_group


class Outbox:
    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._pending = b""
        os.set_blocking(fd, False)
        os.set_inheritable(fd, False)

    @property
    def is_full(self) -> bool:
        """The reader has not taken the last message yet."""
        return bool(self._pending)

    def send(self, message: Struct) -> None:
        self._pending += msgspec.json.encode(message) + b"\n"
        self.flush()

    def flush(self) -> None:
        """Write what the pipe takes now. A reader that is gone ends the process."""
        try:
            while self._pending:
                written = os.write(self._fd, self._pending)
                self._pending = self._pending[written:]
        except BlockingIOError:
            pass  # the rest goes with a later flush
        except BrokenPipeError:
            end_group()

    def flush_all(self) -> None:
        """Write everything, however long the reader takes; for the last message."""
        os.set_blocking(self._fd, True)
        self.flush()
