"""A cache at an exchange point: what edges ask for what they do not have, and where providers without an edge go."""

from __future__ import annotations

from functools import partial

from target_platform.delivery.edge import edge_routes
from target_platform.kit.service import Service

SERVICE = Service(
    name="hub",
    calls=("origin",),
    refers_to=("hub",),
    criticality="critical",
    routes=partial(edge_routes, tiers=("origin",)),
)
