"""Faults that strike once, and those that AWS ends by itself; what moto does not know is answered by a stand-in.

Not run against moto: TestFailover, instance refreshes, zonal shifts, CancelCommand, a console that changes by a reboot.
"""

from __future__ import annotations

import time

import msgspec
import pytest

from chaos.catalog import Catalog
from chaos.environments.aws import AwsEnvironment
from chaos.environments.aws.denials import POLICIES
from chaos.model.errors import ActionFailed
from chaos.model.experiment import PluginUse
from chaos.model.fault import Active, AnyFault, Lease, Undo
from chaos.model.system import JSON, Target
from tests.cloud.acting import Caches, Commands, Reboots, Refreshes, Standbys, ZonalShifts
from tests.cloud.larger import REGION, Larger

USES = {
    "queue/orders": "sqs:SendMessage",
    "topic/news": "sns:Publish",
    "stream/clicks": "kinesis:PutRecord*",
    "table/carts": "dynamodb:GetItem",
    "bucket/films": "s3:GetObject",
}
ACTS = (
    "aws/resource_deny",
    "aws/terminate",
    "aws/reboot",
    "aws/instance_refresh",
    "aws/cache_failover",
    "aws/zonal_shift",
    "aws/document",
)


class Strike:
    """One fault on one thing of the larger system."""

    def __init__(self, larger: Larger, kind: str, name: str, **parameters: JSON) -> None:
        self.larger = larger
        self.environment: AwsEnvironment = larger.environment
        self.fault: AnyFault = Catalog().build_fault(PluginUse(kind=kind, parameters=parameters))
        self.target: Target = larger.target(name)
        self.undo: Undo | None = None

    def prepare(self, seconds: float = 600) -> Undo:
        self.undo = self.fault.prepare(self.environment, self.target, Lease("a run", "1.1", time.time() + seconds))
        return msgspec.json.decode(msgspec.json.encode(self.undo), type=Undo)

    def inject(self, undo: Undo) -> None:
        self.fault.inject(self.environment, undo)
        self.environment.forget()
        self.fault.inject(self.environment, undo)

    def revert(self, undo: Undo) -> None:
        for _ in range(2):
            self.fault.revert(self.environment, undo)

    def sees(self, undo: Undo) -> Active:
        self.environment.forget()
        return self.fault.active(self.environment, undo).active

    def refused(self) -> str:
        with pytest.raises(ActionFailed) as failed:
            self.prepare()
        assert failed.value.took_effect == "no"
        return failed.value.message


@pytest.mark.parametrize(("name", "action"), USES.items())
def test_a_resource_refuses_actions_until_a_date_and_keeps_the_rest_of_its_policy(
    larger: Larger, name: str, action: str
) -> None:
    strike = Strike(larger, "aws/resource_deny", f"{REGION}/{name}", actions=[action])
    thing = strike.environment.thing(strike.target.name)
    assert thing is not None
    policy, account = POLICIES[thing.kind], larger.aws.account
    before = policy.read(account, thing)
    undo = strike.prepare()
    assert strike.sees(undo) is Active.NO
    strike.inject(undo)
    assert strike.sees(undo) is Active.YES
    document = policy.read(account, thing)
    assert document is not None
    [ours] = [each for each in document["Statement"] if each["Sid"].startswith("Steadfast")]
    assert (ours["Effect"], ours["Action"]) == ("Deny", [action])
    if thing.kind in ("queue", "bucket"):
        somebody = larger.aws.environment()
        [residue] = somebody.residues()
        assert residue.until == pytest.approx(undo.lease.expires_at, abs=1)
        somebody.clear_residue(residue)
    strike.revert(undo)
    assert strike.sees(undo) is Active.NO
    assert policy.read(account, thing) == before
    larger.aws.is_as_filled = True


def test_a_denial_that_would_shut_us_out_is_refused_before_anything_is_touched(larger: Larger) -> None:
    bucket = f"{REGION}/bucket/films"
    assert "would deny us s3:GetBucketPolicy" in Strike(larger, "aws/resource_deny", bucket, actions=["s3:*"]).refused()
    other = Strike(larger, "aws/resource_deny", bucket, actions=["sqs:SendMessage"])
    assert "sqs:SendMessage is no action on" in other.refused()
    nodes = Strike(larger, "aws/resource_deny", f"{REGION}/nodes", actions=["eks:DescribeCluster"])
    assert "is of kind nodes" in nodes.refused()
    larger.aws.is_as_filled = True


def test_a_denial_of_a_bucket_has_ended_by_itself_when_its_date_is_past(larger: Larger) -> None:
    strike = Strike(larger, "aws/resource_deny", f"{REGION}/bucket/films", actions=["s3:GetObject"])
    undo = strike.prepare(seconds=-5)
    strike.inject(undo)
    assert strike.sees(undo) is Active.NO
    assert "has ended by itself" in strike.fault.active(strike.environment, undo).evidence
    strike.revert(undo)
    assert larger.aws.environment().residues() == ()
    larger.aws.is_as_filled = True


def test_a_machine_of_a_group_is_terminated_for_good_and_replaced(larger: Larger) -> None:
    pool = [each for each in larger.environment.machines(REGION) if each.tags.get("service") == "pool"]
    strike = Strike(larger, "aws/terminate", pool[0].name)
    undo = strike.prepare()
    assert strike.sees(undo) is Active.NO
    strike.inject(undo)
    larger.aws.call("autoscaling", REGION, "describe_auto_scaling_groups")
    assert strike.sees(undo) is Active.PASSED, "moto replaces it at once"
    now = [each.id for each in larger.environment.machines(REGION) if each.tags.get("service") == "pool"]
    assert pool[0].id not in now
    assert len(now) == len(pool)
    larger.aws.is_as_filled = True


def test_a_machine_that_nothing_would_replace_is_not_terminated(larger: Larger) -> None:
    web = next(each for each in larger.environment.machines(REGION) if each.tags.get("service") == "web")
    assert "nothing would replace it" in Strike(larger, "aws/terminate", web.name).refused()
    suspended = {"AutoScalingGroupName": "pool", "ScalingProcesses": ["Launch"]}
    larger.aws.call("autoscaling", REGION, "suspend_processes", **suspended)
    larger.environment.forget()
    pool = next(each for each in larger.environment.machines(REGION) if each.tags.get("service") == "pool")
    assert "its Launch is suspended" in Strike(larger, "aws/terminate", pool.name).refused()
    larger.aws.call("autoscaling", REGION, "resume_processes", **suspended)
    larger.aws.is_as_filled = True


def test_a_reboot_is_seen_by_the_console_and_leaves_no_tag(larger: Larger) -> None:
    reboots = Reboots()
    larger.standin.answers |= reboots.answers()
    strike = Strike(larger, "aws/reboot", f"{REGION}/i-")
    undo = strike.prepare()
    assert strike.sees(undo) is Active.NO
    strike.inject(undo)
    assert strike.sees(undo) is Active.YES
    [residue] = larger.aws.environment().residues()
    assert residue.what == "reboot"
    reboots.looks_left = 0
    assert strike.sees(undo) is Active.PASSED
    strike.revert(undo)
    assert larger.standin.how_often("RebootInstances") == 1, "twice is once"
    assert larger.aws.environment().residues() == ()
    larger.aws.is_as_filled = True


def test_a_refresh_is_started_once_watched_and_cancelled(larger: Larger) -> None:
    larger.standin.answers |= Refreshes().answers()
    strike = Strike(larger, "aws/instance_refresh", f"{REGION}/pool")
    undo = strike.prepare()
    strike.revert(undo)
    assert strike.sees(undo) is Active.NO
    strike.inject(undo)
    assert strike.sees(undo) is Active.YES
    assert "being refreshed already" in strike.refused()
    somebody = larger.aws.environment()
    [residue] = somebody.residues()
    somebody.clear_residue(residue)
    strike.revert(undo)
    assert strike.sees(undo) is Active.PASSED
    asked = [larger.standin.how_often(f"{verb}InstanceRefresh") for verb in ("Start", "Cancel")]
    assert asked == [1, 1]
    assert somebody.residues() == ()
    larger.aws.is_as_filled = True


def test_a_cache_fails_over_to_another_node(larger: Larger) -> None:
    larger.standin.answers |= Caches().answers()
    strike = Strike(larger, "aws/cache_failover", f"{REGION}/cache/cache")
    undo = strike.prepare()
    assert strike.sees(undo) is Active.NO
    strike.inject(undo)
    strike.revert(undo)
    assert strike.sees(undo) is Active.PASSED
    assert larger.standin.how_often("TestFailover") == 1
    wrong = Strike(larger, "aws/cache_failover", f"{REGION}/cache/cache", shard="9")
    assert "no shard 9" in wrong.refused()
    larger.aws.is_as_filled = True


def test_the_standby_of_a_database_instance_takes_over(larger: Larger) -> None:
    standbys = Standbys(lasts=1)
    larger.standin.answers |= standbys.answers()
    strike = Strike(larger, "aws/database_failover", f"{REGION}/db/ledger")
    undo = strike.prepare()
    assert strike.sees(undo) is Active.NO
    strike.fault.inject(strike.environment, undo)
    assert strike.sees(undo) is Active.YES, "it is rebooting"
    strike.inject(undo)
    strike.revert(undo)
    assert strike.sees(undo) is Active.PASSED
    assert larger.standin.how_often("RebootDBInstance") == 1, "however often it is told to"
    assert "is no database with a writer" in Strike(larger, "aws/database_failover", f"{REGION}/workers").refused()
    larger.aws.is_as_filled = True


def test_a_load_balancer_leaves_a_zone_until_the_shift_ends_by_itself(larger: Larger) -> None:
    larger.standin.answers |= ZonalShifts().answers()
    strike = Strike(larger, "aws/zonal_shift", f"{REGION}/balancer/front", zone="eu-west-1a")
    undo = strike.prepare()
    assert strike.sees(undo) is Active.NO
    strike.inject(undo)
    assert strike.sees(undo) is Active.YES
    somebody = larger.aws.environment()
    [residue] = somebody.residues()
    assert 0 <= residue.until - undo.lease.expires_at <= 60, "AWS counts minutes"
    somebody.clear_residue(residue)
    strike.revert(undo)
    assert strike.sees(undo) is Active.NO
    wrong = Strike(larger, "aws/zonal_shift", f"{REGION}/balancer/front", zone="nowhere-1a")
    with pytest.raises(ActionFailed, match="there is no zone nowhere-1a"):
        wrong.inject(wrong.prepare())
    larger.aws.is_as_filled = True


def test_a_document_is_run_once_watched_and_cancelled(larger: Larger) -> None:
    larger.standin.answers |= Commands().answers()
    parameters: JSON = {"DurationSeconds": ["60"]}
    strike = Strike(larger, "aws/document", f"{REGION}/i-", document="AWSFIS-Run-CPU-Stress", parameters=parameters)
    undo = strike.prepare()
    strike.revert(undo)
    assert strike.sees(undo) is Active.NO
    strike.inject(undo)
    assert strike.sees(undo) is Active.YES
    sent = larger.aws.call("ssm", REGION, "list_commands")["Commands"]
    assert [each["Parameters"] for each in sent] == [{"DurationSeconds": ["60"]}], "twice is once"
    somebody = larger.aws.environment()
    [residue] = somebody.residues()
    assert residue.until == pytest.approx(undo.lease.expires_at, abs=1)
    somebody.clear_residue(residue)
    strike.revert(undo)
    assert strike.sees(undo) is Active.NO
    assert larger.standin.how_often("CancelCommand") == 1
    larger.aws.is_as_filled = True
