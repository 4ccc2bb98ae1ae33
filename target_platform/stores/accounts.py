"""The accounts of one region: the interface, and an embedded adapter in SQLite."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from msgspec import Struct

BUSY_SECONDS = 0.5
"""How long a write waits for one of another process. Writes take milliseconds; more means that a disk stands still."""


class Account(Struct, frozen=True):
    """`password_hash` is what argon2 made of the password, with its parameters and its salt. `plan` may be empty."""

    name: str
    password_hash: str
    plan: str = ""


class AccountsFailed(Exception):
    """The store cannot answer; the sentence says why."""


class Accounts(Protocol):
    """Blocks: call it from a thread. Every method raises AccountsFailed."""

    def add(self, account: Account) -> Account:
        """Keep an account, on disk before this returns. Who has the name already stays, and is returned."""

    def find(self, name: str) -> Account | None: ...


class SqliteAccounts:
    """One file for all instances of a region, which is the region's database. Safe from several processes and threads.

    A connection for each use: it costs a tenth of a millisecond next to the hash's forty, and nothing has to be shared
    between threads or survive a fork.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        with self._connected() as connection:
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute(
                "CREATE TABLE IF NOT EXISTS accounts (name TEXT PRIMARY KEY, password_hash TEXT NOT NULL,"
                " plan TEXT NOT NULL DEFAULT '') WITHOUT ROWID"
            )
            _add_plan(connection)

    def add(self, account: Account) -> Account:
        with self._connected() as connection:
            row = (account.name, account.password_hash, account.plan)
            connection.execute("INSERT OR IGNORE INTO accounts (name, password_hash, plan) VALUES (?, ?, ?)", row)
            return _found(connection, account.name) or account

    def find(self, name: str) -> Account | None:
        with self._connected() as connection:
            return _found(connection, name)

    @contextmanager
    def _connected(self) -> Iterator[sqlite3.Connection]:
        try:
            connection = sqlite3.connect(self._path, timeout=BUSY_SECONDS, isolation_level=None)
            try:
                connection.execute("PRAGMA synchronous=FULL")  # a commit is on the disk when it returns
                yield connection
            finally:
                connection.close()
        except sqlite3.Error as error:
            raise AccountsFailed(f"the accounts in {self._path.name} cannot be used: {error}") from error


def _add_plan(connection: sqlite3.Connection) -> None:
    """To a file from before accounts had plans. Another process may do so at the same moment."""
    if any(column[1] == "plan" for column in connection.execute("PRAGMA table_info(accounts)")):
        return
    try:
        connection.execute("ALTER TABLE accounts ADD COLUMN plan TEXT NOT NULL DEFAULT ''")
    except sqlite3.OperationalError as error:
        if "duplicate column" not in str(error):
            raise


def _found(connection: sqlite3.Connection, name: str) -> Account | None:
    row = connection.execute("SELECT name, password_hash, plan FROM accounts WHERE name = ?", (name,)).fetchone()
    return Account(*row) if row else None
