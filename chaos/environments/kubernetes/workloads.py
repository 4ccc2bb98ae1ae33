"""Workloads: how many pods they are asked for, and keeping one of their pods away by asking for one less."""

from __future__ import annotations

import time

from chaos.environments.kubernetes import answers
from chaos.environments.kubernetes.connection import Cluster
from chaos.environments.kubernetes.holding import Change, Kind, change_held, held_in
from chaos.environments.kubernetes.names import KINDS, PLURALS, Names, Place
from chaos.environments.kubernetes.objects import Named, Pod, Workload
from chaos.environments.kubernetes.records import (
    HeldPod,
    Hold,
    Read,
    Record,
    record_of,
)
from chaos.model.errors import ActionFailed
from chaos.model.kubernetes import Scale

DELETION_COST = "controller.kubernetes.io/pod-deletion-cost"
_LOWEST = "-2147483648"
_CHOSEN_PATIENCE_SECONDS = 2.0


def hold_pod(place: Place, pod: Pod, held: HeldPod, hold: tuple[str, float]) -> None:
    """Ask the pod's workload for one pod less and see to it that this one goes, at once."""
    holder, until = hold
    owner = owner_place(place.cluster, pod)
    if owner is None:
        raise ActionFailed(f"{place.name} belongs to no workload that could bring it back", took_effect="no")
    place.cluster.patch(place.pod_path, {"metadata": {"annotations": {DELETION_COST: _LOWEST}}})
    with answers.after_a_change():
        change_workload(owner, adding(holder, Hold(what="kill", until=until, pods=(held,))))
        _wait_until_chosen(place, pod.metadata.uid)
        delete_now(place, pod.metadata.uid, 0)


def delete_now(place: Place, uid: str, grace_seconds: float) -> None:
    """Delete that very pod; nothing happens when it is gone."""
    body = {"gracePeriodSeconds": int(grace_seconds), "preconditions": {"uid": uid}}
    try:
        place.cluster.delete(place.pod_path, body)
    except (answers.NotThere, answers.Conflict):
        pass  # gone, or another one under its name


def spare_pod(place: Place, pod: Pod) -> None:
    """Take back the mark of a pod that was to be kept away, when that ended before its workload was told."""
    if pod.metadata.annotations.get(DELETION_COST) == _LOWEST:
        _restore_cost(place, HeldPod(name=place.name, namespace=place.namespace, uid=pod.metadata.uid))


def release_pod(owner: Place, holder: str) -> None:
    """Ask the workload for what it was asked for before, less what others hold."""
    record = _record(owner)
    hold = record.holds.get(holder) if record else None
    change_workload(owner, lambda before: before.without(holder))
    for held in hold.pods if hold else ():
        _restore_cost(Place(owner.cluster, held.namespace, held.name), held)


def change_workload(owner: Place, change: Change) -> None:
    """Change the record on a workload, and what it is asked for. Nothing when it is gone."""
    change_held(owner.cluster, owner.workload_path, _WORKLOAD, change)


def _untouched(workload: Workload) -> Record:
    return Record(replicas=workload.spec.replicas)


def _spec(workload: Workload, before: Record | None, record: Record) -> dict[str, object]:
    return {"replicas": record.wanted_replicas}


_WORKLOAD = Kind(Workload, _untouched, _spec)


def adding(holder: str, hold: Hold) -> Change:
    """The change that puts a hold into a record."""
    return lambda record: record.having(holder, hold)


def scale_of(owner: Place) -> Scale | None:
    found = owner.cluster.find(owner.workload_path, Workload)
    if found is None:
        return None
    held = record_of(found.metadata) is not None
    return Scale(found.spec.replicas, found.status.replicas, found.status.ready_replicas, held)


def owner_place(cluster: Cluster, pod: Pod) -> Place | None:
    """The workload that a pod belongs to and that can be scaled, None when there is none."""
    owner, namespace = pod.metadata.controller, pod.metadata.namespace
    if owner is None or owner.kind not in KINDS:
        return None
    place = Place(cluster, namespace, owner.name, KINDS[owner.kind])
    if owner.kind != "ReplicaSet":
        return place
    replica_set = cluster.find(place.workload_path, Named)
    above = replica_set.metadata.controller if replica_set else None
    if above is None:
        return place
    return Place(cluster, namespace, above.name, "deployment") if above.kind == "Deployment" else None


def why_not_held(pod: str, kind: str, owner: str, last_number: int) -> str:
    """Why this pod cannot be kept away, as a sentence; empty when it can. Of a StatefulSet only the last number can."""
    if not kind:
        return "it belongs to no workload, so nothing would bring it back"
    if kind not in PLURALS:
        return f"it belongs to {kind} {owner}, which cannot be asked for one pod less"
    last = f"{owner}-{last_number}"
    if kind == "statefulset" and pod != last:
        return f"statefulset {owner} gives up its last pod first, which is {last}"
    return ""


def holders_of(names: Names, holder: str) -> list[tuple[Place, Hold]]:
    """All workloads on which this holder has a hold."""
    found: list[tuple[Place, Hold]] = []
    for place, record in held_workloads(names):
        if holder in record.holds:
            found.append((place, record.holds[holder]))
    return found


def held_workloads(names: Names, read: Read = record_of) -> list[tuple[Place, Record]]:
    """All workloads that bear a record."""
    return [
        (Place(cluster, namespace, name, kind), record)
        for cluster, namespace in names.spaces
        for kind in PLURALS
        for name, record in held_in(cluster, Place(cluster, namespace, "", kind).workload_path.rstrip("/"), read)
    ]


def _wait_until_chosen(place: Place, uid: str) -> None:
    """Until the controller has taken the pod for the one too many: deleted before that, it would be replaced."""
    deadline = time.monotonic() + _CHOSEN_PATIENCE_SECONDS
    while time.monotonic() < deadline:
        found = place.cluster.find(place.pod_path, Named)
        if found is None or found.metadata.uid != uid or found.metadata.deletion_timestamp:
            return
        time.sleep(0.02)


def _restore_cost(place: Place, held: HeldPod) -> None:
    """The pod may have survived: a hold that failed halfway."""
    found = place.cluster.find(place.pod_path, Named)
    if found is None or found.metadata.uid != held.uid or DELETION_COST not in found.metadata.annotations:
        return
    try:
        place.cluster.patch(place.pod_path, {"metadata": {"annotations": {DELETION_COST: held.cost or None}}})
    except answers.NotThere:
        pass  # gone just now


def _record(owner: Place) -> Record | None:
    found = owner.cluster.find(owner.workload_path, Named)
    return record_of(found.metadata) if found else None
