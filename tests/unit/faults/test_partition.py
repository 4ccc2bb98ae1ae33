"""A partition parts two groups whoever calls; a region's border is crossed in both directions."""

from __future__ import annotations

from chaos.environments.simulated import SimulatedEnvironment, register
from chaos.environments.simulated.clock import VirtualClock
from chaos.environments.simulated.world import World, streaming_world
from chaos.faults.brown_out import BrownOut
from chaos.faults.partition import Partition
from chaos.faults.region_isolation import RegionIsolation
from chaos.model.fault import Active, Lease
from chaos.model.system import Target, TargetKind

CALLS_BACK = "us-east-1/recommendations>eu-west-1/gateway-1"


def stand() -> tuple[World, SimulatedEnvironment]:
    """Gateways of one region call recommendations of the other one, which call back."""
    world = streaming_world(VirtualClock())
    world.add_link("gateway", "eu-west-1", "us-east-1/recommendations-1")
    world.add_link("recommendations", "us-east-1", "eu-west-1/gateway-1")
    world.add_link("recommendations", "us-east-1", "eu-west-1/edge-1")
    return world, SimulatedEnvironment(register("partition", world), world)


def target(environment: SimulatedEnvironment, kind: TargetKind, name: str) -> Target:
    return next(each for each in environment.inventory().of_kind(kind) if each.name == name)


def silent(world: World) -> set[str]:
    return {name for name in world.links if not world.passes(name)}


def test_a_partition_cuts_the_links_that_lead_back_too_and_no_others() -> None:
    world, environment = stand()
    there = "eu-west-1/gateway>us-east-1/recommendations-1"
    fault = Partition()
    undo = fault.prepare(environment, target(environment, "link", there), Lease("r", "1.1", world.clock.now() + 60))
    fault.inject(environment, undo)
    assert silent(world) == {there, CALLS_BACK}
    assert fault.active(environment, undo).active is Active.YES
    fault.revert(environment, undo)
    assert silent(world) == set()


def test_an_isolated_region_keeps_what_is_inside() -> None:
    world, environment = stand()
    fault = RegionIsolation()
    lease = Lease("r", "1.1", world.clock.now() + 60)
    undo = fault.prepare(environment, target(environment, "region", "us-east-1"), lease)
    fault.inject(environment, undo)
    crossing = {each.name for each in environment.inventory().links if each.source_region != each.destination_region}
    assert silent(world) == crossing
    assert len(crossing) == 3


def test_a_brown_out_takes_its_share_of_each_service_and_the_same_each_time() -> None:
    world, environment = stand()
    region = target(environment, "region", "eu-west-1")
    drawn = set()
    for draw in range(20):
        fault = BrownOut(delay_ms=100, share=0.5, draw=draw)
        undos = [fault.prepare(environment, region, Lease("r", str(i), world.clock.now() + 60)) for i in range(2)]
        assert undos[0].data == undos[1].data
        instances = undos[0].data["instances"]
        assert isinstance(instances, list)
        assert len([each for each in instances if "/recommendations-" in str(each)]) == 1
        drawn.add(str(instances))
    assert len(drawn) > 1, "another number draws others"
