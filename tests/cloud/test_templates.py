"""Templates of FIS as one fault. The emulated account keeps a list of what was started, and breaks nothing."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from typing import Any

import pytest

from chaos.catalog import Catalog
from chaos.engine.plan import make_plan
from chaos.environments.aws import AwsEnvironment
from chaos.faults.aws.fis import Fis
from chaos.model.errors import Refused
from chaos.model.experiment import Experiment
from chaos.model.fault import Active, Lease, Undo
from chaos.model.residue import Residue
from chaos.spec import read_experiment
from tests.cloud.emulated import ACCOUNT, ARMED, Emulated
from tests.cloud.test_runs import EXPERIMENT, Desk
from tests.local.launcher_trial import until

REGION = "eu-west-1"
PENDING = {"progression": "manual", "times": 1_000_000}


@pytest.fixture
def template(aws: Emulated) -> Iterator[str]:
    """One that bears the tag of the armed, in an account where nothing gets further than pending."""
    _transition(aws, PENDING)
    yield _made(aws, {ARMED["Key"]: ARMED["Value"]})
    _transition(aws, {"progression": "immediate"})
    aws.is_as_filled = True  # but for what FIS remembers, and that no other test asks for


def test_a_template_that_is_started_twice_runs_once_and_is_stopped(aws: Emulated, template: str) -> None:
    environment = aws.environment(templates=[template])
    fault, undo = _prepared(environment, template)
    assert fault.active(environment, undo).active is Active.NO
    fault.inject(environment, undo)
    fault.inject(environment, undo)
    assert len(_experiments(aws, template)) == 1
    assert fault.active(environment, undo).active is Active.UNKNOWN, "pending is not yet broken"
    for _ in range(2):
        fault.revert(environment, undo)
        assert _experiments(aws, template)[0]["state"]["status"] in ("stopping", "stopped")


def test_what_runs_is_active_and_what_is_stopped_is_over(aws: Emulated, template: str) -> None:
    environment = aws.environment(templates=[template])
    fault, undo = _prepared(environment, template)
    _transition(aws, {"progression": "manual", "times": 1})
    fault.inject(environment, undo)
    seen = [fault.active(environment, undo).active for _ in range(3)]
    assert seen[-2:] == [Active.YES, Active.PASSED], "initiating, running, completed"


def test_reverting_what_never_was_starts_and_stops_nothing(aws: Emulated, template: str) -> None:
    environment = aws.environment(templates=[template])
    fault, undo = _prepared(environment, template)
    fault.revert(environment, undo)
    assert _experiments(aws, template) == []
    assert fault.active(environment, undo).active is Active.NO


def test_a_scan_finds_what_runs_by_its_tag_and_stops_it(aws: Emulated, template: str) -> None:
    environment = aws.environment(templates=[template])
    fault, undo = _prepared(environment, template)
    fault.inject(environment, undo)
    [residue] = _residues(environment, template)
    assert (residue.target, residue.holder) == (f"experiment/{REGION}", undo.lease.holder)
    aws.environment(templates=[template]).clear_residue(residue)
    assert _experiments(aws, template)[0]["state"]["status"] in ("stopping", "stopped")


def test_a_plan_that_may_cost_something_says_what(aws: Emulated, template: str) -> None:
    plan = make_plan(_experiment(template), aws.environment(templates=[template], may_bill=True), Catalog(), 1)
    assert any("AWS bills every action" in note for note in plan.notes)


@pytest.mark.parametrize(
    ("settings", "tags", "words"),
    [
        ({}, {ARMED["Key"]: "true"}, "AWS bills every action of a FIS experiment"),
        ({"may_bill": True}, {}, "does not bear the tag steadfast:armed=true"),
    ],
)
def test_it_is_refused_without_the_flag_for_what_is_billed_and_without_the_tag(
    aws: Emulated, settings: dict[str, bool], tags: dict[str, str], words: str
) -> None:
    template = _made(aws, tags)
    with pytest.raises(Refused, match=words):
        make_plan(_experiment(template), aws.environment(templates=[template], **settings), Catalog(), 1)
    assert _experiments(aws, template) == []
    aws.is_as_filled = True


def test_a_run_whose_template_stays_pending_is_inconclusive_and_leaves_nothing(
    aws: Emulated, template: str, desk: Desk
) -> None:
    file = desk.experiment("aws/fis", f'{{workload: {{name: "{template}"}}}}', "2s")
    environment = desk.environment(more=f"templates: ['{template}']")
    with ThreadPoolExecutor(1) as pool:
        run = pool.submit(desk.chaos, "run", file, "-e", environment, "--may-bill")
        until(
            lambda: run.done() or [each["state"]["status"] for each in _experiments(aws, template)] == ["stopping"],
            within=60,
        )
        _transition(aws, {"progression": "manual", "times": 1})
        code, said = run.result()
    assert code == 3, said
    assert re.search(r"\bis\s+pending", said), "what the last look before the revert saw"
    assert _states(aws, template) == ["stopped"]
    assert _residues(aws.environment(templates=[template]), template) == []


def _experiment(template: str) -> Experiment:
    target = f'{{workload: {{name: "{template}"}}}}'
    text = EXPERIMENT.format(fault="aws/fis", target=target, duration="1s", margin="10s")
    return read_experiment(text, "fis.yaml", Catalog(), {})


def _prepared(environment: AwsEnvironment, template: str) -> tuple[Fis, Undo]:
    fault = Fis()
    target = next(each for each in environment.inventory().workloads if each.name == template)
    return fault, fault.prepare(environment, target, Lease(f"run of {template}", "1.1", time.time() + 600))


def _made(aws: Emulated, tags: dict[str, str]) -> str:
    given = {
        "description": "waits",
        "stopConditions": [{"source": "none"}],
        "actions": {"rest": {"actionId": "aws:fis:wait", "parameters": {"duration": "PT1M"}}},
        "roleArn": f"arn:aws:iam::{ACCOUNT}:role/fis",
        "tags": tags,
    }
    made = aws.call("fis", REGION, "create_experiment_template", **given)
    return f"{REGION}/{made['experimentTemplate']['id']}"


def _experiments(aws: Emulated, template: str) -> list[dict[str, Any]]:
    """Those of that template."""
    id = template.partition("/")[2]
    found = aws.call("fis", REGION, "list_experiments")["experiments"]
    return [each for each in found if each["experimentTemplateId"] == id]


def _states(aws: Emulated, template: str) -> list[str]:
    return [str(each["state"]["status"]) for each in _experiments(aws, template)]


def _residues(environment: AwsEnvironment, template: str) -> list[Residue]:
    return [each for each in environment.residues() if each.what == f"template {template.partition('/')[2]}"]


def _transition(aws: Emulated, how: dict[str, object]) -> None:
    connection = HTTPConnection(aws.endpoint.removeprefix("http://"), timeout=10)
    body = json.dumps({"model_name": "fis::experiment", "transition": how})
    connection.request("POST", "/moto-api/state-manager/set-transition", body, {"Content-Type": "application/json"})
    assert connection.getresponse().status == 201
    connection.close()
