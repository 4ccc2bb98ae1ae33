"""What only a Kubernetes cluster can do, one narrow capability for each of the faults in faults/kubernetes/.

As in capabilities.py, every method is absolute and idempotent, raises ActionFailed when it could not act, and `until`
is the lease in epoch seconds, which is written onto whatever is changed, together with the holder.
"""

from __future__ import annotations

from typing import Literal, Protocol, cast, runtime_checkable

from msgspec import Struct

from chaos.model.capabilities import Identity
from chaos.model.errors import ActionFailed
from chaos.model.fault import Active, Observation, Undo

PodPhase = Literal["running", "ending", "gone"]
"""Ending: told to end, and given its grace period."""


class Scale(Struct, frozen=True):
    """Of a workload: how many pods it is asked for, has, and has ready; `held` while one of our holds changes that."""

    wanted: int
    present: int
    ready: int
    held: bool


class NodeState(Struct, frozen=True):
    """Of a node: whether it takes no new pods, how many of the system's it has, its taints as key=value:effect."""

    unschedulable: bool
    pods: int
    taints: tuple[str, ...]


class Reach(Struct, frozen=True):
    """Of the pods asked about that run: how many were knocked at through the API server, and how many answered."""

    asked: int
    answered: int
    running: int


@runtime_checkable
class CanScale(Protocol):
    """Ask a workload for another number of pods, and back."""

    def scale(self, workload: str, holder: str, replicas: int, until: float) -> None: ...

    def unscale(self, workload: str, holder: str) -> None: ...

    def scale_of(self, workload: str) -> Scale | None:
        """None when the workload does not exist any more."""
        ...


@runtime_checkable
class CanDeletePod(Protocol):
    """Delete that very pod, with a grace period of its processes or without (0)."""

    def delete_pod(self, identity: Identity, grace_seconds: float) -> None: ...

    def live_identity(self, instance: str) -> Identity | None: ...

    def pod_phase(self, identity: Identity) -> PodPhase: ...


@runtime_checkable
class CanEvict(Protocol):
    """Ask for that very pod's eviction, which a PodDisruptionBudget may refuse: an ActionFailed that says so."""

    def evict(self, identity: Identity) -> None: ...

    def live_identity(self, instance: str) -> Identity | None: ...

    def pod_phase(self, identity: Identity) -> PodPhase: ...


@runtime_checkable
class CanCordon(Protocol):
    """Let no new pods onto a node; its pods stay."""

    def cordon(self, node: str, holder: str, until: float) -> None: ...

    def release_node(self, node: str, holder: str) -> None: ...

    def node_state(self, node: str) -> NodeState | None:
        """None when the node does not exist any more."""
        ...


@runtime_checkable
class CanDrain(Protocol):
    """Cordon a node and evict the system's pods from it, as budgets allow."""

    def drain(self, node: str, holder: str, until: float) -> None: ...

    def release_node(self, node: str, holder: str) -> None: ...

    def node_state(self, node: str) -> NodeState | None: ...


@runtime_checkable
class CanTaint(Protocol):
    """Put a taint (`key=value:effect`) on a node."""

    def taint(self, node: str, holder: str, taint: str, until: float) -> None: ...

    def release_node(self, node: str, holder: str) -> None: ...

    def node_state(self, node: str) -> NodeState | None: ...


@runtime_checkable
class CanIsolatePods(Protocol):
    """Cut pods off from everything by network policies; with `together` they still reach each other."""

    def isolate(self, pods: list[Identity], holder: str, together: bool, until: float) -> None: ...

    def rejoin(self, holder: str) -> None: ...

    def reach(self, pods: list[Identity]) -> Reach:
        """Of those that still run. Pods without a TCP port cannot be knocked at."""
        ...

    def pods_in(self, region: str, zone: str) -> list[Identity]:
        """The running pods of a region, or of one zone of it."""
        ...


class _Phases(Protocol):
    def pod_phase(self, identity: Identity) -> PodPhase: ...


class _Nodes(Protocol):
    def node_state(self, node: str) -> NodeState | None: ...


def seen_ending(environment: _Phases, undo: Undo) -> Observation:
    """What a fault sees that strikes a pod once: active while that very pod is ending, passed when it is gone."""
    identity = cast(Identity, undo.data["identity"])
    words = f"{undo.target} of uid {identity['uid']} on {identity['node']}"
    phase = environment.pod_phase(identity)
    struck = {"gone": Active.PASSED, "ending": Active.YES, "running": Active.NO}
    return Observation(struck[phase], f"{words} is {phase}")


def open_node(environment: _Nodes, node: str) -> NodeState:
    """The state of a node that takes new pods. Raises ActionFailed for any other: nothing would change."""
    state = environment.node_state(node)
    if state is None or state.unschedulable:
        said = "does not exist" if state is None else "is cordoned already"
        raise ActionFailed(f"{node} {said}, so nothing would change", took_effect="no")
    return state
