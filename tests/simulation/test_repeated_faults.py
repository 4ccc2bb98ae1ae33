"""A fault that is repeated: so many faults, each with targets and a moment of its own, the same for the same seed."""

from __future__ import annotations

import pytest

from chaos.catalog import Catalog
from chaos.engine.plan import make_plan
from chaos.environments.simulated import SimulatedEnvironment, register
from chaos.environments.simulated.clock import VirtualClock
from chaos.environments.simulated.world import streaming_world
from chaos.model.experiment import without_faults
from chaos.model.plan import Plan, PlannedWait, planned_faults
from chaos.spec import BadFile, read_experiment

TEXT = """\
apiVersion: chaos/v1
kind: Experiment
name: many-kills
hypothesis: h
steadyState: [{name: up, probe: {http: {url: "http://127.0.0.1:1/"}}, target: ">= 99%"}]
method:
  - {name: one dies, fault: kill, target: {instance: {service: [gateway, edge]}}, duration: 500ms, REPEAT}
"""


def plan(seed: int, control: bool = False) -> Plan:
    experiment = read_experiment(TEXT.replace("REPEAT", "repeat: 20, pause: [1s, 3s]"), "many.yaml", Catalog())
    world = streaming_world(VirtualClock())
    environment = SimulatedEnvironment(register("repeated", world), world)
    return make_plan(without_faults(experiment) if control else experiment, environment, Catalog(), seed)


def test_each_repeat_draws_its_target_and_its_moment_from_the_seed() -> None:
    found = plan(7)
    faults = planned_faults(found.steps)
    pauses = [step.seconds for step in found.steps if isinstance(step, PlannedWait)]
    assert len(faults) == 20
    assert len({fault.targets for fault in faults}) > 1
    assert len(pauses) == 19
    assert len(set(pauses)) > 10
    assert all(1 <= seconds <= 3 for seconds in pauses)
    assert found == plan(7)
    assert planned_faults(plan(8).steps) != faults


def test_the_plan_is_as_long_as_all_of_it() -> None:
    found = plan(7)
    pauses = sum(step.seconds for step in found.steps if isinstance(step, PlannedWait))
    assert found.seconds == pytest.approx(20 * 0.5 + pauses + 5.0)
    assert plan(7, control=True).seconds == pytest.approx(20 * 0.5 + 19 * 2.0 + 5.0)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("repeat: 0", "not from 1 to 1000"),
        ("pause: 1s", "a pause is what lies between repeats"),
        ("repeat: 2, pause: [3s, 1s]", "the shortest and the longest"),
    ],
)
def test_mistakes_are_told(text: str, problem: str) -> None:
    with pytest.raises(BadFile, match=problem):
        read_experiment(TEXT.replace("REPEAT", text), "many.yaml", Catalog())
