"""The pauses between restarts."""

from __future__ import annotations

from target_platform.launcher.backoff import FORGET_SECONDS, LONGEST_SECONDS, Backoff


def test_pauses_double_from_none_to_the_longest() -> None:
    backoff = Backoff()
    assert [backoff.delay_seconds(0.1) for _ in range(9)] == [0, 0.5, 1, 2, 4, 8, 15, 15, 15]
    assert max(backoff.delay_seconds(0.1) for _ in range(5000)) == LONGEST_SECONDS


def test_a_process_that_ran_long_enough_is_forgiven() -> None:
    backoff = Backoff()
    for _ in range(5):
        backoff.delay_seconds(0.1)
    assert backoff.delay_seconds(FORGET_SECONDS - 0.1) == 8
    assert backoff.delay_seconds(FORGET_SECONDS) == 0
    assert backoff.delay_seconds(0.1) == 0.5


def test_an_end_on_purpose_starts_the_count_anew() -> None:
    backoff = Backoff()
    backoff.delay_seconds(0.1)
    backoff.reset()
    assert backoff.delay_seconds(0.1) == 0
