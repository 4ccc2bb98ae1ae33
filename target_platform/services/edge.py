"""A cache inside the network of an internet provider: where that provider's viewers fetch their video from."""

from __future__ import annotations

from functools import partial

from target_platform.delivery.edge import edge_routes
from target_platform.kit.service import Service

SERVICE = Service(
    name="edge",
    calls=("hub", "origin", "edge"),
    criticality="critical",
    routes=partial(edge_routes, tiers=("hub", "origin")),
)
