"""queue_growth reads how long queues are from the metrics that the kit really writes, and from those of others."""

from __future__ import annotations

import asyncio
import time

import pytest

from chaos.model.sample import NoSample, Spread
from chaos.probes.queue_growth import QueueGrowth
from target_platform.kit.bulkhead import Bulkhead
from target_platform.kit.errors import CallFailed
from target_platform.kit.metrics import Metrics
from target_platform.kit.policy import BulkheadPolicy
from tests.unit.probes.served import Answer, Listing, instance, serving


def showing(*looks: str) -> Answer:
    left = list(looks)
    return lambda path: (200, left.pop(0) if len(left) > 1 else left[0])


def waiting(catalog: int, history: int = 0) -> str:
    return (
        "# TYPE bulkhead_waiting gauge\n"
        f'bulkhead_waiting{{target="catalog"}} {catalog}.0\nbulkhead_waiting{{target="history"}} {history}.0\n'
        f"requests_under_way {catalog + 100}.0\n"
    )


def grown(probe: QueueGrowth, listing: Listing, looks: int) -> list[float]:
    seen = [probe.sample(listing) for _ in range(looks)]
    assert all(isinstance(each, Spread) for each in seen), seen
    return [each.histogram.value_at_rank(1) for each in seen if isinstance(each, Spread)]


def test_it_is_how_many_more_wait_than_at_the_emptiest_look() -> None:
    with serving(showing(waiting(3), waiting(1), waiting(21), waiting(1))) as at:
        values = grown(QueueGrowth(service="gateway", target="catalog"), Listing(instance("gateway-1", at[0])), 4)
    assert values == pytest.approx([0, 0, 20, 0], abs=0.5)


def test_the_instance_whose_queue_grows_most_counts_and_others_of_the_target_do_not() -> None:
    looks = (showing(waiting(0, 50), waiting(5, 500)), showing(waiting(40, 0), waiting(48, 900)))
    with serving(*looks) as at:
        listing = Listing(instance("gateway-1", at[0]), instance("gateway-2", at[1]), instance("edge-1", at[0]))
        values = grown(QueueGrowth(service="gateway", target="catalog"), listing, 2)
    assert values[1] == pytest.approx(8, rel=0.03)


def test_any_gauge_will_do() -> None:
    with serving(showing(waiting(0), waiting(7))) as at:
        probe = QueueGrowth(service="gateway", gauge="requests_under_way")
        assert grown(probe, Listing(instance("gateway-1", at[0])), 2)[1] == pytest.approx(7, rel=0.03)


def test_a_queue_that_nobody_shows_is_no_sample_and_says_so() -> None:
    with serving(showing(waiting(1))) as at:
        listing = Listing(instance("gateway-1", at[0]))
        missing = QueueGrowth(service="gateway", target="billing").sample(listing)
        assert missing == NoSample("no instance of gateway shows bulkhead_waiting for billing")
    assert QueueGrowth(service="gateway").sample(Listing()) == NoSample("nothing runs")
    dead = QueueGrowth(service="gateway").sample(Listing(instance("gateway-1", "127.0.0.1:1")))
    assert isinstance(dead, NoSample)


def test_the_kits_own_bulkhead_is_read_as_it_fills_and_drains() -> None:
    metrics = Metrics()
    bulkhead = Bulkhead(BulkheadPolicy(concurrent=1, queue=4), "gateway>catalog")
    metrics.watch_waiting("catalog", lambda: bulkhead.waiting)

    def look() -> float:
        with serving(lambda path: (200, metrics.text().decode())) as at:
            probe.sample(Listing(instance("gateway-1", at[0])))
            return grown(probe, Listing(instance("gateway-1", at[0])), 1)[0]

    async def filled() -> list[float]:
        done = asyncio.Event()

        async def call() -> None:
            async with bulkhead.place(time.monotonic() + 10):
                await done.wait()

        seen = [await asyncio.to_thread(look)]
        calls = [asyncio.create_task(call()) for _ in range(5)]
        await asyncio.sleep(0)
        with pytest.raises(CallFailed, match="4 wait"):
            await call()
        seen.append(await asyncio.to_thread(look))
        done.set()
        await asyncio.gather(*calls)
        return [*seen, await asyncio.to_thread(look)]

    probe = QueueGrowth(service="gateway", target="catalog")
    assert asyncio.run(filled()) == pytest.approx([0, 4, 0], abs=0.1)
