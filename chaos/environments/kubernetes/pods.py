"""What is done to single pods and to workloads: CanKill, CanRestart, CanDeletePod, CanEvict, CanScale."""

from __future__ import annotations

import time

from msgspec import structs

from chaos.environments.kubernetes import nodes, workloads
from chaos.environments.kubernetes.inventory import identity_of
from chaos.environments.kubernetes.listing import Look
from chaos.environments.kubernetes.names import Place
from chaos.environments.kubernetes.objects import Node, Pod
from chaos.environments.kubernetes.opened import Opened
from chaos.environments.kubernetes.records import HeldPod, Hold
from chaos.model.capabilities import Identity, ProcessState
from chaos.model.errors import ActionFailed
from chaos.model.kubernetes import PodPhase, Scale


class Pods(Opened):
    """Everything is read from and done by the API server; what a pod's processes do is the kubelet's report."""

    def hold_down(self, instance: str, holder: str, until: float) -> None:
        place, pod = self.pod(instance)
        held = self._holds_of(instance, holder)
        if held:
            for owner, hold in held:
                workloads.change_workload(owner, workloads.adding(holder, structs.replace(hold, until=until)))
                workloads.delete_now(place, hold.pods[0].uid, 0)
        elif pod is None:
            raise ActionFailed(f"there is no pod {instance}", took_effect="no")
        else:
            workloads.hold_pod(place, pod, self._held_pod(place, pod), (holder, until))

    def let_go(self, instance: str, holder: str) -> None:
        held = self._holds_of(instance, holder)
        for owner, _ in held:
            workloads.release_pod(owner, holder)
        place, pod = self.pod(instance)
        if not held and pod is not None:
            workloads.spare_pod(place, pod)

    def is_held(self, instance: str, holder: str) -> bool:
        return any(hold.until > time.time() for _, hold in self._holds_of(instance, holder))

    def live_identity(self, instance: str) -> Identity | None:
        place, pod = self.pod(instance)
        return identity_of(pod, place.cluster, self.names) if pod is not None else None

    def process_state(self, identity: Identity) -> ProcessState:
        """Gone when the very pod is, or has ended: a container that is restarted in it is the same instance."""
        _, pod = self.pod(str(identity["pod"]))
        return "running" if pod is not None and pod.metadata.uid == identity["uid"] and pod.lives else "gone"

    def pod_phase(self, identity: Identity) -> PodPhase:
        _, pod = self.pod(str(identity["pod"]))
        if pod is None or pod.metadata.uid != identity["uid"] or not pod.lives:
            return "gone"
        return "ending" if pod.metadata.deletion_timestamp else "running"

    def kill_once(self, identity: Identity) -> None:
        self.delete_pod(identity, 0)

    def delete_pod(self, identity: Identity, grace_seconds: float) -> None:
        workloads.delete_now(self.names.pod_place(str(identity["pod"])), str(identity["uid"]), grace_seconds)

    def evict(self, identity: Identity) -> None:
        place, pod = self.pod(str(identity["pod"]))
        if pod is not None and pod.metadata.uid == identity["uid"]:
            nodes.evict_all([(place, pod)], patience_seconds=0)

    def scale(self, workload: str, holder: str, replicas: int, until: float) -> None:
        place = self.names.workload_place(workload)
        if workloads.scale_of(place) is None:
            raise ActionFailed(f"there is no {workload}", took_effect="no")
        hold = Hold(what="scale", until=until, replicas=replicas)
        workloads.change_workload(place, workloads.adding(holder, hold))

    def unscale(self, workload: str, holder: str) -> None:
        workloads.change_workload(self.names.workload_place(workload), lambda record: record.without(holder))

    def scale_of(self, workload: str) -> Scale | None:
        return workloads.scale_of(self.names.workload_place(workload))

    def _holds_of(self, instance: str, holder: str) -> list[tuple[Place, Hold]]:
        """The holds by which this holder keeps that pod away: one, or none."""
        place = self.names.pod_place(instance)
        return [
            (owner, hold)
            for owner, hold in workloads.holders_of(self.names, holder)
            if owner.cluster is place.cluster
            and any((pod.namespace, pod.name) == (place.namespace, place.name) for pod in hold.pods)
        ]

    def _held_pod(self, place: Place, pod: Pod) -> HeldPod:
        look = Look(place.cluster, self.settings)
        node = place.cluster.find(f"/api/v1/nodes/{pod.spec.node_name}", Node)
        if node is not None:
            look.nodes[node.metadata.name] = node
        owner = workloads.owner_place(place.cluster, pod)
        return HeldPod(
            name=place.name,
            namespace=place.namespace,
            uid=pod.metadata.uid,
            service=pod.metadata.labels.get(self.settings.labels.service) or (owner.name if owner else ""),
            region=look.region_of(pod.spec.node_name),
            node=pod.spec.node_name,
            cost=pod.metadata.annotations.get(workloads.DELETION_COST, ""),
        )
