"""AWS throttles, forbids, forgets who we are, and shows what was a moment ago: said in words, and nothing is left."""

from __future__ import annotations

import re
import signal
from collections.abc import Iterator

import pytest

from chaos.environments.aws import AwsEnvironment, account
from chaos.model.errors import ActionFailed, ExitCode, Refused
from chaos.model.fault import Active
from tests.cloud.between import Between, between
from tests.cloud.emulated import ACCOUNT, PATIENCE_SECONDS, ROLE, Emulated
from tests.cloud.running import in_effect, injected, under_way
from tests.cloud.test_faults import Stand
from tests.cloud.test_runs import Desk

BEHIND_SECONDS = 0.5


@pytest.fixture(scope="module")
def _between(_server: Emulated) -> Iterator[tuple[Between, Emulated]]:
    with between(_server.endpoint.removeprefix("http://")) as state:
        through = Emulated(f"http://{state.address}")
        yield state, through
        through.close()


@pytest.fixture
def day(aws: Emulated, _between: tuple[Between, Emulated], monkeypatch: pytest.MonkeyPatch) -> Between:
    """No rule yet; and nobody asks again, as the pauses would take long."""
    state, through = _between
    through.zone_id = aws.zone_id
    state.refuse.clear()
    state.refuse_once.clear()
    state.asked.clear()
    state.forget()
    monkeypatch.setattr(account, "_ATTEMPTS", 1)
    return state


@pytest.fixture
def through(_between: tuple[Between, Emulated], day: Between) -> Emulated:
    return _between[1]


@pytest.mark.parametrize(
    ("action", "code", "words"),
    [
        ("DescribeInstances", "UnauthorizedOperation", r"not let us do ec2:DescribeInstances[\s\S]*iam EXPERIMENT"),
        ("DescribeDBClusters", "Throttling", r"AWS throttles rds:DescribeDbClusters[\s\S]*account's rate of requests"),
        ("DescribeRegions", "ExpiredToken", r"AWS does not accept these credentials[\s\S]*log in again"),
    ],
)
def test_what_keeps_us_from_looking_refuses_the_plan(
    aws: Emulated, through: Emulated, day: Between, action: str, code: str, words: str
) -> None:
    day.refuse[action] = code
    _unverified(through)
    with pytest.raises(Refused) as refused:
        through.environment().inventory()
    assert re.search(words, str(refused.value))
    assert refused.value.exit_code is ExitCode.REFUSED
    assert not [each for each in day.asked if not each.startswith(("Describe", "Get"))], "nothing was touched"
    aws.is_as_filled = True


@pytest.mark.parametrize(
    ("region", "words", "hint"),
    [
        ("eu-wset-1", "AWS has no region eu-wset-1", "did you mean eu-west-1?"),
        ("eu-south-2", "region eu-south-2 is not switched on for account", "`regions`"),
    ],
)
def test_a_region_that_cannot_be_used_refuses_the_plan_and_a_scan(
    aws: Emulated, region: str, words: str, hint: str
) -> None:
    environment = AwsEnvironment(aws.ref(regions=["us-east-1", region]))
    with pytest.raises(Refused, match=words) as refused:
        environment.inventory()
    assert hint in refused.value.hint
    with pytest.raises(Refused, match=words):
        environment.scan()
    environment.account.close()
    aws.is_as_filled = True


def test_everything_is_done_in_the_role_that_is_named_and_who_may_not_take_it_is_refused(
    aws: Emulated, through: Emulated, day: Between
) -> None:
    ref = through.ref(role_arn=f"arn:aws:iam::{ACCOUNT}:role/{ROLE}")
    taking, refused = AwsEnvironment(ref), AwsEnvironment(ref)
    assert taking.inventory().instances
    day.refuse["AssumeRole"] = "AccessDenied"
    with pytest.raises(Refused, match="AWS does not let us take the role: not today"):
        refused.inventory()
    for each in (taking, refused):
        each.account.close()
    assert day.asked.count("AssumeRole") == 2
    aws.is_as_filled = True


def test_an_act_that_aws_refuses_halfway_is_undone(aws: Emulated, through: Emulated, day: Between) -> None:
    stand = Stand(through, "kill")
    before = stand.world()
    undo = stand.prepare()
    day.refuse["StopInstances"] = "RequestLimitExceeded"
    with pytest.raises(ActionFailed, match=r"ec2:StopInstances in eu-west-1.*not today") as failed:
        stand.inject(undo)
    assert failed.value.took_effect == "unknown", "the tag is there"
    stand.revert(undo)
    stand.becomes(undo, Active.NO)
    stand.is_unchanged(before)
    aws.is_as_filled = True


@pytest.mark.parametrize(
    ("kind", "action", "code"),
    [
        ("aws/zone_outage", "ReplaceNetworkAclAssociation", "InvalidNetworkAclID.NotFound"),
        ("aws/isolation", "RevokeSecurityGroupEgress", "InvalidGroup.NotFound"),
        ("aws/isolation", "ModifyInstanceAttribute", "InvalidGroup.NotFound"),
    ],
)
def test_what_was_just_made_and_is_not_known_everywhere_yet_is_asked_for_again(
    aws: Emulated, through: Emulated, day: Between, kind: str, action: str, code: str
) -> None:
    stand = Stand(through, kind)
    stand.environment = through.environment(consistent_within_seconds=PATIENCE_SECONDS)
    undo = stand.prepare()
    day.refuse_once[action] = code
    stand.inject(undo)
    assert not day.refuse_once, "it was refused"
    stand.becomes(undo, Active.YES)
    day.refuse_once["DeleteNetworkAcl"] = day.refuse_once["DeleteSecurityGroup"] = "DependencyViolation"
    stand.revert(undo)
    assert len(day.refuse_once) == 1, "AWS believed that something still used it"
    stand.becomes(undo, Active.NO)
    assert aws.environment().residues() == ()
    aws.is_as_filled = True


def test_credentials_that_expire_while_a_fault_lasts_are_said_and_with_new_ones_it_is_undone(
    aws: Emulated, through: Emulated, day: Between
) -> None:
    stand = Stand(through, "kill")
    before = stand.world()
    undo = stand.prepare()
    stand.inject(undo)
    day.refuse["*"] = "ExpiredToken"
    with pytest.raises(ActionFailed, match="AWS does not accept these credentials: not today"):
        stand.revert(undo)
    day.refuse.clear()
    stand.revert(undo)
    stand.becomes(undo, Active.NO)
    stand.is_unchanged(before)
    aws.is_as_filled = True


def test_a_run_waits_for_its_evidence_names_it_and_leaves_nothing(desk: Desk, day: Between) -> None:
    file = desk.experiment("kill", "{instance: {service: web, region: eu-west-1}, amount: one}", "300s", "300s")
    with day.behind(BEHIND_SECONDS):
        environment = desk.environment(endpoint=f"http://{day.address}", consistent="2s")
        with under_way(desk, file, environment) as run:
            in_effect(run, desk, 1)
            run.send_signal(signal.SIGINT)
            assert run.wait(120) == ExitCode.INTERRUPTED
    [evidence] = [each.evidence for each in injected(desk)]
    assert "i-" in evidence
    assert "is gone" in evidence
    machines = [each for look in desk.aws.environment().looks() for each in look.machines]
    assert {each.state for each in machines} == {"running"}
    assert not any(each.holds for each in machines)
    desk.aws.is_as_filled = True


def test_a_run_that_may_not_act_is_inconclusive_says_why_and_leaves_nothing(desk: Desk, day: Between) -> None:
    day.refuse["StopInstances"] = "UnauthorizedOperation"
    file = desk.experiment("kill", "{instance: {service: web, region: eu-west-1}, amount: one}", "100ms")
    code, said = desk.chaos("run", file, "-e", desk.environment(endpoint=f"http://{day.address}"))
    assert code == 3, said
    assert "AWS does not let us do ec2:StopInstances in eu-west-1: not today" in said
    assert desk.aws.environment().residues() == ()
    desk.aws.is_as_filled = True


def test_a_scan_looks_where_it_may_and_says_where_it_may_not(desk: Desk, day: Between) -> None:
    stand = Stand(desk.aws, "kill")
    before = stand.world()
    stand.inject(stand.prepare())
    day.refuse |= {"DescribeNetworkAcls": "UnauthorizedOperation", "ListCommands": "AccessDeniedException"}
    scan = ("rollback", "--scan", "--all", "-e", desk.environment(endpoint=f"http://{day.address}"))
    code, said = desk.chaos(*scan)
    assert code == 3, "not everywhere could be looked, and that is not green"
    assert "a run/1: reverted: stop of machine/eu-west-1/i-" in said
    for place in ("network ACLs of eu-west-1", "commands in us-east-1"):
        assert f"NOT LOOKED AT {place}: AWS does not let us do" in said
    stand.is_unchanged(before)


def test_what_a_scan_in_part_finds_and_cannot_mend_is_still_broken(desk: Desk, day: Between) -> None:
    stand = Stand(desk.aws, "kill")
    undo = stand.prepare()
    stand.inject(undo)
    day.refuse |= {"DescribeNetworkAcls": "UnauthorizedOperation", "StartInstances": "UnauthorizedOperation"}
    code, said = desk.chaos("rollback", "--scan", "--all", "-e", desk.environment(endpoint=f"http://{day.address}"))
    assert code == 6, said
    assert "a run/1: STILL BROKEN: stop of machine" in said
    stand.revert(undo)
    stand.becomes(undo, Active.NO)
    desk.aws.is_as_filled = True


def _unverified(through: Emulated) -> None:
    """As a new process is."""
    through.account._verified = through.account._regions_verified = False
