"""The open loop's arrivals."""

from __future__ import annotations

from itertools import islice
from statistics import mean, pstdev

from chaos.load.arrivals import arrival_offsets, session_random
from chaos.load.shape import Shape


def _first(count: int, per_second: float, seed: int) -> list[float]:
    return list(islice(arrival_offsets(Shape(per_second), seed), count))


def test_the_same_seed_gives_the_same_arrivals() -> None:
    assert _first(100, 50, seed=7) == _first(100, 50, seed=7)
    assert _first(100, 50, seed=7) != _first(100, 50, seed=8)


def test_gaps_are_exponential_with_the_given_rate() -> None:
    times = _first(20_000, 50, seed=1)
    gaps = [later - earlier for earlier, later in zip([0.0, *times], times, strict=False)]
    # Of an exponential distribution the mean and the standard deviation are the same.
    assert abs(mean(gaps) * 50 - 1) < 0.03
    assert abs(pstdev(gaps) * 50 - 1) < 0.03


def test_a_sessions_randomness_depends_on_its_number_only() -> None:
    assert session_random(7, 3).random() == session_random(7, 3).random()
    assert session_random(7, 3).random() != session_random(7, 4).random()
