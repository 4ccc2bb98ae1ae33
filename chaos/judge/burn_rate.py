"""Objectives as rules of Prometheus: error ratios over several windows, and alerts on how fast the budget burns.

The error budget of `>= 99%` is 1 %. A burn rate of 1 spends it in exactly the 30 days it is for. An alert fires when a
long window shows that a share worth telling is being spent, and a short one that it is being spent still; so it comes
soon, and goes soon after the cause has gone. Factors and windows are those of the Google SRE Workbook, chapter 5,
"Alerting on SLOs", table 5-8.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Literal

from msgspec import Struct

from chaos.model.experiment import Objective, PluginUse
from chaos.model.objectives import Objectives


class Burn(Struct, frozen=True):
    """`factor` = budget_share of 30 days spent within the `long` window."""

    severity: Literal["page", "ticket"]
    long: str
    short: str
    factor: float
    spent: str


BURNS = (
    Burn("page", "1h", "5m", 14.4, "2 %"),
    Burn("page", "6h", "30m", 6.0, "5 %"),
    Burn("ticket", "3d", "6h", 1.0, "10 %"),
)
WINDOWS = ("5m", "30m", "1h", "6h", "3d")


class Rule(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """As Prometheus reads it: `record` or `alert` is given."""

    record: str = ""
    alert: str = ""
    expr: str
    labels: dict[str, str]
    annotations: dict[str, str] = {}


class Group(Struct, frozen=True, kw_only=True):
    name: str
    rules: tuple[Rule, ...]


class Rules(Struct, frozen=True, kw_only=True):
    """`left_out` are sentences about what could not be expressed; `groups` is what the file holds."""

    groups: tuple[Group, ...]
    left_out: tuple[str, ...] = ()


class Indicator(Struct, frozen=True, kw_only=True):
    """Two selectors of counters, and the share of `total` that must be in `good`."""

    good: str
    total: str
    target: float


def rules(of: Objectives) -> Rules:
    """Recording and alerting rules for each objective that speaks of counters in Prometheus. Deterministic."""
    groups: list[Group] = []
    left_out: list[str] = []
    for objective in of.objectives:
        found = indicator(objective)
        if isinstance(found, str):
            left_out.append(f'"{objective.name}" is left out: {found}')
            continue
        budget = round(1 - found.target, 12)
        labels = {"objectives": of.name, "objective": objective.name}
        alerts = tuple(_alert(burn, budget, labels, objective) for burn in BURNS if burn.factor * budget < 1)
        left_out += (
            f'"{objective.name}" has no alert at {burn.factor:g} times the budget of {budget:.3g}: all can fail, and '
            "it would still not fire"
            for burn in BURNS
            if burn.factor * budget >= 1
        )
        groups.append(Group(name=f"{of.name}: {objective.name}", rules=(*_recorded(found, budget, labels), *alerts)))
    return Rules(groups=tuple(groups), left_out=tuple(left_out))


def indicator(objective: Objective) -> Indicator | str:
    """What counts as good, out of what; or why that cannot be said."""
    threshold, probe = objective.threshold, objective.probe
    upwards = threshold.operator in (">", ">=")
    if probe.kind not in ("promql_ratio", "promql_quantile"):
        return f"the probe {probe.kind} reads no counters of Prometheus, as promql_ratio and promql_quantile do"
    if upwards != (probe.kind == "promql_ratio"):
        return f"the target {threshold.text} leaves no error budget"
    found = _of_ratio(probe, threshold.value) if upwards else _of_quantile(probe, threshold.value / 1000)
    odd = next((each for each in (found.good, found.total) if not _SELECTOR.fullmatch(each)), None)
    if odd is not None:
        return f"{odd} is no plain selector, name{{label=...}}, so no rate can be taken of it"
    return "nothing may ever fail, so there is no error budget" if found.target >= 1 else found


_SELECTOR = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*(\{.*\})?", re.DOTALL)


def _of_ratio(probe: PluginUse, target: float) -> Indicator:
    good, total = str(probe.parameters["good"]).strip(), str(probe.parameters["total"]).strip()
    return Indicator(good=good, total=total, target=target)


def _of_quantile(probe: PluginUse, seconds: float) -> Indicator:
    """`p95 < 300ms` says that 95 % of all are in the buckets up to 0.3 s; 300 ms must be a bucket's bound."""
    buckets, quantile = str(probe.parameters["buckets"]).strip(), probe.parameters["quantile"]
    assert isinstance(quantile, float), "checked when the file was read"
    bound = f"{seconds:.12g}"
    # Clients write the bound 1 as "1" or as "1.0".
    bound = f'le=~"{bound}(\\\\.0)?"' if "." not in bound else f'le="{bound}"'
    return Indicator(good=_with(buckets, bound), total=_with(buckets, 'le="+Inf"'), target=quantile)


def _with(selector: str, matcher: str) -> str:
    inside = selector.rstrip("}").rstrip().rstrip(",") if selector.endswith("}") else selector + "{"
    return f"{inside}{'' if inside.endswith('{') else ', '}{matcher}}}"


def _recorded(of: Indicator, budget: float, labels: dict[str, str]) -> Iterator[Rule]:
    for window in WINDOWS:
        total, good = f"sum(rate({of.total}[{window}]))", f"sum(rate({of.good}[{window}]))"
        # Where nothing was ever good there is no series of it: that is 0, not nothing. Without any traffic there is
        # no ratio, rather than 0/0, which would spoil every average over it.
        expr = f"({total} - ({good} or vector(0))) / ({total} > 0)"
        yield Rule(record=f"objective:errors:ratio_rate{window}", expr=expr, labels=labels)
    yield Rule(record="objective:error_budget:ratio", expr=f"vector({budget:.12g})", labels=labels)
    seen = f"objective:errors:ratio_rate5m{_matching(labels)}"
    # By time rather than by events: rates over 30 days of raw counters would be read anew at each evaluation.
    yield Rule(
        record="objective:error_budget_left:ratio30d",
        expr=f"1 - avg_over_time({seen}[30d]) / {budget:.12g}",
        labels=labels,
    )


def _alert(burn: Burn, budget: float, labels: dict[str, str], objective: Objective) -> Rule:
    limit = f"{burn.factor * budget:.12g}"
    long, short = (f"objective:errors:ratio_rate{window}{_matching(labels)}" for window in (burn.long, burn.short))
    return Rule(
        alert="ErrorBudgetBurn",
        expr=f"{long} > {limit} and {short} > {limit}",
        labels={**labels, "severity": burn.severity, "window": burn.long},
        annotations={
            "summary": f'"{objective.name}" ({objective.threshold.text}) spends its error budget {burn.factor:g} times '
            "as fast as it may",
            "description": f"{{{{ $value | humanizePercentage }}}} failed over the last {burn.long}; the budget is "
            f"{100 * budget:.6g} %. At this pace {burn.spent} of 30 days' budget go in {burn.long}.",
        },
    )


def _matching(labels: dict[str, str]) -> str:
    return "{" + ", ".join(f"{key}={json.dumps(value, ensure_ascii=False)}" for key, value in labels.items()) + "}"
