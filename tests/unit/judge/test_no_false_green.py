"""Ways in which a run could end green without having shown anything: each ends otherwise.

docs/explanation/no-false-green.md lists them all, with those that are shown elsewhere.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import msgspec
import pytest

from chaos.judge.verdict import judge
from chaos.model.events import Event, Loaded, Sampled
from chaos.model.sample import Histogram, Ratio
from tests.unit.reports.synthetic import START_SUCCESS, Synthetic


def journal(keep: Callable[[Synthetic, float], bool]) -> list[Event]:
    """A healthy run of one objective over the run, with only those samples whose second is kept."""
    made = Synthetic(objectives=(START_SUCCESS,))
    return [event for event in made.journal() if not isinstance(event, Sampled) or keep(made, event.of)]


def test_the_run_that_the_others_are_cut_from_held() -> None:
    assert judge(journal(lambda made, of: True)).outcome == "held"


def test_all_samples_before_the_fault_show_nothing() -> None:
    verdict = judge(journal(lambda made, of: of < made.inject_at - 1))
    assert verdict.outcome == "inconclusive"
    assert "nothing was measured since the fault began" in verdict.sentence


def test_a_probe_that_is_blind_while_the_fault_lasts_shows_nothing() -> None:
    verdict = judge(journal(lambda made, of: not made.inject_at - 1 <= of < made.revert_at))
    assert verdict.outcome == "inconclusive"
    assert "nothing was measured in the 21 s of the fault" in " ".join(verdict.sentence.split()), verdict.sentence


def test_what_happens_rarely_may_be_absent_from_a_fault() -> None:
    rare = msgspec.structs.replace(START_SUCCESS, min_samples=2, confidence=0.1)
    made = Synthetic(objectives=(rare,))
    events: list[Event] = [event for event in made.journal() if not isinstance(event, Sampled)]
    once = {made.inject_at - 8: Ratio(1, 1), made.revert_at + 6: Ratio(1, 1)}
    events += [Sampled(at=at, of=at, values={rare.name: value}) for at, value in once.items()]
    verdict = judge(sorted(events, key=lambda event: event.at))
    assert "nothing was measured" not in verdict.sentence


def test_a_clock_that_jumped_in_one_process_leaves_no_green() -> None:
    """Seconds an hour ahead or behind belong to no window."""

    def jumped(seconds: float) -> str:
        made = Synthetic(objectives=(START_SUCCESS,))
        events: list[Event] = [
            msgspec.structs.replace(event, of=event.of + seconds)
            if isinstance(event, Sampled) and event.at > made.inject_at
            else event
            for event in made.journal()
        ]
        return judge(events).outcome

    assert [jumped(3600.0), jumped(-3600.0)] == ["inconclusive", "inconclusive"]


def test_the_time_zone_of_who_judges_does_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    events = Synthetic(weakened=True).journal()
    here = judge(events)
    monkeypatch.setenv("TZ", "Asia/Kathmandu")
    time.tzset()
    try:
        assert judge(events) == here
    finally:
        monkeypatch.undo()
        time.tzset()


def test_what_is_no_number_cannot_become_a_sample() -> None:
    for value in (float("nan"), float("inf")):
        with pytest.raises((ValueError, OverflowError)):
            Histogram.of([value])


def test_a_generator_that_was_silent_to_the_end_makes_no_answer() -> None:
    events = [event for event in Synthetic().journal() if not isinstance(event, Loaded)]
    assert judge(events).outcome == "inconclusive"
