"""What every queue promises."""

from __future__ import annotations

import threading
import time
from collections import Counter

import pytest

from target_platform.stores.queue.interface import (
    BODY_BYTES_MOST,
    BadJob,
    Counts,
    Dead,
    LeaseLost,
    Queue,
    Taken,
    Terms,
)
from tests.contract.queue.conftest import Place

SHORT = Terms(lease_seconds=0.3, attempts=2)
"""For leases that are to run out, and only for those: a busy machine lets any of them do so."""
IMPATIENT = Terms(lease_seconds=300.0, attempts=3, first_pause_seconds=0.05, longest_pause_seconds=0.08)
HALF_A_SECOND = Terms(lease_seconds=0.5, attempts=1000)
ONCE = Terms(lease_seconds=300.0, attempts=1)


TIMER_SECONDS = 0.002
"""So much earlier than ours a server's timer may be."""


def test_what_is_put_is_taken_once_and_done(queue: Queue) -> None:
    assert queue.take() is None
    assert queue.put("titles/one: 240p.*/>3 ä", '{"segment": 3, "\\u0000": "\0ä"}')
    assert queue.counts() == Counts(waiting=1, underway=0, done=0, dead=0)
    job = queue.take()
    assert job is not None
    assert (job.id, job.body, job.attempt) == ("titles/one: 240p.*/>3 ä", '{"segment": 3, "\\u0000": "\0ä"}', 1)
    assert queue.take() is None, "somebody has it"
    assert queue.counts() == Counts(waiting=0, underway=1, done=0, dead=0)
    queue.done(job)
    assert queue.take() is None
    assert queue.counts() == Counts(waiting=0, underway=0, done=1, dead=0)


def test_the_oldest_comes_first(queue: Queue) -> None:
    for number in range(5):
        queue.put(str(number), "")
    assert [job.id for job in iter(queue.take, None)] == ["0", "1", "2", "3", "4"]


def test_a_job_that_is_known_is_not_put_again_whatever_has_become_of_it(place: Place) -> None:
    queue = place.open(ONCE)
    for id in ("done", "dead", "taken", "waiting"):
        assert queue.put(id, "first")
        if id == "done":
            queue.done(place.next(queue))
        elif id == "dead":
            queue.failed(place.next(queue), "no such codec")
        elif id == "taken":
            assert place.next(queue).id == "taken"
    for id in ("done", "dead", "taken", "waiting"):
        assert not queue.put(id, "second")
    assert queue.counts() == Counts(waiting=1, underway=1, done=1, dead=1)
    assert place.next(queue).body == "first"
    assert queue.take() is None


def test_when_a_lease_has_run_out_another_gets_the_job_and_only_its_word_counts(place: Place) -> None:
    queue = place.open(SHORT)
    queue.put("a", "body")
    first = place.next(queue)
    second = place.next(queue)
    assert (second.id, second.body, second.attempt) == ("a", "body", 2)
    assert second.token != first.token
    for say in (queue.done, queue.extend, lambda job: queue.failed(job, "late")):
        with pytest.raises(LeaseLost, match="job a"):
            say(first)
    assert queue.counts() == Counts(waiting=0, underway=1, done=0, dead=0)


def test_a_job_whose_takers_all_vanish_dies(place: Place) -> None:
    queue = place.open(SHORT)
    queue.put("poison", "body")
    assert [place.next(queue).attempt for _ in range(2)] == [1, 2]
    ends = place.now() + 60
    while not queue.dead() and place.now() < ends:
        assert queue.take() is None
        place.sleep(0.02)
    (gone,) = queue.dead()
    assert (gone.id, gone.body, gone.attempts) == ("poison", "body", 2)
    assert "lease ran out in attempt 2" in gone.reason
    assert queue.counts() == Counts(waiting=0, underway=0, done=0, dead=1)


def test_a_lease_that_is_extended_holds(place: Place) -> None:
    """If the machine stood still for a lease, it was rightly lost, and this is tried again."""
    queue = place.open(HALF_A_SECOND)
    queue.put("a", "")
    for _ in range(50):
        before = place.now()
        job = place.next(queue)
        if is_held_for_two_leases(place, queue, job, before):
            queue.done(job)
            assert queue.counts() == Counts(waiting=0, underway=0, done=1, dead=0)
            return
    raise AssertionError("the machine stood still for a lease in each of 50 attempts")


def is_held_for_two_leases(place: Place, queue: Queue, job: Taken, taken_after: float) -> bool:
    asked_at, held_since = taken_after, place.now()
    while place.now() < held_since + 2 * HALF_A_SECOND.lease_seconds:
        place.sleep(0.05)
        extended_at = asked_at
        try:
            asked_at = place.now()
            other = queue.take()
            queue.extend(job)
        except LeaseLost:
            other = job
        if other is not None:
            held_seconds = place.now() - extended_at
            assert held_seconds >= HALF_A_SECOND.lease_seconds - TIMER_SECONDS, "it was lost before its time"
            return False
    return True


def test_what_failed_comes_back_after_a_growing_pause_and_dies_after_the_last_attempt(place: Place) -> None:
    queue = place.open(IMPATIENT)
    queue.put("a", "body")
    job = place.next(queue)
    for attempt, pause_seconds in ((1, 0.05), (2, 0.08)):
        assert job.attempt == attempt
        failed_at = place.now()
        queue.failed(job, f"exit code {attempt}")
        assert queue.counts() == Counts(waiting=0, underway=1, done=0, dead=0)
        job = place.next(queue)
        assert place.now() - failed_at >= pause_seconds - TIMER_SECONDS
    queue.failed(job, "exit code 3")
    assert queue.take() is None
    assert queue.dead() == (Dead(id="a", body="body", reason="exit code 3", attempts=3),)
    assert queue.counts() == Counts(waiting=0, underway=0, done=0, dead=1)


def test_nothing_more_can_be_said_about_a_job_of_which_the_end_was_told(place: Place) -> None:
    queue = place.open(IMPATIENT)
    for end in (queue.done, lambda job: queue.failed(job, "")):
        queue.put(f"job {end}", "")
        job = place.next(queue)
        end(job)
        for say in (queue.done, queue.extend, lambda job: queue.failed(job, "")):
            with pytest.raises(LeaseLost):
                say(job)
    assert queue.counts() == Counts(waiting=0, underway=1, done=1, dead=0)


def test_the_dead_are_listed_as_they_died_and_can_be_revived(place: Place) -> None:
    queue = place.open(ONCE)
    for id in ("a", "b", "c"):
        queue.put(id, f"body of {id}")
    jobs = {job.id: job for job in iter(queue.take, None)}
    for id in ("b", "c", "a"):
        queue.failed(jobs[id], "x" * 3000)
    assert [(gone.id, gone.reason) for gone in queue.dead()] == [(id, "x" * 2000) for id in ("b", "c", "a")]

    assert queue.revive("c")
    assert not queue.revive("c"), "it lives"
    assert not queue.revive("never put")
    assert [gone.id for gone in queue.dead()] == ["b", "a"]
    job = place.next(queue)
    assert (job.id, job.body, job.attempt) == ("c", "body of c", 1)
    queue.failed(job, "once more")
    assert [gone.id for gone in queue.dead()] == ["b", "a", "c"]
    assert queue.counts() == Counts(waiting=0, underway=0, done=0, dead=3)


def test_what_is_no_job_is_refused(queue: Queue) -> None:
    for id, body in (("", ""), ("x" * 201, ""), ("a", "x" * (BODY_BYTES_MOST + 1)), ("a", "\ud800"), ("\ud800", "")):
        with pytest.raises(BadJob):
            queue.put(id, body)
    assert queue.take() is None
    largest = "\n" * BODY_BYTES_MOST
    assert queue.put("ü" * 200, largest)
    job = queue.take()
    assert job is not None
    assert (job.id, job.body) == ("ü" * 200, largest)


def test_all_who_open_it_share_one_queue_that_outlasts_them(place: Place) -> None:
    one = place.open()
    one.put("a", "1")
    one.put("b", "2")
    one.close()
    other, third = place.open(), place.open()
    job = place.next(other)
    assert job.id == "a"
    assert place.next(third).id == "b"
    assert third.take() is None
    other.done(job)
    assert third.counts() == Counts(waiting=0, underway=1, done=1, dead=0)


def test_many_at_once_get_each_job_once(place: Place) -> None:
    queues = [place.open(), place.open()]
    taken: Counter[str] = Counter()

    def put(queue: Queue) -> None:
        for number in range(40):
            queue.put(str(number), "")

    def work(queue: Queue) -> None:
        while (job := queue.take()) is not None:
            taken[job.id] += 1
            queue.done(job)

    for act in (put, work):
        threads = [threading.Thread(target=act, args=(queue,)) for queue in queues * 2]
        for each in threads:
            each.start()
        for each in threads:
            each.join()
    assert taken == {str(number): 1 for number in range(40)}
    assert queues[0].counts() == Counts(waiting=0, underway=0, done=40, dead=0)


def test_who_extends_while_it_is_done_or_failed_hears_that_it_is_over(place: Place) -> None:
    def extend() -> None:
        try:
            while True:
                queue.extend(job)
                time.sleep(0.02)  # who waits for a place in SQLite is not in a queue: without it one can starve
        except LeaseLost:
            heard.append(job.id)

    queue = place.open(ONCE)
    heard: list[str] = []
    for end in (queue.done, lambda job: queue.failed(job, "")) * 5:
        queue.put(f"{len(heard)}", "")
        job = place.next(queue)
        extender = threading.Thread(target=extend, daemon=True)
        extender.start()
        end(job)
        extender.join()
    assert heard == [str(number) for number in range(10)]
    assert queue.counts() == Counts(waiting=0, underway=0, done=5, dead=5)
