"""The latency toxic by itself, with a clock and timers of the test's own."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest

from chaos.proxy.toxics import Chunk, Ending, Stage
from chaos.proxy.toxics.latency import Latency
from tests.unit.proxy.fake_time import Time, on


def started(time: Time, latency: int, jitter: int = 0) -> tuple[Stage, list[Chunk]]:
    return on(Latency(latency=latency, jitter=jitter), time)


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


def drawn_ms(toxic: Latency, count: int = 4000) -> list[float]:
    random = Random(3)
    return sorted(toxic.delay_seconds(random) * 1000 for _ in range(count))


def test_a_normal_distribution_has_its_mean_and_its_spread() -> None:
    drawn = drawn_ms(Latency(latency=100, jitter=10, distribution="normal"))
    assert 99 < drawn[len(drawn) // 2] < 101
    assert 8 < drawn[len(drawn) // 2] - drawn[len(drawn) * 16 // 100] < 12, "a standard deviation holds 34 of 100"


def test_a_pareto_distribution_has_a_least_and_a_heavy_tail() -> None:
    drawn = drawn_ms(Latency(latency=100, distribution="pareto", shape=1.5))
    assert drawn[0] >= 100
    assert 150 < drawn[len(drawn) // 2] < 170, "the median is 100 * 2 ** (1 / 1.5)"
    assert drawn[-1] > 2000
    assert drawn_ms(Latency(latency=100, distribution="pareto", shape=1.5, most=500))[-1] == 500


def test_a_recorded_histogram_comes_again_by_its_weights() -> None:
    drawn = drawn_ms(Latency(distribution="histogram", histogram=((10, 90), (200, 9), (3000, 1), (5, 0))))
    assert set(drawn) == {10, 200, 3000}
    assert 3500 < drawn.count(10) < 3700


@pytest.mark.parametrize(
    "wrong",
    [
        {"distribution": "histogram"},
        {"histogram": ((1, 1),)},
        {"distribution": "histogram", "histogram": ((1, 0),)},
        {"distribution": "histogram", "histogram": ((1, 1),), "latency": 5},
        {"distribution": "pareto", "shape": 0},
    ],
)
def test_a_distribution_that_makes_no_sense_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"histogram|shape"):
        Latency(**wrong)


def test_an_update_counts_for_what_is_held_from_when_that_came() -> None:
    time = Time()
    stage, passed = started(time, 60_000)
    stage.take(b"a")
    time.pass_ms(50)
    stage.take(b"b")
    assert stage.update(Latency(latency=100))
    time.pass_ms(51)
    assert passed == [b"a"]
    time.pass_ms(50)
    assert passed == [b"a", b"b"]
