"""Nodes: no new pods, no pods at all, taints, no power."""

from __future__ import annotations

import shlex
import subprocess
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import msgspec

from chaos.environments.kubernetes import answers
from chaos.environments.kubernetes.holding import Change, Kind, change_held, held_in
from chaos.environments.kubernetes.names import Names, Place
from chaos.environments.kubernetes.objects import Node, Pod, Taint
from chaos.environments.kubernetes.records import (
    Read,
    Record,
    record_of,
    taints_of,
)
from chaos.environments.kubernetes.settings import NodeDriver
from chaos.model.errors import ActionFailed

_BUDGET_PATIENCE_SECONDS = 30.0
_ASK_AGAIN_SECONDS = 0.5


def change_node(place: Place, change: Change) -> None:
    """Change the record on a node, and all that follows from it. Nothing when it is gone."""
    change_held(place.cluster, place.node_path, _NODE, change)


def _untouched(node: Node) -> Record:
    return Record(unschedulable=node.spec.unschedulable)


def _spec(node: Node, before: Record | None, record: Record) -> dict[str, object]:
    spec: dict[str, object] = {"unschedulable": record.wanted_unschedulable or None}
    taints = taints_of(node, before, record)
    if taints != msgspec.to_builtins(node.spec.taints):
        spec["taints"] = taints or None
    return spec


_NODE = Kind(Node, _untouched, _spec)


def parsed_taint(text: str) -> Taint:
    """`key=value:NoSchedule` or `key:NoExecute`. Raises ActionFailed for anything else."""
    front, colon, effect = text.rpartition(":")
    key, _, value = front.partition("=")
    if not colon or not key or effect not in ("NoSchedule", "PreferNoSchedule", "NoExecute"):
        hint = "e.g. chaos=true:NoSchedule; effects are NoSchedule, PreferNoSchedule and NoExecute"
        raise ActionFailed(f'"{text}" is not a taint', hint, took_effect="no")
    return Taint(key=key, value=value, effect=effect)


def taint_text(taint: Taint) -> str:
    return f"{taint.key}={taint.value}:{taint.effect}" if taint.value else f"{taint.key}:{taint.effect}"


def evict(place: Place, uid: str) -> None:
    """Ask for the eviction of that very pod. Raises answers.Blocked when a disruption budget does not allow it now."""
    body = {
        "apiVersion": "policy/v1",
        "kind": "Eviction",
        "metadata": {"name": place.name, "namespace": place.namespace},
        "deleteOptions": {"preconditions": {"uid": uid}},
    }
    try:
        place.cluster.create(f"{place.pod_path}/eviction", body)
    except (answers.NotThere, answers.Conflict):
        pass  # gone, or another one under its name


def evict_all(pods: Sequence[tuple[Place, Pod]], patience_seconds: float = _BUDGET_PATIENCE_SECONDS) -> None:
    """Evict pods, asking again while budgets refuse. Raises ActionFailed naming those that are still refused."""
    deadline = time.monotonic() + patience_seconds
    left = list(pods)
    while left:
        refused: list[tuple[Place, Pod]] = []
        why = ""
        for place, pod in left:
            try:
                evict(place, pod.metadata.uid)
            except answers.Blocked as error:
                refused.append((place, pod))
                why = error.message
        left = refused
        if left and time.monotonic() > deadline:
            names = ", ".join(place.name for place, _ in left[:5])
            raise ActionFailed(f"{len(left)} pods may not be evicted ({names}): {why}")
        if left:
            time.sleep(_ASK_AGAIN_SECONDS)


def held_nodes(names: Names, read: Read = record_of) -> list[tuple[Place, Record]]:
    """All nodes that bear a record."""
    return [
        (Place(cluster, "", name), record)
        for cluster in names.clusters
        for name, record in held_in(cluster, "/api/v1/nodes", read)
    ]


def drive(driver: NodeDriver, action: str, nodes: Sequence[str]) -> None:
    """Run the driver's command for every node, side by side. Raises ActionFailed with what the command said."""
    template = driver.stop if action == "stop" else driver.start

    def run(node: str) -> str:
        command = [part.replace("{node}", node) for part in shlex.split(template)]
        try:
            done = subprocess.run(
                command,
                capture_output=True,
                text=True,
                timeout=driver.timeout_seconds,
                check=False,
                stdin=subprocess.DEVNULL,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            return f"`{shlex.join(command)}` failed: {error}"
        said = (done.stderr.strip() or done.stdout.strip()).splitlines()[-1:] or [""]
        return f"`{shlex.join(command)}` ended with {done.returncode}: {said[0]}" if done.returncode else ""

    with ThreadPoolExecutor(max(1, min(16, len(nodes)))) as pool:
        failures = [said for said in pool.map(run, nodes) if said]
    if failures:
        raise ActionFailed(failures[0], "the nodeDriver of the environment file names the command")
