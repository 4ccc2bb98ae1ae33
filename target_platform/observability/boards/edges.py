"""The caches in front of the media origin."""

from __future__ import annotations

from target_platform.observability.grafana import Dashboard, Panel, Row, graph
from target_platform.observability.series import FAILED, FAULTS, HERE, REGION, narrowed, quantile, rate, selector, share

EDGE = 'service="edge"'


def board() -> Dashboard:
    return Dashboard(
        uid="steadfast-edges",
        title="Edges",
        description="The caches in front of the media origin.",
        variables=(REGION,),
        faults=FAULTS,
        rows=(Row(title="Edges", panels=_edges()), Row(title="Origin", panels=_origin())),
    )


def _edges() -> tuple[Panel, ...]:
    files = selector("edge_cache_total", HERE)
    served = selector("requests_total", EDGE, HERE)
    sent, seconds = selector("sent_bytes_total", EDGE, HERE), selector("request_seconds_bucket", EDGE, HERE)
    hits = share(narrowed(files, 'cache="hit"'), files, "instance")
    return (
        graph("Hit ratio", "percentunit", hits, "{{instance}}"),
        graph("Bytes sent", "Bps", rate(sent, "instance"), "{{instance}}"),
        graph("Requests", "reqps", rate(served, "instance"), "{{instance}}"),
        graph("Errors", "percentunit", share(narrowed(served, FAILED), served, "instance"), "{{instance}}"),
        graph("Duration, p95", "s", quantile(seconds, 0.95, "instance"), "{{instance}}"),
        graph("Edges that answer", "short", f"sum by (region) ({selector('up', EDGE, HERE)})", "{{region}}"),
    )


def _origin() -> tuple[Panel, ...]:
    fetched = selector("calls_total", EDGE, 'target="origin"', HERE)
    failed = narrowed(fetched, 'outcome!~"answered|cancelled"')
    sent = selector("sent_bytes_total", 'service="origin"', HERE)
    return (
        graph("Fetches", "reqps", rate(fetched, "instance"), "{{instance}}"),
        graph("Fetches that failed", "percentunit", share(failed, fetched, "region"), "{{region}}"),
        graph("Bytes sent by the origin", "Bps", rate(sent, "region"), "{{region}}"),
    )
