"""A SQLite file that several processes and threads use at the same time."""

from __future__ import annotations

import errno
import os
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

BUSY_SECONDS = 10.0
"""How long a write waits for those of others. Each takes milliseconds; more means that a disk stands still."""

RESERVE_BYTES = 2**20
"""What is set aside for writes that must go on when the disk is full. They need little more than LOG_PAGES: what has
been written to the log goes from there into the file, and the log begins anew.
"""
LOG_PAGES = 64

Failure = Callable[[str, bool], Exception]
"""Makes a store's own error of a sentence, and of whether the disk is full."""


class SqliteFile:
    """What is written is on disk, all or nothing, when `writing` ends, and survives any death of any process.

    A connection for each use: it costs a tenth of a millisecond next to the fsync's several, and nothing is shared
    between threads. One more stays open until `close`: whenever the last is closed, SQLite tidies up for a while.
    """

    def __init__(self, path: Path, schema: str, failure: Failure) -> None:
        self._path = path
        self._reserve = path.with_name(f"{path.name}-reserve")
        self._failure = failure
        with self._translated("opened"):
            path.parent.mkdir(parents=True, exist_ok=True)
            self._kept_open = self._connected(schema)

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """All that is read in the block is of one moment."""
        with self._translated("read"):
            connection = self._connected()
            try:
                connection.execute("BEGIN")
                yield connection
            finally:
                connection.close()

    @contextmanager
    def writing(self, although_full: bool = False) -> Iterator[sqlite3.Connection]:
        """Nobody else writes during the block. If it raises, nothing has changed.

        Even to delete takes room. What makes room, or ends work that takes some, is written `although_full`.
        """
        with self._translated("written"):
            self._free_reserve() if although_full else self._set_reserve_aside()
            connection = self._connected()
            try:
                connection.execute("BEGIN IMMEDIATE")
                yield connection
                connection.execute("COMMIT")
            finally:
                connection.close()  # what was not committed is rolled back

    def close(self) -> None:
        self._kept_open.close()

    def _set_reserve_aside(self) -> None:
        with self._reserve.open("ab") as file:
            if file.tell() < RESERVE_BYTES:
                os.posix_fallocate(file.fileno(), 0, RESERVE_BYTES)

    def _free_reserve(self) -> None:
        if shutil.disk_usage(self._path.parent).free < RESERVE_BYTES:
            self._reserve.unlink(missing_ok=True)

    def _connected(self, schema: str = "") -> sqlite3.Connection:
        connection = sqlite3.connect(self._path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
        try:
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("PRAGMA synchronous=FULL")  # a commit is on the disk when it returns
            connection.execute(f"PRAGMA wal_autocheckpoint={LOG_PAGES}")
            connection.executescript(schema)
        except sqlite3.Error:
            connection.close()
            raise
        return connection

    @contextmanager
    def _translated(self, what: str) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            is_full = getattr(error, "sqlite_errorcode", 0) == sqlite3.SQLITE_FULL or _is_full(error)
            raise self._failure(f"{self._path.name} cannot be {what}: {error}", is_full) from error


def _is_full(error: Exception) -> bool:
    return isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)
