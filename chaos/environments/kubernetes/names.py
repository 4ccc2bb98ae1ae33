"""What targets are called here, and the way back from a name to its object.

A pod is `pod`; with several namespaces `namespace/pod`; with several clusters `context/namespace/pod`. Workloads are
`deployment/NAME` behind the same, nodes their name (behind the context). Names of objects hold no slash, contexts may.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from chaos.environments.kubernetes.connection import Cluster
from chaos.model.errors import ActionFailed

PLURALS = {"deployment": "deployments", "statefulset": "statefulsets", "replicaset": "replicasets"}
KINDS = {"Deployment": "deployment", "StatefulSet": "statefulset", "ReplicaSet": "replicaset"}


@dataclass(frozen=True)
class Place:
    """Where an object is. `kind` is that of a workload, else empty."""

    cluster: Cluster
    namespace: str
    name: str
    kind: str = ""

    @property
    def pod_path(self) -> str:
        return f"/api/v1/namespaces/{self.namespace}/pods/{self.name}"

    @property
    def workload_path(self) -> str:
        return f"/apis/apps/v1/namespaces/{self.namespace}/{PLURALS[self.kind]}/{self.name}"

    @property
    def node_path(self) -> str:
        return f"/api/v1/nodes/{self.name}"


@dataclass(frozen=True)
class Names:
    """How the objects of these clusters and namespaces are called. `of_context` has the clusters with namespaces of
    their own."""

    clusters: tuple[Cluster, ...]
    namespaces: tuple[str, ...]
    of_context: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def spaces(self) -> Iterator[tuple[Cluster, str]]:
        """Every namespace of every cluster."""
        for cluster in self.clusters:
            for namespace in self.namespaces_of(cluster):
                yield cluster, namespace

    def namespaces_of(self, cluster: Cluster) -> tuple[str, ...]:
        return self.of_context.get(cluster.context) or self.namespaces

    def pod(self, cluster: Cluster, namespace: str, name: str) -> str:
        return self._behind(cluster, namespace, name)

    def workload(self, cluster: Cluster, namespace: str, kind: str, name: str) -> str:
        return self._behind(cluster, namespace, f"{kind}/{name}")

    def node(self, cluster: Cluster, name: str) -> str:
        return name if len(self.clusters) == 1 else f"{cluster.context}/{name}"

    def pod_place(self, name: str) -> Place:
        """Raises ActionFailed for a name that no pod here can have."""
        front, _, pod = name.rpartition("/")
        cluster, namespace = self._before(front, name)
        return Place(cluster, namespace, pod)

    def workload_place(self, name: str) -> Place:
        front, _, workload = name.rpartition("/")
        front, _, kind = front.rpartition("/")
        if kind not in PLURALS:
            raise _unknown(name)
        cluster, namespace = self._before(front, name)
        return Place(cluster, namespace, workload, kind)

    def node_place(self, name: str) -> Place:
        if len(self.clusters) == 1:
            return Place(self.clusters[0], "", name)
        context, _, node = name.rpartition("/")
        return Place(self._cluster(context, name), "", node)

    def _behind(self, cluster: Cluster, namespace: str, name: str) -> str:
        if len(self.clusters) > 1:
            return f"{cluster.context}/{namespace}/{name}"
        return name if len(self.namespaces_of(cluster)) == 1 else f"{namespace}/{name}"

    def _before(self, front: str, whole: str) -> tuple[Cluster, str]:
        context, _, namespace = front.rpartition("/")
        if len(self.clusters) > 1:
            return self._cluster(context, whole), namespace
        return self.clusters[0], namespace or self.namespaces_of(self.clusters[0])[0]

    def _cluster(self, context: str, whole: str) -> Cluster:
        found = next((each for each in self.clusters if each.context == context), None)
        if found is None:
            raise _unknown(whole)
        return found


def _unknown(name: str) -> ActionFailed:
    return ActionFailed(f"there is no {name} here", took_effect="no")
