"""One run at a time, whatever machine it is on: a Lease in every namespace of the system says whose turn it is."""

from __future__ import annotations

import socket
from datetime import UTC, datetime

from chaos.environments.kubernetes import answers
from chaos.environments.kubernetes.connection import Cluster
from chaos.environments.kubernetes.objects import Lease, leases_path
from chaos.environments.kubernetes.opened import Opened
from chaos.environments.kubernetes.rights import RESERVATION
from chaos.model.errors import Refused

LASTS_SECONDS = 30
_ATTEMPTS = 5
_AT = " on "
"""Between the run and its machine; no run's name has a space."""


class Reserving(Opened):
    """CanReserve. It is renewed by the run and ends by itself; clocks that differ by more than its length spoil it."""

    def reserve(self, run: str) -> None:
        """Raises Refused, with nothing taken, when another run has one of them; ApiFailed when nobody answers."""
        taken: list[tuple[Cluster, str]] = []
        try:
            for cluster, namespace in self._spaces:
                _take(cluster, namespace, run)
                taken.append((cluster, namespace))
        except Refused:
            for cluster, namespace in taken:
                _free(cluster, namespace, run)
            raise

    def free(self, run: str) -> None:
        for cluster, namespace in self._spaces:
            _free(cluster, namespace, run)

    @property
    def _spaces(self) -> list[tuple[Cluster, str]]:
        """In the same order for everybody, so that of two who come at once one gets all."""
        return sorted(self.names.spaces, key=lambda each: (each[0].server, each[1]))


def _take(cluster: Cluster, namespace: str, run: str) -> None:
    for _ in range(_ATTEMPTS):
        found = cluster.find(f"{leases_path(namespace)}/{RESERVATION}", Lease)
        if found is not None and _run_of(found) != run and found.lives:
            raise _taken(cluster, namespace, found)
        try:
            _write(cluster, namespace, run, found)
        except (answers.Conflict, answers.NotThere):
            continue  # somebody was faster: look who
        return
    raise Refused(f"others are taking namespace {namespace} of {cluster.words} all the time", "try again")


def _write(cluster: Cluster, namespace: str, run: str, found: Lease | None) -> None:
    now = datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
    holder = f"{run}{_AT}{socket.gethostname()}"
    spec = {"holderIdentity": holder, "leaseDurationSeconds": LASTS_SECONDS, "renewTime": now}
    if found is None:
        cluster.create(leases_path(namespace), {"metadata": {"name": RESERVATION}, "spec": spec})
        return
    version = {"resourceVersion": found.metadata.resource_version}
    cluster.patch(f"{leases_path(namespace)}/{RESERVATION}", {"metadata": version, "spec": spec})


def _free(cluster: Cluster, namespace: str, run: str) -> None:
    path = f"{leases_path(namespace)}/{RESERVATION}"
    found = cluster.find(path, Lease)
    if found is None or _run_of(found) != run:
        return
    try:
        cluster.delete(path, {"preconditions": {"resourceVersion": found.metadata.resource_version}})
    except (answers.NotThere, answers.Conflict):
        pass  # it had expired, and the next run has it


def _run_of(lease: Lease) -> str:
    return lease.spec.holder_identity.partition(_AT)[0]


def _taken(cluster: Cluster, namespace: str, lease: Lease) -> Refused:
    ago = max(0.0, lease.spec.age_seconds)
    return Refused(
        f"another run is under way in namespace {namespace} of {cluster.words}: {lease.spec.holder_identity} "
        f"(it said so {ago:.0f} s ago)",
        f"wait for it, or end it there with `chaos abort`; one that was killed is forgotten after {LASTS_SECONDS} s",
    )
