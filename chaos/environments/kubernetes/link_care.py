"""What stands around changes of links: can agents start at all, what must be known of them, what is left in pods."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

from chaos.agent.orders import End, Look
from chaos.environments.kubernetes.agent_pods import NETWORK, Role
from chaos.environments.kubernetes.agent_pods import Pod as AgentsPod
from chaos.environments.kubernetes.connection import Cluster
from chaos.environments.kubernetes.links import LINK_CAPABILITIES, PodLinks
from chaos.environments.kubernetes.names import Place
from chaos.environments.kubernetes.objects import Pod
from chaos.environments.kubernetes.residues import Residues
from chaos.model.errors import ActionFailed
from chaos.model.residue import Residue

IN_POD = "network change"
_AT_ONCE = 12
_BORN_LATER = (
    "who calls is looked up at the injection: pods that are born later, as callers or as destinations, are not under it"
)


class LinkCare(PodLinks, Residues):
    """CanMakeReady, CanNote, CanScanInside."""

    def make_ready(self, capability: type, targets: Sequence[str]) -> None:
        """Have an agent in one pod of each node that needs some: then the image is there, or can be pulled."""
        if capability not in LINK_CAPABILITIES:
            return
        self.looks()
        by_node: dict[tuple[Cluster, str], Place] = {}
        for target in targets:
            for place, pod in self._needing_agents(target):
                by_node.setdefault((place.cluster, pod.spec.node_name), place)
        self._agents.place_all([*by_node.values()])

    def note(self, capability: type) -> str:
        return _BORN_LATER if capability in LINK_CAPABILITIES else ""

    def residues_inside(self) -> tuple[Residue, ...]:
        """Of pods in which an agent works. What one that was killed has left ends in the kernel, at its lease."""
        return self.left_in_pods(NETWORK, self._left_in)

    def left_in_pods(self, role: Role, left_in: Callable[[Place], Sequence[Residue]]) -> tuple[Residue, ...]:
        """What `left_in` finds in each pod in which such an agent works."""
        manned = [self._manned_places(*space, role) for space in self.names.spaces]
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            found = list(pool.map(left_in, (place for places in manned for place in places)))
        return tuple(residue for residues in found for residue in residues)

    def clear_residue(self, residue: Residue) -> None:
        if residue.what != IN_POD:
            super().clear_residue(residue)
            return
        place = self.names.pod_place(residue.target.removeprefix("pod/"))
        self._agents.tell_if_there(place, [End(residue.holder)])

    def _needing_agents(self, target: str) -> Iterator[tuple[Place, Pod]]:
        """Of a link both ends, of a region its pods."""
        for way in self._ways([target]) if ">" in target else ():
            yield next(each for each in way.callers if each[0] == way.asker)
            yield way.place, way.pod
        for seen in self._region_pods(target) if ">" not in target else ():
            if seen is not None:
                yield Place(seen[0].cluster, seen[1].metadata.namespace, seen[1].metadata.name), seen[1]

    def _manned_places(self, cluster: Cluster, namespace: str, role: Role) -> list[Place]:
        query = {"labelSelector": self.settings.selector} if self.settings.selector else {}
        pods = cluster.every(f"/api/v1/namespaces/{namespace}/pods", AgentsPod, query)
        return [Place(cluster, namespace, pod.metadata.name) for pod in pods if pod.is_manned(role)]

    def _left_in(self, place: Place) -> list[Residue]:
        target = f"pod/{self.names.pod(place.cluster, place.namespace, place.name)}"
        said = self._agents.tell(place, [Look()])[0]
        if len(said.left_seconds) != len(said.keys):
            raise ActionFailed(
                f"the agent in {place.name} is of another version and does not say when what it does ends"
            )
        now = time.time()
        return [
            Residue(target=target, holder=key, what=IN_POD, until=now + left)
            for key, left in zip(said.keys, said.left_seconds, strict=True)
        ]
