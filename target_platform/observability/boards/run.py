"""One run of `chaos run` with the time of its faults, beside what the services saw of it."""

from __future__ import annotations

from target_platform.observability.grafana import Dashboard, Panel, Query, Row, Variable, graph
from target_platform.observability.series import (
    FAILED,
    count_or_zero,
    narrowed,
    quantile,
    rate,
    rate_or_zero,
    selector,
    share,
)

RUN = 'run="$run"'
LAST_RUN = Variable(name="run", metric="chaos_run_active", label="run", many=False)
EVERYWHERE = 'service!=""'
MEASURES = ("bitrate_kbps", "rebuffer_permille", "unfinished_bytes")
"""What viewers report besides requests: no times."""


def board() -> Dashboard:
    return Dashboard(
        uid="steadfast-run",
        title="One run",
        description="A run of `chaos run` with the time of its faults (`chaos metrics`), and what services saw of it.",
        variables=(
            LAST_RUN,
            Variable(name="objective", metric=f"chaos_objective_target{{{RUN}}}", label="objective"),
        ),
        faults=f"max by (fault, target) (chaos_fault_active{{{RUN}}}) == 1",
        rows=(
            Row(title="Run", panels=_run()),
            Row(title="Users", panels=_users()),
            Row(title="System", panels=_system()),
        ),
    )


def _run() -> tuple[Panel, ...]:
    faults = Query(f"max by (fault, target) (chaos_fault_active{{{RUN}}})", "{{fault}} {{target}}")
    active = Query(f"chaos_run_active{{{RUN}}}", "{{experiment}}")
    verdict = Query(f"chaos_run_verdict{{{RUN}}}", "{{outcome}}")
    objective = 'objective=~"$objective"'
    return (
        Panel(title="Faults", kind="state-timeline", width=16, queries=(faults,)),
        Panel(title="Under way", kind="stat", width=4, queries=(active,)),
        Panel(title="Verdict", kind="stat", width=4, queries=(verdict,)),
        Panel(
            title="$objective",
            description="As its probe measures it: a share, milliseconds or a number.",
            repeat="objective",
            smallest=None,
            queries=(
                Query(f"chaos_objective_value{{{RUN}, {objective}}}", "measured"),
                Query(f"chaos_objective_target{{{RUN}, {objective}}}", "target"),
            ),
        ),
    )


def _users() -> tuple[Panel, ...]:
    asked, failed = selector("chaos_load_requests_total", RUN), selector("chaos_load_failures_total", RUN)
    times = selector("chaos_load_value_bucket", RUN, f'request!~"{"|".join(MEASURES)}"')
    return (
        graph("Failed requests", "percentunit", share(failed, asked, "request"), "{{request}}"),
        graph("Requests", "reqps", rate(asked, "request"), "{{request}}"),
        graph("Time to a good answer, p95", "ms", quantile(times, 0.95, "request"), "{{request}}"),
    )


def _system() -> tuple[Panel, ...]:
    asked = selector("requests_total", EVERYWHERE)
    down = count_or_zero("== 0", selector("up", EVERYWHERE), "service")
    tripped = count_or_zero("> 0", "breaker_state", "caller, target")
    retries = rate_or_zero("call_retries_total", "calls_total", "target")
    fallbacks = rate_or_zero("call_fallbacks_total", "calls_total", "target")
    shed = rate_or_zero("requests_shed_total", asked, "service")
    return (
        graph("Instances that do not answer", "short", down, "{{service}}"),
        graph("Breakers that are not closed", "short", tripped, "{{caller}} to {{target}}"),
        graph("Errors", "percentunit", share(narrowed(asked, FAILED), asked, "service"), "{{service}}"),
        graph("Retries", "reqps", retries, "{{target}}"),
        graph("Fallbacks", "reqps", fallbacks, "{{target}}"),
        graph("Shed", "reqps", shed, "{{service}}"),
    )
