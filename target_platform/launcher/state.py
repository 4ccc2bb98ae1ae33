"""The state file: what runs, for everybody to read."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path

import msgspec

from target_platform.launcher.folder import replace_file
from target_platform.launcher.spec import State

RETRY_SECONDS = 1.0
COALESCE_SECONDS = 0.01

log = logging.getLogger("launcher")


class StateFile:
    """Replaced by rename at each change; changes of one moment are written together."""

    def __init__(self, path: Path, describe: Callable[[], State]) -> None:
        self._path = path
        self._describe = describe
        self._due: asyncio.TimerHandle | None = None

    def changed(self) -> None:
        """Write it in a moment."""
        self._write_in(COALESCE_SECONDS)

    def flush(self) -> None:
        """Write it now. Raises OSError, e.g. when the disk is full."""
        if self._due is not None:
            self._due.cancel()
            self._due = None
        replace_file(self._path, msgspec.json.encode(self._describe()))

    def _write_in(self, seconds: float) -> None:
        if self._due is None:
            self._due = asyncio.get_running_loop().call_later(seconds, self._write)

    def _write(self) -> None:
        self._due = None
        try:
            self.flush()
        except OSError as error:
            log.error("%s cannot be written: %s; trying again", self._path, error.strerror)
            self._write_in(RETRY_SECONDS)


def read_state(path: Path) -> State | None:
    """The last state written, or None when there is none that can be read."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=State)
    except (FileNotFoundError, msgspec.DecodeError):
        return None
