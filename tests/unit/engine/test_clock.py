"""Real time: signals end a sleep at once, and only the first one counts."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator

import pytest

from chaos.engine.clock import Signals, SystemClock, ThreadWorkers


@pytest.fixture
def clock() -> Iterator[SystemClock]:
    made = SystemClock()
    yield made
    made.close()


def test_a_signal_ends_a_sleep_at_once_and_is_remembered(clock: SystemClock) -> None:
    with Signals(clock, lambda: None) as signals:
        timer = threading.Timer(0.05, lambda: os.kill(os.getpid(), signal.SIGTERM))
        timer.start()
        began = time.monotonic()
        clock.sleep(60.0)
        assert time.monotonic() - began < 50.0
        assert signals.received == "SIGTERM"
        timer.join()


def test_a_second_signal_changes_nothing_and_is_told(clock: SystemClock) -> None:
    repeated: list[str] = []
    with Signals(clock, lambda: repeated.append("again")) as signals:
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGTERM)
        clock.sleep(0.01)
        assert signals.received == "SIGINT"
    assert repeated == ["again"]


def test_handlers_are_as_before_afterwards(clock: SystemClock) -> None:
    before = signal.getsignal(signal.SIGINT)
    with Signals(clock, lambda: None):
        assert signal.getsignal(signal.SIGINT) is not before
    assert signal.getsignal(signal.SIGINT) is before


def test_a_worker_that_sleeps_does_not_take_the_signal_of_the_loop(clock: SystemClock) -> None:
    workers = ThreadWorkers(4)
    with Signals(clock, lambda: None) as signals:
        for _ in range(4):
            workers.submit(lambda: clock.sleep(0.5))
        timer = threading.Timer(0.05, lambda: os.kill(os.getpid(), signal.SIGTERM))
        timer.start()
        began = time.monotonic()
        clock.sleep(60.0)
        assert time.monotonic() - began < 50.0
        assert signals.received == "SIGTERM"
        timer.join()
    workers.close()


def test_reverting_is_not_kept_waiting_by_probes_that_hang(clock: SystemClock) -> None:
    workers = ThreadWorkers(2)
    hang = threading.Event()

    def probe() -> None:
        hang.wait(60)

    for _ in range(8):
        workers.submit(probe)
    began = time.monotonic()
    assert workers.each([lambda: 1, lambda: 2, lambda: 3]) == [1, 2, 3]
    assert time.monotonic() - began < 50.0
    hang.set()
    workers.close()
