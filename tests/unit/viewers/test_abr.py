"""The buffer-based rule."""

from __future__ import annotations

import pytest

from target_platform.viewers.abr import next_rung
from target_platform.viewers.behaviour import Buffer

BUFFER = Buffer(max_seconds=20, reservoir_seconds=5, cushion_seconds=10)
RATES = [300.0, 600.0, 1400.0]  # the line reaches 600 at 7.7 s and 1400 at 15 s


@pytest.mark.parametrize("current", [0, 1, 2])
def test_an_almost_empty_buffer_takes_the_lowest(current: int) -> None:
    assert next_rung(RATES, current, 5.0, BUFFER) == 0


@pytest.mark.parametrize("current", [0, 1, 2])
def test_a_full_buffer_takes_the_highest(current: int) -> None:
    assert next_rung(RATES, current, 15.0, BUFFER) == 2


def test_it_moves_up_only_when_the_line_reaches_the_next_rate() -> None:
    assert next_rung(RATES, 0, 7.6, BUFFER) == 0
    assert next_rung(RATES, 0, 7.8, BUFFER) == 1


def test_it_moves_down_only_when_the_line_falls_to_the_rate_below() -> None:
    assert next_rung(RATES, 2, 7.8, BUFFER) == 2
    assert next_rung(RATES, 2, 7.6, BUFFER) == 1
    assert next_rung(RATES, 1, 5.1, BUFFER) == 1


def test_a_level_at_a_boundary_does_not_flap() -> None:
    rung, taken = 0, []
    for level in (7.6, 7.8, 7.6, 7.8, 7.6):
        rung = next_rung(RATES, rung, level, BUFFER)
        taken.append(rung)
    assert taken == [0, 1, 1, 1, 1]


def test_with_one_rate_there_is_nothing_to_choose() -> None:
    assert [next_rung([300.0], 0, level, BUFFER) for level in (0.0, 10.0, 20.0)] == [0, 0, 0]
