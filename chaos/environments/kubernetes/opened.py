"""What all parts of the environment stand on: the clusters, how things are called there, and the last look."""

from __future__ import annotations

import threading
import time

import msgspec
from msgspec import structs

from chaos.environments.kubernetes.connection import clusters_of, kubeconfig_path
from chaos.environments.kubernetes.listing import Look, look_at
from chaos.environments.kubernetes.names import Names, Place
from chaos.environments.kubernetes.objects import Pod
from chaos.environments.kubernetes.settings import Context, Settings
from chaos.model.environment import EnvironmentRef
from chaos.model.system import JSON

_ENGINES_OWN = ("armed", "source", "monkey")


class Opened:
    """Opening never fails: the kubeconfig is read, and the clusters are asked, when something is asked of them."""

    def __init__(self, ref: EnvironmentRef) -> None:
        self.ref = ref
        given = {key: value for key, value in ref.settings.items() if key not in _ENGINES_OWN}
        self.settings = msgspec.convert(given, Settings)
        self._opening = threading.RLock()
        self._names: Names | None = None
        self._looking = threading.Lock()
        self._looked_at = float("-inf")
        self._looks: list[Look] = []

    @property
    def names(self) -> Names:
        """Raises BadInput when the kubeconfig cannot be used, or lacks a context."""
        with self._opening:
            if self._names is None:
                pairs = [(each.name, each.region) for each in self.settings.contexts]
                clusters = clusters_of(self.settings.kubeconfig, pairs, self.settings.patience_seconds)
                own = {each.name: each.namespaces for each in self.settings.contexts}
                self._names = Names(tuple(clusters), self.settings.namespaces, own)
                self.ref = _pinned(self.ref, self._names, self.settings)
            return self._names

    def looks(self) -> list[Look]:
        """What the clusters hold, as seen after this was called; who asks meanwhile shares one look."""
        asked = time.monotonic()
        with self._looking:
            if self._looked_at < asked:
                began = time.monotonic()
                self._looks = look_at(self.names, self.settings)
                self._looked_at = began
            return self._looks

    def last_looks(self) -> list[Look]:
        """The last look, or a first one: for what is asked about many targets in a row."""
        return self._looks or self.looks()

    def pod(self, instance: str) -> tuple[Place, Pod | None]:
        """Where a pod of that name would be, and the pod."""
        place = self.names.pod_place(instance)
        return place, place.cluster.find(place.pod_path, Pod)

    def seen(self, instance: str) -> tuple[Look, Pod] | None:
        """A pod as the last look has it."""
        place = self.names.pod_place(instance)
        for look in self.last_looks():
            for pod in look.pods if look.cluster is place.cluster else ():
                if pod.metadata.name == place.name and pod.metadata.namespace == place.namespace:
                    return look, pod
        return None


def _pinned(ref: EnvironmentRef, names: Names, settings: Settings) -> EnvironmentRef:
    """The reference with kubeconfig and contexts spelt out: what undoes a run must not act on another cluster because
    somebody has changed the current context meanwhile."""
    contexts = tuple(
        Context(name=each.context, region=each.region, namespaces=names.of_context.get(each.context, ()))
        for each in names.clusters
    )
    pinned = structs.replace(settings, contexts=contexts, kubeconfig=kubeconfig_path(settings.kubeconfig))
    built: dict[str, JSON] = msgspec.json.decode(msgspec.json.encode(pinned))
    kept = {key: ref.settings[key] for key in _ENGINES_OWN if key in ref.settings}
    return structs.replace(ref, settings={**built, **kept})
