"""Error budgets: of the recording rules that `chaos objectives rules` makes of objectives.yaml."""

from __future__ import annotations

from pathlib import Path

import yaml

from target_platform.observability.grafana import Dashboard, Panel, Query, Row
from target_platform.observability.series import FAULTS

OBJECTIVES = Path(__file__).parent.with_name("objectives.yaml")


def board() -> Dashboard:
    written = yaml.safe_load(OBJECTIVES.read_text(encoding="utf-8"))
    return Dashboard(
        uid="steadfast-objectives",
        title="Objectives",
        description="Error budgets, from the rules in rules.yaml. A burn rate of 1 spends a budget in exactly 30 days.",
        faults=FAULTS,
        rows=tuple(_objective(written["name"], each["name"], each["target"]) for each in written["objectives"]),
    )


def _objective(of: str, name: str, target: str) -> Row:
    own = f'objectives="{of}", objective="{name}"'
    budget = f"objective:error_budget:ratio{{{own}}}"
    burning = tuple(
        Query(f"objective:errors:ratio_rate{window}{{{own}}} / {budget}", f"over {window}")
        for window in ("5m", "1h", "6h", "3d")
    )
    failed = (
        Query(f"objective:errors:ratio_rate5m{{{own}}}", "failed, over 5m"),
        Query(budget, "budget"),
    )
    left = Query(f"objective:error_budget_left:ratio30d{{{own}}}", "left")
    alerts = Query(f'sum(ALERTS{{alertname="ErrorBudgetBurn", alertstate="firing", {own}}}) or vector(0)', "firing")
    return Row(
        title=f"{name} ({target})",
        panels=(
            Panel(title="Burn rate", description="Pages at 14.4 and 6, a ticket at 1.", queries=burning),
            Panel(title="Failed, and the budget", unit="percentunit", queries=failed),
            Panel(
                title="Budget left of 30 days", unit="percentunit", kind="stat", smallest=None, width=4, queries=(left,)
            ),
            Panel(title="Alerts", kind="stat", width=4, queries=(alerts,)),
        ),
    )
