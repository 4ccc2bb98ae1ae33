"""The queues that must keep the contract: the embedded one, and NATS with a real server."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from target_platform.stores.queue.interface import Queue, Taken, Terms
from target_platform.stores.queue.jetstream import JetStreamQueue, NatsPlace
from target_platform.stores.queue.sqlite import SqliteQueue
from tests import nats
from tests.ports import free, own

Sleep = Callable[[float], None]


def patient(url: str, name: str = "jobs") -> NatsPlace:
    """A machine that stands still is no failure here."""
    return NatsPlace(url=url, name=name, answer_seconds=60.0, patience_seconds=60.0)


_names = itertools.count()


@dataclass
class Clock:
    """One that is moved by who waits for it."""

    seconds: float = 1_000_000.0

    def now(self) -> float:
        return self.seconds

    def sleep(self, seconds: float) -> None:
        self.seconds += seconds


class Place:
    """Where a queue of the test's own is. `now` and `sleep` go by the clock by which its leases go."""

    def __init__(self, open_one: Callable[[Terms], Queue], now: Callable[[], float], sleep: Sleep) -> None:
        self.now = now
        self.sleep = sleep
        self._open_one = open_one
        self._opened: list[Queue] = []

    def open(self, terms: Terms | None = None) -> Queue:
        """Once more each time: by default with leases that last as long as any test."""
        self._opened.append(self._open_one(terms or Terms(lease_seconds=300.0)))
        return self._opened[-1]

    def next(self, queue: Queue) -> Taken:
        """The next job, when its time has come."""
        ends = self.now() + 60
        while (job := queue.take()) is None:
            assert self.now() < ends, "there is no job"
            self.sleep(0.01)
        return job

    def close(self) -> None:
        for each in self._opened:
            each.close()


@pytest.fixture(scope="session")
def nats_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[nats.NatsServer]:
    with nats.running(next(free(own(26440, 10))), tmp_path_factory.mktemp("nats")) as server:
        yield server


@pytest.fixture(params=["sqlite", "nats"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    """With nothing in it."""
    if request.param == "sqlite":
        clock = Clock()
        made = Place(lambda terms: SqliteQueue(tmp_path / "jobs.sqlite", terms, clock.now), clock.now, clock.sleep)
    else:
        server: nats.NatsServer = request.getfixturevalue("nats_server")
        at = patient(server.url, f"jobs-{next(_names)}")
        made = Place(lambda terms: JetStreamQueue(at, terms), time.monotonic, time.sleep)
    yield made
    made.close()


@pytest.fixture
def queue(place: Place) -> Queue:
    return place.open()
