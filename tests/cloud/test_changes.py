"""Faults that change what a larger system consists of: queues, balancers, groups, containers; over HTTP."""

from __future__ import annotations

import time

import msgspec
import pytest

from chaos.catalog import Catalog
from chaos.environments.aws import AwsEnvironment, aspects
from chaos.environments.aws.things import tags_now
from chaos.model.environment import EnvironmentRef
from chaos.model.errors import ActionFailed
from chaos.model.experiment import PluginUse
from chaos.model.fault import Active, AnyFault, Lease, Undo
from chaos.model.system import JSON, Target, Workload
from tests.cloud.emulated import ARMED, IMAGE, SYSTEM
from tests.cloud.larger import REGION, Larger

CHANGES: dict[str, tuple[str, dict[str, JSON]]] = {
    "aws/queue_limits": (f"{REGION}/queue/orders", {"delay_seconds": 300, "largest_bytes": 1024}),
    "aws/topic_limit": (f"{REGION}/topic/news", {"per_second": 5}),
    "aws/stream_limit": (f"{REGION}/stream/clicks", {}),
    "aws/function_delay": (f"{REGION}/resize", {"delay_ms": 2000.0}),
    "aws/health_check": ("global/check/", {}),
    "aws/targets_out": (f"{REGION}/targets/web", {"zone": f"{REGION}a"}),
    "aws/scaling_suspended": (f"{REGION}/pool", {"processes": ["Launch", "AZRebalance"]}),
    "aws/group_zone": (f"{REGION}/pool", {"zone": f"{REGION}a"}),
    "aws/task_stop": (f"{REGION}/service/main/web", {"tasks": 1}),
    "aws/nodes": (f"{REGION}/nodes/pods/all", {}),
}


def example(larger: Larger, kind: str) -> tuple[AnyFault, Target]:
    """A fault of its example, and the first thing of that name that it can hit."""
    name, parameters = CHANGES[kind]
    fault: AnyFault = Catalog().build_fault(PluginUse(kind=kind, parameters=parameters))
    return fault, larger.target(name)


def becomes(larger: Larger, fault: AnyFault, undo: Undo, wanted: Active) -> None:
    deadline = time.monotonic() + 60
    larger.environment.forget()
    while (seen := fault.active(larger.environment, undo)).active is not wanted:
        assert time.monotonic() < deadline, seen.evidence
        larger.environment.forget()


def settings(larger: Larger, fault: AnyFault, target: Target) -> object:
    """All settings that faults of this kind could have changed, and all tags."""
    aspect = aspects.OF_CAPABILITY[fault.needs]
    thing = larger.environment.thing_of(aspect.kind, target.name)
    assert thing is not None
    values = aspect.read(larger.aws.account, thing).values
    values.pop("LastModifiedTimestamp", None)
    return values, tags_now(larger.aws.account, thing)


@pytest.mark.parametrize("kind", CHANGES)
def test_a_setting_is_changed_once_and_put_right_from_the_record_by_a_fresh_process(larger: Larger, kind: str) -> None:
    fault, target = example(larger, kind)
    before = settings(larger, fault, target)
    undo = fault.prepare(larger.environment, target, Lease("a run", "1.1", time.time() + 600))
    fault.revert(larger.environment, undo)
    assert settings(larger, fault, target) == before, "what never was is not undone"
    fault.inject(larger.environment, undo)
    fault.inject(larger.environment, undo)
    becomes(larger, fault, undo, Active.YES)
    second = msgspec.structs.replace(undo, lease=Lease("another", "1.1", time.time() + 600))
    with pytest.raises(ActionFailed, match="another fault") as refused:
        fault.inject(larger.environment, second)
    assert refused.value.took_effect == "no"
    ref = msgspec.json.decode(msgspec.json.encode(larger.environment.ref), type=EnvironmentRef)
    again = msgspec.json.decode(msgspec.json.encode(undo), type=Undo)
    fresh = AwsEnvironment(ref)
    fresh.account = larger.aws.account
    fault.revert(fresh, again)
    fault.revert(fresh, again)
    becomes(larger, fault, undo, Active.NO)
    assert settings(larger, fault, target) == before
    larger.aws.is_as_filled = True


@pytest.mark.parametrize("kind", ["aws/health_check", "aws/group_zone", "aws/targets_out"])
def test_a_scan_finds_it_by_its_tags_alone_and_clears_it(larger: Larger, kind: str) -> None:
    fault, target = example(larger, kind)
    before = settings(larger, fault, target)
    undo = fault.prepare(larger.environment, target, Lease("a run", "1.1", time.time() + 600))
    fault.inject(larger.environment, undo)
    somebody = larger.aws.environment()
    [residue] = somebody.residues()
    assert residue.holder == undo.lease.holder
    assert residue.until == pytest.approx(undo.lease.expires_at, abs=1)
    somebody.clear_residue(residue)
    becomes(larger, fault, undo, Active.NO)
    assert settings(larger, fault, target) == before
    larger.aws.is_as_filled = True


@pytest.mark.parametrize(
    ("kind", "name", "parameters", "words"),
    [
        ("aws/task_stop", "service/main/web", {"tasks": 4}, "the service has 3 tasks, and more would cost more"),
        ("aws/nodes", "nodes/pods/all", {"nodes": 3}, "the group has 2 nodes, and more would cost more"),
        ("aws/group_zone", "pool", {"zone": "eu-west-1c"}, "eu-west-1c is none of eu-west-1a, eu-west-1b"),
        ("aws/group_zone", "workers", {"zone": "eu-west-1a"}, "eu-west-1a is the only zone of the group"),
        ("aws/targets_out", "targets/web", {"zone": "eu-west-1c"}, "the target group has no target in eu-west-1c"),
        ("aws/queue_limits", "queue/orders", {"delay_seconds": 0}, "DelaySeconds 0 already, so nothing would change"),
        ("aws/queue_limits", "topic/news", {"delay_seconds": 9}, "eu-west-1/topic/news is of kind topic, not queue"),
        ("aws/stream_limit", "stream/clicks", {"shards": 3}, "the stream has 2 shards, and can be left with 1 to 2"),
        ("aws/topic_limit", "queue/orders", {}, "eu-west-1/queue/orders is of kind queue, not topic"),
        ("aws/function_delay", "pool", {"delay_ms": 9.0}, "eu-west-1/pool is of kind group, not function"),
    ],
)
def test_what_would_change_nothing_or_cost_something_is_refused_in_a_sentence(
    larger: Larger, kind: str, name: str, parameters: dict[str, JSON], words: str
) -> None:
    fault: AnyFault = Catalog().build_fault(PluginUse(kind=kind, parameters=parameters))
    target = Workload(name=f"{REGION}/{name}", service="")
    with pytest.raises(ActionFailed) as refused:
        fault.prepare(larger.environment, target, Lease("a run", "1.1", time.time() + 600))
    assert words in refused.value.message
    assert refused.value.took_effect == "no"
    larger.aws.is_as_filled = True


def test_a_target_that_is_terminated_meanwhile_counts_as_reverted(larger: Larger) -> None:
    subnet = next(each.subnet for each in larger.environment.machines(REGION) if each.zone == f"{REGION}a")
    given = {"ImageId": IMAGE, "MinCount": 1, "MaxCount": 1, "SubnetId": subnet}
    id = larger.aws.call("ec2", REGION, "run_instances", **given)["Instances"][0]["InstanceId"]
    group = larger.environment.thing(f"{REGION}/targets/web")
    assert group is not None
    larger.aws.call("elbv2", REGION, "register_targets", TargetGroupArn=group.arn, Targets=[{"Id": id}])
    fault, target = example(larger, "aws/targets_out")
    undo = fault.prepare(larger.environment, target, Lease("a run", "1.1", time.time() + 600))
    assert f"{id}:80" in str(undo.data)
    fault.inject(larger.environment, undo)
    larger.aws.call("ec2", REGION, "terminate_instances", InstanceIds=[id])
    fault.revert(larger.environment, undo)
    becomes(larger, fault, undo, Active.NO)
    assert larger.aws.environment().residues() == ()
    larger.aws.is_as_filled = True


def test_what_was_deleted_meanwhile_counts_as_reverted(larger: Larger) -> None:
    tags = {each["Key"]: each["Value"] for each in (ARMED, SYSTEM)}
    url = larger.aws.call("sqs", REGION, "create_queue", QueueName="short-lived", tags=tags)["QueueUrl"]
    fault, _ = example(larger, "aws/queue_limits")
    target = Workload(name=f"{REGION}/queue/short-lived", service="")
    undo = fault.prepare(larger.environment, target, Lease("a run", "1.1", time.time() + 600))
    fault.inject(larger.environment, undo)
    becomes(larger, fault, undo, Active.YES)
    larger.aws.call("sqs", REGION, "delete_queue", QueueUrl=url)
    fault.revert(larger.environment, undo)
    becomes(larger, fault, undo, Active.NO)
    larger.aws.is_as_filled = True
