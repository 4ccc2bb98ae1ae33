"""What the embedded queue promises beyond the contract: when processes die, clocks are set, disks fill."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from target_platform.stores.queue.interface import Counts, QueueFailed, Taken, Terms
from target_platform.stores.queue.sqlite import SqliteQueue
from tests.contract.queue.conftest import Clock
from tests.small_disk import small_disk

WORKER = """
import sys, time
from pathlib import Path
from target_platform.stores.queue.interface import LeaseLost, Terms
from target_platform.stores.queue.sqlite import SqliteQueue
queue = SqliteQueue(Path(sys.argv[1]), Terms(lease_seconds=0.5, attempts=1000))
while queue.counts().open:
    job = queue.take()
    if job is None:
        time.sleep(0.01)
        continue
    print(job.id, flush=True)
    sys.stdin.readline()
    try:
        queue.done(job)
    except LeaseLost:
        pass  # then it comes again
"""


class Worker:
    """A process that takes jobs, and waits to be told to go on before each is done."""

    def __init__(self, file: Path) -> None:
        command = [sys.executable, "-c", WORKER, str(file)]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def takes(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def go_on(self, jobs: int) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write("\n" * jobs)
        self.process.stdin.flush()

    def kill(self) -> None:
        self.process.kill()
        self.process.communicate()


@contextmanager
def workers(file: Path, count: int) -> Iterator[list[Worker]]:
    started = [Worker(file) for _ in range(count)]
    try:
        yield started
    finally:
        for each in started:
            each.kill()


def test_what_workers_had_that_were_killed_is_done_by_others(tmp_path: Path) -> None:
    file = tmp_path / "jobs.sqlite"
    names = {str(number) for number in range(20)}
    queue = SqliteQueue(file)
    for id in names:
        queue.put(id, "")
    with closing(queue), workers(file, 3) as (first, second, last):
        held = [first.takes(), second.takes()]
        first.kill()
        second.go_on(3)
        held += [second.takes() for _ in range(3)]
        second.kill()
        assert set(held) <= names
        last.go_on(1000)
        assert last.process.wait(60) == 0
        assert queue.counts() == Counts(waiting=0, underway=0, done=20, dead=0)


@pytest.mark.parametrize("by_seconds", [3600.0, -3600.0], ids=["forward", "back"])
def test_a_clock_that_is_set_ends_leases_and_pauses_and_makes_none_longer(tmp_path: Path, by_seconds: float) -> None:
    clock = Clock()
    terms = Terms(lease_seconds=300.0, first_pause_seconds=60.0)
    with closing(SqliteQueue(tmp_path / "jobs.sqlite", terms, clock.now)) as queue:
        queue.put("leased", "")
        queue.put("pausing", "")
        assert taken(queue).id == "leased"
        queue.failed(taken(queue), "")
        assert queue.take() is None
        clock.seconds += by_seconds
        assert {taken(queue).id, taken(queue).id} == {"leased", "pausing"}


def taken(queue: SqliteQueue) -> Taken:
    job = queue.take()
    assert job is not None
    return job


def test_a_file_that_is_no_queue_is_an_error_that_names_it(tmp_path: Path) -> None:
    (tmp_path / "jobs.sqlite").write_bytes(b"something else" * 100)
    with pytest.raises(QueueFailed, match=r"jobs\.sqlite cannot be opened"):
        SqliteQueue(tmp_path / "jobs.sqlite")
    with pytest.raises(QueueFailed, match=r"jobs\.sqlite cannot be opened"):
        SqliteQueue(tmp_path / "jobs.sqlite" / "jobs.sqlite")


def test_on_a_full_disk_nothing_is_put_and_what_is_there_can_be_done(tmp_path: Path) -> None:
    with (
        small_disk(tmp_path / "disk", 4 * 2**20) as disk,
        closing(SqliteQueue(disk / "jobs.sqlite")) as queue,
    ):
        with pytest.raises(QueueFailed, match=r"full|No space"):
            fill(queue)
        there = queue.counts().waiting
        for job in [taken(queue) for _ in range(10)]:
            queue.done(job)
        assert queue.counts() == Counts(waiting=there - 10, underway=0, done=10, dead=0)


def fill(queue: SqliteQueue) -> None:
    for number in range(10_000):
        queue.put(str(number), "x" * 2000)
