"""What we read of the cluster's objects: the few fields that matter, as structs that decode fast."""

from __future__ import annotations

import time
from datetime import datetime

from msgspec import Struct, field


class Owner(Struct, rename="camel"):
    kind: str
    name: str
    uid: str = ""
    controller: bool = False
    api_version: str = ""


class Meta(Struct, rename="camel"):
    name: str = ""
    namespace: str = ""
    uid: str = ""
    resource_version: str = ""
    generation: int = 0
    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}
    owner_references: list[Owner] = []
    deletion_timestamp: str = ""

    @property
    def controller(self) -> Owner | None:
        return next((each for each in self.owner_references if each.controller), None)


class Named(Struct):
    """Any object, of which only the metadata is looked at."""

    metadata: Meta


class HttpGet(Struct):
    path: str = "/"
    port: int | str = 0
    scheme: str = "HTTP"


class ReadinessProbe(Struct, rename="camel"):
    http_get: HttpGet | None = None


class Port(Struct, rename="camel"):
    container_port: int
    protocol: str = "TCP"
    name: str = ""


class Container(Struct, rename="camel"):
    ports: list[Port] = []
    readiness_probe: ReadinessProbe | None = None


class PodSpec(Struct, rename="camel"):
    node_name: str = ""
    host_network: bool = False
    share_process_namespace: bool = False
    containers: list[Container] = []


class Condition(Struct):
    type: str
    status: str


class ContainerStatus(Struct, rename="camel"):
    restart_count: int = 0


class PodStatus(Struct, rename="camel"):
    phase: str = ""
    pod_ip: str = field(default="", name="podIP")
    conditions: list[Condition] = []
    container_statuses: list[ContainerStatus] = []


class Pod(Struct):
    metadata: Meta
    spec: PodSpec = field(default_factory=PodSpec)
    status: PodStatus = field(default_factory=PodStatus)

    @property
    def lives(self) -> bool:
        """It has processes, or will have soon: not ended, not yet unscheduled. One being deleted still has them."""
        return bool(self.spec.node_name) and self.status.phase not in ("Succeeded", "Failed")

    @property
    def ready(self) -> bool:
        return any(each.type == "Ready" and each.status == "True" for each in self.status.conditions)

    @property
    def restarts(self) -> int:
        return sum(each.restart_count for each in self.status.container_statuses)

    @property
    def health(self) -> tuple[int, str]:
        """Port and path at which its readiness is asked, else its first TCP port; (0, "") when it names none."""
        ports = [port for container in self.spec.containers for port in container.ports if port.protocol == "TCP"]
        probes = [container.readiness_probe for container in self.spec.containers if container.readiness_probe]
        for get in (probe.http_get for probe in probes if probe.http_get):
            named = {port.name: port.container_port for port in ports}
            number = get.port if isinstance(get.port, int) else named.get(get.port, 0)
            if number:
                return number, get.path or "/"
        return (ports[0].container_port, "") if ports else (0, "")


class Taint(Struct, omit_defaults=True, rename="camel"):
    key: str
    effect: str
    value: str = ""
    time_added: str = ""


class NodeSpec(Struct):
    unschedulable: bool = False
    taints: list[Taint] = []


class NodeStatus(Struct):
    conditions: list[Condition] = []


class Node(Struct):
    metadata: Meta
    spec: NodeSpec = field(default_factory=NodeSpec)
    status: NodeStatus = field(default_factory=NodeStatus)

    @property
    def ready(self) -> bool:
        return any(each.type == "Ready" and each.status == "True" for each in self.status.conditions)


class Ordinals(Struct):
    start: int = 0


class WorkloadSpec(Struct):
    """`ordinals` say what number a StatefulSet gives its first pod."""

    replicas: int = 1
    ordinals: Ordinals = field(default_factory=Ordinals)

    @property
    def last_number(self) -> int:
        return self.ordinals.start + self.replicas - 1


class WorkloadStatus(Struct, rename="camel"):
    replicas: int = 0
    ready_replicas: int = 0
    observed_generation: int = 0


class Workload(Struct):
    """A Deployment, StatefulSet or ReplicaSet."""

    metadata: Meta
    spec: WorkloadSpec = field(default_factory=WorkloadSpec)
    status: WorkloadStatus = field(default_factory=WorkloadStatus)


class LeaseSpec(Struct, rename="camel"):
    holder_identity: str = ""
    lease_duration_seconds: int = 0
    renew_time: datetime | None = None

    @property
    def age_seconds(self) -> float:
        return time.time() - self.renew_time.timestamp() if self.renew_time else float("inf")


class Lease(Struct):
    """Of coordination.k8s.io: somebody's word, which holds for as long as it says."""

    metadata: Meta
    spec: LeaseSpec = field(default_factory=LeaseSpec)

    @property
    def lives(self) -> bool:
        return self.spec.age_seconds <= self.spec.lease_duration_seconds


def leases_path(namespace: str) -> str:
    return f"/apis/coordination.k8s.io/v1/namespaces/{namespace}/leases"


class ScaleTarget(Struct):
    kind: str = ""
    name: str = ""


class AutoscalerSpec(Struct, rename="camel"):
    scale_target_ref: ScaleTarget = field(default_factory=ScaleTarget)
    min_replicas: int = 1


class Autoscaler(Struct):
    metadata: Meta
    spec: AutoscalerSpec = field(default_factory=AutoscalerSpec)


class LabelSelector(Struct, rename="camel"):
    match_labels: dict[str, str] = {}
    match_expressions: list[dict[str, object]] = []


class PolicySpec(Struct, rename="camel"):
    pod_selector: LabelSelector = field(default_factory=LabelSelector)


class Policy(Struct):
    metadata: Meta
    spec: PolicySpec = field(default_factory=PolicySpec)
