"""process_alive counts processes, not answers."""

from __future__ import annotations

from chaos.model.sample import NoSample, Ratio
from chaos.probes.process_alive import ProcessAlive
from tests.unit.probes.served import Listing, instance


def test_the_share_of_live_processes_by_service_and_region() -> None:
    listing = Listing(
        instance("web-1"), instance("web-2", running=False), instance("web-3", region="west"), instance("db-1")
    )
    assert ProcessAlive(service="web").sample(listing) == Ratio(2, 3)
    assert ProcessAlive(service="web", region="east").sample(listing) == Ratio(1, 2)
    assert ProcessAlive().sample(listing) == Ratio(3, 4)


def test_a_service_that_does_not_exist_is_no_sample() -> None:
    assert isinstance(ProcessAlive(service="nobody").sample(Listing(instance("web-1"))), NoSample)
    assert ProcessAlive().sample(Listing()) == NoSample("nothing runs")
