"""The keeper's sign of life: a Lease in every namespace that it keeps, which says what it may put right there.

An environment that finds it renewed names the keeper as the one who ends faults when all else is dead.
"""

from __future__ import annotations

from datetime import UTC, datetime

from chaos.environments.kubernetes import rights
from chaos.environments.kubernetes.answers import ApiFailed, NotThere
from chaos.environments.kubernetes.connection import Cluster
from chaos.environments.kubernetes.objects import Lease, leases_path
from chaos.environments.kubernetes.residues import Residues
from chaos.model import capabilities as portable
from chaos.model import kubernetes as bound

KEEPER = "steadfast-keeper"
"""The Lease's name. A chart makes it, so that the keeper needs no right to make Leases, and it goes with the chart."""

KEEPS = "steadfast.dev/keeps"
LASTS_SECONDS = 15
POWER = "power"
PUT_RIGHT_BY: dict[type, str] = {
    portable.CanKill: "workloads",
    bound.CanScale: "workloads",
    bound.CanIsolatePods: "networkpolicies",
    bound.CanCordon: "nodes",
    bound.CanDrain: "nodes",
    bound.CanTaint: "nodes",
}
OF_REGION = {"isolation": "networkpolicies", "eviction": "nodes", "nodeStop": POWER}


class Keeping(Residues):
    """Both sides: the keeper announces itself, everybody else looks whether there is one."""

    def keeps(self) -> tuple[str, ...]:
        """What our rights let us put right in all clusters and namespaces; a node's power only with a node driver."""
        spaces = list(self.names.spaces)
        kept = [
            what
            for what, needed in rights.KEEPING.items()
            if not any(rights.missing(cluster, space, needed) for cluster, space in spaces)
        ]
        return (*kept, POWER) if "nodes" in kept and self.settings.node_driver else tuple(kept)

    def announce_keeper(self, identity: str, keeps: tuple[str, ...]) -> None:
        """Say for the next 15 s that somebody keeps these namespaces. Raises ActionFailed."""
        now = datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
        body = {
            "metadata": {"name": KEEPER, "annotations": {KEEPS: ",".join(keeps)}},
            "spec": {"holderIdentity": identity, "leaseDurationSeconds": LASTS_SECONDS, "renewTime": now},
        }
        for cluster, namespace in self.names.spaces:
            try:
                cluster.patch(f"{leases_path(namespace)}/{KEEPER}", body)
            except NotThere:
                cluster.create(leases_path(namespace), body)

    def is_kept(self, capability: type) -> bool:
        """Whether a keeper lives, in each cluster and namespace, that puts right what is done by this capability.

        Not, if that cannot be found out: the run then starts a lease holder of its own.
        """
        region = capability is portable.CanFailRegion
        what = OF_REGION[self.settings.region_failure] if region else PUT_RIGHT_BY.get(capability)
        if what is None:
            return False
        try:
            return all(what in _kept_in(cluster, namespace) for cluster, namespace in self.names.spaces)
        except ApiFailed:
            return False


def _kept_in(cluster: Cluster, namespace: str) -> list[str]:
    found = cluster.find(f"{leases_path(namespace)}/{KEEPER}", Lease)
    if found is None or not found.lives:
        return []
    return found.metadata.annotations.get(KEEPS, "").split(",")
