"""How video reaches viewers: caches in two tiers, the media origin behind them, and who says where viewers go."""

from __future__ import annotations

from target_platform.observability.grafana import Dashboard, Panel, Row, graph
from target_platform.observability.series import FAILED, FAULTS, HERE, REGION, narrowed, quantile, rate, selector, share

CACHES = 'service=~"edge|hub"'


def board() -> Dashboard:
    return Dashboard(
        uid="steadfast-edges",
        title="Edges",
        description="The caches in front of the media origin, in two tiers, and how viewers are steered to them.",
        variables=(REGION,),
        faults=FAULTS,
        rows=(
            Row(title="Tiers", panels=_tiers()),
            Row(title="Edges", panels=_caches("edge", "Edges")),
            Row(title="Hubs", panels=_caches("hub", "Hubs")),
            Row(title="Origin", panels=_origin()),
            Row(title="Steering", panels=_steering()),
        ),
    )


def _tiers() -> tuple[Panel, ...]:
    sent = selector("sent_bytes_total", 'service=~"edge|hub|origin"', HERE)
    files = selector("edge_cache_total", HERE)
    hits = share(narrowed(files, 'cache="hit"'), files, "service")
    return (
        graph("Bytes sent by tier", "Bps", rate(sent, "service"), "{{service}}"),
        graph("Hit ratio by tier", "percentunit", hits, "{{service}}"),
    )


def _caches(service: str, they: str) -> tuple[Panel, ...]:
    here = f'service="{service}"'
    files = selector("edge_cache_total", here, HERE)
    served = selector("requests_total", here, HERE)
    sent, seconds = selector("sent_bytes_total", here, HERE), selector("request_seconds_bucket", here, HERE)
    hits = share(narrowed(files, 'cache="hit"'), files, "instance")
    return (
        graph("Hit ratio", "percentunit", hits, "{{instance}}"),
        graph("Bytes sent", "Bps", rate(sent, "instance"), "{{instance}}"),
        graph("Requests", "reqps", rate(served, "instance"), "{{instance}}"),
        graph("Errors", "percentunit", share(narrowed(served, FAILED), served, "instance"), "{{instance}}"),
        graph("Duration, p95", "s", quantile(seconds, 0.95, "instance"), "{{instance}}"),
        graph(f"{they} that answer", "short", f"sum by (region) ({selector('up', here, HERE)})", "{{region}}"),
    )


def _origin() -> tuple[Panel, ...]:
    fetched = selector("calls_total", CACHES, 'target="origin"', HERE)
    failed = narrowed(fetched, 'outcome!~"answered|cancelled"')
    sent = selector("sent_bytes_total", 'service="origin"', HERE)
    return (
        graph("Fetches", "reqps", rate(fetched, "instance"), "{{instance}}"),
        graph("Fetches that failed", "percentunit", share(failed, fetched, "region"), "{{region}}"),
        graph("Bytes sent by the origin", "Bps", rate(sent, "region"), "{{region}}"),
    )


def _steering() -> tuple[Panel, ...]:
    reports = selector("way_reports_total", HERE)
    behind = f"sum by (region, reason) ({selector('ways_behind', HERE)})"
    return (
        graph("Reports of players, by provider", "reqps", rate(reports, "provider"), "{{provider}}"),
        graph("Ways that come after their likes", "short", behind, "{{region}} {{reason}}"),
    )
