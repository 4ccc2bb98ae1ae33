"""Jobs for workers, each done at least once: what a queue promises, whichever it is.

A worker takes a job for a time, the lease. If it says neither that it is done nor that it failed nor that it needs more
time, because it died or hangs, somebody else gets the job when the lease ends. So a job can be done twice, and by two
at the same time: doing it again must not hurt. A job that was taken `attempts` times in vain is dead: it is kept with
the reason, and nobody gets it until it is revived. docs/explanation/stores.md says what else is promised, and what not.
"""

from __future__ import annotations

from typing import Protocol

from msgspec import Struct

BODY_BYTES_MOST = 256 * 1024
ID_CHARACTERS_MOST = 200
REASON_CHARACTERS_MOST = 2000


class Terms(Struct, frozen=True, kw_only=True):
    """How long and how often. All who use one queue must open it with the same terms.

    After attempt n has *failed*, the next waits `first_pause_seconds * 2 ** (n - 1)`, `longest_pause_seconds` at most;
    after a lease that ran out, it does not wait.
    """

    lease_seconds: float = 30.0
    attempts: int = 5
    first_pause_seconds: float = 1.0
    longest_pause_seconds: float = 60.0

    def pause_seconds(self, attempt: int) -> float:
        """How long a job waits after attempt `attempt` (1, 2, ...) failed."""
        return min(self.first_pause_seconds * 2.0 ** min(attempt - 1, 60), self.longest_pause_seconds)


class Taken(Struct, frozen=True, kw_only=True):
    """A job in somebody's hands. `attempt` counts from 1; `token` is the queue's name for this taking of it.

    What becomes of it is to be told to the same Queue object that gave it out.
    """

    id: str
    body: str
    attempt: int
    token: str


class Dead(Struct, frozen=True, kw_only=True):
    """`reason` is that of the last attempt, as the worker gave it, or that the lease ran out."""

    id: str
    body: str
    reason: str
    attempts: int


class Counts(Struct, frozen=True, kw_only=True):
    """Every job is one of these. `waiting`: nobody has had it yet. `underway`: taken, or between two attempts."""

    waiting: int
    underway: int
    done: int
    dead: int

    @property
    def open(self) -> int:
        """What is still to be done."""
        return self.waiting + self.underway


class QueueFailed(Exception):
    """The queue did not do it; the sentence says what, and why. It may have been done if the queue did not answer:
    all calls but `take` can then simply be made again.
    """


class BadJob(QueueFailed):
    """No job can be like this: its id is empty or too long, or its body too large."""


class LeaseLost(QueueFailed):
    """The job is not (any more) in the hands of who says so: the lease ran out, or it was said before how it ended.

    Leave the job alone: another has it, or will. What was made of it may be kept, since doing it twice must not hurt.
    """


class Queue(Protocol):
    """Blocks: call it from a thread. One may be used by several threads, and one place by several processes.

    Every method raises QueueFailed when the queue cannot do it, and what is named here.
    """

    def put(self, id: str, body: str) -> bool:
        """Keep a job, on disk before this returns. Whether it is new: an id that is known already, be it waiting,
        underway, done or dead, is left as it is. `body` is at most 256 KiB. Raises BadJob.
        """
        ...

    def take(self) -> Taken | None:
        """A job whose time has come, for `lease_seconds` from now; none if there is none. About the oldest first."""
        ...

    def extend(self, job: Taken) -> None:
        """The lease begins again now: call it about every third of one. Raises LeaseLost."""
        ...

    def done(self, job: Taken) -> None:
        """It need not be done again. Raises LeaseLost."""
        ...

    def failed(self, job: Taken, reason: str) -> None:
        """It is to be tried again after a pause, or is dead if this was its last attempt. Raises LeaseLost.

        Of the reason the first 2000 characters are kept.
        """
        ...

    def counts(self) -> Counts: ...

    def dead(self) -> tuple[Dead, ...]:
        """In the order in which they died."""
        ...

    def revive(self, id: str) -> bool:
        """Have a dead job done after all, with all its attempts again. Whether there was such a dead one."""
        ...

    def close(self) -> None: ...


def check_job(id: str, body: str) -> None:
    """Raises BadJob for what a queue does not take."""
    if not id or len(id) > ID_CHARACTERS_MOST:
        raise BadJob(f"a job's id has 1 to {ID_CHARACTERS_MOST} characters, this one has {len(id)}")
    try:
        size = len((id + body).encode()) - len(id.encode())
    except UnicodeEncodeError as error:
        raise BadJob(f"job {id!r} has text that is no UTF-8: {error}") from error
    if size > BODY_BYTES_MOST:
        raise BadJob(
            f"the body of job {id!r} has {size} bytes, more than {BODY_BYTES_MOST}: what is large is an object"
        )


def kept_reason(reason: str) -> str:
    return reason[:REASON_CHARACTERS_MOST].encode(errors="replace").decode()


def lease_ran_out(attempts: int) -> str:
    """The reason of a job nobody said anything about."""
    return f"its lease ran out in attempt {attempts}: who had it died, or took too long"
