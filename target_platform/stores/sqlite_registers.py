"""The embedded adapter of registers: one SQLite file that belongs to one process."""

from __future__ import annotations

import asyncio
import sqlite3
import uuid
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from target_platform.stores.registers import Changes, Entry, StoreFailed

_SCHEMA = """
CREATE TABLE IF NOT EXISTS registers (
    key TEXT PRIMARY KEY, number INTEGER NOT NULL, tie TEXT NOT NULL, value TEXT NOT NULL, region TEXT NOT NULL,
    position INTEGER NOT NULL
) WITHOUT ROWID;
CREATE UNIQUE INDEX IF NOT EXISTS by_position ON registers (position);
CREATE TABLE IF NOT EXISTS store (name TEXT NOT NULL);
"""
_PUT = """
INSERT INTO registers VALUES (?, ?, ?, ?, ?, (SELECT coalesce(max(position), 0) + 1 FROM registers))
ON CONFLICT (key) DO UPDATE SET
    number = excluded.number, tie = excluded.tie, value = excluded.value, region = excluded.region,
    position = excluded.position
WHERE (excluded.number, excluded.tie) > (number, tie)
"""
_COLUMNS = "key, number, tie, value, region"

Waiting = tuple[Sequence[Entry], "asyncio.Future[None]"]


class SqliteRegisters:
    """Create it inside the event loop, and close it there. Raises StoreFailed when the file cannot be had.

    Each commit ends with an fsync (WAL, synchronous=FULL), in a thread of its own. Whoever wants to write while one is
    under way shares the next: the disk, not the number of writers, sets the pace.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        with self._translated("opened"):
            path.parent.mkdir(parents=True, exist_ok=True)
            self._writer = _connected(path)
            self._writer.executescript(_SCHEMA)
            self._name = _name_of(self._writer)
            self._reader = _connected(path)  # in WAL a reader waits for no writer, so reads need no thread
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=f"store {path.name}")
        self._waiting: list[Waiting] = []
        self._committing: asyncio.Task[None] | None = None

    async def put(self, entries: Sequence[Entry]) -> None:
        loop = asyncio.get_running_loop()
        done: asyncio.Future[None] = loop.create_future()
        self._waiting.append((entries, done))
        if self._committing is None or self._committing.done():
            self._committing = loop.create_task(self._commit_all())
        await done

    async def get(self, key: str) -> Entry | None:
        with self._translated("read"):
            row = self._reader.execute(f"SELECT {_COLUMNS} FROM registers WHERE key = ?", (key,)).fetchone()
        return _entry(row) if row else None

    async def under(self, prefix: str) -> tuple[Entry, ...]:
        query = f"SELECT {_COLUMNS} FROM registers WHERE key >= ? AND substr(key, 1, ?) = ? ORDER BY key"
        with self._translated("read"):
            rows = self._reader.execute(query, (prefix, len(prefix), prefix)).fetchall()
        return tuple(_entry(row) for row in rows)

    async def changes(self, after: int, limit: int, region: str = "") -> Changes:
        query = f"SELECT {_COLUMNS}, position FROM registers WHERE position > ? AND region != '' AND ? IN ('', region)"
        with self._translated("read"):
            (upto,) = self._reader.execute("SELECT coalesce(max(position), 0) FROM registers").fetchone()
            rows = self._reader.execute(
                f"{query} AND position <= ? ORDER BY position LIMIT ?", (after, region, upto, limit)
            ).fetchall()
        more = len(rows) == limit
        return Changes(
            store=self._name,
            entries=tuple(_entry(row[:5]) for row in rows),
            upto=rows[-1][5] if more else upto,
            more=more,
        )

    async def close(self) -> None:
        if self._committing is not None:
            await self._committing
        self._thread.shutdown()
        self._reader.close()
        self._writer.close()

    async def _commit_all(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting, []
            entries = [entry for wanted, _ in batch for entry in wanted]
            failure: StoreFailed | None = None
            try:
                await asyncio.get_running_loop().run_in_executor(self._thread, self._commit, entries)
            except StoreFailed as error:
                failure = error
            for _, done in batch:
                if done.done():
                    continue  # who asked has gone; what it wrote is kept
                if failure is None:
                    done.set_result(None)
                else:
                    done.set_exception(StoreFailed(str(failure)))

    def _commit(self, entries: Sequence[Entry]) -> None:
        with self._translated("written"):
            self._writer.execute("BEGIN IMMEDIATE")
            try:
                for each in entries:
                    self._writer.execute(_PUT, (each.key, *each.version, each.value, each.region))
                self._writer.execute("COMMIT")
            except sqlite3.Error:
                if self._writer.in_transaction:  # a full disk may have ended it already
                    self._writer.execute("ROLLBACK")
                raise

    @contextmanager
    def _translated(self, what: str) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            raise StoreFailed(f"{self._path.name} cannot be {what}: {error}") from error


def _connected(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    return connection


def _name_of(connection: sqlite3.Connection) -> str:
    """Given once, when the file is made: a store that lost its disk is another one."""
    found = connection.execute("SELECT name FROM store").fetchone()
    if found is None:
        connection.execute("INSERT INTO store VALUES (?)", (uuid.uuid4().hex,))
        found = connection.execute("SELECT name FROM store").fetchone()
    return str(found[0])


def _entry(row: tuple[str, int, str, str, str]) -> Entry:
    key, number, tie, value, region = row
    return Entry(key=key, version=(number, tie), value=value, region=region)
