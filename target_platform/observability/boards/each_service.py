"""Rate, errors and duration of every service, and how its calls to others fare."""

from __future__ import annotations

from target_platform import services
from target_platform.kit.service import Service
from target_platform.observability.grafana import Dashboard, Panel, Row, graph
from target_platform.observability.series import (
    FAILED,
    FAULTS,
    HERE,
    REGION,
    narrowed,
    quantile,
    quantiles,
    rate,
    rate_or_zero,
    selector,
    share,
)


def board() -> Dashboard:
    declared = [services.load(name) for name in services.names()]
    return Dashboard(
        uid="steadfast-services",
        title="Services",
        description="Rate, errors and duration of every service, and how its calls to others fare.",
        variables=(REGION,),
        faults=FAULTS,
        rows=tuple(
            Row(title=f"{each.name} ({each.criticality})", panels=_service(each), collapsed=index > 0)
            for index, each in enumerate(declared)
        ),
    )


def _service(service: Service) -> tuple[Panel, ...]:
    own = f'service="{service.name}"'
    asked = selector("requests_total", own, HERE)
    seconds = selector("request_seconds_bucket", own, HERE)
    errors = share(narrowed(asked, FAILED), asked, "region")
    up = f"sum by (region) ({selector('up', own, HERE)})"
    fullness = f"max by (instance) ({selector('fullness', own, HERE)})"
    shed = rate_or_zero(selector("requests_shed_total", own, HERE), asked, "region")
    panels = (
        graph("Rate", "reqps", rate(asked, "status"), "{{status}}"),
        graph("Errors", "percentunit", errors, "{{region}}"),
        Panel(title="Duration", unit="s", queries=quantiles(seconds)),
        graph("Instances that answer", "short", up, "{{region}}"),
        graph("Fullness", "short", fullness, "{{instance}}", "Nothing more is let in at 1."),
        graph("Shed", "reqps", shed, "{{region}}"),
    )
    return (*panels, *_calls(own)) if service.calls else panels


def _calls(own: str) -> tuple[Panel, ...]:
    calls, seconds = selector("calls_total", own, HERE), selector("call_seconds_bucket", own, HERE)
    failed = share(narrowed(calls, 'outcome!~"answered|cancelled"'), calls, "target")
    retries = rate_or_zero(selector("call_retries_total", own, HERE), calls, "target")
    fallbacks = rate_or_zero(selector("call_fallbacks_total", own, HERE), calls, "target")
    breakers = f"max by (target, exported_region) ({selector('breaker_state', own, HERE)})"
    return (
        graph("Calls that failed", "percentunit", failed, "{{target}}"),
        graph("Calls", "reqps", rate(calls, "target"), "{{target}}"),
        graph("Duration of calls, p95", "s", quantile(seconds, 0.95, "target"), "{{target}}"),
        graph("Retries", "reqps", retries, "{{target}}"),
        graph("Fallbacks", "reqps", fallbacks, "{{target}}"),
        graph("Breakers: 0 closed, 1 half-open, 2 open", "short", breakers, "{{target}} in {{exported_region}}"),
    )
