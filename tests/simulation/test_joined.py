"""One experiment on two environments: each fault is done, looked for and undone in the one that its target is in."""

from __future__ import annotations

import pytest

from chaos.catalog import Catalog
from chaos.engine.plan import make_plan
from chaos.engine.rollback import Reverter
from chaos.engine.toolbox import Toolbox
from chaos.environments.simulated import register
from chaos.environments.simulated.clock import InlineWorkers
from chaos.environments.simulated.world import World, streaming_world
from chaos.joined import JoinedEnvironment
from chaos.journal.read import open_injections
from chaos.model.environment import EnvironmentRef, parts_of
from chaos.model.errors import Refused
from chaos.model.events import Injecting
from chaos.model.experiment import Experiment, FaultStep, Step
from tests.simulation.stage import DyingRecorder, Stage, experiment, fault

US, EU = "us-east-1", "eu-west-1"


class Both(Stage):
    """The world of a stage is `here`; another one, of the same names and in the same time, is `there`."""

    there: World

    def __post_init__(self) -> None:
        super().__post_init__()
        self.there = streaming_world(self.world.clock)
        parts = (register(f"here-{self.name}", self.world), register(f"there-{self.name}", self.there))
        named = zip(("here", "there"), parts, strict=True)
        refs = tuple(EnvironmentRef(kind="simulated", name=name, settings=each.settings) for name, each in named)
        self.ref = EnvironmentRef(kind="joined", name="both", parts=refs)

    def _tools(self, recorder: DyingRecorder) -> Toolbox:
        opened = Catalog().open_environment(self.ref)
        return Toolbox(opened, Catalog(), recorder, self.world.clock, InlineWorkers())

    @property
    def broken(self) -> list[str]:
        return self.world.whole() + self.there.whole()


def outage(where: str, region: str = US) -> FaultStep:
    made = fault("region_outage", "region", {"name": region, "environment": where}, 6.0)
    return FaultStep(name=f"{region} of {where}", fault=made.fault, selector=made.selector, duration_seconds=6.0)


def held_around(outer: FaultStep, *inner: Step) -> Experiment:
    around = FaultStep(name="around", fault=outer.fault, selector=outer.selector, meanwhile=inner)
    return experiment(around, with_load=False)


def test_targets_of_the_same_name_are_told_apart_and_the_journal_says_where() -> None:
    stage = Both(held_around(outage("there"), outage("here")))
    seen: list[list[str]] = []
    stage.world.on_change = lambda what: seen.append(stage.there.whole())
    stage.run()
    injecting = [event for event in stage.recorder.events() if isinstance(event, Injecting)]
    assert [(each.environment, each.undo.target) for each in injecting] == [("there", US), ("here", US)]
    assert [each.target for each in injecting] == [f"{US} (there)", f"{US} (here)"]
    assert all(seen), "the one around it is broken while the other one is changed"
    assert stage.broken == []


def test_another_process_undoes_it_where_it_was_done_wherever_the_run_is_cut() -> None:
    asked = held_around(outage("there"), outage("here"))
    lines = len(Both(asked).run().recorder.lines)
    seen_broken = 0
    for line in range(1, lines + 1):
        cut = Both(asked, dies_after_line=line)
        cut.run()
        seen_broken += bool(cut.broken)
        reverter = Reverter(cut._tools(DyingRecorder()), by="rollback")
        assert reverter.revert_all(open_injections(cut.recorder.events())) == []
        assert cut.broken == [], f"cut after line {line}"
    assert seen_broken > 5


def test_a_target_that_is_in_both_must_say_which_is_meant() -> None:
    stage = Both(experiment(fault("region_outage", "region", {"name": US}), with_load=False))
    tools = stage._tools(DyingRecorder())
    with pytest.raises(Refused, match="what it selects is there in here and in there"):
        make_plan(stage.experiment, tools.environment, tools.plugins, 1)
    one = parts_of(tools.environment)[0]
    assert make_plan(stage.experiment, one, tools.plugins, 1).steps, "alone it is plain which is meant"


def test_together_they_are_armed_when_all_are_and_a_region_of_both_is_one() -> None:
    stage = Both(experiment(with_load=False))
    together = stage._tools(DyingRecorder()).environment
    assert isinstance(together, JoinedEnvironment)
    assert together.arming().armed
    assert sorted(each.name for each in together.inventory().regions) == [EU, US]
    assert len(together.inventory().instances) == 2 * len(stage.world.processes)
    stage.there.armed = False
    assert not together.arming().armed
