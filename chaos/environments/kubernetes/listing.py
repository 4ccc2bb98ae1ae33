"""One look at everything: a few paged lists for each cluster, never a call for a single pod."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TypeVar

from chaos.environments.kubernetes.connection import Cluster
from chaos.environments.kubernetes.names import KINDS, PLURALS, Names
from chaos.environments.kubernetes.objects import Meta, Named, Node, Owner, Pod, Workload
from chaos.environments.kubernetes.records import HeldPod, Record, record_of
from chaos.environments.kubernetes.settings import Settings

Item = TypeVar("Item")
OWN_PART_OF = "steadfast"
"""Value of app.kubernetes.io/part-of on the toolkit's own pods, as its chart sets it."""


@dataclass
class Look:
    """What one cluster holds. `replica_sets` are owners of replica sets by uid, `lone_sets` those without one."""

    cluster: Cluster
    settings: Settings
    pods: list[Pod] = field(default_factory=list)
    nodes: dict[str, Node] = field(default_factory=dict)
    workloads: list[tuple[str, Workload]] = field(default_factory=list)
    replica_sets: dict[str, Owner] = field(default_factory=dict)
    lone_sets: list[Meta] = field(default_factory=list)

    def region_of(self, node: str) -> str:
        """Empty for a node that is gone, or that says none."""
        if self.cluster.region:
            return self.cluster.region
        found = self.nodes.get(node)
        return found.metadata.labels.get(self.settings.labels.region, "") if found else ""

    def zone_of(self, node: str) -> str:
        found = self.nodes.get(node)
        return found.metadata.labels.get(self.settings.labels.zone, "") if found else ""

    def owner_of(self, pod: Pod) -> tuple[str, str]:
        """Kind and name of the workload that a pod belongs to, through its replica set; empty for a bare pod."""
        owner = pod.metadata.controller
        if owner is None:
            return "", ""
        above = self.replica_sets.get(owner.uid) if owner.kind == "ReplicaSet" else None
        found = above or owner
        return KINDS.get(found.kind, found.kind.lower()), found.name

    def service_of(self, pod: Pod) -> str:
        """What its label says, else the workload that it belongs to, else its own name."""
        return pod.metadata.labels.get(self.settings.labels.service) or self.owner_of(pod)[1] or pod.metadata.name

    @property
    def bears_records(self) -> bool:
        """Whether a workload or a node is held by us."""
        return any(True for _ in self._records())

    def held_pods(self) -> Iterator[HeldPod]:
        """Pods that are kept away by us, as the records on their workloads and nodes say."""
        for record in self._records():
            for hold in record.holds.values():
                yield from hold.pods

    def _records(self) -> Iterator[Record]:
        nodes = (node.metadata for node in self.nodes.values())
        for meta in (*(each.metadata for _, each in self.workloads), *self.lone_sets, *nodes):
            record = record_of(meta)
            if record is not None:
                yield record


def look_at(names: Names, settings: Settings) -> list[Look]:
    """List pods, nodes, workloads and replica sets of all clusters, side by side. Raises answers.ApiFailed."""
    looks = [Look(cluster, settings) for cluster in names.clusters]
    jobs = [job for look in looks for job in _jobs(look, names.namespaces_of(look.cluster))]
    with ThreadPoolExecutor(min(8, len(jobs))) as pool:
        for done in [pool.submit(job) for job in jobs]:
            done.result()
    return looks


def pods_of(cluster: Cluster, settings: Settings, namespace: str, field_selector: str = "") -> list[Pod]:
    """The pods of the system under test, chosen by the server."""
    query = {"labelSelector": settings.selector} if settings.selector else {}
    if field_selector:
        query["fieldSelector"] = field_selector
    pods = cluster.every(f"/api/v1/namespaces/{namespace}/pods", Pod, query)
    return [pod for pod in pods if pod.lives]


def is_own(pod: Pod) -> bool:
    """Whether a pod is the toolkit's own."""
    return pod.metadata.labels.get("app.kubernetes.io/part-of") == OWN_PART_OF


def _jobs(look: Look, namespaces: Sequence[str]) -> Iterator[Callable[[], None]]:
    def nodes() -> None:
        look.nodes = {node.metadata.name: node for node in look.cluster.every("/api/v1/nodes", Node)}

    yield nodes
    for namespace in namespaces:
        yield _pods_job(look, namespace)
        yield _owners_job(look, namespace)


def _pods_job(look: Look, namespace: str) -> Callable[[], None]:
    def pods() -> None:
        look.pods += pods_of(look.cluster, look.settings, namespace)

    return pods


def _owners_job(look: Look, namespace: str) -> Callable[[], None]:
    """Workloads, and the replica sets' owners: of those only the metadata is asked for."""

    def owners() -> None:
        for kind in ("deployment", "statefulset"):
            listed = look.cluster.every(f"/apis/apps/v1/namespaces/{namespace}/{PLURALS[kind]}", Workload)
            look.workloads += [(kind, each) for each in listed]
        sets = look.cluster.every(f"/apis/apps/v1/namespaces/{namespace}/replicasets", Named, partial=True)
        for each in sets:
            owner = each.metadata.controller
            if owner is None:
                look.lone_sets.append(each.metadata)
            else:
                look.replica_sets[each.metadata.uid] = owner

    return owners
