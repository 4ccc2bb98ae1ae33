"""A load's level over time, and arrivals that follow it exactly."""

from __future__ import annotations

import math
from itertools import islice, pairwise, takewhile

import pytest

from chaos.load.arrivals import arrival_offsets
from chaos.load.shape import Shape
from chaos.load.wire import Part
from chaos.model.experiment import Stretch

SPIKE = Shape(
    8.0,
    [
        Stretch(seconds=10, begin=8, end=8),
        Stretch(seconds=10, begin=8, end=40),
        Stretch(seconds=20, begin=40, end=40),
        Stretch(seconds=5, begin=5, end=5),
    ],
)


@pytest.mark.parametrize(("at", "level"), [(0, 8), (9.9, 8), (15, 24), (25, 40), (39.9, 40), (40, 5), (1000, 5)])
def test_the_level_follows_the_stretches_and_then_stays(at: float, level: float) -> None:
    assert SPIKE.level(at) == pytest.approx(level)


@pytest.mark.parametrize("at", [0.0, 3.0, 10.0, 12.5, 19.99, 30.0, 44.0, 100.0])
def test_reaches_is_the_inverse_of_the_integral_of_the_level(at: float) -> None:
    steps = 20_000
    integral = sum(SPIKE.level((n + 0.5) * at / steps) for n in range(steps)) * at / steps
    assert SPIKE.reaches(integral) == pytest.approx(at, abs=0.01)


def test_a_shape_that_ends_at_nothing_has_a_last_arrival() -> None:
    fading = Shape(20.0, [Stretch(seconds=10, begin=20, end=0)])
    offsets = list(islice(arrival_offsets(fading, seed=1), 1000))
    assert 60 < len(offsets) < 140
    assert offsets[-1] < 10
    assert math.isinf(fading.reaches(101))


def test_a_pause_in_the_middle_has_no_arrivals() -> None:
    levels = (50, 0, 50)
    paused = Shape(50.0, [Stretch(seconds=4, begin=level, end=level) for level in levels])
    offsets = list(islice(arrival_offsets(paused, seed=1), 400))
    assert not [offset for offset in offsets if 4 < offset < 8]
    assert [offset for offset in offsets if 8 < offset < 12]


def test_arrivals_within_each_stretch_are_poisson_with_its_rate() -> None:
    """Counts over many seeds have the mean and the variance of a Poisson distribution, on the ramp as well."""
    for begin, end, expected in ((0, 10, 80), (10, 20, 240), (20, 40, 800), (40, 50, 50)):
        counts = []
        for seed in range(200):
            offsets = takewhile(lambda offset: offset < 50, arrival_offsets(SPIKE, seed))
            counts.append(sum(begin <= offset < end for offset in offsets))
        mean = sum(counts) / len(counts)
        variance = sum((count - mean) ** 2 for count in counts) / (len(counts) - 1)
        assert mean == pytest.approx(expected, abs=4 * math.sqrt(expected / 200))
        assert 0.6 < variance / expected < 1.6


def test_workers_share_one_process_whatever_their_number() -> None:
    alone = list(islice(arrival_offsets(SPIKE, seed=7), 300))
    for workers in (1, 2, 3):
        parts = [Part(worker, workers) for worker in range(workers)]
        shared = [[at for n, at in enumerate(alone) if part.has(n)] for part in parts]
        assert sorted(at for offsets in shared for at in offsets) == alone
        assert all(a < b for offsets in shared for a, b in pairwise(offsets))
        assert [sum(part.of(users) for part in parts) for users in range(9)] == list(range(9))
