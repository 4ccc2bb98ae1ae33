"""Every fault of AWS, run by the command: seen, undone, and allowed by the policy that the command prints."""

from __future__ import annotations

import re
import signal
import textwrap
from pathlib import Path

from chaos.catalog import Catalog
from chaos.model.errors import ExitCode
from chaos.model.fault import Active
from tests.cloud.acting import Caches, Commands, Experiments, Reboots, Refreshes, Standbys, ZonalShifts
from tests.cloud.emulated import ACCOUNT, ARMED, ROLE
from tests.cloud.iam import allowed, needed
from tests.cloud.larger import Larger
from tests.cloud.running import KEY, in_effect, injected, kill_guardian, open_injections, under_way
from tests.cloud.test_changes import example, settings
from tests.cloud.test_runs import EXPERIMENT, Desk

LASTING = """
  - kill: {} | instance {service: web, zone: us-east-1a}
  - aws/isolation: {} | instance {service: web, zone: us-east-1b}
  - aws/zone_outage: {zone: us-east-1a} | region {name: us-east-1}
  - aws/traffic_shift: {weight: 0} | region {name: us-east-1}
  - aws/document: {document: AWSFIS-Run-CPU-Stress} | instance {service: web, zone: eu-west-1b}
  - aws/capacity: {machines: 1} | {name: eu-west-1/workers}
  - aws/group_zone: {zone: eu-west-1a} | {name: eu-west-1/pool}
  - aws/more_machines: {machines: 7} | {name: us-east-1/workers}
  - aws/scaling_suspended: {} | {name: us-east-1/workers}
  - aws/instance_refresh: {} | {name: us-east-1/workers}
  - aws/queue_limits: {delay: 300s, largest: 1KiB} | {kind: queue}
  - aws/topic_limit: {} | {kind: topic}
  - aws/stream_limit: {} | {kind: stream}
  - aws/function_delay: {delay: 2s} | {name: eu-west-1/resize}
  - aws/function_limit: {} | {name: us-east-1/resize}
  - aws/health_check: {} | {kind: check}
  - aws/targets_out: {zone: eu-west-1a} | {kind: targets}
  - aws/zonal_shift: {zone: eu-west-1a} | {kind: balancer}
  - aws/task_stop: {tasks: 1} | {kind: service}
  - aws/nodes: {} | {kind: nodes}
  - aws/deny: {actions: ["s3:*"]} | {kind: role}
  - aws/resource_deny: {actions: ["s3:GetObject"]} | {kind: bucket}
  - aws/resource_deny: {actions: ["dynamodb:PutItem"]} | {kind: table}
  - aws/resource_deny: {actions: ["sns:Publish"]} | {kind: topic}
  - aws/resource_deny: {actions: ["kinesis:PutRecord*"]} | {kind: stream}
  - aws/fis: {} | {kind: template}
"""
STRIKING = """
  - aws/reboot: {} | instance {service: web, zone: eu-west-1a}
  - aws/terminate: {} | instance {service: pool}
  - aws/cache_failover: {} | {kind: cache}
  - aws/database_failover: {} | {name: eu-west-1/orders}
  - aws/database_failover: {} | {name: eu-west-1/db/ledger}
"""


def test_every_fault_is_in_one_of_them() -> None:
    named = set(re.findall(r"^  - (aws/\w+):", LASTING + STRIKING, re.MULTILINE))
    assert {name for name in Catalog().names("faults") if name.startswith("aws/")} == named


def test_what_lasts_is_seen_and_undone_and_the_printed_policy_allows_all_that_was_asked(
    larger: Larger, tmp_path: Path
) -> None:
    desk = Desk(larger.aws, tmp_path)
    for each in (Refreshes(), ZonalShifts(), Commands(), Experiments()):
        larger.standin.answers |= each.answers()
    more = f"roles: [{ROLE}]\n  mayBill: true\n  templates: [{template(larger)}]"
    file, environment = (
        experiment(desk, f"  - parallel:{indented(steps(LASTING, '300s'))}"),
        desk.environment(more=more),
    )
    with under_way(desk, file, environment) as run:
        in_effect(run, desk, LASTING.count(" | "))
        run.send_signal(signal.SIGINT)
        assert run.wait(120) == ExitCode.INTERRUPTED, (desk.folder / "run.log").read_text()
    assert open_injections(desk) == ()
    allows_all(larger, desk, file, environment)


def test_what_strikes_once_is_seen_one_after_the_other_and_the_printed_policy_allows_all_that_was_asked(
    larger: Larger, tmp_path: Path
) -> None:
    desk = Desk(larger.aws, tmp_path)
    for each in (Reboots(lasts=1), Caches(), Standbys()):
        larger.standin.answers |= each.answers()
    file, environment = experiment(desk, steps(STRIKING, "100ms")), desk.environment()
    code, said = desk.chaos("run", file, "-e", environment, AWS_ACCESS_KEY_ID=KEY)
    assert code == 0, said
    assert {each.active for each in injected(desk)} <= {Active.YES, Active.PASSED}
    assert len(injected(desk)) == STRIKING.count(" | ")
    allows_all(larger, desk, file, environment)


def test_a_second_runner_without_a_journal_undoes_what_a_killed_run_has_changed(larger: Larger, tmp_path: Path) -> None:
    first, second = Desk(larger.aws, tmp_path), Desk(larger.aws, tmp_path / "second")
    kinds = ("aws/queue_limits", "aws/function_delay", "aws/task_stop")
    lines = "".join(
        f"{line}\n" for line in LASTING.splitlines() if line.startswith(tuple(f"  - {each}:" for each in kinds))
    )
    file, environment = experiment(first, f"  - parallel:{indented(steps(lines, '300s'))}"), first.environment()
    before = {kind: settings(larger, *example(larger, kind)) for kind in kinds}
    with under_way(first, file, environment) as run:
        in_effect(run, first, len(kinds))
        kill_guardian(run)
        run.kill()
        run.wait()
        code, said = second.chaos("rollback", "--scan", "--all", "-e", environment)
        assert code == 0, said
        assert said.count(": reverted: ") == len(kinds)
        larger.environment.forget()
        assert {kind: settings(larger, *example(larger, kind)) for kind in kinds} == before
    assert larger.aws.environment().residues() == ()
    larger.aws.is_as_filled = True


def test_a_scan_asks_for_nothing_that_the_printed_policy_for_it_does_not_allow(larger: Larger, tmp_path: Path) -> None:
    desk = Desk(larger.aws, tmp_path)
    environment = desk.environment(more=f"roles: [{ROLE}]\n  templates: [{template(larger)}]")
    code, said = desk.chaos("rollback", "--scan", "-e", environment, AWS_ACCESS_KEY_ID=KEY)
    assert code == 0, said
    asked = needed(each for each in larger.standin.seen if each.key == KEY)
    file = desk.experiment("kill", "{instance: {service: web}}")
    code, policy = desk.chaos("environments", "iam", file, "--scan", "-e", environment)
    assert code == 0, policy
    assert asked - allowed(policy) == set()
    larger.aws.is_as_filled = True


def allows_all(larger: Larger, desk: Desk, file: str, environment: str) -> None:
    """Whatever the run has asked for stands in the policy for its experiment; and it has left nothing."""
    asked = needed(each for each in larger.standin.seen if each.key == KEY)
    code, policy = desk.chaos("environments", "iam", file, "-e", environment)
    assert code == 0, policy
    assert asked - allowed(policy) == set()
    assert larger.aws.environment().residues() == ()


def template(larger: Larger) -> str:
    actions = {"rest": {"actionId": "aws:fis:wait", "parameters": {"duration": "PT1M"}}}
    role = f"arn:aws:iam::{ACCOUNT}:role/fis"
    given = {"description": "waits", "stopConditions": [{"source": "none"}], "roleArn": role, "actions": actions}
    tags = {ARMED["Key"]: ARMED["Value"]}
    made = larger.aws.call("fis", "eu-west-1", "create_experiment_template", tags=tags, **given)
    return f"eu-west-1/{made['experimentTemplate']['id']}"


def experiment(desk: Desk, method: str) -> str:
    text = EXPERIMENT.format(fault="kill", target="{}", duration="1s", margin="300s")
    text = re.sub(r"method:.*(?=recovery:)", lambda _: f"method:\n{method}", text, flags=re.DOTALL)
    path = desk.folder / "whole.yaml"
    path.write_text(text.replace("\nlimits: {", "\nlimits: {maxDuration: 1h, "))
    return str(path)


def steps(lines: str, duration: str) -> str:
    """One for each line: the fault, and what it hits."""
    written = ""
    for line in filter(None, lines.splitlines()):
        fault, _, target = line.removeprefix("  - ").partition(" | ")
        noun, _, labels = (target if target[0] != "{" else f"workload {target}").partition(" ")
        written += f"  - {{fault: {{{fault}}}, target: {{{noun}: {labels}}}, duration: {duration}}}\n"
    return written


def indented(method: str) -> str:
    return "\n" + textwrap.indent(method, "    ")
