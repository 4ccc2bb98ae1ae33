"""What cannot be done here, said before anything is touched: rights, the toolkit's own pods, autoscalers, owners."""

from __future__ import annotations

from chaos.environments.kubernetes import rights, workloads
from chaos.environments.kubernetes.listing import Look, is_own
from chaos.environments.kubernetes.objects import Autoscaler, Pod, WorkloadSpec
from chaos.environments.kubernetes.regions import Regions
from chaos.model import capabilities as portable
from chaos.model import kubernetes as bound
from chaos.model.environment import EnvironmentRef
from chaos.model.errors import ChaosError

_LOSES_A_POD: tuple[type, ...] = (portable.CanKill, portable.CanRestart, bound.CanDeletePod, bound.CanEvict)
_OF_PODS: tuple[type, ...] = (*_LOSES_A_POD, bound.CanIsolatePods, portable.CanPause, portable.CanFreeze)


class Refusals(Regions):
    """Answers from the last look, so that a thousand targets cost no thousand requests."""

    def __init__(self, ref: EnvironmentRef) -> None:
        super().__init__(ref)
        self._missing: dict[type, str] = {}
        self._autoscalers: list[Autoscaler] | None = None

    def refusal(self, capability: type, target: str) -> str:
        try:
            return self._missing_rights(capability) or self._about(capability, target)
        except ChaosError as error:
            return error.message

    def _missing_rights(self, capability: type) -> str:
        if capability not in self._missing:
            needed = rights.needed_for(capability, self.settings.region_failure)
            said = (rights.missing(cluster, space, needed) for cluster, space in self.names.spaces)
            self._missing[capability] = next(filter(None, said), "")
        return self._missing[capability]

    def _about(self, capability: type, target: str) -> str:
        if capability in _OF_PODS and (seen := self.seen(target)):
            return self._about_pod(capability, *seen)
        if capability is bound.CanScale:
            place = self.names.workload_place(target)
            return self._about_autoscaler(place.namespace, place.kind, place.name, 0)
        if capability is portable.CanFailRegion and self.settings.region_failure != "isolation":
            return self._about_region(target)
        return ""

    def _about_pod(self, capability: type, look: Look, pod: Pod) -> str:
        if is_own(pod):
            return f"{pod.metadata.name} is one of the toolkit's own pods"
        kind, owner = look.owner_of(pod)
        if capability in _LOSES_A_POD and not kind:
            return f"{pod.metadata.name} belongs to no workload, so nothing would bring it back"
        if capability is not portable.CanKill:
            return ""
        asked = self._asked_for(look, pod.metadata.namespace, kind, owner)
        why = workloads.why_not_held(pod.metadata.name, kind, owner, asked.last_number)
        return why or self._about_autoscaler(pod.metadata.namespace, kind, owner, max(asked.replicas - 1, 0))

    def _about_autoscaler(self, namespace: str, kind: str, name: str, replicas: int) -> str:
        """An autoscaler at once makes up for less than its minimum, but leaves a workload of 0 alone."""
        for each in self._all_autoscalers() if replicas else ():
            of = each.spec.scale_target_ref
            if (each.metadata.namespace, of.kind.lower(), of.name) != (namespace, kind, name):
                continue
            if replicas < each.spec.min_replicas:
                keeps = f"horizontalpodautoscaler {each.metadata.name} keeps {kind} {name} at {each.spec.min_replicas}"
                return f"{keeps} pods or more, so it would bring back what is kept away"
        return ""

    def _about_region(self, region: str) -> str:
        for look in self.last_looks():
            for pod in look.pods:
                if is_own(pod) and look.region_of(pod.spec.node_name) == region:
                    return f"the toolkit's own pod {pod.metadata.name} runs there"
        return ""

    def _asked_for(self, look: Look, namespace: str, kind: str, owner: str) -> WorkloadSpec:
        for found_kind, each in look.workloads:
            if (each.metadata.namespace, found_kind, each.metadata.name) == (namespace, kind, owner):
                return each.spec
        return WorkloadSpec()

    def _all_autoscalers(self) -> list[Autoscaler]:
        if self._autoscalers is None:
            self._autoscalers = [
                each
                for cluster, space in self.names.spaces
                for each in cluster.every(
                    f"/apis/autoscaling/v2/namespaces/{space}/horizontalpodautoscalers", Autoscaler
                )
            ]
        return self._autoscalers
