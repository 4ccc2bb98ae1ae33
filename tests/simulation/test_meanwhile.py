"""Faults that are held around other steps, and branches that begin later: what is done, and undone, in which order."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from msgspec import structs

from chaos.catalog import Catalog
from chaos.engine.plan import make_plan
from chaos.environments.simulated import SimulatedEnvironment, register
from chaos.environments.simulated.clock import VirtualClock
from chaos.environments.simulated.world import streaming_world
from chaos.model.capabilities import Identity
from chaos.model.errors import Refused
from chaos.model.events import Injected, Injecting, Reverted, Reverting, StepEnded
from chaos.model.experiment import Experiment, FaultStep, ParallelStep, Step, without_faults
from chaos.model.plan import Plan, PlannedFault, planned_faults
from chaos.spec import read_experiment
from tests.simulation.stage import Stage, experiment, fault

TEXT = """\
apiVersion: chaos/v1
kind: Experiment
name: one-within-another
hypothesis: h
steadyState: [{name: up, probe: {http: {url: "http://127.0.0.1:1/"}}, target: ">= 99%"}]
method:
  - name: outer
    fault: OUTER
    target: {instance: {service: gateway, region: us-east-1}}
    meanwhile:
      - wait: 2s
      - parallel:
          - name: first
            fault: INNER
            target: {instance: {service: edge, region: us-east-1}, amount: all}
            duration: 5s
          - sequence:
              - wait: 1s
              - {name: second, fault: kill, target: {instance: {service: edge, region: eu-west-1}}, duration: 2s}
      - wait: 3s
"""


def read(outer: str = "kill", inner: str = "pause") -> Experiment:
    found = read_experiment(TEXT.replace("OUTER", outer).replace("INNER", inner), "x.yaml", Catalog())
    return structs.replace(found, objectives=())


def test_the_inner_faults_lie_within_the_outer_one() -> None:
    stage = Stage(read()).run()
    events = stage.recorder.events()
    named = {event.injection: event.step for event in events if isinstance(event, Injecting)}
    told = (Injecting, Injected, Reverting, Reverted)
    order = [(type(event).__name__, named[event.injection]) for event in events if isinstance(event, told)]
    assert order[:2] == [("Injecting", "outer"), ("Injected", "outer")]
    assert order[-2:] == [("Reverting", "outer"), ("Reverted", "outer")]
    assert {name for _, name in order[2:-2]} == {"first", "second"}
    at = {(type(event), named[event.injection]): event.at for event in events if isinstance(event, told)}
    assert at[Injecting, "first"] - at[Injecting, "outer"] == pytest.approx(2, abs=0.5)
    assert at[Injecting, "second"] - at[Injecting, "first"] == pytest.approx(1, abs=0.5)
    assert at[Reverting, "outer"] - at[Reverted, "first"] == pytest.approx(3, abs=0.5)
    assert stage.world.whole() == []


def test_what_was_to_be_done_meanwhile_is_not_begun_when_the_outer_fault_is_not_seen() -> None:
    stage = Stage(read(outer="kill", inner="pause"))
    stage.world.ineffective.add("hold")
    events = stage.run().recorder.events()
    assert [event.step for event in events if isinstance(event, Injecting)] == ["outer"]
    [ended] = [event for event in events if isinstance(event, StepEnded) and event.step == "outer"]
    assert ended.failure == "its effect was not seen, so what was to be done meanwhile was not begun"
    assert stage.verdict().outcome == "inconclusive"
    assert stage.world.whole() == []


def test_rollback_leaves_nothing_broken_after_a_cut_at_any_journal_line() -> None:
    whole = Stage(read()).run()
    seen_broken = 0
    for line in range(1, len(whole.recorder.lines) + 1):
        cut = Stage(whole.experiment, dies_after_line=line).run()
        seen_broken += bool(cut.world.whole())
        assert cut.roll_back() == [], f"cut after line {line}"
        assert cut.world.whole() == [], f"cut after line {line}"
    assert seen_broken > 10


def test_the_plan_knows_how_long_it_takes_and_the_lease_is_longer() -> None:
    found = plan(read())
    [outer] = found.steps
    assert isinstance(outer, PlannedFault)
    assert outer.duration_seconds == 2 + 5 + 3
    assert outer.slack_seconds == 10 + 2 * 2 * 10, "to be seen itself; two within it to be seen and to be seen gone"
    starts = {fault.name: fault.starts_at_seconds for fault in planned_faults(found.steps)}
    assert starts == {"outer": 0, "first": 2, "second": 3}
    assert plan(without_faults(read())).seconds == found.seconds
    assert planned_faults(plan(without_faults(read())).steps) == ()


@pytest.mark.parametrize(("kind", "may"), [("kill", True), ("pause", False)])
def test_one_target_bears_one_within_another_only_of_a_kind_that_allows_it(kind: str, may: bool) -> None:
    text = TEXT.replace("OUTER", kind).replace("INNER", kind).replace("service: gateway", "service: edge")
    experiment = read_experiment(text, "x.yaml", Catalog())
    if may:
        assert planned_faults(plan(experiment).steps)
        return
    with pytest.raises(Refused, match="'outer' and 'first' would hit us-east-1/edge-1 with pause at the same time"):
        plan(experiment)


def plan(experiment: Experiment) -> Plan:
    world = streaming_world(VirtualClock())
    return make_plan(experiment, SimulatedEnvironment(register("within", world), world), Catalog(), 1)


def held_around(outer: FaultStep, *inner: Step) -> Experiment:
    around = FaultStep(name="around", fault=outer.fault, selector=outer.selector, meanwhile=inner)
    return experiment(around)


def test_what_was_looked_at_briefly_is_seen_to_be_over_before_the_outer_fault_ends() -> None:
    beside = ParallelStep(
        name="both",
        steps=(
            fault("kill", "instance", {"service": "edge", "region": "eu-west-1"}, 3.0),
            fault("pause", "instance", {"service": "gateway", "region": "eu-west-1"}, 4.0),
        ),
    )
    stage = Stage(held_around(fault("kill", "instance", {"service": "gateway", "region": "us-east-1"}), beside))
    world, let_go = stage.world, stage.world.let_go

    def slowly(names: Sequence[str], holder: str) -> None:
        for name in names:
            if name.startswith("eu-west-1/edge"):
                world.processes[name].back_at = world.clock.now() + 8
        let_go(names, holder)

    world.let_go = slowly  # type: ignore[method-assign]  # the world's own, for this test
    events = stage.run().recorder.events()
    named = {event.injection: event.step for event in events if isinstance(event, Injecting)}
    outer_ends = min(
        event.at for event in events if isinstance(event, Reverting) and named[event.injection] == "around"
    )
    over = [event.at for event in events if isinstance(event, Reverted) and named[event.injection] != "around"]
    assert len(over) >= 2
    assert max(over) <= outer_ends
    assert world.whole() == []


def test_an_inner_fault_whose_end_only_the_outer_one_hides_is_no_failure() -> None:
    kill = fault("kill", "instance", {"service": "edge", "region": "us-east-1"}, 3.0)
    stage = Stage(held_around(fault("region_outage", "region", {"name": "us-east-1"}), kill)).run()
    assert [event.failure for event in stage.recorder.events() if isinstance(event, StepEnded)] == [""] * 4
    assert stage.world.whole() == []


def test_an_outer_fault_whose_lease_ended_while_it_was_needed_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    pause = fault("pause", "instance", {"service": "edge", "region": "eu-west-1"}, 3.0)
    outer = fault("latency", "link", {"to": "recommendations", "to_region": "us-east-1"}, delay_ms=200.0)
    stage = Stage(held_around(outer, pause))
    paused = SimulatedEnvironment.pause

    def slow(self: SimulatedEnvironment, identity: Identity, until: float) -> None:
        stage.world.clock.sleep(60)
        paused(self, identity, until)

    monkeypatch.setattr(SimulatedEnvironment, "pause", slow)
    verdict = stage.run().verdict()
    assert verdict.outcome == "inconclusive"
    assert any("and what was to be done meanwhile took longer" in each.text for each in verdict.findings), verdict
