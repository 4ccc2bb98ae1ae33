"""What an environment file of type kubernetes may have under `settings`: which clusters, which pods, which ways."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

from chaos.model.environment import BadSetting

Namespace = Annotated[
    str,
    Meta(pattern=r"^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$", description="a namespace is letters, digits and '-':"),
]
RegionFailure = Literal["isolation", "eviction", "nodeStop"]


class Context(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A context of the kubeconfig. With a `region` the whole cluster is that region, whatever its nodes' labels say;
    with `namespaces` the system is in those there, and not in those of the settings."""

    name: str
    region: str = ""
    namespaces: tuple[Namespace, ...] = ()


class LabelKeys(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Where pods and nodes say what they are: `service` is a label of pods, `calls` an annotation of pods with the
    services that they call, joined with commas; `region` and `zone` are labels of nodes."""

    service: str = "app.kubernetes.io/name"
    calls: str = "steadfast.dev/calls"
    region: str = "topology.kubernetes.io/region"
    zone: str = "topology.kubernetes.io/zone"


class NodeDriver(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Commands that cut a node's power and give it back; {node} is the node's name. No shell is involved."""

    stop: str
    start: str
    timeout_seconds: Annotated[float, Meta(gt=0)] = 60.0


class Settings(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """`namespaces` hold the system under test; of their pods those count that the label selector `selector` matches.

    Without `contexts` it is the kubeconfig's current one, or the cluster that `chaos` itself runs in. `regionFailure`
    says how a region is taken down. `reachPods` says that addresses of pods can be reached from here. `load` are
    environment variables for the load generator, e.g. CHAOS_HOST. No request waits longer than `patience`. `agentImage`
    is what runs beside a pod while its links are changed.
    """

    namespaces: Annotated[tuple[Namespace, ...], Meta(min_length=1)]
    selector: str = ""
    kubeconfig: str = ""
    contexts: tuple[Context, ...] = ()
    labels: LabelKeys = LabelKeys()
    region_failure: RegionFailure = "isolation"
    node_driver: NodeDriver | None = None
    reach_pods: bool = False
    load: dict[str, str] = {}
    agent_image: str = "steadfast-agent:dev"
    patience_seconds: Annotated[float, Meta(gt=0)] = 15.0

    def __post_init__(self) -> None:
        _refuse_twice(self.namespaces, "namespaces")
        _refuse_twice([context.name for context in self.contexts], "contexts")
        for context in self.contexts:
            _refuse_twice(context.namespaces, "contexts")
        if self.region_failure == "nodeStop" and self.node_driver is None:
            hint = "e.g. nodeDriver: {stop: virsh destroy {node}, start: virsh start {node}}"
            raise BadSetting("regionFailure nodeStop needs a nodeDriver that stops nodes", hint, ("regionFailure",))
        for key in ("stop", "start") if self.node_driver else ():
            if "{node}" not in getattr(self.node_driver, key):
                hint = "write {node} where the node's name belongs"
                raise BadSetting(f"the nodeDriver's {key} names no {{node}}", hint, ("nodeDriver", key))


def _refuse_twice(names: tuple[str, ...] | list[str], where: str) -> None:
    for index, name in enumerate(names):
        if name in names[:index]:
            raise BadSetting(f"{name} stands there twice", "", (where, index))
