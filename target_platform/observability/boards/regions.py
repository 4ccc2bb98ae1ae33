"""The regions beside each other, and what passes between them."""

from __future__ import annotations

from target_platform.observability.grafana import Dashboard, Panel, Query, Row, graph
from target_platform.observability.series import (
    FAILED,
    FAULTS,
    count_or_zero,
    narrowed,
    quantile,
    rate,
    selector,
    share,
)
from target_platform.topology import REGIONS

EVERYWHERE = 'service!=""'
GATEWAY = 'service="gateway"'


def board() -> Dashboard:
    return Dashboard(
        uid="steadfast-regions",
        title="Regions",
        description="The regions beside each other, and what passes between them.",
        faults=FAULTS,
        rows=(
            Row(title="At the gateways", panels=_gateways()),
            Row(title="Between the regions", panels=_between()),
            Row(title="Instances", panels=_instances()),
        ),
    )


def _gateways() -> tuple[Panel, ...]:
    asked, seconds = selector("requests_total", GATEWAY), selector("request_seconds_bucket", GATEWAY)
    return (
        graph("Requests", "reqps", rate(asked, "region"), "{{region}}"),
        graph("Errors", "percentunit", share(narrowed(asked, FAILED), asked, "region"), "{{region}}"),
        graph("Duration, p95", "s", quantile(seconds, 0.95, "region"), "{{region}}"),
    )


def _between() -> tuple[Panel, ...]:
    tripped = count_or_zero("> 0", "breaker_state", "exported_region")
    from_to = rate("call_attempts_total", "region, exported_region")
    return (
        Panel(title="Attempts that leave their region", unit="percentunit", queries=tuple(map(_leaving, REGIONS))),
        graph("Attempts from region to region", "reqps", from_to, "{{region}} to {{exported_region}}"),
        graph("Breakers that are not closed, by the region called", "short", tripped, "{{exported_region}}"),
    )


def _leaving(region: str) -> Query:
    attempts = selector("call_attempts_total", f'region="{region}"')
    return Query(share(narrowed(attempts, f'exported_region!="{region}"'), attempts), f"from {region}")


def _instances() -> tuple[Panel, ...]:
    sent, memory = selector("sent_bytes_total", EVERYWHERE), selector("process_resident_memory_bytes", EVERYWHERE)
    return (
        graph("That answer", "percentunit", f"avg by (region) ({selector('up', EVERYWHERE)})", "{{region}}"),
        graph("Bytes sent", "Bps", rate(sent, "region"), "{{region}}"),
        graph("Memory", "bytes", f"sum by (region) ({memory})", "{{region}}"),
    )
