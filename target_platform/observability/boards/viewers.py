"""What viewers live through: as the load generator's viewers report it, and as the gateway sees all."""

from __future__ import annotations

from target_platform.observability.grafana import Dashboard, Panel, Row, Variable, graph
from target_platform.observability.series import (
    FAILED,
    FAULTS,
    narrowed,
    quantile,
    quantiles,
    rate,
    rate_or_zero,
    selector,
    share,
)

HOME = 'home=~"$home"'
GATEWAY = 'service="gateway"'


def board() -> Dashboard:
    return Dashboard(
        uid="steadfast-viewers",
        title="Viewers' experience",
        description="What viewers live through: as viewers of a run report it, and as the gateway sees everybody.",
        variables=(Variable(name="home", metric="chaos_load_requests_total", label="home"),),
        faults=FAULTS,
        rows=(
            Row(title="As viewers of a run report it (chaos metrics)", panels=_reported()),
            Row(title="As the gateway sees everybody", panels=_seen()),
        ),
    )


def _reported() -> tuple[Panel, ...]:
    asked, failed = selector("chaos_load_requests_total", HOME), selector("chaos_load_failures_total", HOME)
    start, rebuffer, bitrate = (
        selector("chaos_load_value_bucket", f'request="{request}"', HOME)
        for request in ("start", "rebuffer_permille", "bitrate_kbps")
    )
    return (
        Panel(title="Time until a title plays", unit="ms", queries=quantiles(start)),
        graph("Failed requests", "percentunit", share(failed, asked, "request"), "{{request}}"),
        graph("Requests", "reqps", rate(asked, "request"), "{{request}}"),
        Panel(
            title="Time the picture stood still, per mille",
            description="Of a screening; half, and nine of ten, had no more.",
            queries=quantiles(rebuffer, (0.5, 0.9)),
        ),
        Panel(title="Bitrate, kbit/s", queries=quantiles(bitrate, (0.1, 0.5))),
        graph("Failures", "reqps", rate_or_zero(failed, asked, "request"), "{{request}}"),
    )


def _seen() -> tuple[Panel, ...]:
    asked, seconds = selector("requests_total", GATEWAY), selector("request_seconds_bucket", GATEWAY)
    still = f"{rate('heartbeat_rebuffer_ms_total', 'region')} / 1000"
    told = "Seconds of standing still that heartbeats report in a second: so many at a time."
    return (
        graph("Failed answers by route", "percentunit", share(narrowed(asked, FAILED), asked, "route"), "{{route}}"),
        graph("Time to answer by route, p95", "s", quantile(seconds, 0.95, "route"), "{{route}}"),
        graph("Players that stand still", "short", still, "{{region}}", told),
        graph("Heartbeats", "reqps", rate("heartbeats_total", "region"), "{{region}}"),
    )
