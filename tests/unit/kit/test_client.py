"""Connections: one pool for all that is called is one that any of them can use up."""

from __future__ import annotations

import asyncio

import pytest

from target_platform.kit.client import Ask, Client
from target_platform.kit.errors import CallFailed
from target_platform.kit.policy import ConnectionsPolicy, Policies
from tests.unit.kit.stage import Instance

GET = Ask(path="/")


def asked_beside_a_silent_one(at_most: int) -> str:
    """What somebody answers who is well, while two requests wait for somebody who is not."""

    async def run() -> str:
        client, silent, well = Client(at_most), Instance("silent", "here", "hang"), Instance("well", "here", "ok")
        await silent.start()
        await well.start()
        waiting = [asyncio.create_task(client.request(silent.endpoint, GET, 30, {})) for _ in range(2)]
        try:
            while silent.calls < 2:  # noqa: ASYNC110  it is another one's counter
                await asyncio.sleep(0)
            reply = await client.request(well.endpoint, GET, 0.1 if at_most <= 2 else 10, {})
            return reply.body.decode()
        finally:
            for each in waiting:
                each.cancel()
            await asyncio.gather(*waiting, return_exceptions=True)
            await client.close()
            await silent.stop()
            await well.stop()

    return asyncio.run(run())


def test_who_is_silent_keeps_nobody_from_asking_somebody_else() -> None:
    assert asked_beside_a_silent_one(ConnectionsPolicy().of("gateway")) == "well"


def test_from_a_pool_that_is_used_up_somebody_who_is_well_looks_silent() -> None:
    with pytest.raises(CallFailed, match="well did not answer within 100 ms"):
        asked_beside_a_silent_one(2)


def test_an_instance_has_the_connections_of_its_service() -> None:
    policies = Policies(connections=ConnectionsPolicy(at_most=7, services={"gateway": 3}))
    assert [policies.connections.of(service) for service in ("gateway", "edge")] == [3, 7]
