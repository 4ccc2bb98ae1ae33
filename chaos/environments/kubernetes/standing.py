"""Pods whose processes stand still: CanPause, CanFreeze.

An agent is put beside the pod's container, sees its processes and holds them (chaos/agent/standstill.py). They go on at
the end of the lease, when the agent is told to, and when it dies.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

from chaos.agent.orders import Count, End, Look, Stand
from chaos.environments.kubernetes.agent_pods import PROCESSES
from chaos.environments.kubernetes.agents import Agents
from chaos.environments.kubernetes.link_care import LinkCare
from chaos.environments.kubernetes.names import Place
from chaos.model.capabilities import CanFreeze, CanPause, Identity, Means, ProcessState
from chaos.model.environment import EnvironmentRef
from chaos.model.errors import ActionFailed
from chaos.model.residue import Residue

STANDING_CAPABILITIES: tuple[type, ...] = (CanPause, CanFreeze)
STANDS = "standstill"
_PAUSED = "pause"


class Standing(LinkCare):
    def __init__(self, ref: EnvironmentRef) -> None:
        super().__init__(ref)
        self._holders = Agents(self.settings.agent_image, PROCESSES)

    def pause(self, identity: Identity, until: float) -> None:
        self._stand(identity, _PAUSED, until)

    def resume(self, identity: Identity) -> None:
        self._go(identity, _PAUSED)

    def process_state(self, identity: Identity) -> ProcessState:
        found = super().process_state(identity)
        if found != "running":
            return found
        still, there = self._standing(identity)
        return "paused" if there and still == there else "running"

    def means_to_freeze(self, identity: Identity, name: str) -> Means:
        return {"by": name}

    def freeze(self, identity: Identity, means: Means, until: float) -> None:
        self._stand(identity, str(means["by"]), until)

    def thaw(self, identity: Identity, means: Means) -> None:
        self._go(identity, str(means["by"]))

    def standing_still(self, identity: Identity, means: Means) -> tuple[int, int]:
        """Without an agent there nothing is held, and nobody has counted: then the pod is one."""
        if self._place_of(identity) is None:
            return 0, 0
        still, there = self._standing(identity)
        return still, there or 1

    def make_ready(self, capability: type, targets: Sequence[str]) -> None:
        """Have an agent beside each target: then the image is there, and the kernel and the cluster allow it."""
        if capability in STANDING_CAPABILITIES:
            self.looks()
            self._holders.place_all([self.names.pod_place(target) for target in targets if self.seen(target)])
        else:
            super().make_ready(capability, targets)

    def refusal(self, capability: type, target: str) -> str:
        said = super().refusal(capability, target)
        if said or capability not in STANDING_CAPABILITIES:
            return said
        seen = self.seen(target)
        if seen and seen[1].spec.share_process_namespace:
            return f"the containers of {target} share their processes, so an agent would stop itself"
        try:
            return self._holders.would_refuse(self.names.pod_place(target))
        except ActionFailed as error:
            return error.message

    def residues_inside(self) -> tuple[Residue, ...]:
        return (*super().residues_inside(), *self.left_in_pods(PROCESSES, self._standing_in))

    def clear_residue(self, residue: Residue) -> None:
        if residue.what != STANDS:
            super().clear_residue(residue)
            return
        place = self.names.pod_place(residue.target.removeprefix("pod/"))
        self._holders.tell_if_there(place, [End(residue.holder)])

    def _stand(self, identity: Identity, key: str, until: float) -> None:
        place = self._place_of(identity)
        if place is None:
            raise ActionFailed(f"pod {identity['pod']} is gone, or another one of that name", took_effect="no")
        self._holders.tell(place, [Stand(key, until - time.time())])

    def _go(self, identity: Identity, key: str) -> None:
        place = self._place_of(identity)
        if place is not None:
            self._holders.tell_if_there(place, [End(key)])

    def _standing(self, identity: Identity) -> tuple[int, int]:
        """How many processes stand still, and how many there are; 0 of 0 where nobody holds any."""
        place = self._place_of(identity)
        said = self._holders.tell_if_there(place, [Count()]) if place is not None else []
        return said[0].standing if said else (0, 0)

    def _place_of(self, identity: Identity) -> Place | None:
        place, pod = self.pod(str(identity["pod"]))
        return place if pod is not None and pod.metadata.uid == identity["uid"] and pod.lives else None

    def _standing_in(self, place: Place) -> list[Residue]:
        target = f"pod/{self.names.pod(place.cluster, place.namespace, place.name)}"
        said = self._holders.tell_if_there(place, [Look()])
        pairs = zip(said[0].keys, said[0].left_seconds, strict=True) if said else ()
        now = time.time()
        return [Residue(target=target, holder=key, what=STANDS, until=now + left) for key, left in pairs]
