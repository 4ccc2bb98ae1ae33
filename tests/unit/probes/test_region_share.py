"""region_share counts between two looks which share of the requests one region's instances served."""

from __future__ import annotations

from chaos.model.sample import NoSample, Ratio
from chaos.probes.region_share import RegionShare
from tests.unit.probes.served import Answer, Listing, instance, says, serving


def counting(*looks: float) -> Answer:
    """How many were served at each look, half of them under either label."""
    left = list(looks)

    def answer(path: str) -> tuple[int, str]:
        served = left.pop(0) if len(left) > 1 else left[0]
        lines = [f'requests_total{{route="/{route}",status="200"}} {served / 2}' for route in "ab"]
        return 200, "\n".join([*lines, 'requests_created{route="/a",status="200"} 1.7e+09', "other_requests_total 9"])

    return answer


def test_it_is_the_share_of_what_was_served_since_the_last_look() -> None:
    with serving(counting(1000, 1030), counting(50, 60), says(500)) as at:
        listing = Listing(
            instance("door-1", at[0]), instance("door-2", at[1], region="west"), instance("house-1", at[0])
        )
        probe = RegionShare(service="door", region="east")
        assert probe.sample(listing) == NoSample("this look is the first")
        assert probe.sample(listing) == Ratio(good=30, total=40)
        assert probe.sample(listing) == NoSample("door has served nothing since the last look")


def test_who_does_not_answer_serves_nothing_and_loses_nothing() -> None:
    with serving(counting(100, 110, 110), counting(10, 20, 50)) as at:
        here, there = instance("door-1", at[0]), instance("door-2", at[1], region="west")
        gone = instance("door-1", "127.0.0.1:1")
        probe = RegionShare(service="door", region="east")
        looks = [probe.sample(Listing(each, there)) for each in (here, gone, here)]
        assert looks[1:] == [Ratio(good=0, total=10), Ratio(good=10, total=40)]


def test_a_restarted_instance_counts_from_its_start() -> None:
    with serving(counting(1000, 6), counting(10, 20)) as at:
        listing = Listing(instance("door-1", at[0]), instance("door-2", at[1], region="west"))
        probe = RegionShare(service="door", region="east")
        assert [probe.sample(listing) for _ in range(2)][1] == Ratio(good=6, total=16)


def test_who_cannot_be_asked_is_no_sample() -> None:
    probe = RegionShare(service="door", region="east")
    assert probe.sample(Listing()) == NoSample("nothing runs")
    assert isinstance(probe.sample(Listing(instance("house-1", "127.0.0.1:1"))), NoSample)
