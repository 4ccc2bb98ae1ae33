"""Which rights each capability needs, and asking the API server whether we have them. Data, and two readers of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import msgspec
from msgspec import Struct

from chaos.environments.kubernetes.connection import Cluster
from chaos.model import capabilities as portable
from chaos.model import kubernetes as bound


@dataclass(frozen=True)
class Right:
    """Verbs on a resource (`group/resource`, the group empty for the core). `everywhere` for what has no namespace.

    With a `name` only on the object of that name.
    """

    resource: str
    verbs: tuple[str, ...]
    everywhere: bool = False
    name: str = ""

    @property
    def group(self) -> str:
        return self.resource.partition("/")[0]

    @property
    def plural(self) -> str:
        """With its subresource, as rules write it: pods/eviction."""
        return self.resource.partition("/")[2]


RESERVATION = "steadfast-run"
"""The Lease of the run whose turn it is in a namespace."""

LOOK = (
    Right("/namespaces", ("get",)),
    Right("/pods", ("get", "list")),
    Right("/nodes", ("get", "list"), everywhere=True),
    Right("apps/deployments", ("get", "list")),
    Right("apps/statefulsets", ("get", "list")),
    Right("apps/replicasets", ("get", "list")),
    Right("coordination.k8s.io/leases", ("get", "create")),
    Right("coordination.k8s.io/leases", ("patch", "delete"), name=RESERVATION),
)
"""To plan, and to say that it is this run's turn."""

_PATCH_WORKLOADS = (
    Right("apps/deployments", ("patch",)),
    Right("apps/statefulsets", ("patch",)),
    Right("apps/replicasets", ("patch",)),
    Right("autoscaling/horizontalpodautoscalers", ("list",)),
)
_DELETE = Right("/pods", ("delete",))
_EVICT = Right("/pods/eviction", ("create",))
_PATCH_NODES = Right("/nodes", ("patch",), everywhere=True)
_KNOCK = Right("/pods/proxy", ("get",))
_ISOLATE = (
    _KNOCK,
    Right("/pods", ("patch",)),
    Right("networking.k8s.io/networkpolicies", ("list", "create", "patch", "delete")),
)
_PUT_AGENTS = (Right("/pods/ephemeralcontainers", ("patch",)), Right("/pods/exec", ("get", "create")))
_REGION = {
    "isolation": _ISOLATE,
    "eviction": (_KNOCK, _PATCH_NODES, _DELETE),
    "nodeStop": (_KNOCK, _PATCH_NODES),
}

OF_CAPABILITY: dict[type, tuple[Right, ...]] = {
    portable.CanKill: (*_PATCH_WORKLOADS, Right("/pods", ("patch", "delete"))),
    portable.CanRestart: (_DELETE,),
    bound.CanScale: _PATCH_WORKLOADS,
    bound.CanDeletePod: (_DELETE,),
    bound.CanEvict: (_EVICT,),
    bound.CanCordon: (_PATCH_NODES,),
    bound.CanDrain: (_PATCH_NODES, _EVICT),
    bound.CanTaint: (_PATCH_NODES,),
    bound.CanIsolatePods: _ISOLATE,
    portable.CanShapeLinks: _PUT_AGENTS,
    portable.CanChangeLinks: _PUT_AGENTS,
    portable.CanAnswerRequests: _PUT_AGENTS,
    portable.CanLosePackets: _PUT_AGENTS,
    portable.CanPause: _PUT_AGENTS,
    portable.CanFreeze: _PUT_AGENTS,
}
"""A new capability adds its line here; what a failed region needs depends on how it is failed."""

LOAD = (Right("/services", ("list",)), Right("/configmaps", ("list",)))
"""Where viewers find the bundled platform, and how its players behave."""

KEEP = (
    Right("/nodes", ("get", "list"), everywhere=True),
    Right("apps/deployments", ("get", "list")),
    Right("apps/statefulsets", ("get", "list")),
    Right("apps/replicasets", ("get", "list")),
    Right("networking.k8s.io/networkpolicies", ("list",)),
    Right("coordination.k8s.io/leases", ("get", "patch")),
)
KEEPING: dict[str, tuple[Right, ...]] = {
    "workloads": (
        Right("apps/deployments", ("patch",)),
        Right("apps/statefulsets", ("patch",)),
        Right("apps/replicasets", ("patch",)),
        Right("/pods", ("get", "patch")),
    ),
    "networkpolicies": (
        Right("networking.k8s.io/networkpolicies", ("patch", "delete")),
        Right("/pods", ("list", "patch")),
    ),
    "nodes": (_PATCH_NODES,),
}
"""What a keeper needs to look, and by what it puts right what it needs besides."""


def needed_for(capability: type, region_failure: str) -> tuple[Right, ...]:
    """Beyond LOOK. Nothing is known of a capability that is not listed."""
    return _REGION[region_failure] if capability is portable.CanFailRegion else OF_CAPABILITY.get(capability, ())


def missing(cluster: Cluster, namespace: str, rights: Iterable[Right]) -> str:
    """The first verb that we may not, as a sentence; empty when we may all. Changes nothing: the server is asked."""
    for right in rights:
        for verb in right.verbs:
            if not _may(cluster, "" if right.everywhere else namespace, right, verb):
                where = "" if right.everywhere else f" in namespace {namespace}"
                return f'{cluster.words} does not let us {verb} "{_dotted(right)}"{where}'
    return ""


def manifest(namespaces: tuple[str, ...], rights: Iterable[Right], account: str) -> str:
    """A Role for each namespace and a ClusterRole for what has none, bound to `namespace/name`; YAML."""
    inside, everywhere = rules(rights)
    parts = [part for namespace in namespaces for part in _bound("Role", namespace, inside, account)]
    parts += _bound("ClusterRole", "", everywhere, account) if everywhere else []
    import yaml  # only who prints it

    return "---\n".join(yaml.safe_dump(part, sort_keys=False) for part in parts)


def rules(rights: Iterable[Right]) -> tuple[list[dict[str, list[str]]], list[dict[str, list[str]]]]:
    """As RBAC writes them: those of a Role, and those of a ClusterRole."""
    merged = _merged(rights)
    inside = [_rule(right) for right in merged if not right.everywhere]
    return inside, [_rule(right) for right in merged if right.everywhere]


class _ReviewStatus(Struct):
    allowed: bool = False


class _Review(Struct):
    status: _ReviewStatus


def _may(cluster: Cluster, namespace: str, right: Right, verb: str) -> bool:
    resource, _, subresource = right.plural.partition("/")
    attributes = {"group": right.group, "resource": resource, "subresource": subresource, "verb": verb}
    attributes |= {"name": right.name} if right.name else {}
    body = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectAccessReview",
        "spec": {"resourceAttributes": {**attributes, "namespace": namespace}},
    }
    answer = cluster.create("/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", body)
    return msgspec.json.decode(answer, type=_Review).status.allowed


def _merged(rights: Iterable[Right]) -> list[Right]:
    verbs: dict[tuple[str, bool, str], dict[str, None]] = {}
    for right in rights:
        verbs.setdefault((right.resource, right.everywhere, right.name), {}).update(dict.fromkeys(right.verbs))
    return [Right(resource, tuple(found), everywhere, name) for (resource, everywhere, name), found in verbs.items()]


def _rule(right: Right) -> dict[str, list[str]]:
    named = {"resourceNames": [right.name]} if right.name else {}
    return {"apiGroups": [right.group], "resources": [right.plural], **named, "verbs": list(right.verbs)}


def _bound(kind: str, namespace: str, rules: list[dict[str, list[str]]], account: str) -> list[dict[str, object]]:
    home, _, name = account.rpartition("/")
    metadata = {"name": f"{name}-experiments", **({"namespace": namespace} if namespace else {})}
    group = "rbac.authorization.k8s.io"
    return [
        {"apiVersion": f"{group}/v1", "kind": kind, "metadata": metadata, "rules": rules},
        {
            "apiVersion": f"{group}/v1",
            "kind": f"{kind}Binding",
            "metadata": dict(metadata),
            "roleRef": {"apiGroup": group, "kind": kind, "name": metadata["name"]},
            "subjects": [{"kind": "ServiceAccount", "name": name, "namespace": home or "default"}],
        },
    ]


def _dotted(right: Right) -> str:
    return f"{right.plural}.{right.group}" if right.group else right.plural
