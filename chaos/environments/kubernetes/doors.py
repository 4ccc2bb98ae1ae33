"""Where viewers find the bundled platform: the Services that its chart labels as public, and how its players behave."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec
import yaml
from msgspec import Struct

from chaos.environments.kubernetes.answers import ApiFailed
from chaos.environments.kubernetes.connection import Cluster, runs_inside
from chaos.environments.kubernetes.names import Names
from chaos.environments.kubernetes.objects import Meta

PUBLIC = "steadfast.dev/public=true,app.kubernetes.io/name=gateway"
PLATFORM = "app.kubernetes.io/part-of=streaming-platform"
REGION = "steadfast.dev/region"
_FORBIDDEN = 403
_NODE_REGION = "topology.kubernetes.io/region"


class _Port(Struct, rename="camel"):
    port: int
    node_port: int = 0


class _ServiceSpec(Struct):
    type: str = "ClusterIP"
    ports: list[_Port] = []


class _Ingress(Struct):
    ip: str = ""
    hostname: str = ""


class _LoadBalancer(Struct):
    ingress: list[_Ingress] = []


class _ServiceStatus(Struct, rename="camel"):
    load_balancer: _LoadBalancer = msgspec.field(default_factory=_LoadBalancer)


class _Service(Struct):
    metadata: Meta
    spec: _ServiceSpec
    status: _ServiceStatus = msgspec.field(default_factory=_ServiceStatus)


class _Address(Struct):
    type: str
    address: str


class _NodeStatus(Struct):
    addresses: list[_Address] = []


class _Node(Struct):
    metadata: Meta
    status: _NodeStatus


class _ConfigMap(Struct):
    data: dict[str, str] = {}


def load_settings(names: Names) -> dict[str, str]:
    """CHAOS_GATEWAYS, CHAOS_HOST and CHAOS_PLAYERS of docs/explanation/contracts.md; nothing without such Services.

    From outside a region's gateways are its nodes at the Service's NodePort, or its load balancer. What may not be
    looked up is not there. Raises ApiFailed.
    """
    try:
        return _settings(names)
    except ApiFailed as error:
        if error.status == _FORBIDDEN:
            return {}
        raise


def _settings(names: Names) -> dict[str, str]:
    gateways: dict[str, list[str]] = {}
    players = ""
    for cluster, namespace in names.spaces:
        found = cluster.every(f"/api/v1/namespaces/{namespace}/services", _Service, {"labelSelector": PUBLIC})
        nodes = cluster.every("/api/v1/nodes", _Node) if _at_nodes(found) else []
        for service in found:
            region = cluster.region or service.metadata.labels.get(REGION, "")
            gateways.setdefault(region, []).extend(_urls(service, nodes))
        players = players or (_players(cluster, namespace) if found else "")
    urls = [url for region in sorted(gateways) for url in gateways[region]]
    if not urls:
        return {}
    told = ";".join(f"{region}={','.join(gateways[region])}" for region in sorted(gateways))
    return {"CHAOS_GATEWAYS": told, "CHAOS_HOST": urls[0], **({"CHAOS_PLAYERS": players} if players else {})}


def _at_nodes(services: Iterable[_Service]) -> bool:
    return not runs_inside() and any(each.spec.type == "NodePort" for each in services)


def _urls(service: _Service, nodes: Sequence[_Node]) -> list[str]:
    port = service.spec.ports[0]
    if runs_inside():
        return [f"http://{service.metadata.name}.{service.metadata.namespace}.svc:{port.port}"]
    if service.spec.type == "LoadBalancer":
        ingress = service.status.load_balancer.ingress
        return [f"http://{each.hostname or each.ip}:{port.port}" for each in ingress]
    if service.spec.type == "NodePort":
        region = service.metadata.labels.get(REGION, "")
        own = [each for each in nodes if each.metadata.labels.get(_NODE_REGION) == region]
        return [f"http://{address}:{port.node_port}" for each in own or nodes for address in _address(each)[:1]]
    return []


def _address(node: _Node) -> list[str]:
    """The external one first, where there is one."""
    kinds = ("ExternalIP", "InternalIP")
    return [each.address for kind in kinds for each in node.status.addresses if each.type == kind]


def _players(cluster: Cluster, namespace: str) -> str:
    """The part `players` of the policies in force, as JSON; empty where there is none."""
    for each in cluster.every(f"/api/v1/namespaces/{namespace}/configmaps", _ConfigMap, {"labelSelector": PLATFORM}):
        policies = yaml.safe_load(each.data.get("policies.yaml", "")) or {}
        if "players" in policies:
            return msgspec.json.encode(policies["players"]).decode()
    return ""
