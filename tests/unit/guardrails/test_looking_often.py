"""A floor that is looked at all the time: no false alarm, and a real fall is noticed within seconds.

tests/benchmarks/test_false_alarms.py does the same over 10,000 runs.
"""

from __future__ import annotations

import random

import pytest

from tests.unit.guardrails.null_runs import FLOOR, run_at, stopped_at, stopped_by_a_fixed_interval


def test_users_exactly_at_the_floor_are_no_alarm_and_a_fixed_interval_would_raise_many() -> None:
    draw = random.Random(60)
    runs = [run_at(FLOOR, draw) for _ in range(200)]
    assert sum(stopped_at(run) is not None for run in runs) <= 0.05 * len(runs)
    assert sum(map(stopped_by_a_fixed_interval, runs)) > 0.3 * len(runs)


@pytest.mark.parametrize(("share", "seconds"), [(0.0, 5), (0.1, 7), (0.25, 20)])
def test_a_fall_below_it_is_noticed_within_seconds(share: float, seconds: int) -> None:
    noticed = [stopped_at(run_at(share, random.Random(seed), before=20)) for seed in range(20)]
    assert all(second is not None and 20 < second <= 20 + seconds for second in noticed), noticed


def test_a_dip_shorter_than_its_time_is_suffered() -> None:
    run = run_at(1.0, random.Random(1))
    missed = [0] * 21 + [8, 16] + [16] * (len(run.good) - 23)
    run.good = [good - lost for good, lost in zip(run.good, missed, strict=True)]
    assert stopped_at(run) is None
