"""What knocking at links tells: silence and lateness, of one link or of many."""

from __future__ import annotations

import pytest

from chaos.model.fault import Active
from chaos.model.links import Delay, Knock, Reaction, lateness, silence


def knock(over: Reaction = "answered", behind: Reaction = "answered", ms: float = 1.0) -> Knock:
    return Knock(over=over, behind=behind, ms=ms)


@pytest.mark.parametrize(
    ("knocks", "active"),
    [
        ([knock("silent"), knock("silent", "reset")], Active.YES),
        ([knock("silent"), knock()], Active.UNKNOWN),
        ([knock("silent"), knock("silent", "silent")], Active.UNKNOWN),
        ([knock(), knock("reset", "reset")], Active.NO),
        ([], Active.NO),
    ],
)
def test_links_are_silenced_when_all_are_and_what_they_lead_to_answers(knocks: list[Knock], active: Active) -> None:
    assert silence({str(number): each for number, each in enumerate(knocks)}).active is active


@pytest.mark.parametrize(
    ("times_ms", "active"),
    [
        ([31.0, 30.0], Active.YES),
        ([31.0, 29.0], Active.UNKNOWN),
        ([29.0, 5.0], Active.NO),
        ([], Active.NO),
    ],
)
def test_links_are_late_from_half_of_the_smallest_delay_on(times_ms: list[float], active: Active) -> None:
    knocks = {str(number): knock(ms=each) for number, each in enumerate(times_ms)}
    before = dict.fromkeys(knocks, 5.0)
    assert lateness(before, knocks, Delay(delay_ms=60, jitter_ms=10)).active is active


def test_what_does_not_answer_cannot_be_timed() -> None:
    assert lateness({"a": 1.0}, {"a": knock("silent", ms=5000)}, Delay(delay_ms=10)).active is Active.UNKNOWN
