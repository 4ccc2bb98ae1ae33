"""The latency toxic by itself, with a clock and timers of the test's own."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

import pytest

from chaos.proxy.toxics import Chunk, Ending, Stage, toxic_type, toxic_types
from chaos.proxy.toxics.latency import Latency


class Timer:
    def __init__(self, due: float, call: Callable[[], None]) -> None:
        self.due, self.call, self.cancelled = due, call, False

    def cancel(self) -> None:
        self.cancelled = True


class Time:
    """Stands in for the event loop's clock and timers."""

    def __init__(self, seed: int = 1) -> None:
        self.random = Random(seed)
        self._now = 100.0
        self._timers: list[Timer] = []

    def now(self) -> float:
        return self._now

    def later(self, seconds: float, call: Callable[[], None]) -> Timer:
        self._timers.append(timer := Timer(self._now + seconds, call))
        return timer

    def pass_ms(self, ms: float) -> None:
        until = self._now + ms / 1000
        while due := sorted((t for t in self._timers if not t.cancelled and t.due <= until), key=lambda t: t.due):
            self._timers.remove(due[0])
            self._now = max(self._now, due[0].due)
            due[0].call()
        self._now = until


def started(time: Time, latency: int, jitter: int = 0) -> tuple[Stage, list[Chunk]]:
    stage = Latency(latency=latency, jitter=jitter).start(time)  # type: ignore[arg-type]  # stands in for Runtime
    passed: list[Chunk] = []
    stage.forward = passed.append
    return stage, passed


def test_a_chunk_leaves_its_latency_after_it_came() -> None:
    time = Time()
    stage, passed = started(time, 100)
    stage.take(b"a")
    time.pass_ms(40)
    stage.take(b"b")
    time.pass_ms(59)
    assert passed == []
    time.pass_ms(2)
    assert passed == [b"a"]
    time.pass_ms(40)
    assert passed == [b"a", b"b"]


def test_jitter_never_reorders_and_is_drawn_for_each_chunk() -> None:
    time = Time()
    stage, passed = started(time, 100, jitter=100)
    left_after: list[float] = []
    came = time.now()
    for number in range(50):
        stage.take(bytes([number]))
    for _ in range(201):
        time.pass_ms(1)
        left_after += [time.now() - came] * (len(passed) - len(left_after))
    assert passed == [bytes([number]) for number in range(50)]
    assert len(set(left_after)) > 3
    assert max(left_after) <= 0.201


def test_the_same_seed_gives_the_same_jitter() -> None:
    def first_leaves_after_ms(seed: int) -> int:
        time = Time(seed)
        stage, passed = started(time, 1000, jitter=900)
        stage.take(b"x")
        elapsed_ms = 0
        while not passed:
            time.pass_ms(1)
            elapsed_ms += 1
        return elapsed_ms

    assert first_leaves_after_ms(7) == first_leaves_after_ms(7)
    assert len({first_leaves_after_ms(seed) for seed in range(5)}) > 1


@pytest.mark.parametrize("ending", list(Ending))
def test_an_end_waits_for_its_turn(ending: Ending) -> None:
    time = Time()
    stage, passed = started(time, 100)
    stage.take(b"a")
    stage.take(ending)
    time.pass_ms(99)
    assert passed == []
    time.pass_ms(2)
    assert passed == [b"a", ending]


def test_release_hands_on_everything_in_order_and_nothing_twice() -> None:
    time = Time()
    stage, passed = started(time, 100)
    for chunk in (b"a", b"bc", Ending.EOF):
        stage.take(chunk)
    assert stage.held_bytes == 3
    stage.release()
    assert passed == [b"a", b"bc", Ending.EOF]
    assert stage.held_bytes == 0
    time.pass_ms(1000)
    assert len(passed) == 3


def test_what_is_discarded_is_never_handed_on() -> None:
    time = Time()
    stage, passed = started(time, 100)
    stage.take(b"a")
    stage.discard()
    time.pass_ms(1000)
    assert passed == []
    assert stage.held_bytes == 0


def test_a_negative_latency_is_none() -> None:
    time = Time()
    stage, passed = started(time, -5)
    stage.take(b"a")
    time.pass_ms(0)
    assert passed == [b"a"]


def test_every_file_of_the_folder_is_a_toxic_with_defaults_but_a_rate() -> None:
    needed = {"bandwidth": {"rate": 1}}
    assert "latency" in toxic_types()
    for name in toxic_types():
        of = toxic_type(name)
        assert of is not None
        assert isinstance(of(**needed.get(name, {})).start(Time()), Stage)  # type: ignore[attr-defined]
    assert toxic_type("no_such_toxic") is None
