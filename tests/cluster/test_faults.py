"""What every fault must do, on real pods: nothing when prepared, the same when done twice, and nothing left."""

from __future__ import annotations

import time

import msgspec
import pytest
from msgspec import Struct, field

from chaos.catalog import Catalog
from chaos.environments.kubernetes import KubernetesEnvironment
from chaos.environments.kubernetes.objects import Meta, Policy
from chaos.model.experiment import PluginUse
from chaos.model.fault import Active, AnyFault, Lease, Undo
from chaos.model.system import JSON, TargetKind
from tests.cluster.stage import REPLICAS, Stage, wait_until

pytestmark = pytest.mark.slow
PATIENCE_SECONDS = 120.0
HELD: list[tuple[str, TargetKind, dict[str, JSON]]] = [
    ("kill", "instance", {}),
    ("kubernetes/scale", "workload", {"replicas": 1}),
    ("kubernetes/cordon", "node", {}),
    ("kubernetes/drain", "node", {}),
    ("kubernetes/taint", "node", {"taint": "steadfast.dev/test=true:PreferNoSchedule"}),
    ("kubernetes/network_isolation", "instance", {}),
    ("kubernetes/zone_isolation", "region", {}),
    ("region_outage", "region", {}),
]
ONCE: list[tuple[str, TargetKind, dict[str, JSON]]] = [
    ("restart", "instance", {}),
    ("kubernetes/pod_delete", "instance", {"grace_seconds": 1.0}),
    ("kubernetes/evict", "instance", {}),
]


class BudgetStatus(Struct, rename="camel"):
    observed_generation: int = 0
    expected_pods: int = 0


class Budget(Struct):
    """A PodDisruptionBudget."""

    metadata: Meta
    status: BudgetStatus = field(default_factory=BudgetStatus)


class Trial:
    """One fault on one target of the stage."""

    def __init__(self, environment: KubernetesEnvironment, kind: str, parameters: dict[str, JSON]) -> None:
        self.environment = environment
        self.fault: AnyFault = Catalog().build_fault(PluginUse(kind=kind, parameters=parameters))

    def prepare(self, target_kind: TargetKind) -> Undo:
        inventory = self.environment.inventory()
        regions = {each.region for each in inventory.instances}
        nodes = {each.labels["node"] for each in inventory.instances}
        fitting = [
            each
            for each in inventory.of_kind(target_kind)
            if target_kind not in ("node", "region") or each.name in nodes | regions
        ]
        lease = Lease(self.environment.settings.namespaces[0], "1.1", time.time() + 600)
        return self.fault.prepare(self.environment, fitting[0], lease)

    def active(self, undo: Undo) -> Active:
        return self.fault.active(self.environment, undo).active

    def inject(self, undo: Undo) -> None:
        self.fault.inject(self.environment, undo)

    def revert(self, undo: Undo) -> None:
        self.fault.revert(self.environment, undo)

    def wait(self, undo: Undo, wanted: str) -> None:
        wait_until(lambda: bool(getattr(self.active(undo), wanted)), PATIENCE_SECONDS, f"the fault is seen as {wanted}")


@pytest.mark.parametrize(("kind", "target_kind", "parameters"), HELD, ids=[each[0] for each in HELD])
def test_a_fault_is_seen_is_over_and_leaves_nothing(
    whole: Stage, kind: str, target_kind: TargetKind, parameters: dict[str, JSON]
) -> None:
    trial = Trial(whole.environment(), kind, parameters)
    undo = trial.prepare(target_kind)
    assert whole.residues() == (), "preparing changes nothing"
    trial.wait(undo, "over")
    trial.revert(undo)  # safe if it was never injected
    trial.inject(undo)
    trial.wait(undo, "struck")
    trial.inject(undo)
    assert trial.active(undo) is Active.YES
    again = msgspec.json.decode(msgspec.json.encode(undo), type=Undo)
    fresh = Trial(whole.environment(), kind, parameters)  # as another process would
    assert {each.holder for each in whole.residues()} == {undo.lease.holder}
    fresh.revert(again)
    fresh.wait(again, "over")
    fresh.revert(again)
    assert whole.residues() == ()


@pytest.mark.parametrize(("kind", "target_kind", "parameters"), ONCE, ids=[each[0] for each in ONCE])
def test_what_strikes_once_ends_that_very_pod_and_no_other(
    whole: Stage, kind: str, target_kind: TargetKind, parameters: dict[str, JSON]
) -> None:
    trial = Trial(whole.environment(), kind, parameters)
    before = {str(each.identity["uid"]) for each in trial.environment.inventory().instances if each.identity}
    undo = trial.prepare(target_kind)
    trial.inject(undo)
    trial.wait(undo, "over")
    whole.wait_until_ready()
    trial.inject(undo)  # its successor is another one
    after = {str(each.identity["uid"]) for each in trial.environment.inventory().instances if each.identity}
    assert len(before - after) == 1


def test_two_kills_of_one_workload_are_two_holds_and_let_go_one_by_one(whole: Stage) -> None:
    environment = whole.environment()
    first, second, _ = (each.name for each in environment.inventory().instances)
    environment.hold_down(first, "run/1", time.time() + 600)
    environment.hold_down(second, "run/2", time.time() + 600)
    assert whole.workload().spec.replicas == 1
    listed = {each.name: each.identity for each in environment.inventory().instances}
    assert listed[first] is None, "what is kept away is still listed"
    assert listed[second] is None
    environment.let_go(first, "run/1")
    assert whole.workload().spec.replicas == 2
    assert not environment.is_held(first, "run/1")
    assert environment.is_held(second, "run/2")
    environment.let_go(second, "run/2")
    assert whole.workload().spec.replicas == 3


def test_an_eviction_that_a_budget_refuses_is_told_and_changes_nothing(whole: Stage) -> None:
    path = f"/apis/policy/v1/namespaces/{whole.namespace}/poddisruptionbudgets"
    spec = {"maxUnavailable": 0, "selector": {"matchLabels": {"app": "web"}}}
    whole.cluster.create(path, {"metadata": {"name": "none"}, "spec": spec})
    try:
        trial = Trial(whole.environment(), "kubernetes/evict", {})
        undo = trial.prepare("instance")
        wait_until(lambda: counted(whole, f"{path}/none"), 90, "the disruption controller has counted")
        with pytest.raises(Exception, match="disruption budget"):
            trial.inject(undo)
        assert trial.active(undo) is Active.NO
    finally:
        whole.cluster.delete(f"{path}/none")


def counted(stage: Stage, budget: str) -> bool:
    """Whether the controller has seen the budget as it is, and the pods."""
    found = stage.cluster.get(budget, Budget)
    return found.status.observed_generation == found.metadata.generation and found.status.expected_pods == REPLICAS


def test_a_region_that_is_emptied_takes_no_pods_until_it_is_given_back(whole: Stage) -> None:
    trial = Trial(whole.environment(region_failure="eviction"), "region_outage", {})
    undo = trial.prepare("region")
    trial.inject(undo)
    trial.wait(undo, "struck")
    for each in trial.environment.inventory().nodes:
        state = trial.environment.node_state(each.name)
        assert state is not None
        assert state.unschedulable == (each.region == undo.target)
    trial.revert(undo)
    trial.wait(undo, "over")
    assert whole.residues() == ()


def test_an_isolation_outvotes_a_policy_that_allows_everything_and_leaves_that_as_it_was(whole: Stage) -> None:
    path = f"/apis/networking.k8s.io/v1/namespaces/{whole.namespace}/networkpolicies"
    spec = {"podSelector": {}, "policyTypes": ["Ingress", "Egress"], "ingress": [{}], "egress": [{}]}
    whole.cluster.create(path, {"metadata": {"name": "all"}, "spec": spec})
    try:
        trial = Trial(whole.environment(), "kubernetes/network_isolation", {})
        undo = trial.prepare("instance")
        trial.inject(undo)
        trial.wait(undo, "struck")
        trial.revert(undo)
        trial.wait(undo, "over")
        assert whole.cluster.get(f"{path}/all", Policy).spec == Policy(metadata=Meta()).spec
    finally:
        whole.cluster.delete(f"{path}/all")
