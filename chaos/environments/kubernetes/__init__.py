"""Pods of one or several Kubernetes clusters. Only this folder imports the client, and only once something is asked.

Each file adds capabilities to the one below it: opened (clusters, names, the last look), pods, regions, refusals,
residues, keeping; links, standing and reserving stand beside those. What is changed bears its own record (records.py),
so that it can be undone without us; what is done by an agent in a pod ends by itself.
"""

from __future__ import annotations

from chaos.environments.kubernetes import doors, rights
from chaos.environments.kubernetes.answers import ApiFailed, NotThere
from chaos.environments.kubernetes.connection import Cluster, runs_inside
from chaos.environments.kubernetes.inventory import inventory_of
from chaos.environments.kubernetes.keeping import Keeping
from chaos.environments.kubernetes.links import LINK_CAPABILITIES
from chaos.environments.kubernetes.objects import Named
from chaos.environments.kubernetes.reserving import Reserving
from chaos.environments.kubernetes.settings import Settings as Settings
from chaos.environments.kubernetes.standing import STANDING_CAPABILITIES, Standing
from chaos.model.capabilities import CanRestart
from chaos.model.environment import Arming, EnvironmentRef, LeaseHolder
from chaos.model.errors import ActionFailed, Refused, SystemDown
from chaos.model.kubernetes import CanDeletePod, CanEvict
from chaos.model.system import Inventory

ARMED_LABEL = "steadfast.dev/armed"
_STRIKES_ONCE: tuple[type, ...] = (CanRestart, CanDeletePod, CanEvict)


def open_environment(ref: EnvironmentRef) -> KubernetesEnvironment:
    """Never fails: clusters are asked at each call, so that a rollback works whatever is left."""
    return KubernetesEnvironment(ref)


class KubernetesEnvironment(Standing, Keeping, Reserving):
    """The system under test is what the selector of the environment file matches in its namespaces."""

    @property
    def lock_key(self) -> str:
        """Raises BadInput when the kubeconfig cannot be used."""
        names = self.names
        clusters = sorted({cluster.server for cluster in names.clusters})
        return f"kubernetes/{','.join(clusters)}/{','.join(sorted({space for _, space in names.spaces}))}"

    def arming(self) -> Arming:
        """Armed when the file says so and every namespace does. Raises Refused when a namespace cannot be read."""
        where = str(self.ref.settings.get("source") or "its settings")
        if self.ref.settings.get("armed") is not True:
            return Arming(False, f"{where} does not say `armed: true`")
        for cluster, namespace in self.names.spaces:
            if not self._is_armed(cluster, namespace):
                said = f"namespace {namespace} of {cluster.words} does not bear the label {ARMED_LABEL}=true"
                return Arming(False, f"{said} (kubectl label namespace {namespace} {ARMED_LABEL}=true)")
        return Arming(True, f"{where} says `armed: true`, and so does each namespace's label {ARMED_LABEL}")

    def inventory(self) -> Inventory:
        """Raises SystemDown when a namespace is not there or holds no pod, Refused when the cluster gives no answer."""
        try:
            found = inventory_of(self.looks(), self.names, self.settings.reach_pods or runs_inside())
        except ActionFailed as error:
            raise Refused(error.message, error.hint) from error
        # A system of which we hold every pod down is not down, but broken by us.
        if not found.instances and not any(look.bears_records for look in self.last_looks()):
            for cluster, namespace in self.names.spaces:
                self._is_armed(cluster, namespace)  # says it when it is not there at all
            which = f"the selector {self.settings.selector} matches no pod" if self.settings.selector else "no pod is"
            hint = "is the system installed, and are the namespaces and the selector right?"
            raise SystemDown(f"{which} in namespace {', '.join(self._namespaces)}", hint)
        return found

    def lease_holder(self, capability: type) -> LeaseHolder:
        """What is done in a pod ends there; all else bears its expiry, and somebody outside acts on it."""
        if capability in LINK_CAPABILITIES:
            return LeaseHolder("network agent in the pod")
        if capability in STANDING_CAPABILITIES:
            return LeaseHolder("agent in the pod, also by dying")
        if capability in _STRIKES_ONCE:
            return LeaseHolder("lease holder")
        if self.is_kept(capability):
            return LeaseHolder("keeper in the cluster")
        return LeaseHolder("lease holder in this pod, which dies with it" if runs_inside() else "lease holder", True)

    def load_settings(self) -> dict[str, str]:
        """Of the bundled platform where its gateways are; what the environment file says counts more."""
        try:
            found = doors.load_settings(self.names)
        except ApiFailed as error:
            raise Refused(error.message, error.hint) from error
        return {**found, **self.settings.load}

    def rights(self, capabilities: list[type], with_load: bool, account: str) -> str:
        needed = [*rights.LOOK, *(rights.LOAD if with_load else ())]
        for capability in capabilities:
            needed += rights.needed_for(capability, self.settings.region_failure)
        shared = self.settings.namespaces
        of_contexts = [space for each in self.settings.contexts for space in each.namespaces or shared]
        # From the settings alone: who asks which rights are needed may have no cluster at hand.
        return rights.manifest(tuple(dict.fromkeys(of_contexts or shared)), needed, account)

    @property
    def _namespaces(self) -> tuple[str, ...]:
        """Those of all clusters, each once."""
        return tuple(dict.fromkeys(namespace for _, namespace in self.names.spaces))

    def _is_armed(self, cluster: Cluster, namespace: str) -> bool:
        try:
            found = cluster.get(f"/api/v1/namespaces/{namespace}", Named)
        except NotThere as error:
            hint = "see `kubectl get namespaces`; the environment file names them under settings"
            raise SystemDown(f"there is no namespace {namespace} in {cluster.words}", hint) from error
        except ApiFailed as error:
            raise Refused(error.message, error.hint) from error
        return found.metadata.labels.get(ARMED_LABEL) == "true"
