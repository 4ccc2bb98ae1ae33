"""From what the clusters list to instances, links, regions, workloads and nodes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from chaos.environments.kubernetes import objects
from chaos.environments.kubernetes.connection import Cluster
from chaos.environments.kubernetes.listing import Look
from chaos.environments.kubernetes.names import Names
from chaos.model.capabilities import Identity
from chaos.model.system import Instance, Inventory, Link, Node, Region, Workload

_METRICS_ANNOTATION = "prometheus.io/path"
_ORDINAL_LABEL = "apps.kubernetes.io/pod-index"
"""What a StatefulSet's controller says is the number of a pod."""


def inventory_of(looks: Iterable[Look], names: Names, reach_pods: bool) -> Inventory:
    """Everything that can be chosen, sorted by name. Pods that we keep away are listed as instances that do not run."""
    instances: dict[str, Instance] = {}
    calls: dict[tuple[str, str], set[str]] = {}
    regions: dict[str, Region] = {}
    workloads: list[Workload] = []
    nodes: list[Node] = []
    for look in looks:
        for pod in look.pods:
            instance = instance_of(pod, look, names, reach_pods)
            instances[instance.name] = instance
            called = pod.metadata.annotations.get(look.settings.labels.calls, "")
            if called:
                calls.setdefault((instance.region, instance.service), set()).update(_words(called))
        for held in look.held_pods():
            name = names.pod(look.cluster, held.namespace, held.name)
            instances.setdefault(name, Instance(name=name, service=held.service, region=held.region))
        workloads += [_workload(kind, each, look, names) for kind, each in look.workloads]
        nodes += [_node(node, look, names) for node in look.nodes.values()]
    for node in nodes:
        if node.region:
            regions[node.region] = Region(name=node.region)
    ordered = sorted(instances.values(), key=lambda each: each.name)
    return Inventory(
        instances=tuple(ordered),
        links=tuple(sorted(_links(ordered, calls), key=lambda each: each.name)),
        regions=tuple(regions[name] for name in sorted(regions)),
        workloads=tuple(sorted(workloads, key=lambda each: each.name)),
        nodes=tuple(sorted(nodes, key=lambda each: each.name)),
    )


def instance_of(pod: objects.Pod, look: Look, names: Names, reach_pods: bool) -> Instance:
    """One pod. Its labels are the pod's own, and `node`, `zone`, `namespace`, `workload` and, if it has one, `copy`."""
    meta, node = pod.metadata, pod.spec.node_name
    kind, owner = look.owner_of(pod)
    port, path = pod.health
    placed = {"node": node, "zone": look.zone_of(node), "namespace": meta.namespace, "workload": f"{kind}/{owner}"}
    placed["copy"] = meta.labels.get(_ORDINAL_LABEL, "")
    reachable = reach_pods and port and pod.status.pod_ip
    return Instance(
        name=names.pod(look.cluster, meta.namespace, meta.name),
        service=look.service_of(pod),
        region=look.region_of(node),
        labels={**meta.labels, **{key: value for key, value in placed.items() if value.strip("/")}},
        identity=identity_of(pod, look.cluster, names),
        address=f"{pod.status.pod_ip}:{port}" if reachable else "",
        health_path=path if reachable else "",
        metrics_path=meta.annotations.get(_METRICS_ANNOTATION, "/metrics") if reachable else "",
    )


def identity_of(pod: objects.Pod, cluster: Cluster, names: Names) -> Identity | None:
    """None until its containers run. The uid tells it from a successor of the same name."""
    if pod.status.phase != "Running":
        return None
    name = names.pod(cluster, pod.metadata.namespace, pod.metadata.name)
    return {"uid": pod.metadata.uid, "node": pod.spec.node_name, "pod": name}


def _links(instances: list[Instance], calls: dict[tuple[str, str], set[str]]) -> Iterator[Link]:
    """One for each calling (region, service) and called instance."""
    of_service: dict[str, list[Instance]] = {}
    for instance in instances:
        of_service.setdefault(instance.service, []).append(instance)
    for (region, service), called in calls.items():
        for instance in (each for name in called for each in of_service.get(name, [])):
            yield Link(
                name=f"{region}/{service}>{instance.name}",
                source=service,
                source_region=region,
                destination=instance.service,
                destination_region=instance.region,
                destination_instance=instance.name,
                address=instance.address,
            )


def _workload(kind: str, workload: objects.Workload, look: Look, names: Names) -> Workload:
    meta = workload.metadata
    service = meta.labels.get(look.settings.labels.service) or meta.name
    name = names.workload(look.cluster, meta.namespace, kind, meta.name)
    return Workload(name=name, service=service, labels={**meta.labels, "namespace": meta.namespace, "kind": kind})


def _node(node: objects.Node, look: Look, names: Names) -> Node:
    name = node.metadata.name
    return Node(
        name=names.node(look.cluster, name),
        region=look.region_of(name),
        labels={**node.metadata.labels, "zone": look.zone_of(name)},
    )


def _words(text: str) -> list[str]:
    return [word.strip() for word in text.split(",") if word.strip()]
