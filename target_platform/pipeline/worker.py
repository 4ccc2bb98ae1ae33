"""A worker: takes a task, does it, says so, and takes the next. Any number of them, started and killed at any time."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import msgspec

from target_platform.pipeline.errors import PipelineError
from target_platform.pipeline.job import Job, Task, made_key
from target_platform.pipeline.tasks import Bench, all_made, perform, read_job
from target_platform.stores.objects.interface import ObjectsFailed
from target_platform.stores.queue.interface import LeaseLost, Queue, QueueFailed, Taken, Terms

log = logging.getLogger("pipeline")

TERMS = Terms(lease_seconds=15.0, attempts=4, first_pause_seconds=0.5, longest_pause_seconds=20.0)
"""How long a task is a worker's without a sign of life, and how often it is tried."""


class Worker:
    """`terms` must be those with which the queue was opened.

    `acknowledge` is "stored" but in experiments: "at-once" says "done" before anything is, and shows what that costs.
    """

    def __init__(self, bench: Bench, queue: Queue, terms: Terms = TERMS, acknowledge: str = "stored") -> None:
        self._bench = bench
        self._queue = queue
        self._terms = terms
        self._at_once = acknowledge == "at-once"

    def work_once(self) -> bool:
        """Take a task and do it. Whether there was one. Raises QueueFailed when the queue does not answer.

        What was made is in the store before the queue hears of it. A death in between means that it is taken again, and
        found done.
        """
        taken = self._queue.take()
        if taken is None:
            return False
        try:
            if self._at_once:
                self._queue.done(taken)
            with _kept(self._queue, taken, self._terms.lease_seconds / 3):
                self._do(msgspec.json.decode(taken.body, type=Task))
            if not self._at_once:
                self._queue.done(taken)
        except LeaseLost as lost:  # somebody else has it, and will find it done
            log.info("%s", lost)
        except (PipelineError, ObjectsFailed) as failure:
            log.warning("%s, attempt %d: %s", taken.id, taken.attempt, failure)
            self._give_back(taken, str(failure))
        except SystemExit:
            self._give_back(taken, "its worker was stopped")
            raise
        return True

    def _do(self, task: Task) -> None:
        job = read_job(self._bench.objects, task.job)
        if job is None:
            return  # published already: this is a task that came again
        perform(self._bench, job, task)
        if task.kind != "package":
            self._look_whether_all_is_made(job, task)

    def _look_whether_all_is_made(self, job: Job, task: Task) -> None:
        """Each looks after its own task and before saying that it is done, so the last one always does."""
        if read_job(self._bench.objects, job.id) is None:
            self._bench.objects.delete(made_key(task))  # cleared away while this was done for the second time
        elif all_made(self._bench.objects, job):
            enqueue(self._queue, job, Task(job=job.id, kind="package"))

    def _give_back(self, taken: Taken, reason: str) -> None:
        try:
            self._queue.failed(taken, reason)
        except LeaseLost as lost:
            log.info("%s", lost)


def enqueue(queue: Queue, job: Job, task: Task) -> None:
    """Whoever puts it again puts nothing. Raises QueueFailed."""
    queue.put(job.task_id(task), msgspec.json.encode(task).decode())


@contextmanager
def _kept(queue: Queue, taken: Taken, every_seconds: float) -> Iterator[None]:
    """Extend the lease while the body runs, from a thread of its own."""
    over = threading.Event()

    def extend() -> None:
        while not over.wait(every_seconds):
            try:
                queue.extend(taken)
            except LeaseLost:
                return
            except QueueFailed as failure:  # it may answer the next time, before the lease runs out
                log.warning("%s", failure)

    keeper = threading.Thread(target=extend, name="lease", daemon=True)
    keeper.start()
    try:
        yield
    finally:
        over.set()
        keeper.join()
