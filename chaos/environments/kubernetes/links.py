"""What is done to links between pods: CanShapeLinks, CanChangeLinks, CanLosePackets.

A link leads from all pods of a service in a region to one pod. What is done to it is done in that one pod, by an agent
that shares its network (agents.py), to packets between the callers' addresses and the ports that the pod declares.
Whether it is in effect is measured in a pod of the callers, by an agent there.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

from chaos.agent.orders import Answer, Begin, Connect, End, Get, KnockAt, Order, begin
from chaos.environments.kubernetes import answers
from chaos.environments.kubernetes.agents import Agents
from chaos.environments.kubernetes.listing import Look
from chaos.environments.kubernetes.names import Place
from chaos.environments.kubernetes.objects import Pod
from chaos.environments.kubernetes.refusals import Refusals
from chaos.model.capabilities import CanAnswerRequests, CanChangeLinks, CanLosePackets, CanShapeLinks
from chaos.model.environment import EnvironmentRef
from chaos.model.errors import ActionFailed
from chaos.model.links import Delay, Heard, Knock, LinkChange, Loss, Reaction

LINK_CAPABILITIES: tuple[type, ...] = (CanShapeLinks, CanChangeLinks, CanAnswerRequests, CanLosePackets)
_AT_ONCE = 12
_LOOK_LASTS_SECONDS = 3.0
_ROUND_TRIP_PATIENCE_MS = 5000.0
_EXEC_SECONDS = 15.0
"""What an exec may take on top of what is measured: a busy node takes its time to start a process."""

_Asked = tuple[Place, str]
_Reacted = tuple[Reaction, float]
Item = TypeVar("Item")
Result = TypeVar("Result")


@dataclass(frozen=True)
class Way:
    """One link as it is now: from where, to where, on which ports (the one where health is asked comes first)."""

    link: str
    callers: tuple[tuple[Place, Pod], ...]
    place: Place
    pod: Pod

    @property
    def source(self) -> str:
        return self.link.partition(">")[0]

    @property
    def parties(self) -> tuple[tuple[str, ...], tuple[int, ...]]:
        return tuple(pod.status.pod_ip for _, pod in self.callers), ports_of(self.pod)

    @property
    def address(self) -> str:
        return f"{self.pod.status.pod_ip}:{ports_of(self.pod)[0]}"

    @property
    def asker(self) -> Place:
        """The caller's pod that measures: always the same one while it lives."""
        return next((place for place, pod in self.callers if pod.ready), self.callers[0][0])


class PodLinks(Refusals):
    def __init__(self, ref: EnvironmentRef) -> None:
        super().__init__(ref)
        self._agents = Agents(self.settings.agent_image)
        self._agent_refusals: dict[tuple[str, str], str] = {}

    # parameters: those of CanShapeLinks
    def delay_link(self, link: str, name: str, delay_ms: float, jitter_ms: float, until: float) -> None:
        self.change_links([link], name, Delay(delay_ms=delay_ms, jitter_ms=jitter_ms), until)

    def clear_link(self, link: str, name: str) -> None:
        self.restore_links([link], name)

    def round_trip_ms(self, link: str) -> float | None:
        """One connection opened from a caller's pod: a packet there, and a packet back."""
        took = self._connect(link, 1, _ROUND_TRIP_PATIENCE_MS)
        return took[0] if took else None

    def change_links(self, links: Sequence[str], name: str, change: LinkChange, until: float) -> None:
        self._change(links, name, change, until)

    def restore_links(self, links: Sequence[str], name: str) -> None:
        by_pod: dict[Place, list[Order]] = {}
        for link in links:
            source, _, pod = link.partition(">")
            by_pod.setdefault(self.names.pod_place(pod), []).append(End(_key(name, source)))
        _each(by_pod.items(), lambda each: self._agents.tell_if_there(*each))

    def knock(self, links: Sequence[str], patience_ms: float) -> dict[str, Knock]:
        """Over the link from a caller's pod; straight to the destination from within its pod."""
        ways = self._manned(self._ways(links))
        over = self._knock([(way.asker, way.address) for way in ways], patience_ms)
        behind = self._knock([(way.place, way.address) for way in ways], patience_ms)
        found: dict[str, Knock] = {}
        for way in ways:
            there, here = over.get((way.asker, way.address)), behind.get((way.place, way.address))
            if there is not None and here is not None:  # else its pod is gone meanwhile
                found[way.link] = Knock(over=there[0], behind=here[0], ms=there[1])
        return found

    def ask_link(self, link: str, path: str, patience_ms: float, times: int = 1) -> list[Heard]:
        for way in self._manned(self._ways([link])):
            wanted = path or way.pod.health[1] or "/"
            order = Get(way.address, wanted, patience_ms, times)
            return self._tell(way.asker, order, times * patience_ms).heard
        return []

    def lose_packets(self, links: Sequence[str], name: str, loss: Loss, until: float) -> None:
        self._change(links, name, loss, until)

    def stop_losing_packets(self, links: Sequence[str], name: str) -> None:
        self.restore_links(links, name)

    def first_packets(self, link: str, count: int, patience_ms: float) -> list[bool]:
        return [each is not None for each in self._connect(link, count, patience_ms)]

    def refusal(self, capability: type, target: str) -> str:
        said = super().refusal(capability, target)
        if said or capability not in LINK_CAPABILITIES:
            return said
        try:
            return self._about_link(target)
        except ActionFailed as error:
            return error.message

    def _change(self, links: Sequence[str], name: str, change: LinkChange | Loss, until: float) -> None:
        ways = self._ways(links, fresh=True)
        missing = sorted({*links} - {way.link for way in ways})
        if missing:
            raise ActionFailed(f"there is no link {', '.join(missing[:3])}", took_effect="no")
        by_pod: dict[Place, list[Begin]] = {}
        for way in ways:
            order = begin(_key(name, way.source), way.parties, change, until - time.time())
            by_pod.setdefault(way.place, []).append(order)
        self._agents.place_all([*by_pod])  # first all, then the change: it begins everywhere at about the same time
        _each(by_pod.items(), lambda each: self._agents.tell(*each))

    def _connect(self, link: str, times: int, patience_ms: float) -> list[float | None]:
        for way in self._manned(self._ways([link])):
            try:
                return self._tell(way.asker, Connect(way.address, times, patience_ms), patience_ms * times).took_ms
            except answers.NotThere:
                self.looks()  # the caller's pod is gone: another one next time
        return []

    def _knock(self, asked: list[tuple[Place, str]], patience_ms: float) -> dict[_Asked, _Reacted]:
        addresses: dict[Place, list[str]] = {}
        for place, address in asked:
            if address not in addresses.setdefault(place, []):
                addresses[place].append(address)

        def one(each: tuple[Place, list[str]]) -> list[tuple[_Asked, _Reacted]]:
            try:
                said = self._tell(each[0], KnockAt(tuple(each[1]), patience_ms), patience_ms)
            except answers.NotThere:
                return []
            return [((each[0], address), got) for address, got in zip(each[1], said.reactions, strict=True)]

        return dict(pair for pairs in _each(addresses.items(), one) for pair in pairs)

    def _tell(self, place: Place, order: Order, patience_ms: float) -> Answer:
        return self._agents.tell(place, [order], patience_ms / 1000 + _EXEC_SECONDS)[0]

    def _ways(self, links: Iterable[str], fresh: bool = False) -> list[Way]:
        """Those of the links that exist, as last seen: not long ago, and just now if `fresh`."""
        old = time.monotonic() - self._looked_at > _LOOK_LASTS_SECONDS
        looks = self.looks() if fresh or old else self.last_looks()
        callers = _callers(looks)
        found = []
        for link in links:
            source, _, name = link.partition(">")
            seen = self.seen(name)
            others = [each for each in callers.get(source, []) if each[0] != self.names.pod_place(name)]
            if seen and others and seen[1].status.pod_ip and ports_of(seen[1]):
                found.append(Way(link, tuple(others), self.names.pod_place(name), seen[1]))
        return found

    def _manned(self, ways: list[Way]) -> list[Way]:
        """With agents at both ends, also where only one measures: the other one is needed next, and at once."""
        try:
            self._agents.place_all([*{place: None for way in ways for place in (way.asker, way.place)}])
        except answers.NotThere:
            pass  # a pod is gone: whoever needs its agent will notice
        return ways

    def _about_link(self, target: str) -> str:
        """Of a link, or of the region whose links are meant."""
        pods = [self.seen(target.partition(">")[2])] if ">" in target else self._region_pods(target)
        for look, pod in filter(None, pods):
            place = Place(look.cluster, pod.metadata.namespace, pod.metadata.name)
            if pod.spec.host_network:
                return f"{place.name} uses its node's network: what is done to its links would be done to the node"
            if not ports_of(pod):
                return f"{place.name} declares no port (containerPort), so what belongs to a link cannot be told apart"
            if ":" in pod.status.pod_ip:
                return f"{place.name} has an IPv6 address only; links are changed for IPv4"
            space = (look.cluster.context, place.namespace)
            if space not in self._agent_refusals:  # what refuses one pod refuses all of its namespace
                self._agent_refusals[space] = self._agents.would_refuse(place)
            if self._agent_refusals[space]:
                return self._agent_refusals[space]
        return ""

    def _region_pods(self, region: str) -> list[tuple[Look, Pod] | None]:
        looks = self.last_looks()
        return [(look, pod) for look in looks for pod in look.pods if look.region_of(pod.spec.node_name) == region]


def ports_of(pod: Pod) -> tuple[int, ...]:
    """All that it declares, for TCP and UDP alike; first the one where its health is asked."""
    declared = [port.container_port for container in pod.spec.containers for port in container.ports]
    return tuple(dict.fromkeys(port for port in (pod.health[0], *declared) if port))


def _callers(looks: Iterable[Look]) -> Mapping[str, list[tuple[Place, Pod]]]:
    """The pods of each region/service that have an address, sorted by name."""
    found: dict[str, list[tuple[Place, Pod]]] = {}
    for look in looks:
        for pod in sorted(look.pods, key=lambda each: each.metadata.name):
            if pod.status.pod_ip and not pod.metadata.deletion_timestamp:
                place = Place(look.cluster, pod.metadata.namespace, pod.metadata.name)
                found.setdefault(f"{look.region_of(pod.spec.node_name)}/{look.service_of(pod)}", []).append(
                    (place, pod)
                )
    return found


def _key(name: str, source: str) -> str:
    """Of a change in its pod: several links to one pod may bear the same change."""
    return f"{name} {source}"


def _each(items: Iterable[Item], act: Callable[[Item], Result]) -> list[Result]:
    """Side by side; the first failure is raised when all have ended."""
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        return list(pool.map(act, items))
