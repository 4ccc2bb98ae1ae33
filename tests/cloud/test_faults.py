"""Every fault of faults/aws, and the portable ones that an account can do, on an emulated account over HTTP."""

from __future__ import annotations

import time
from collections.abc import Callable
from types import SimpleNamespace

import msgspec
import pytest

from chaos.catalog import Catalog
from chaos.environments.aws import AwsEnvironment
from chaos.model.aws import CanAddMachines, CanFailOver, CanSetCapacity, CanShiftTraffic
from chaos.model.aws_acts import CanDenyUse, CanShiftZone
from chaos.model.environment import EnvironmentRef
from chaos.model.errors import ActionFailed
from chaos.model.experiment import PluginUse
from chaos.model.fault import Active, AnyFault, Lease, Undo
from chaos.model.system import JSON, Region, Target
from tests.cloud.emulated import Emulated
from tests.cloud.test_acts import ACTS
from tests.cloud.test_changes import CHANGES

EXAMPLES: dict[str, dict[str, JSON]] = {
    "kill": {},
    "region_outage": {},
    "aws/zone_outage": {"zone": "eu-west-1a"},
    "aws/capacity": {"machines": 1},
    "aws/more_machines": {"machines": 7},
    "aws/database_failover": {},
    "aws/traffic_shift": {"weight": 0},
    "aws/isolation": {},
    "aws/function_limit": {},
    "aws/deny": {"actions": ["s3:*"]},
    "aws/fis": {},
}
OF_KIND = {
    "capacity": "workers",
    "more_machines": "workers",
    "database_failover": "orders",
    "function_limit": "resize",
    "deny": "shop",
}
LEASE_SECONDS = 600
HELD = sorted(set(EXAMPLES) - {"aws/database_failover", "aws/fis"})
"""What FIS does the emulated account does not: test_templates.py has that."""


class Stand:
    """One fault on the first target of its kind that it can hit."""

    def __init__(self, aws: Emulated, kind: str) -> None:
        self.aws = aws
        self.environment = aws.environment(may_bill=True)
        self.fault: AnyFault = Catalog().build_fault(PluginUse(kind=kind, parameters=EXAMPLES[kind]))
        wanted = OF_KIND.get(kind.removeprefix("aws/"), "")
        targets = self.environment.inventory().of_kind(self.fault.target_kind)
        self.target: Target = next(each for each in targets if each.name.endswith(wanted))

    def prepare(self, injection: str = "1.1") -> Undo:
        return self.fault.prepare(self.environment, self.target, Lease("a run", injection, time.time() + LEASE_SECONDS))

    def inject(self, undo: Undo) -> None:
        self.fault.inject(self.environment, undo)

    def revert(self, undo: Undo) -> None:
        self.fault.revert(self.environment, undo)

    def becomes(self, undo: Undo, wanted: Active, seconds: float = 60) -> None:
        deadline = time.monotonic() + seconds
        while (seen := self.fault.active(self.environment, undo)).active is not wanted:
            assert time.monotonic() < deadline, seen.evidence
            self.environment.forget()

    def world(self) -> object:
        """Everything that a fault could have changed, without what a new incarnation has anew."""
        self.environment.forget()
        looks = self.environment.looks()
        return (
            [(each.id, each.state, each.groups, each.tags) for look in looks for each in look.machines],
            [
                (each.name, each.smallest, each.wanted, each.largest, each.in_service, each.suspended, each.tags)
                for look in looks
                for each in look.groups
            ],
            [self.environment.subnets(region, "") for region in self.environment.settings.regions],
            [self.environment.weights(region) for region in self.environment.settings.regions],
            [
                (each.tags, self.environment.function_limit(f"{each.region}/{each.name}"))
                for look in looks
                for each in look.things
                if each.kind == "function"
            ],
            self.environment.residues(),
        )

    def is_unchanged(self, before: object) -> None:
        assert self.world() == before
        self.aws.is_as_filled = True


@pytest.fixture
def stand(aws: Emulated, request: pytest.FixtureRequest) -> Stand:
    return Stand(aws, request.param)


held = pytest.mark.parametrize("stand", HELD, indirect=True)


def test_every_fault_of_aws_has_an_example() -> None:
    examples = {*EXAMPLES, *CHANGES, *ACTS}
    assert {name for name in Catalog().names("faults") if name.startswith("aws/")} <= examples


@held
def test_preparing_changes_nothing_and_reverting_what_never_was_changes_nothing(stand: Stand) -> None:
    before = stand.world()
    undo = stand.prepare()
    assert stand.world() == before
    stand.revert(undo)
    assert stand.world() == before
    stand.becomes(undo, Active.NO)
    stand.is_unchanged(before)


@held
def test_twice_is_once_and_a_fresh_process_can_undo_it_from_the_record(stand: Stand) -> None:
    before = stand.world()
    undo = stand.prepare()
    stand.inject(undo)
    stand.inject(undo)
    stand.becomes(undo, Active.YES)
    ref = msgspec.json.decode(msgspec.json.encode(stand.environment.ref), type=EnvironmentRef)
    again = msgspec.json.decode(msgspec.json.encode(undo), type=Undo)
    fresh = Catalog().open_environment(ref)
    assert isinstance(fresh, AwsEnvironment)
    for _ in range(2):
        stand.fault.revert(fresh, again)
    fresh.account.close()
    stand.becomes(undo, Active.NO)
    stand.is_unchanged(before)


@held
def test_a_scan_finds_what_nobody_has_reverted_from_the_tags_alone(stand: Stand) -> None:
    before = stand.world()
    undo = stand.prepare()
    stand.inject(undo)
    somebody = stand.aws.environment()
    [residue] = somebody.residues()
    assert residue.until == pytest.approx(undo.lease.expires_at, abs=1), "a policy knows whole seconds"
    assert residue.holder in (undo.lease.holder, "a run/1", "a_run_1.1"), "of machines the step, in names of policies _"
    somebody.clear_residue(residue)
    stand.becomes(undo, Active.NO)
    stand.is_unchanged(before)


@held
def test_what_does_not_bear_the_tag_of_the_armed_is_refused(stand: Stand) -> None:
    assert stand.environment.refusal(stand.fault.needs, stand.target.name) == ""
    strict = stand.aws.environment(may_bill=True, tags={"armed": "may-be-broken"})
    assert "does not bear the tag may-be-broken=true" in strict.refusal(stand.fault.needs, stand.target.name)
    stand.aws.is_as_filled = True


@pytest.mark.parametrize(
    ("capability", "name", "words"),
    [
        (CanShiftZone, "eu-west-1/workers", "eu-west-1/workers is of kind group, not balancer"),
        (CanDenyUse, "eu-west-1/resize", "eu-west-1/resize is of kind function, not queue or topic or bucket"),
        (CanSetCapacity, "eu-west-1/orders", "eu-west-1/orders is of kind database, not group"),
        (CanFailOver, "role/shop", "role/shop is of kind role, not database"),
        (CanShiftTraffic, "eu-south-1", "leads to eu-south-1"),
    ],
)
def test_what_is_of_another_kind_is_refused_before_anything_is_touched(
    aws: Emulated, capability: type, name: str, words: str
) -> None:
    assert words in aws.environment().refusal(capability, name)
    aws.is_as_filled = True


def test_a_database_has_another_writer_and_the_fault_has_passed(aws: Emulated) -> None:
    stand = Stand(aws, "aws/database_failover")
    undo = stand.prepare()
    assert stand.fault.active(stand.environment, undo).active is Active.NO
    stand.inject(undo)
    stand.becomes(undo, Active.PASSED)
    writer = stand.environment.writer(stand.target.name)
    stand.inject(undo)
    stand.environment.forget()
    assert stand.environment.writer(stand.target.name) == writer, "twice is once"


def test_a_machine_that_two_hold_down_starts_when_both_have_let_go(aws: Emulated) -> None:
    stand = Stand(aws, "kill")
    first, second = stand.prepare("1.1"), stand.prepare("2.2")
    stand.inject(first)
    stand.inject(second)
    stand.revert(first)
    stand.becomes(second, Active.YES)
    stand.revert(second)
    stand.becomes(second, Active.NO)


def test_a_machine_that_was_terminated_meanwhile_counts_as_reverted(aws: Emulated) -> None:
    stand = Stand(aws, "kill")
    undo = stand.prepare()
    stand.inject(undo)
    region, _, id = stand.target.name.partition("/")
    aws.call("ec2", region, "terminate_instances", InstanceIds=[id])
    stand.environment.forget()
    stand.revert(undo)
    stand.becomes(undo, Active.NO)
    assert stand.environment.residues() == ()


@pytest.mark.parametrize("ends_first", ["inner", "outer"])
def test_users_come_back_in_steps_whichever_shift_ends_first(aws: Emulated, ends_first: str) -> None:
    environment, region = aws.environment(), Region(name="eu-west-1")
    shifts: dict[str, tuple[AnyFault, Undo]] = {}
    for name, weight in (("outer", 50), ("inner", 0)):
        fault = Catalog().build_fault(PluginUse(kind="aws/traffic_shift", parameters={"weight": weight}))
        undo = fault.prepare(environment, region, Lease("a run", name, time.time() + LEASE_SECONDS))
        fault.inject(environment, undo)
        shifts[name] = fault, undo

    def seen() -> tuple[list[int], set[Active]]:
        environment.forget()
        weights = [each.weight for each in environment.weights("eu-west-1")]
        return weights, {fault.active(environment, undo).active for fault, undo in shifts.values()}

    def end(name: str) -> None:
        fault, undo = shifts[name]
        fault.revert(environment, undo)

    assert seen() == ([0], {Active.UNKNOWN, Active.YES})
    end(ends_first)
    assert seen()[0] == [50 if ends_first == "inner" else 0]
    end("outer" if ends_first == "inner" else "inner")
    assert seen() == ([100], {Active.NO})
    assert environment.zone_holds(aws.zone_id) == {}


def test_more_machines_need_leave_to_cost_something(aws: Emulated) -> None:
    said = aws.environment().refusal(CanAddMachines, "eu-west-1/workers")
    assert "more machines are billed as long as they are there; allow that by `mayBill: true`" in said
    assert aws.environment(may_bill=True).refusal(CanAddMachines, "eu-west-1/workers") == ""
    aws.is_as_filled = True


def test_a_zone_that_another_fault_has_cut_is_refused_before_the_act(aws: Emulated) -> None:
    zone, region = Stand(aws, "aws/zone_outage"), Stand(aws, "region_outage")
    whole, part = region.prepare("1.1"), zone.prepare("1.2")
    zone.inject(part)
    before = zone.world()
    with pytest.raises(ActionFailed, match="another fault") as refused:
        region.inject(whole)
    assert refused.value.took_effect == "no"
    assert zone.world() == before


def test_a_denial_ends_by_itself_and_is_seen_to(aws: Emulated, monkeypatch: pytest.MonkeyPatch) -> None:
    stand = Stand(aws, "aws/deny")
    undo = stand.prepare()
    stand.inject(undo)
    stand.becomes(undo, Active.YES)
    later = SimpleNamespace(time=lambda: time.time() + LEASE_SECONDS + 1)
    monkeypatch.setattr("chaos.faults.aws.deny.time", later)
    stand.becomes(undo, Active.NO)
    assert "has ended by itself" in stand.fault.active(stand.environment, undo).evidence


def test_an_acl_that_was_deleted_meanwhile_is_replaced_by_the_default_one(aws: Emulated) -> None:
    stand = Stand(aws, "aws/zone_outage")
    [state] = stand.environment.subnets("eu-west-1", "eu-west-1a")
    own = _own_acl(aws, state.subnet)
    stand.environment.forget()
    undo = stand.prepare()
    stand.inject(undo)
    stand.becomes(undo, Active.YES)
    aws.call("ec2", "eu-west-1", "delete_network_acl", NetworkAclId=own)
    stand.revert(undo)
    stand.becomes(undo, Active.NO)
    assert stand.environment.subnets("eu-west-1", "eu-west-1a")[0].acl == state.acl


def _own_acl(aws: Emulated, subnet: str) -> str:
    """Give a subnet an ACL of its own that allows all; its id."""
    acls = aws.call("ec2", "eu-west-1", "describe_network_acls")["NetworkAcls"]
    find: Callable[[dict[str, str]], bool] = lambda each: each["SubnetId"] == subnet  # noqa: E731
    [association] = [each for acl in acls for each in acl["Associations"] if find(each)]
    made = aws.call("ec2", "eu-west-1", "create_network_acl", VpcId=acls[0]["VpcId"])["NetworkAcl"]["NetworkAclId"]
    rule = {"RuleNumber": 100, "Protocol": "-1", "RuleAction": "allow", "Egress": False, "CidrBlock": "0.0.0.0/0"}
    aws.call("ec2", "eu-west-1", "create_network_acl_entry", NetworkAclId=made, **rule)
    given = {"AssociationId": association["NetworkAclAssociationId"], "NetworkAclId": made}
    aws.call("ec2", "eu-west-1", "replace_network_acl_association", **given)
    return str(made)
