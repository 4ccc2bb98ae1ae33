"""Appending to a journal: from several threads and several processes at once, torn by no crash."""

from __future__ import annotations

import errno
import os
import threading
from pathlib import Path
from typing import Self

import msgspec

from chaos.model.errors import ChaosError
from chaos.model.events import Event


class JournalWriter:
    """Appends events to a file, one JSON line each; the Recorder of model/events.py.

    The run, its guardian, the lease holder and a rollback may each have one open on the same file:
    every `record` is a single write to a descriptor opened with O_APPEND, which the kernel puts at
    the end as a whole. Raises ChaosError when the file cannot be written; then nothing that the
    caller was about to note may be done.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._encoder = msgspec.json.Encoder()
        self._writing = threading.Lock()
        self._syncing = threading.Lock()
        self._written = 0
        """How many calls have been written, and (below) how many of them are on disk."""
        self._synced = 0
        self._unsafe = ""
        self._descriptor = _open(path)

    def record(self, *events: Event, durable: bool = False) -> None:
        """Append the events in order; with `durable` return only when they are on disk."""
        lines = b"".join(self._encoder.encode(event) + b"\n" for event in events)
        with self._writing:
            self._append(lines)
            self._written += 1
            ticket = self._written
        if durable:
            self._sync(ticket)

    def close(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _append(self, lines: bytes) -> None:
        try:
            # A writer that was killed within its write leaves half a line, and may do so at any time:
            # without this the next event would continue that line and be lost with it.
            data = lines if _ends_whole(self._descriptor) else b"\n" + lines
            written = os.write(self._descriptor, data)
        except OSError as error:
            raise _cannot_write(self._path, error) from error
        if written < len(data):  # what the kernel does when the disk fills up in the middle
            raise _cannot_write(self._path, OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)))

    def _sync(self, ticket: int) -> None:
        """Group commit: whoever gets the lock syncs for all who have written by then."""
        with self._syncing:
            if self._unsafe:
                raise ChaosError(self._unsafe, _HINT)
            if self._synced >= ticket:
                return
            covered = self._written
            try:
                os.fdatasync(self._descriptor)
            except OSError as error:
                # After a failed fsync the kernel forgets what it could not write, and the next one
                # succeeds without it: such a file must never be believed to be on disk again.
                self._unsafe = _cannot_write(self._path, error).message
                raise ChaosError(self._unsafe, _HINT) from error
            self._synced = covered


_HINT = "without a journal nothing is injected; free some space, or set STEADFAST_HOME to another disk"


def _open(path: Path) -> int:
    try:
        existed = path.exists()
        descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o644)
        if not existed:
            sync_directory(path.parent)
    except OSError as error:
        raise _cannot_write(path, error) from error
    return descriptor


def sync_directory(directory: Path) -> None:
    """Put a directory's entries on disk: a file that is synced in a directory that is not may be lost."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _ends_whole(descriptor: int) -> bool:
    size = os.fstat(descriptor).st_size
    return size == 0 or os.pread(descriptor, 1, size - 1) == b"\n"


def _cannot_write(path: Path, error: OSError) -> ChaosError:
    return ChaosError(f"cannot write the journal {path}: {error.strerror or error}", _HINT)
