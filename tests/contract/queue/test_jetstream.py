"""What the queue in NATS does when its server dies; and how a queue is named in a line."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from target_platform.stores.queue.interface import Counts, LeaseLost, QueueFailed, Taken, Terms
from target_platform.stores.queue.jetstream import JetStreamQueue, NatsPlace
from target_platform.stores.queue.place import queue_at
from target_platform.stores.queue.sqlite import SqliteQueue
from tests import nats
from tests.contract.queue.conftest import patient
from tests.ports import free, own

TERMS = Terms(lease_seconds=1.0, attempts=1000)
JOBS = {str(number) for number in range(60)}


@pytest.fixture
def server(tmp_path: Path) -> Iterator[nats.NatsServer]:
    with nats.running(next(free(own(26460, 10))), tmp_path) as running:
        yield running


def test_no_job_is_lost_when_the_server_is_killed_while_it_is_put_taken_and_done(server: nats.NatsServer) -> None:
    place = NatsPlace(url=server.url, answer_seconds=0.3, patience_seconds=60.0)
    done: set[str] = set()
    threads: list[threading.Thread] = []

    def put() -> None:
        with closing(JetStreamQueue(place, TERMS)) as queue:
            for id in sorted(JOBS):
                queue.put(id, id)

    def work() -> None:
        with closing(JetStreamQueue(place, TERMS)) as queue:
            while done != JOBS or queue.counts().open:
                job = queue.take()
                time.sleep(0.01)
                if job is None:
                    continue
                try:
                    queue.done(job)
                except LeaseLost:
                    continue  # it comes again
                done.add(job.body)

    threads = [threading.Thread(target=act) for act in (put, work, work)]
    for each in threads:
        each.start()
    for least in (5, 20, 40):
        until(lambda: len(done) >= least)  # noqa: B023
        server.kill()
        server.start()
    for each in threads:
        each.join(120)
    assert not any(each.is_alive() for each in threads)
    with closing(JetStreamQueue(place, TERMS)) as queue:
        assert queue.counts() == Counts(waiting=0, underway=0, done=60, dead=0)


def until(condition: Callable[[], bool]) -> None:
    ends = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < ends
        time.sleep(0.01)


def test_what_is_said_while_the_server_is_down_is_heard_when_it_is_back(server: nats.NatsServer) -> None:
    place = NatsPlace(url=server.url, answer_seconds=0.3, patience_seconds=60.0)
    with closing(JetStreamQueue(place, Terms(lease_seconds=300.0))) as queue:
        server.kill()
        teller = threading.Thread(target=queue.put, args=("a", ""))
        teller.start()
        server.start()
        teller.join(60)
        assert not queue.put("a", "")
        assert queue.counts() == Counts(waiting=1, underway=0, done=0, dead=0)


def test_a_job_that_a_killed_server_knows_nothing_of_comes_again(server: nats.NatsServer) -> None:
    """It writes to disk at once what is put, and a moment later what is taken and done."""
    terms = Terms(lease_seconds=10.0, attempts=1000)
    for name in ("one", "another", "a-third"):
        place = NatsPlace(url=server.url, name=name, answer_seconds=0.5, patience_seconds=60.0)
        with closing(JetStreamQueue(place, terms)) as queue:
            queue.put("a", "")
            job = first(queue)
            server.kill()
            server.start()
            asked_at = time.monotonic()
            try:
                queue.extend(job)
                is_free = queue.take() is not None
                assert not is_free or time.monotonic() - asked_at > terms.lease_seconds, (
                    "it was said to be in our hands"
                )
                queue.done(job)
            except LeaseLost:
                pass
            work_off(queue)
            assert queue.counts() == Counts(waiting=0, underway=0, done=1, dead=0)


def first(queue: JetStreamQueue) -> Taken:
    """At once, or after a lease if the answer was too late."""
    found: list[Taken | None] = []

    def is_found() -> bool:
        found.append(queue.take())
        return found[-1] is not None

    until(is_found)
    assert found[-1] is not None
    return found[-1]


def work_off(queue: JetStreamQueue) -> None:
    def is_all_done() -> bool:
        job = queue.take()
        try:
            if job is not None:
                queue.done(job)
        except LeaseLost:
            pass  # it comes again
        return not queue.counts().open

    until(is_all_done)


def test_a_server_that_does_not_come_back_is_an_error_that_says_so(server: nats.NatsServer) -> None:
    with closing(JetStreamQueue(patient(server.url))) as queue:
        queue.put("before", "")
    with closing(impatient(server.url)) as queue:
        server.kill()
        for call in (lambda: queue.put("a", ""), queue.take, queue.counts, queue.dead):
            with pytest.raises(QueueFailed, match=server.url):
                call()
    with pytest.raises(QueueFailed, match=f"no NATS server answers at {server.url}"):
        JetStreamQueue(NatsPlace(url=server.url, patience_seconds=0.1))
    with pytest.raises(QueueFailed, match="closed"):
        queue.take()


def impatient(url: str) -> JetStreamQueue:
    """So much so that a busy machine may be too slow for it."""
    ends = time.monotonic() + 60
    while True:
        try:
            return JetStreamQueue(NatsPlace(url=url, answer_seconds=0.1, patience_seconds=0.1))
        except QueueFailed:
            assert time.monotonic() < ends


def test_a_queue_is_named_in_a_line(server: nats.NatsServer, tmp_path: Path) -> None:
    with closing(queue_at(str(tmp_path / "queues" / "jobs.sqlite"))) as queue:
        assert isinstance(queue, SqliteQueue)
        queue.put("a", "")
    for line, name in ((server.url, "jobs"), (f"{server.url}/encode", "encode")):
        with closing(queue_at(line, Terms(lease_seconds=300.0))) as queue:
            queue.put("a", "")
        with closing(JetStreamQueue(patient(server.url, name))) as same:
            assert same.counts().waiting == 1
    with pytest.raises(QueueFailed, match="no NATS server answers at nats://:::"):
        queue_at("nats://:::")
    with pytest.raises(QueueFailed, match="cannot be a queue's name"):
        queue_at(f"{server.url}/a.b")
