"""What is done to nodes and to whole regions: CanCordon, CanDrain, CanTaint, CanIsolatePods, CanFailRegion."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor

from chaos.environments.kubernetes import answers, isolation, nodes, workloads
from chaos.environments.kubernetes.holding import Change
from chaos.environments.kubernetes.inventory import identity_of, instance_of
from chaos.environments.kubernetes.listing import Look, pods_of
from chaos.environments.kubernetes.names import Place
from chaos.environments.kubernetes.objects import Node, Pod
from chaos.environments.kubernetes.pods import Pods
from chaos.environments.kubernetes.reach import answering
from chaos.environments.kubernetes.records import HeldPod, Hold, Record, What
from chaos.model.capabilities import Identity
from chaos.model.errors import ActionFailed
from chaos.model.kubernetes import NodeState, Reach
from chaos.model.system import Instance

_BACK_PATIENCE_SECONDS = 60.0
_LOOK_EVERY_SECONDS = 0.5


class Regions(Pods):
    """How a region is failed is said by the settings: cut off, emptied, or without power."""

    def cordon(self, node: str, holder: str, until: float) -> None:
        self._hold_node(node, holder, Hold(what="cordon", until=until))

    def drain(self, node: str, holder: str, until: float) -> None:
        place = self.names.node_place(node)
        self._hold_node(node, holder, Hold(what="cordon", until=until))
        with answers.after_a_change():
            nodes.evict_all([(pod_place, pod) for pod_place, pod in self._pods_on(place) if not _of_daemon_set(pod)])

    def taint(self, node: str, holder: str, taint: str, until: float) -> None:
        self._hold_node(node, holder, Hold(what="taint", until=until, taint=nodes.parsed_taint(taint)))

    def release_node(self, node: str, holder: str) -> None:
        nodes.change_node(self.names.node_place(node), lambda record: record.without(holder))

    def node_state(self, node: str) -> NodeState | None:
        place = self.names.node_place(node)
        found = place.cluster.find(place.node_path, Node)
        if found is None:
            return None
        pods = sum(not _of_daemon_set(pod) for _, pod in self._pods_on(place))
        return NodeState(found.spec.unschedulable, pods, tuple(map(nodes.taint_text, found.spec.taints)))

    def isolate(self, pods: list[Identity], holder: str, together: bool, until: float) -> None:
        isolation.isolate([place for place, _ in self._still_there(pods)], holder, together, until)

    def rejoin(self, holder: str) -> None:
        isolation.rejoin(self.names, holder)

    def reach(self, pods: list[Identity]) -> Reach:
        there = self._still_there(pods)
        heard = answering(there)
        running = sum(pod.ready for _, pod in there)
        return Reach(sum(each is not None for each in heard), sum(each is True for each in heard), running)

    def pods_in(self, region: str, zone: str) -> list[Identity]:
        """Raises ActionFailed when no node is there."""
        found: list[Identity] = []
        for look in self._looks_of(region):
            for pod in look.pods:
                identity = identity_of(pod, look.cluster, self.names)
                inside = look.region_of(pod.spec.node_name) == region
                if identity and inside and zone in ("", look.zone_of(pod.spec.node_name)):
                    found.append(identity)
        return found

    def fail_region(self, region: str, holder: str, until: float) -> None:
        looks = self._looks_of(region)
        pods = [(look, place, pod) for look in looks for place, pod in self._pods_of(look, region)]
        if not pods:
            raise ActionFailed(f"no pod is in region {region}", took_effect="no")
        if self.settings.region_failure == "isolation":
            isolation.isolate([place for _, place, _ in pods], holder, False, until)
            return
        with answers.after_a_change():
            self._take_down(region, pods, (holder, until))

    def _take_down(self, region: str, pods: Sequence[tuple[Look, Place, Pod]], lease: tuple[str, float]) -> None:
        """Write onto every node what it loses, then take that away."""
        holder, until = lease
        looks = list({id(look): look for look, _, _ in pods}.values())
        what: What = "stop" if self.settings.region_failure == "nodeStop" else "cordon"
        for look in looks:
            for name in self._nodes_of(look, region):
                held = tuple(_held(pod, look) for each, _, pod in pods if each is look and pod.spec.node_name == name)
                hold = Hold(what=what, until=until, pods=held)
                nodes.change_node(Place(look.cluster, "", name), _adding(holder, hold))
        if what == "cordon":
            with ThreadPoolExecutor(16) as pool:
                list(pool.map(lambda each: workloads.delete_now(each[1], each[2].metadata.uid, 0), pods))
        else:
            self._drive("stop", [name for look in looks for name in self._nodes_of(look, region)])

    def restore_region(self, region: str, holder: str) -> None:
        """Returns when what is still there of the region answers again, or after a minute."""
        if self.settings.region_failure == "isolation":
            isolation.rejoin(self.names, holder)
            return
        held = [(place, record) for place, record in nodes.held_nodes(self.names) if holder in record.holds]
        stopped = [place.name for place, record in held if record.holds[holder].what == "stop"]
        if stopped:
            self._drive("start", stopped)
        for place, _ in held:
            nodes.change_node(place, lambda record: record.without(holder))
        deadline = time.monotonic() + _BACK_PATIENCE_SECONDS
        while stopped and time.monotonic() < deadline:
            instances = self.region_instances(region)
            if all(each.identity is not None for each in instances):
                return
            time.sleep(_LOOK_EVERY_SECONDS)

    def region_instances(self, region: str) -> tuple[Instance, ...]:
        """Only what answers when the API server knocks counts as alive; pods without a TCP port by their status."""
        found: dict[str, Instance] = {}
        for look in self.looks():
            there = self._pods_of(look, region)
            for (place, pod), answer in zip(there, answering(there), strict=True):
                instance = instance_of(pod, look, self.names, self.settings.reach_pods)
                alive = answer if answer is not None else pod.ready and look.nodes[pod.spec.node_name].ready
                found[instance.name] = instance if alive else _dead(instance)
                assert place.name == pod.metadata.name, "both name the same pod"
            for held in look.held_pods():
                name = self.names.pod(look.cluster, held.namespace, held.name)
                if held.region == region:
                    found.setdefault(name, Instance(name=name, service=held.service, region=region))
        return tuple(found[name] for name in sorted(found))

    def _hold_node(self, node: str, holder: str, hold: Hold) -> None:
        place = self.names.node_place(node)
        if place.cluster.find(place.node_path, Node) is None:
            raise ActionFailed(f"there is no node {node}", took_effect="no")
        nodes.change_node(place, lambda record: record.having(holder, hold))

    def _drive(self, action: str, names: list[str]) -> None:
        if self.settings.node_driver is None:
            raise ActionFailed(f"no nodeDriver is set, so no node can be told to {action}", took_effect="no")
        nodes.drive(self.settings.node_driver, action, names)

    def _looks_of(self, region: str) -> list[Look]:
        looks = [look for look in self.looks() if self._nodes_of(look, region)]
        if not looks:
            label = self.settings.labels.region
            raise ActionFailed(f"no node is in region {region}", f"nodes say it by the label {label}", "no")
        return looks

    def _nodes_of(self, look: Look, region: str) -> list[str]:
        return sorted(name for name in look.nodes if look.region_of(name) == region)

    def _pods_of(self, look: Look, region: str) -> list[tuple[Place, Pod]]:
        return [
            (Place(look.cluster, pod.metadata.namespace, pod.metadata.name), pod)
            for pod in look.pods
            if pod.spec.node_name in look.nodes and look.region_of(pod.spec.node_name) == region
        ]

    def _pods_on(self, node: Place) -> list[tuple[Place, Pod]]:
        found: list[tuple[Place, Pod]] = []
        for namespace in self.names.namespaces_of(node.cluster):
            pods = pods_of(node.cluster, self.settings, namespace, f"spec.nodeName={node.name}")
            found += [(Place(node.cluster, namespace, pod.metadata.name), pod) for pod in pods]
        return found

    def _still_there(self, identities: Iterable[Identity]) -> list[tuple[Place, Pod]]:
        """The pods of these uids, by one list for each namespace that they are in; a single one is read by itself."""
        wanted = {str(each["uid"]): self.names.pod_place(str(each["pod"])) for each in identities}
        if len(wanted) == 1:
            [(uid, place)] = wanted.items()
            pod = place.cluster.find(place.pod_path, Pod)
            return [(place, pod)] if pod is not None and pod.metadata.uid == uid and pod.lives else []
        spaces = {(place.cluster, place.namespace): None for place in wanted.values()}
        pods = [pod for cluster, namespace in spaces for pod in pods_of(cluster, self.settings, namespace)]
        return [(wanted[pod.metadata.uid], pod) for pod in pods if pod.metadata.uid in wanted]


def _adding(holder: str, hold: Hold) -> Change:
    """An earlier hold of the same injection knows the pods that were there before: it is kept, with the new expiry."""

    def change(record: Record) -> Record:
        earlier = record.holds.get(holder)
        kept = Hold(what=hold.what, until=hold.until, pods=earlier.pods) if earlier else hold
        return record.having(holder, kept)

    return change


def _held(pod: Pod, look: Look) -> HeldPod:
    node = pod.spec.node_name
    return HeldPod(
        name=pod.metadata.name,
        namespace=pod.metadata.namespace,
        uid=pod.metadata.uid,
        service=look.service_of(pod),
        region=look.region_of(node),
        node=node,
    )


def _dead(instance: Instance) -> Instance:
    return Instance(name=instance.name, service=instance.service, region=instance.region, labels=instance.labels)


def _of_daemon_set(pod: Pod) -> bool:
    owner = pod.metadata.controller
    return owner is not None and owner.kind == "DaemonSet"
