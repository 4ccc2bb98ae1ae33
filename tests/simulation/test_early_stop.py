"""A run that may end as soon as it has an answer: sooner, no less right, and with nothing left broken."""

from __future__ import annotations

import msgspec
import pytest

from chaos.environments.simulated.clock import VirtualClock
from chaos.environments.simulated.world import World, streaming_world
from chaos.journal.read import open_injections
from chaos.judge.verdict import judge
from chaos.model.errors import ExitCode
from chaos.model.events import Injecting, PhaseBegan, Reverted, RunEnded, StoppedEarly
from chaos.model.experiment import Experiment, Limits, Step, WaitStep
from tests.simulation.stage import Stage, experiment, fault

REGION = fault("region_outage", "region", {"name": "us-east-1"}, 60.0)


def world_without(protection: str) -> World:
    world = streaming_world(VirtualClock())
    world.protections.discard(protection)
    return world


def early(*method: Step) -> Experiment:
    return msgspec.structs.replace(experiment(*method), limits=Limits(stop_early=True))


def lasted(stage: Stage) -> float:
    events = stage.recorder.events()
    return events[-1].at - events[0].at


def test_what_has_certainly_deviated_ends_the_method_and_the_answer_is_the_same() -> None:
    whole = Stage(experiment(REGION), world=world_without("failover")).run()
    stage = Stage(early(REGION), world=world_without("failover")).run()
    verdict = stage.verdict()
    assert (whole.verdict().outcome, verdict.outcome) == ("deviated", "deviated")
    assert verdict.exit_code == ExitCode.DEVIATED
    assert lasted(stage) < lasted(whole) - 30
    assert "which was certain before the method's end and ended it" in verdict.sentence
    assert any("had certainly deviated by then" in finding.text for finding in verdict.findings)


def test_everything_is_reverted_at_once_and_recovery_is_still_watched() -> None:
    stage = Stage(early(REGION), world=world_without("failover")).run()
    events = stage.recorder.events()
    stopped = next(event for event in events if isinstance(event, StoppedEarly))
    reverted = next(event for event in events if isinstance(event, Reverted))
    recovery = next(event for event in events if isinstance(event, PhaseBegan) and event.phase == "recovery")
    assert stopped.at <= reverted.at <= stopped.at + 5
    assert reverted.at <= recovery.at
    assert isinstance(events[-1], RunEnded)
    assert stage.world.whole() == []


def test_a_system_that_holds_is_watched_to_the_end() -> None:
    stage = Stage(early(REGION)).run()
    assert stage.verdict().outcome == "held"
    assert not any(isinstance(event, StoppedEarly) for event in stage.recorder.events())


def test_steps_that_were_not_reached_do_not_make_it_inconclusive() -> None:
    later = fault("kill", "instance", {"service": "edge"}, 5.0)
    stage = Stage(early(REGION, WaitStep(name="rest", seconds=1.0), later), world=world_without("failover")).run()
    assert {event.fault.kind for event in stage.recorder.events() if isinstance(event, Injecting)} == {"region_outage"}
    assert stage.verdict().outcome == "deviated"


def test_a_fault_without_effect_gives_no_early_answer() -> None:
    world = world_without("failover")
    world.ineffective = {"hold"}
    assert Stage(early(REGION), world=world).run().verdict().outcome == "inconclusive"


def test_another_objective_is_not_held_by_a_method_that_was_cut_short() -> None:
    asked = early(REGION)
    [objective] = asked.objectives
    easy = msgspec.structs.replace(
        objective,
        name="half is served",
        threshold=msgspec.structs.replace(objective.threshold, value=0.2, text=">= 20%"),
    )
    stage = Stage(msgspec.structs.replace(asked, objectives=(objective, easy)), world=world_without("failover")).run()
    verdict = stage.verdict()
    assert [result.outcome for result in verdict.objectives] == ["deviated", "inconclusive"]
    assert verdict.outcome == "deviated"


@pytest.mark.parametrize("part", [0.25, 0.5, 0.75, 0.9])
def test_killed_while_it_ends_early_it_is_never_green_and_a_rollback_finds_all(part: float) -> None:
    lines = len(Stage(early(REGION), world=world_without("failover")).run().recorder.lines)
    stage = Stage(early(REGION), world=world_without("failover"), dies_after_line=round(part * lines)).run()
    events = stage.recorder.events()
    assert judge(events).outcome == ("still broken" if open_injections(events) else "terminated")
    assert stage.roll_back() == []
    assert stage.world.whole() == []
