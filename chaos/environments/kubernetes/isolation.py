"""Cutting pods off by NetworkPolicy.

Policies only ever allow: one that allows nothing is outvoted by any other that selects the same pod. So the pods get a
label of this isolation's own, a policy selects that label and allows nothing, and every other policy of the namespace
is told to leave out pods with that label. All of it is found again by the label's key.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor

from chaos.environments.kubernetes import answers
from chaos.environments.kubernetes.connection import Cluster
from chaos.environments.kubernetes.holding import held_in
from chaos.environments.kubernetes.names import Names, Place
from chaos.environments.kubernetes.objects import Named, Policy
from chaos.environments.kubernetes.records import (
    Hold,
    Read,
    Record,
    metadata_with,
    record_of,
    short_name,
)
from chaos.model.errors import ActionFailed

POLICY = "steadfast-isolation-"
_KEY = "isolated.steadfast.dev/"


def isolate(pods: Sequence[Place], holder: str, together: bool, until: float) -> None:
    """Cut these pods off from everything; with `together` they still reach each other."""
    if not pods:
        raise ActionFailed("there is no pod to isolate", took_effect="no")
    key = _key(holder)
    for cluster, namespace in {(place.cluster, place.namespace): None for place in pods}:
        _write_policy(cluster, namespace, (holder, until), together)
        with answers.after_a_change():
            for policy in _others(cluster, namespace):
                expressions = _expressions_without(policy, key)
                _select(cluster, namespace, policy, [*expressions, {"key": key, "operator": "DoesNotExist"}])
    with answers.after_a_change():
        _each(pods, lambda place: _label(place, key, "true"))


def rejoin(names: Names, holder: str) -> None:
    """Take every trace of an isolation away, wherever it is."""
    for cluster, namespace in names.spaces:
        rejoin_in(cluster, namespace, holder)


def rejoin_in(cluster: Cluster, namespace: str, holder: str) -> None:
    key = _key(holder)
    labelled = cluster.every(f"/api/v1/namespaces/{namespace}/pods", Named, {"labelSelector": key}, partial=True)
    _each([Place(cluster, namespace, each.metadata.name) for each in labelled], lambda place: _label(place, key, None))
    for policy in _others(cluster, namespace):
        left = _expressions_without(policy, key)
        if len(left) != len(policy.spec.pod_selector.match_expressions):
            _select(cluster, namespace, policy, left)
    try:
        cluster.delete(f"{_policies(namespace)}/{POLICY}{short_name(holder)}")
    except answers.NotThere:
        pass  # gone already, or never written


def held_policies(names: Names, read: Read = record_of) -> list[tuple[Place, Record]]:
    """All policies that we wrote."""
    return [
        (Place(cluster, namespace, name), record)
        for cluster, namespace in names.spaces
        for name, record in held_in(cluster, _policies(namespace), read)
    ]


def _write_policy(cluster: Cluster, namespace: str, hold: tuple[str, float], together: bool) -> None:
    holder, until = hold
    chosen = {"matchLabels": {_key(holder): "true"}}
    inside = [{"namespaceSelector": {}, "podSelector": chosen}]
    record = Record().having(holder, Hold(what="isolate", until=until))
    name = POLICY + short_name(holder)
    body: dict[str, object] = {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": name, **metadata_with(record)},
        "spec": {
            "podSelector": chosen,
            "policyTypes": ["Ingress", "Egress"],
            "ingress": [{"from": inside}] if together else [],
            "egress": [{"to": inside}] if together else [],
        },
    }
    try:
        cluster.create(_policies(namespace), body)
    except answers.Conflict:
        cluster.patch(f"{_policies(namespace)}/{name}", {"metadata": metadata_with(record)})


def _select(cluster: Cluster, namespace: str, policy: Policy, expressions: list[dict[str, object]]) -> None:
    body = {
        "metadata": {"resourceVersion": policy.metadata.resource_version},
        "spec": {"podSelector": {"matchExpressions": expressions or None}},
    }
    try:
        cluster.patch(f"{_policies(namespace)}/{policy.metadata.name}", body)
    except answers.NotThere:
        pass  # deleted meanwhile


def _others(cluster: Cluster, namespace: str) -> list[Policy]:
    return [each for each in cluster.every(_policies(namespace), Policy) if not each.metadata.name.startswith(POLICY)]


def _expressions_without(policy: Policy, key: str) -> list[dict[str, object]]:
    return [each for each in policy.spec.pod_selector.match_expressions if each.get("key") != key]


def _label(place: Place, key: str, value: str | None) -> None:
    try:
        place.cluster.patch(place.pod_path, {"metadata": {"labels": {key: value}}})
    except answers.NotThere:
        pass  # the pod is gone


def _each(places: Iterable[Place], act: Callable[[Place], None]) -> None:
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(act, places))


def _policies(namespace: str) -> str:
    return f"/apis/networking.k8s.io/v1/namespaces/{namespace}/networkpolicies"


def _key(holder: str) -> str:
    return _KEY + short_name(holder)
