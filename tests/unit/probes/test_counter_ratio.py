"""counter_ratio counts between two looks which share of one counter's events another counter has as well."""

from __future__ import annotations

import pytest

from chaos.model.sample import NoSample, Ratio
from chaos.probes.counter_ratio import CounterRatio
from tests.unit.probes.served import Answer, Listing, instance, says, serving

TOTAL = 'calls_total{target="origin"}'


def counting(*looks: tuple[float, float]) -> Answer:
    """Files kept and calls to the origin at each look; calls to somebody else beside them."""
    left = list(looks)

    def answer(path: str) -> tuple[int, str]:
        kept, calls = left.pop(0) if len(left) > 1 else left[0]
        return 200, "\n".join(
            [
                f"kept_total {kept}",
                "kept_total_of_another 77",
                f'calls_total{{outcome="answered",target="origin"}} {calls - 1}',
                'calls_total{outcome="timeout",target="origin"} 1.0',
                'calls_total{outcome="answered",target="edge"} 500.0',
            ]
        )

    return answer


def probe(region: str = "") -> CounterRatio:
    return CounterRatio(service="door", good="kept_total", total=TOTAL, region=region)


def test_it_is_the_share_of_what_was_counted_since_the_last_look_over_all_instances() -> None:
    with serving(counting((10, 10), (15, 20)), counting((100, 400), (101, 410)), says(500)) as at:
        listing = Listing(*(instance(f"door-{number}", each) for number, each in enumerate(at)))
        looking = probe()
        assert looking.sample(listing) == NoSample("this look is the first")
        assert looking.sample(listing) == Ratio(good=6, total=20)
        assert looking.sample(listing) == NoSample(f"no {TOTAL} was counted since the last look")


def test_a_region_is_looked_at_alone() -> None:
    with serving(counting((0, 1), (9, 10)), counting((0, 1), (1, 10))) as at:
        listing = Listing(instance("door-1", at[0]), instance("door-2", at[1], region="west"))
        looking = probe("west")
        assert [looking.sample(listing) for _ in range(2)][1] == Ratio(good=1, total=9)


def test_a_restarted_instance_counts_from_its_start() -> None:
    with serving(counting((90, 100), (3, 4))) as at:
        listing = Listing(instance("door-1", at[0]))
        looking = probe()
        assert [looking.sample(listing) for _ in range(2)][1] == Ratio(good=3, total=4)


def test_who_cannot_be_asked_is_no_sample() -> None:
    assert probe().sample(Listing()) == NoSample("nothing runs")
    assert isinstance(probe().sample(Listing(instance("house-1", "127.0.0.1:1"))), NoSample)


def test_what_is_no_counter_is_told() -> None:
    with pytest.raises(ValueError, match=r"'sum\(x\)' is no counter: write it as"):
        CounterRatio(service="door", good="sum(x)", total=TOTAL)
