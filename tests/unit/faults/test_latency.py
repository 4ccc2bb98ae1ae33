"""What a busy machine does to round trips, and what is made of it: noise only ever adds."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, cast

import pytest

from chaos.faults.latency import Latency, _Place
from chaos.model.fault import Active, Lease, Observation
from chaos.model.links import Delay, Knock, fastest, lateness, usual_ms
from chaos.model.system import Link

LINK = Link(
    name="a>b",
    source="a",
    source_region="here",
    destination="b",
    destination_region="here",
    destination_instance="b-1",
    address="127.0.0.1:1",
)


@dataclass
class Scripted:
    """A link whose round trips take these times, one after the other, and the last one from then on."""

    times_ms: list[float]
    asked: int = field(default=0)

    def round_trip_ms(self, link: str) -> float:
        self.asked += 1
        return self.times_ms[min(self.asked, len(self.times_ms)) - 1]


def seen(fault: Latency, before_ms: float, *times_ms: float) -> Observation:
    calm = Scripted([before_ms])
    undo = fault.prepare(cast(_Place, calm), LINK, Lease("run", "1.1", 0.0))
    return fault.active(cast(_Place, Scripted([*times_ms])), undo)


@pytest.mark.parametrize(
    ("times_ms", "active"),
    [
        ([101.0, 100.5, 250.0], Active.YES),
        ([1.0], Active.NO),
        ([150.0, 80.0, 2.0], Active.NO),
        ([51.0, 50.9, 51.2], Active.NO),
        ([51.0, 51.0, 51.2], Active.YES),
    ],
)
def test_a_delay_is_there_when_every_round_trip_is_late_and_gone_with_the_first_that_is_not(
    times_ms: list[float], active: Active
) -> None:
    assert seen(Latency(delay_ms=100), 1.0, *times_ms).active is active


def test_with_a_large_jitter_an_early_round_trip_may_be_chance() -> None:
    fault = Latency(delay_ms=100, jitter_ms=90)
    assert seen(fault, 1.0, 15.0, 120.0, 160.0).active is Active.UNKNOWN
    assert seen(fault, 1.0, 1.0, 2.0, 1.0).active is Active.NO


def test_what_was_before_is_not_taken_from_a_moment_of_noise() -> None:
    busy = Scripted([90.0, 120.0, 80.0, 70.0, 110.0, 3.0])
    undo = Latency(delay_ms=100).prepare(cast(_Place, busy), LINK, Lease("run", "1.1", 0.0))
    assert undo.data == {"round_trip_ms": 3.0}


def test_a_calm_link_is_looked_at_three_times_before() -> None:
    calm = Scripted([1.2, 1.0, 1.1, 0.1])
    undo = Latency(delay_ms=100).prepare(cast(_Place, calm), LINK, Lease("run", "1.1", 0.0))
    assert undo.data == {"round_trip_ms": 1.0}


def test_the_evidence_is_a_sentence() -> None:
    fault = Latency(delay_ms=100)
    late = seen(fault, 1.0, 101.04, 102.0, 103.0).evidence
    assert late == "round trips take 101.0, 102.0 and 103.0 ms, it took 1.0 ms before"
    assert seen(fault, 1.0, 180.0, 1.5).evidence == "a round trip takes 1.5 ms, it took 1.0 ms before"
    assert seen(Latency(delay_ms=1000), 1.0, 1001.0).evidence == "a round trip takes 1001.0 ms, it took 1.0 ms before"


def test_of_many_links_those_that_are_late_by_chance_are_asked_again() -> None:
    rounds = [{"a": 90.0, "b": 2.0}, {"a": 3.0}]
    asked: list[list[str]] = []

    def knock(links: object) -> dict[str, Knock]:
        asked.append(list(cast(list[str], links)))
        return {name: Knock(over="answered", behind="answered", ms=ms) for name, ms in rounds[len(asked) - 1].items()}

    knocks = fastest(knock, {"a": 1.0, "b": 1.0}, Delay(delay_ms=100))
    assert asked == [["a", "b"], ["a"]]
    assert {name: each.ms for name, each in knocks.items()} == {"a": 3.0, "b": 2.0}


@pytest.mark.parametrize(
    ("delay_ms", "over", "times"), [(300, "answered", 1), (100, "answered", 3), (100, "silent", 1)]
)
def test_links_that_are_all_late_are_asked_once_unless_a_busy_machine_can_make_that(
    delay_ms: float, over: Literal["answered", "silent"], times: int
) -> None:
    asked: list[object] = []

    def knock(links: object) -> dict[str, Knock]:
        asked.append(links)
        return {name: Knock(over=over, behind="answered", ms=350.0) for name in ("a", "b")}

    assert len(fastest(knock, {"a": 1.0, "b": 1.0}, Delay(delay_ms=delay_ms))) == 2
    assert len(asked) == times


def test_one_link_that_is_late_for_a_moment_is_not_taken_for_delayed() -> None:
    rounds = iter([90.0, 2.0])

    def knock(links: object) -> dict[str, Knock]:
        return {"a": Knock(over="answered", behind="answered", ms=next(rounds))}

    before, delay = {"a": 1.0}, Delay(delay_ms=100)
    assert lateness(before, fastest(knock, before, delay), delay).active is Active.NO


def test_what_many_links_took_before_is_the_fastest_of_several() -> None:
    rounds = iter([{"a": 90.0, "b": 2.0, "c": 0.0}, {"a": 3.0, "b": 4.0, "c": 0.0}, {"a": 50.0, "b": 60.0, "c": 0.0}])

    def knock(links: object) -> dict[str, Knock]:
        return {
            name: Knock(over="silent" if name == "c" else "answered", behind="answered", ms=ms)
            for name, ms in next(rounds).items()
        }

    assert usual_ms(knock, ["a", "b", "c"]) == {"a": 3.0, "b": 2.0}
