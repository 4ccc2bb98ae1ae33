"""Whole runs in virtual time: what is answered follows from what the system really did."""

from __future__ import annotations

import re

import msgspec
import pytest

from chaos.catalog import Catalog
from chaos.engine.plan import make_plan
from chaos.environments.simulated import SimulatedEnvironment, register
from chaos.environments.simulated.clock import VirtualClock
from chaos.environments.simulated.world import World, streaming_world
from chaos.model.errors import Refused
from chaos.model.events import Injecting
from chaos.model.experiment import Amount, Limits, Objective, ParallelStep, PluginUse, Threshold, WaitUntilStep
from chaos.model.plan import Plan
from tests.simulation.stage import Stage, experiment, fault

REGION = fault("region_outage", "region", {"name": "us-east-1"}, 10.0)
SLOW = fault("latency", "link", {"from": "gateway"}, 10.0, delay_ms=2000.0)


def world_without(protection: str) -> World:
    world = streaming_world(VirtualClock())
    world.protections.discard(protection)
    return world


def test_a_region_is_lost_and_failover_holds_the_objective() -> None:
    assert Stage(experiment(REGION)).run().verdict().outcome == "held"


def test_the_same_without_failover_deviates() -> None:
    stage = Stage(experiment(REGION), world=world_without("failover")).run()
    assert stage.verdict().outcome == "deviated"
    assert stage.world.whole() == []


def test_without_failover_and_without_the_fault_it_holds() -> None:
    assert Stage(experiment(), world=world_without("failover")).run().verdict().outcome == "held"


def test_a_fault_without_effect_is_inconclusive_never_green() -> None:
    world = streaming_world(VirtualClock())
    world.ineffective = {"hold"}
    stage = Stage(experiment(REGION), world=world).run()
    assert stage.verdict().outcome == "inconclusive"


def test_a_system_that_is_not_steady_before_is_refused_and_nothing_is_injected() -> None:
    world = world_without("failover")
    for name in world.members("us-east-1"):
        world.processes[name].paused = True
    stage = Stage(experiment(REGION), world=world).run()
    assert stage.verdict().outcome == "refused"
    assert not any(isinstance(event, Injecting) for event in stage.recorder.events())


def test_a_probe_that_never_has_a_sample_refuses_the_run_and_nothing_is_injected() -> None:
    blind = Objective(
        name="nobody answers",
        probe=PluginUse(kind="process_alive", parameters={"service": "no-such-service"}),
        threshold=Threshold(">=", 0.5, ">= 50%"),
    )
    stage = Stage(msgspec.structs.replace(experiment(REGION, with_load=False), objectives=(blind,))).run()
    assert stage.verdict().outcome == "refused"
    assert "no sample before the method" in stage.verdict().sentence
    assert not any(isinstance(event, Injecting) for event in stage.recorder.events())


def test_an_environment_that_is_not_armed_is_refused() -> None:
    world = streaming_world(VirtualClock())
    world.armed = False
    assert Stage(experiment(REGION), world=world).run().verdict().outcome == "refused"


def test_a_guardrail_aborts_and_everything_is_reverted() -> None:
    floor = PluginUse(
        kind="objective_floor",
        parameters={"objective": "home is served", "floor": 0.9, "over_seconds": 3.0, "min_samples": 20},
    )
    asked = msgspec.structs.replace(experiment(REGION), guardrails=(floor,))
    stage = Stage(asked, world=world_without("failover")).run()
    assert stage.verdict().outcome == "aborted"
    assert stage.world.whole() == []


def test_a_condition_that_never_comes_true_is_inconclusive() -> None:
    never = WaitUntilStep(
        name="until all fails",
        probe=PluginUse(kind="load_ratio", parameters={"request": "home"}),
        threshold=Threshold("<", 0.1, "< 10%"),
        timeout_seconds=5.0,
    )
    assert Stage(experiment(SLOW, never)).run().verdict().outcome == "inconclusive"


def test_the_same_seed_gives_the_same_journal() -> None:
    one_edge = msgspec.structs.replace(fault("kill", "instance", {"service": "edge"}), selector=EDGE_ONE)
    first, second, other = (Stage(experiment(one_edge), seed=seed).run() for seed in (5, 5, 6))
    assert first.recorder.lines[1:] == second.recorder.lines[1:]
    assert first.recorder.lines[1:] != other.recorder.lines[1:]


EDGE_ONE = msgspec.structs.replace(fault("kill", "instance", {"service": "edge"}).selector, amount=Amount("one"))


@pytest.mark.parametrize(
    ("step", "limits", "says"),
    [
        (fault("kill", "instance", {"service": "billing"}), Limits(), "no instance matches service=billing"),
        (fault("kill", "instance", {"service": "edge"}), Limits(max_targets_share=0.2), "limits.maxTargets allows 20%"),
        (REGION, Limits(max_duration_seconds=5.0), "limits.maxDuration allows 5 s"),
        (
            msgspec.structs.replace(
                REGION, selector=msgspec.structs.replace(REGION.selector, amount=Amount("count", 2))
            ),
            Limits(),
            "2 targets are asked for and only 1 match",
        ),
    ],
)
def test_a_plan_that_cannot_or_must_not_be_executed_is_refused(step: object, limits: Limits, says: str) -> None:
    asked = msgspec.structs.replace(experiment(with_load=False), method=(step,), limits=limits)
    world = streaming_world(VirtualClock())
    environment = SimulatedEnvironment(register("refusals", world), world)
    with pytest.raises(Refused, match=re.escape(says)):
        make_plan(asked, environment, Catalog(), 1)


def test_two_faults_of_one_kind_on_one_target_at_once_are_refused_if_they_cannot_stack() -> None:
    world = streaming_world(VirtualClock())
    environment = SimulatedEnvironment(register("stacked", world), world)

    def planned(kind: str, *services: str, parallel: bool = True) -> Plan:
        steps = [
            msgspec.structs.replace(fault(kind, "instance", {"service": service}), name=f"step {number}")
            for number, service in enumerate(services, 1)
        ]
        method = (ParallelStep(name="both", steps=tuple(steps)),) if parallel else tuple(steps)
        asked = msgspec.structs.replace(experiment(with_load=False), method=method)
        return make_plan(asked, environment, Catalog(), 1)

    with pytest.raises(Refused, match=r"'step 1' and 'step 3' would hit .*edge-1 with pause at the same time"):
        planned("pause", "edge", "gateway", "edge")
    assert planned("pause", "edge", "gateway").steps, "different targets"
    assert planned("pause", "edge", "edge", parallel=False).steps, "one after the other"
    assert planned("kill", "edge", "edge").steps, "holds have holders"
