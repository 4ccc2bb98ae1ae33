"""What an environment lists: instances, the links between them, and regions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from msgspec import Struct

if TYPE_CHECKING:
    JSON = None | bool | int | float | str | list["JSON"] | dict[str, "JSON"]
else:
    JSON = Any  # msgspec cannot decode into a recursive alias; type checkers see the real one

TargetKind = Literal["instance", "link", "region", "workload", "node"]


class Instance(Struct, frozen=True, kw_only=True):
    """One running copy of a service: a process, a pod, a machine.

    `identity` tells this very incarnation from its successor under the same name, e.g.
    {"pid": 4242, "started": 1893021} locally or {"uid": "..."} for a pod; None while it is not running.
    `address` is "host:port", empty when it cannot be reached from here.
    """

    name: str
    service: str
    region: str
    labels: dict[str, str] = {}
    identity: dict[str, str | int] | None = None
    address: str = ""
    health_path: str = ""
    metrics_path: str = ""


class Link(Struct, frozen=True, kw_only=True):
    """A way by which one service calls one instance of another; what passes it can be shaped.

    `address` is "host:port" where the calling side connects. One with the label `public: "true"` is a way that users
    come by: no part of the system's own network.
    """

    name: str
    source: str
    source_region: str
    destination: str
    destination_region: str
    destination_instance: str
    labels: dict[str, str] = {}
    address: str = ""


class Region(Struct, frozen=True, kw_only=True):
    """A part of the system that can fail as a whole."""

    name: str
    labels: dict[str, str] = {}


class Workload(Struct, frozen=True, kw_only=True):
    """What keeps a number of instances running: a Deployment, a StatefulSet, a group of machines."""

    name: str
    service: str
    labels: dict[str, str] = {}


class Node(Struct, frozen=True, kw_only=True):
    """A machine that instances run on."""

    name: str
    region: str
    labels: dict[str, str] = {}


Target = Instance | Link | Region | Workload | Node


class Inventory(Struct, frozen=True, kw_only=True):
    """Everything an environment could be asked to break, sorted by name."""

    instances: tuple[Instance, ...] = ()
    links: tuple[Link, ...] = ()
    regions: tuple[Region, ...] = ()
    workloads: tuple[Workload, ...] = ()
    nodes: tuple[Node, ...] = ()

    def of_kind(self, kind: TargetKind) -> tuple[Target, ...]:
        of: dict[TargetKind, tuple[Target, ...]] = {
            "instance": self.instances,
            "link": self.links,
            "region": self.regions,
            "workload": self.workloads,
            "node": self.nodes,
        }
        return of[kind]

    def links_across_border(self, region: str) -> list[str]:
        """The names of the system's own links that lead into or out of a region; users have ways of their own."""
        return [
            each.name
            for each in self.links
            if (each.source_region == region) != (each.destination_region == region)
            and each.labels.get("public") != "true"
        ]


def labels_of(target: Target) -> dict[str, str]:
    """The labels a selector sees: the target's own and those every target of its kind has."""
    if isinstance(target, Instance):
        built_in = {"name": target.name, "service": target.service, "region": target.region}
    elif isinstance(target, Link):
        built_in = {
            "name": target.name,
            "from": target.source,
            "from_region": target.source_region,
            "to": target.destination,
            "to_region": target.destination_region,
            "to_instance": target.destination_instance,
            "crosses_regions": str(target.source_region != target.destination_region).lower(),
        }
    elif isinstance(target, Workload):
        built_in = {"name": target.name, "service": target.service}
    elif isinstance(target, Node):
        built_in = {"name": target.name, "region": target.region}
    else:
        built_in = {"name": target.name}
    return {**target.labels, **built_in}
