"""AWS shows what was before a change for a while: who undoes any of our faults just then undoes it all the same."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from chaos.catalog import Catalog
from chaos.engine.plan import make_plan
from chaos.environments.aws import AwsEnvironment
from chaos.model.fault import AnyFault, Lease, Undo
from chaos.model.plan import PlannedFault, PlannedParallel
from chaos.model.system import JSON, Target
from chaos.spec import read_experiment
from tests.cloud.acting import Commands, Experiments, Refreshes, ZonalShifts
from tests.cloud.between import Between, between
from tests.cloud.emulated import PATIENCE_SECONDS, ROLE, Emulated
from tests.cloud.larger import Larger
from tests.cloud.test_runs import Desk
from tests.cloud.test_whole import LASTING, experiment, indented, steps, template

BEHIND_SECONDS = 0.5


@pytest.fixture
def day(larger: Larger) -> Iterator[tuple[Between, Emulated]]:
    """The larger system, as it is seen by others than the test."""
    with between(larger.aws.endpoint.removeprefix("http://")) as state:
        through = Emulated(f"http://{state.address}", zone_id=larger.aws.zone_id)
        yield state, through
        through.close()


def test_every_fault_is_undone_although_aws_does_not_show_it_yet(
    larger: Larger, day: tuple[Between, Emulated], tmp_path: Path
) -> None:
    for each in (Refreshes(), ZonalShifts(), Commands(), Experiments()):
        larger.standin.answers |= each.answers()
    state, through = day
    settings: dict[str, JSON] = {"roles": [ROLE], "templates": [template(larger)], "may_bill": True}
    environment = through.environment(**settings)
    injections = prepared(environment, Desk(larger.aws, tmp_path))
    with ThreadPoolExecutor(len(injections)) as pool:
        # What an undo looks at has been shown before, and that nothing is there to undo changes nothing.
        list(pool.map(lambda each: each[0].revert(environment, each[1]), injections))
        with state.behind(BEHIND_SECONDS):
            list(pool.map(lambda each: each[0].inject(environment, each[1]), injections))
            somebody = through.environment(**{**settings, "consistent_within_seconds": PATIENCE_SECONDS})
            list(pool.map(lambda each: each[0].revert(somebody, each[1]), injections))
    direct = larger.aws.environment(**settings)
    assert direct.residues() == ()
    groups = larger.aws.call("ec2", "us-east-1", "describe_security_groups")["SecurityGroups"]
    assert [each["GroupName"] for each in groups] == ["default"], "that of the isolation is gone"
    for fault, undo in injections:
        is_over(direct, fault, undo)


def prepared(environment: AwsEnvironment, desk: Desk) -> list[tuple[AnyFault, Undo]]:
    text = Path(experiment(desk, f"  - parallel:{indented(steps(LASTING, '300s'))}")).read_text()
    plan = make_plan(read_experiment(text, "whole.yaml", Catalog(), {}), environment, Catalog(), 1)
    [together] = plan.steps
    assert isinstance(together, PlannedParallel)
    system = environment.inventory()
    there: list[Target] = [*system.instances, *system.regions, *system.workloads]
    targets = {each.name: each for each in there}
    found = []
    for number, step in enumerate(together.steps):
        assert isinstance(step, PlannedFault)
        fault: AnyFault = Catalog().build_fault(step.fault)
        lease = Lease("a run", f"1.{number}", time.time() + 600)
        found.append((fault, fault.prepare(environment, targets[step.targets[0]], lease)))
    return found


def is_over(environment: AwsEnvironment, fault: AnyFault, undo: Undo) -> None:
    """Some things need a moment to be as before."""
    deadline = time.monotonic() + 60
    while not (seen := fault.active(environment, undo)).active.over:
        assert time.monotonic() < deadline, seen.evidence
        environment.forget()
