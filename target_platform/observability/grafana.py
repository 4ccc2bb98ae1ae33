"""The part of Grafana's dashboard JSON that is needed here, so that dashboards.py says only what is shown.

https://grafana.com/docs/grafana/latest/dashboards/build-dashboards/view-dashboard-json-model/
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from msgspec import Struct

JSON = dict[str, Any]
SCHEMA_VERSION = 39
COLUMNS = 24
DATASOURCE: JSON = {"type": "prometheus", "uid": "${datasource}"}


class Query(Struct, frozen=True):
    expr: str
    legend: str = ""


class Panel(Struct, frozen=True, kw_only=True):
    """`unit` is one of Grafana's; `repeat` a variable of whose values each gets a panel. `width` of 24 columns."""

    title: str
    queries: tuple[Query, ...]
    unit: str = "short"
    kind: str = "timeseries"
    description: str = ""
    width: int = 8
    height: int = 7
    repeat: str = ""
    smallest: float | None = 0.0


def graph(title: str, unit: str, expr: str, legend: str, description: str = "") -> Panel:
    """A panel of one query; a series is called as `legend` says, with {{label}} filled in."""
    return Panel(title=title, unit=unit, queries=(Query(expr, legend),), description=description)


class Row(Struct, frozen=True, kw_only=True):
    title: str
    panels: tuple[Panel, ...]
    collapsed: bool = False


class Variable(Struct, frozen=True, kw_only=True):
    """Values of `label` in the series of `metric`; with `many` several or all may be chosen."""

    name: str
    metric: str
    label: str
    many: bool = True


class Dashboard(Struct, frozen=True, kw_only=True):
    """`uid` is its address in Grafana and the name of its file."""

    uid: str
    title: str
    description: str
    rows: tuple[Row, ...]
    variables: tuple[Variable, ...] = ()
    faults: str = ""
    """A query that is above 0 while a fault is active: shown as a coloured stretch on every panel."""


def as_json(dashboard: Dashboard) -> JSON:
    """What Grafana imports. Panels stand in the order of the rows, from left to right, as wide as they ask to be."""
    return {
        "uid": dashboard.uid,
        "title": dashboard.title,
        "description": dashboard.description,
        "tags": ["steadfast"],
        "schemaVersion": SCHEMA_VERSION,
        "version": 1,
        "editable": True,
        "graphTooltip": 1,
        "refresh": "5s",
        "time": {"from": "now-15m", "to": "now"},
        "timezone": "browser",
        "templating": {"list": [_datasource(), *map(_variable, dashboard.variables)]},
        "annotations": {"list": [_annotation(dashboard.faults)] if dashboard.faults else []},
        "links": [{"type": "dashboards", "title": "Steadfast", "tags": ["steadfast"], "asDropdown": True}],
        "panels": _panels(dashboard.rows),
    }


def _datasource() -> JSON:
    return {"name": "datasource", "label": "Prometheus", "type": "datasource", "query": "prometheus", "refresh": 1}


def _variable(variable: Variable) -> JSON:
    query = f"label_values({variable.metric}, {variable.label})"
    found: JSON = {
        "name": variable.name,
        "type": "query",
        "datasource": DATASOURCE,
        "query": {"query": query, "refId": variable.name},
        "definition": query,
        "refresh": 2,
        "sort": 1 if variable.many else 2,
        "multi": variable.many,
        "includeAll": variable.many,
    }
    if variable.many:
        found |= {"allValue": ".*", "current": {"text": "All", "value": "$__all"}}
    return found


def _annotation(expr: str) -> JSON:
    return {
        "name": "faults",
        "datasource": DATASOURCE,
        "enable": True,
        "iconColor": "red",
        "expr": expr,
        "step": "2s",
        "titleFormat": "{{fault}}",
        "textFormat": "{{target}}",
    }


def _panels(rows: Sequence[Row]) -> list[JSON]:
    panels: list[JSON] = []
    number, top = 0, 0
    for row in rows:
        number += 1
        head: JSON = {
            "id": number,
            "type": "row",
            "title": row.title,
            "collapsed": row.collapsed,
            "gridPos": {"x": 0, "y": top, "w": COLUMNS, "h": 1},
            "panels": [],
        }
        inside = _placed(row.panels, number, top + 1)
        number += len(inside)
        if row.collapsed:
            head["panels"] = inside
            top += 1
        else:
            top = max((each["gridPos"]["y"] + each["gridPos"]["h"] for each in inside), default=top + 1)
        panels += [head, *([] if row.collapsed else inside)]
    return panels


def _placed(panels: Sequence[Panel], number: int, top: int) -> list[JSON]:
    placed: list[JSON] = []
    left, tallest = 0, 0
    for panel in panels:
        if left + panel.width > COLUMNS:
            left, top, tallest = 0, top + tallest, 0
        number += 1
        placed.append(_panel(panel, number, {"x": left, "y": top, "w": panel.width, "h": panel.height}))
        left, tallest = left + panel.width, max(tallest, panel.height)
    return placed


def _panel(panel: Panel, number: int, position: dict[str, int]) -> JSON:
    defaults: JSON = {"unit": panel.unit}
    if panel.smallest is not None:
        defaults["min"] = panel.smallest
    if panel.unit == "percentunit":
        defaults["max"] = 1.0
    if panel.kind == "timeseries":
        defaults["custom"] = {"drawStyle": "line", "fillOpacity": 10, "showPoints": "never", "spanNulls": False}
    found: JSON = {
        "id": number,
        "type": panel.kind,
        "title": panel.title,
        "description": panel.description,
        "datasource": DATASOURCE,
        "gridPos": position,
        "fieldConfig": {"defaults": defaults, "overrides": []},
        "options": {"legend": {"displayMode": "list", "placement": "bottom", "showLegend": True}}
        if panel.kind == "timeseries"
        else {},
        "targets": [
            {
                "refId": chr(ord("A") + index),
                "datasource": DATASOURCE,
                "expr": query.expr,
                "legendFormat": query.legend or "__auto",
                "range": True,
            }
            for index, query in enumerate(panel.queries)
        ],
    }
    if panel.repeat:
        found |= {"repeat": panel.repeat, "repeatDirection": "h", "maxPerRow": 3}
    return found
