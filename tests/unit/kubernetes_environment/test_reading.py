"""What a real API server said, read into what can be chosen."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from chaos.environments.kubernetes.connection import Cluster
from chaos.environments.kubernetes.inventory import inventory_of
from chaos.environments.kubernetes.listing import Look
from chaos.environments.kubernetes.names import Names
from chaos.environments.kubernetes.objects import Node, Pod, Taint, Workload, WorkloadSpec
from chaos.environments.kubernetes.records import (
    HOLDER,
    HOLDS,
    UNTIL,
    HeldPod,
    Hold,
    Record,
    metadata_with,
    record_of,
    taints_of,
)
from chaos.environments.kubernetes.settings import Context, NodeDriver, Settings
from chaos.environments.kubernetes.workloads import why_not_held
from chaos.model.environment import BadSetting
from chaos.model.errors import ActionFailed
from chaos.model.system import Inventory

RECORDED = msgspec.json.decode((Path(__file__).parent / "recorded.json").read_bytes())
SETTINGS = Settings(namespaces=("shop",))


def recorded(kind: str) -> object:
    return RECORDED[kind]["items"][0]


def look(region: str = "", settings: Settings = SETTINGS) -> Look:
    seen = Look(Cluster("here", region, "", 1.0), settings)
    pod, node = msgspec.convert(recorded("pod"), Pod), msgspec.convert(recorded("node"), Node)
    pod.spec.node_name = node.metadata.name
    seen.pods, seen.nodes = [pod], {node.metadata.name: node}
    replica_set = msgspec.convert(recorded("rs"), Workload)
    owner = replica_set.metadata.controller
    assert owner is not None
    seen.replica_sets = {replica_set.metadata.uid: owner}
    return seen


def inventory(seen: Look, reach_pods: bool = False) -> Inventory:
    return inventory_of([seen], Names((seen.cluster,), seen.settings.namespaces), reach_pods)


def test_a_pod_is_an_instance_of_its_service_in_its_nodes_region_and_knows_its_workload() -> None:
    [instance] = inventory(look()).instances
    assert (instance.service, instance.region) == ("web", "us-east-1")
    assert instance.labels["workload"] == "deployment/web", "through its replica set, without a call"
    assert instance.labels["zone"] == "us-east-1a"
    assert instance.identity is not None
    assert instance.identity["node"] == "worker-1"
    assert instance.address == "", "pods cannot be reached from here unless the file says so"


def test_a_pod_of_a_stateful_set_is_a_copy_with_a_number() -> None:
    seen = look()
    assert "copy" not in inventory(seen).instances[0].labels
    seen.pods[0].metadata.labels["apps.kubernetes.io/pod-index"] = "2"
    assert inventory(seen).instances[0].labels["copy"] == "2"


def test_of_a_stateful_set_that_counts_from_one_the_last_pod_can_be_kept_away() -> None:
    asked = msgspec.json.decode(b'{"replicas": 2, "ordinals": {"start": 1}}', type=WorkloadSpec)
    assert why_not_held("history-2", "statefulset", "history", asked.last_number) == ""
    assert "history-2" in why_not_held("history-1", "statefulset", "history", asked.last_number)
    assert msgspec.json.decode(b'{"replicas": 2}', type=WorkloadSpec).last_number == 1


def test_clusters_may_hold_the_system_in_namespaces_of_their_own() -> None:
    east, west = Cluster("east", "", "", 1.0), Cluster("west", "", "", 1.0)
    names = Names((east, west), ("shop",), {"west": ("shop-west", "stock")})
    assert [(cluster.context, space) for cluster, space in names.spaces] == [
        ("east", "shop"),
        ("west", "shop-west"),
        ("west", "stock"),
    ]
    place = names.pod_place("west/stock/web-1")
    assert (place.cluster, place.namespace) == (west, "stock")


def test_pods_that_can_be_reached_have_the_address_of_their_readiness() -> None:
    [instance] = inventory(look(), reach_pods=True).instances
    assert instance.address.endswith(":8000")
    assert instance.health_path == "/"


def test_a_contexts_region_wins_over_the_labels_of_its_nodes() -> None:
    seen = inventory(look(region="east"))
    assert [each.region for each in seen.instances] == ["east"]
    assert [each.name for each in seen.regions] == ["east"]


def test_what_a_pod_calls_are_links_to_every_instance_of_it() -> None:
    seen = look()
    seen.pods[0].metadata.annotations["steadfast.dev/calls"] = "web, nobody"
    [link] = inventory(seen).links
    assert link.name == f"us-east-1/web>{seen.pods[0].metadata.name}"


def test_a_pod_that_is_kept_away_is_still_an_instance_that_does_not_run() -> None:
    seen = look()
    held = HeldPod(name="web-gone", namespace="shop", uid="1", service="web", region="us-east-1")
    record = Record(replicas=2).having("run/1", Hold(what="kill", until=9.0, pods=(held,)))
    workload = msgspec.convert(recorded("rs"), Workload)
    workload.metadata.annotations[HOLDS] = msgspec.json.encode(record).decode()
    seen.workloads = [("deployment", workload)]
    gone = next(each for each in inventory(seen).instances if each.name == "web-gone")
    assert (gone.service, gone.identity) == ("web", None)


@pytest.mark.parametrize(
    ("clusters", "namespaces", "name"),
    [(1, ("a",), "p"), (1, ("a", "b"), "b/p"), (2, ("a",), "arn:aws:eks:eu/one/a/p")],
)
def test_names_lead_back_to_their_pod(clusters: int, namespaces: tuple[str, ...], name: str) -> None:
    known = tuple(Cluster(each, "", "", 1.0) for each in ("arn:aws:eks:eu/one", "two")[:clusters])
    names = Names(known, namespaces)
    assert names.pod(known[0], namespaces[-1], "p") == name
    place = names.pod_place(name)
    assert (place.cluster, place.namespace, place.name) == (known[0], namespaces[-1], "p")


def test_what_is_asked_for_is_counted_from_before_and_from_the_holds_alone() -> None:
    record = Record(replicas=5)
    assert record.having("a", Hold(what="kill", until=1)).having("b", Hold(what="kill", until=1)).wanted_replicas == 3
    scaled = record.having("a", Hold(what="scale", until=1, replicas=2)).having("b", Hold(what="kill", until=1))
    assert scaled.wanted_replicas == 2
    assert scaled.without("a").without("b").wanted_replicas == 5


def test_the_last_hold_takes_every_trace_with_it() -> None:
    record = Record(replicas=2).having("run/1", Hold(what="kill", until=1.0))
    assert metadata_with(record)["labels"] == {"steadfast.dev/held": "true"}
    cleared = metadata_with(record.without("run/1"), "7")
    assert cleared["annotations"] == {HOLDS: None, UNTIL: None, HOLDER: None}
    assert cleared["resourceVersion"] == "7"


def test_taints_of_others_stay() -> None:
    node = msgspec.convert(recorded("node"), Node)
    others, ours = Taint(key="theirs", effect="NoSchedule"), Taint(key="ours", effect="NoSchedule")
    node.spec.taints = [others, ours]
    before = Record().having("run/1", Hold(what="taint", until=1, taint=ours))
    assert [each["key"] for each in taints_of(node, before, before.without("run/1"))] == ["theirs"]


def test_a_record_that_somebody_spoiled_is_told() -> None:
    workload = msgspec.convert(recorded("rs"), Workload)
    workload.metadata.annotations[HOLDS] = "{"
    with pytest.raises(ActionFailed, match="cannot be read"):
        record_of(workload.metadata)


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (lambda: Settings(namespaces=("a", "a")), "a stands there twice"),
        (lambda: Settings(namespaces=("a",), contexts=(Context(name="x"), Context(name="x"))), "x stands there twice"),
        (lambda: Settings(namespaces=("a",), region_failure="nodeStop"), "needs a nodeDriver"),
        (lambda: Settings(namespaces=("a",), node_driver=NodeDriver(stop="halt", start="{node}")), "names no {node}"),
    ],
)
def test_settings_that_contradict_themselves(wrong: object, says: str) -> None:
    assert callable(wrong)
    with pytest.raises(BadSetting, match=says):
        wrong()
