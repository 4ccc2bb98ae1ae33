"""The files in dashboards/ are those that are generated, and Grafana can make something of them."""

from __future__ import annotations

import json
import re
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from chaos.cli import app
from target_platform import services
from target_platform.observability.dashboards import files

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "dashboards"
BOARDS = {name: json.loads(text) for name, text in files().items()}


def panels(board: dict[str, Any]) -> list[dict[str, Any]]:
    return [inner for panel in board["panels"] for inner in (panel, *panel.get("panels", ()))]


def test_the_dashboards_are_the_generated_ones() -> None:
    written = {path.name: path.read_text() for path in FOLDER.glob("*.json")}
    assert written == files(), "make dashboards"


def test_the_rules_are_those_of_the_objectives(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    done = CliRunner().invoke(app, ["objectives", "rules", "target_platform/observability/objectives.yaml"])
    assert done.output == (FOLDER / "rules.yaml").read_text(), "make dashboards"


@pytest.mark.parametrize("name", BOARDS)
def test_every_panel_has_an_id_a_place_and_queries_whose_variables_exist(name: str) -> None:
    board = BOARDS[name]
    known = {each["name"] for each in board["templating"]["list"]} | {"__rate_interval"}
    ids = [panel["id"] for panel in panels(board)]
    assert len(ids) == len(set(ids))
    for panel in panels(board):
        assert panel["gridPos"]["x"] + panel["gridPos"]["w"] <= 24
        for text in (each["expr"] for each in panel.get("targets", ())):
            assert set(re.findall(r"\$(\w+)", text)) <= known
        assert panel["type"] == "row" or panel["targets"]


@pytest.mark.parametrize("name", BOARDS)
def test_no_panel_lies_on_another(name: str) -> None:
    for shown in (BOARDS[name]["panels"], *(panel.get("panels", []) for panel in BOARDS[name]["panels"])):
        for one, other in combinations([panel["gridPos"] for panel in shown], 2):
            apart = (
                one["x"] + one["w"] <= other["x"]
                or other["x"] + other["w"] <= one["x"]
                or one["y"] + one["h"] <= other["y"]
                or other["y"] + other["h"] <= one["y"]
            )
            assert apart, (one, other)


def test_every_service_has_a_row_and_every_caller_its_calls() -> None:
    rows = {row["title"].split()[0]: row for row in panels(BOARDS["services.json"]) if row["type"] == "row"}
    assert set(rows) == set(services.names())
    expressions = " ".join(
        each["expr"] for panel in panels(BOARDS["services.json"]) for each in panel.get("targets", ())
    )
    for name in services.names():
        shown = f'calls_total{{service="{name}"' in expressions
        assert shown == bool(services.load(name).calls)


def test_the_scrape_configuration_for_clusters_reads_labels_that_the_chart_sets() -> None:
    """Debian's promtool is built without Kubernetes and cannot check this file."""
    (job,) = yaml.safe_load((FOLDER / "kubernetes-scrape.yaml").read_text())["scrape_configs"]
    chart = (ROOT / "helm" / "streaming-platform" / "templates" / "_parts.tpl").read_text()
    set_by_chart = {re.sub(r"\W", "_", label) for label in re.findall(r"^([\w.]+/[\w-]+):", chart, re.MULTILINE)}
    read = [label for rule in job["relabel_configs"] for label in rule["source_labels"]]
    prefix = "__meta_kubernetes_pod_label_"
    of_pods = {label.removeprefix(prefix) for label in read if label.startswith(prefix)}
    assert len(of_pods) == 3
    assert of_pods <= set_by_chart
    assert {rule.get("target_label") for rule in job["relabel_configs"]} >= {"service", "region", "instance"}
