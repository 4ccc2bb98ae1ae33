"""The embedded adapter of queues: one SQLite file for all processes of a machine."""

from __future__ import annotations

import sqlite3
import time
import uuid
from collections.abc import Callable
from pathlib import Path

from target_platform.stores.queue.interface import (
    Counts,
    Dead,
    LeaseLost,
    QueueFailed,
    Taken,
    Terms,
    check_job,
    kept_reason,
    lease_ran_out,
)
from target_platform.stores.sqlite_file import SqliteFile

_SCHEMA = """
CREATE TABLE IF NOT EXISTS jobs (
    number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, body TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('open', 'done', 'dead')), attempts INTEGER NOT NULL,
    token TEXT NOT NULL, set_at REAL NOT NULL, due_at REAL NOT NULL, reason TEXT NOT NULL, died INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS by_due ON jobs (due_at, number) WHERE state = 'open';
CREATE INDEX IF NOT EXISTS by_state ON jobs (state, attempts);
"""
# A clock that was set back would make leases and pauses longer than they were meant: what begins in the future is over.
_DUE = "state = 'open' AND (due_at <= :now OR set_at > :now)"
_NEXT = f"SELECT number, id, body, attempts FROM jobs WHERE {_DUE} ORDER BY due_at, number LIMIT 1"
_TAKE = "UPDATE jobs SET attempts = attempts + 1, token = :token, set_at = :now, due_at = :ends WHERE number = :number"
_DIE = """
UPDATE jobs SET state = 'dead', token = '', reason = :reason, died = (SELECT max(died) + 1 FROM jobs)
WHERE number = :number
"""


class SqliteQueue:
    """A job is on disk when `put` returns, and so is its end when `done` returns. Safe from threads and processes.

    Leases go by `now`, the machine's clock in seconds: if it is set forward they end early, if it is set back they end
    at once; either way a job may be done twice, and none waits for long.
    """

    def __init__(self, path: Path, terms: Terms | None = None, now: Callable[[], float] = time.time) -> None:
        self._file = SqliteFile(path, _SCHEMA, lambda sentence, is_full: QueueFailed(sentence))
        self._terms = terms or Terms()
        self._now = now

    def put(self, id: str, body: str) -> bool:
        check_job(id, body)
        now = self._now()
        insert = "INSERT OR IGNORE INTO jobs VALUES (NULL, ?, ?, 'open', 0, '', ?, ?, '', 0)"
        with self._file.writing() as jobs:
            return jobs.execute(insert, (id, body, now, now)).rowcount == 1

    def take(self) -> Taken | None:
        now = self._now()
        with self._file.reading() as jobs:  # workers with nothing to do write nothing
            if jobs.execute(_NEXT, {"now": now}).fetchone() is None:
                return None
        with self._file.writing(although_full=True) as jobs:
            while (row := jobs.execute(_NEXT, {"now": now}).fetchone()) is not None:
                number, id, body, attempts = row
                if attempts < self._terms.attempts:
                    token = uuid.uuid4().hex
                    ends = now + self._terms.lease_seconds
                    jobs.execute(_TAKE, {"token": token, "now": now, "ends": ends, "number": number})
                    return Taken(id=id, body=body, attempt=attempts + 1, token=token)
                jobs.execute(_DIE, {"reason": lease_ran_out(attempts), "number": number})
        return None

    def extend(self, job: Taken) -> None:
        now = self._now()
        with self._file.writing(although_full=True) as jobs:
            number = self._held(jobs, job)
            ends = now + self._terms.lease_seconds
            jobs.execute("UPDATE jobs SET set_at = ?, due_at = ? WHERE number = ?", (now, ends, number))

    def done(self, job: Taken) -> None:
        with self._file.writing(although_full=True) as jobs:
            number = self._held(jobs, job)
            jobs.execute("UPDATE jobs SET state = 'done', token = '' WHERE number = ?", (number,))

    def failed(self, job: Taken, reason: str) -> None:
        now = self._now()
        with self._file.writing(although_full=True) as jobs:
            number = self._held(jobs, job)
            if job.attempt >= self._terms.attempts:
                jobs.execute(_DIE, {"reason": kept_reason(reason), "number": number})
                return
            due = now + self._terms.pause_seconds(job.attempt)
            values = (now, due, kept_reason(reason), number)
            jobs.execute("UPDATE jobs SET token = '', set_at = ?, due_at = ?, reason = ? WHERE number = ?", values)

    def counts(self) -> Counts:
        query = "SELECT state, attempts > 0, count(*) FROM jobs GROUP BY 1, 2"
        found = {"waiting": 0, "underway": 0, "done": 0, "dead": 0}
        with self._file.reading() as jobs:
            for state, was_taken, count in jobs.execute(query):
                found[state if state != "open" else "underway" if was_taken else "waiting"] += count
        return Counts(**found)

    def dead(self) -> tuple[Dead, ...]:
        query = "SELECT id, body, reason, attempts FROM jobs WHERE state = 'dead' ORDER BY died"
        with self._file.reading() as jobs:
            rows = jobs.execute(query).fetchall()
        return tuple(Dead(id=id, body=body, reason=reason, attempts=count) for id, body, reason, count in rows)

    def revive(self, id: str) -> bool:
        now = self._now()
        update = "UPDATE jobs SET state = 'open', attempts = 0, set_at = ?, due_at = ? WHERE id = ? AND state = 'dead'"
        with self._file.writing(although_full=True) as jobs:
            return jobs.execute(update, (now, now, id)).rowcount == 1

    def close(self) -> None:
        self._file.close()

    def _held(self, jobs: sqlite3.Connection, job: Taken) -> int:
        """Its number, if the lease holds. Raises LeaseLost."""
        query = f"SELECT number FROM jobs WHERE id = :id AND token = :token AND NOT ({_DUE})"
        row = jobs.execute(query, {"id": job.id, "token": job.token or "none", "now": self._now()}).fetchone()
        if row is None:
            raise LeaseLost(f"job {job.id} is not in these hands: the lease has run out, or it has ended before")
        return int(row[0])
