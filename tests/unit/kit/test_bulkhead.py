"""Who waits for a place, and for how long: the queue that forgets who has gone, and the one that serves them all."""

from __future__ import annotations

import asyncio
import time

import pytest

from target_platform.kit.bulkhead import Bulkhead
from target_platform.kit.errors import CallFailed
from target_platform.kit.policy import BulkheadPolicy


def served(policy: BulkheadPolicy, *patience_seconds: float) -> list[str]:
    """What becomes of those who ask in this order while somebody is inside, who leaves when all patience has ended."""

    async def run() -> list[str]:
        bulkhead, became = Bulkhead(policy, "here"), list[str]()

        async def ask(name: str, seconds: float) -> None:
            try:
                async with bulkhead.place(time.monotonic() + seconds):
                    became.append(name)
            except CallFailed as refusal:
                became.append(f"{name} {refusal.kind}")

        async with asyncio.timeout(10), bulkhead.place(time.monotonic() + 60):
            asked = [asyncio.create_task(ask(str(at), each)) for at, each in enumerate(patience_seconds, 1)]
            await asyncio.sleep(0.02)
        await asyncio.gather(*asked)
        assert bulkhead.waiting == 0
        return became

    return asyncio.run(run())


def test_who_does_not_wait_any_more_is_not_served() -> None:
    assert served(BulkheadPolicy(concurrent=1, queue=9), 60, 0, 60) == ["2 deadline", "1", "3"]


def test_a_queue_that_serves_late_serves_them_all_in_the_order_they_came() -> None:
    assert served(BulkheadPolicy(concurrent=1, queue=9, serves_late=True), 60, 0, 60) == ["1", "2", "3"]


@pytest.mark.parametrize("serves_late", [False, True])
def test_beyond_the_queue_everybody_is_refused_at_once(serves_late: bool) -> None:
    async def run() -> None:
        bulkhead = Bulkhead(BulkheadPolicy(concurrent=1, queue=0, serves_late=serves_late), "here")
        async with bulkhead.place(time.monotonic() + 60):
            with pytest.raises(CallFailed, match="1 calls are under way and 0 wait"):
                async with bulkhead.place(time.monotonic() + 60):
                    pass

    asyncio.run(run())
