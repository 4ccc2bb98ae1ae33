"""A SQLite file that several processes and threads use at the same time."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

BUSY_SECONDS = 10.0
"""How long a write waits for those of others. Each takes milliseconds; more means that a disk stands still."""

Failure = Callable[[str, bool], Exception]
"""Makes a store's own error of a sentence, and of whether the disk is full."""


class SqliteFile:
    """What is written is on disk, all or nothing, when `writing` ends, and survives any death of any process.

    A connection for each use: it costs a tenth of a millisecond next to the fsync's several, and nothing is shared
    between threads. One more stays open until `close`: whenever the last is closed, SQLite tidies up for a while.
    """

    def __init__(self, path: Path, schema: str, failure: Failure) -> None:
        self._path = path
        self._failure = failure
        with self._translated("opened"):
            path.parent.mkdir(parents=True, exist_ok=True)
            self._kept_open = self._connected()
            self._kept_open.executescript(schema)

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
    def writing(self) -> Iterator[sqlite3.Connection]:
        """Nobody else writes during the block. If it raises, nothing has changed."""
        with self._translated("written"):
            connection = self._connected()
            try:
                connection.execute("BEGIN IMMEDIATE")
                yield connection
                connection.execute("COMMIT")
            finally:
                connection.close()  # what was not committed is rolled back

    def close(self) -> None:
        self._kept_open.close()

    def _connected(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self._path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
        try:
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("PRAGMA synchronous=FULL")  # a commit is on the disk when it returns
        except sqlite3.Error:
            connection.close()
            raise
        return connection

    @contextmanager
    def _translated(self, what: str) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            is_full = getattr(error, "sqlite_errorcode", 0) == sqlite3.SQLITE_FULL
            raise self._failure(f"{self._path.name} cannot be {what}: {error}", is_full) from error
