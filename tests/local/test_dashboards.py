"""Every query of every dashboard and rule, asked of a real Prometheus that scrapes the platform during a run."""

from __future__ import annotations

import json
import math
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
import yaml

from tests.prometheus import prometheus, tool

ROOT = Path(__file__).resolve().parents[2]
BASE_PORT, PROMETHEUS, RUNS = 25200, 25110, 25111
CHAOS = [sys.executable, "-c", "from chaos.cli import main; main()"]

EXPERIMENT = """\
apiVersion: chaos/v1
kind: Experiment
name: looked-at
hypothesis: Everything that is shown of a run has something to show.
steadyState:
  - {name: titles start, probe: {load_ratio: {request: start}}, target: ">= 50%"}
load: {locustfile: viewers, mix: subscribers, arrivals: 12/s, timeScale: 4, warmUp: 1s, baseline: 1s, drain: 1s}
method:
  - {fault: kill, target: {instance: {service: edge}}, duration: 4s}
recovery: 1s
"""


@dataclass(frozen=True)
class Seen:
    """A Prometheus, and when it saw the run: asking takes long on a busy machine, and must not change what is seen."""

    url: str
    began_at: float
    ended_at: float = 0.0


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    return {**os.environ, "STEADFAST_HOME": str(tmp_path_factory.mktemp("home"))}


def chaos(environment: dict[str, str], *arguments: str | Path) -> str:
    done = subprocess.run([*CHAOS, *arguments], cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@contextmanager
def started(environment: dict[str, str], *arguments: str | Path) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [*CHAOS, *arguments],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.terminate()
        process.communicate(timeout=30)


@pytest.fixture(scope="module")
def seen(environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Seen]:
    """A Prometheus that has seen the platform, its rules, and a run with a fault in it."""
    tool("prometheus")
    folder = tmp_path_factory.mktemp("prometheus")
    (folder / "looked-at.yaml").write_text(EXPERIMENT)
    try:
        chaos(environment, "platform", "up", "--base-port", str(BASE_PORT))
        rules = ["--rules", "dashboards/rules.yaml", "--every", "1", "--runs", f"127.0.0.1:{RUNS}"]
        config = chaos(environment, "platform", "scrape-config", *rules)
        began_at = time.time()
        with (
            started(environment, "metrics", "--port", str(RUNS)),
            prometheus(config, folder, PROMETHEUS) as url,
            started(environment, "run", folder / "looked-at.yaml") as run,
        ):
            said, _ = run.communicate(timeout=90)
            assert run.returncode in (0, 1, 3), said  # what came of it does not matter here
            ends_at = time.monotonic() + 30
            while not numbers(Seen(url, began_at, time.time()), "chaos_run_verdict"):
                assert time.monotonic() < ends_at, "the run's end was never scraped"
                time.sleep(0.2)
            yield Seen(url, began_at, time.time())
    finally:
        chaos(environment, "platform", "down")


def asked(url: str, path: str, **parameters: str) -> Any:
    connection = HTTPConnection(url.removeprefix("http://"), timeout=10)
    connection.request("GET", f"/api/v1/{path}?{urlencode(parameters)}")
    answer = json.loads(connection.getresponse().read())
    connection.close()
    assert answer["status"] == "success", (parameters, answer)
    return answer["data"]


ALERT = "rules.yaml: alert"


def all_queries() -> list[tuple[str, str]]:
    """(where it stands, query) of every panel and annotation of every dashboard, and of every rule."""
    found: list[tuple[str, str]] = []
    for file in sorted((ROOT / "dashboards").glob("*.json")):
        board = json.loads(file.read_text())
        found += [(f"{file.name}: annotation", each["expr"]) for each in board["annotations"]["list"]]
        panels = [inner for panel in board["panels"] for inner in (panel, *panel.get("panels", ()))]
        for panel in panels:
            found += [(f"{file.name}: {panel['title']}", each["expr"]) for each in panel.get("targets", ())]
    rules = yaml.safe_load((ROOT / "dashboards" / "rules.yaml").read_text())
    every = [rule for group in rules["groups"] for rule in group["rules"]]
    return found + [(ALERT if "alert" in rule else "rules.yaml", rule["expr"]) for rule in every]


def filled_in(query: str, run: str) -> str:
    """As Grafana would ask it, with everything chosen."""
    known = {"region": ".*", "home": ".*", "objective": ".*", "run": run, "__rate_interval": "5s"}
    return re.sub(r"\$(\w+)", lambda name: known[name[1]], query)


def numbers(seen: Seen, query: str) -> list[float]:
    """Everything it gave from the run's beginning on, every second, that is a number."""
    data = asked(seen.url, "query_range", query=query, start=f"{seen.began_at}", end=f"{seen.ended_at}", step="1")
    values = [float(value) for series in data["result"] for _, value in series["values"]]
    return [value for value in values if math.isfinite(value)]


def test_no_query_is_an_error_and_each_gives_data(seen: Seen) -> None:
    run = asked(seen.url, "label/run/values")[-1]
    queries = all_queries()
    assert len(queries) > 200
    empty = [(where, query) for where, query in queries if not numbers(seen, filled_in(query, run))]
    assert [each for each in empty if each[0] != ALERT] == []
    assert 0 < len(empty) <= sum(where == ALERT for where, _ in queries), "alerts give data only while a budget burns"


def test_what_variables_choose_from_is_there(seen: Seen) -> None:
    for file in (ROOT / "dashboards").glob("*.json"):
        for variable in json.loads(file.read_text())["templating"]["list"]:
            definition = re.fullmatch(r"label_values\((.+), (\w+)\)", variable.get("definition", ""))
            if definition:
                matching = re.sub(r"\{.*\}", "", definition[1])
                assert asked(seen.url, f"label/{definition[2]}/values", **{"match[]": matching}), (file, variable)


def test_the_fault_has_a_beginning_and_an_end(seen: Seen) -> None:
    values = numbers(seen, "max(chaos_fault_active)")
    assert re.fullmatch("0*1+0+", "".join(f"{value:.0f}" for value in values)), values


def test_prometheus_took_over_the_rules_and_scrapes_every_instance(seen: Seen) -> None:
    groups = asked(seen.url, "rules")["groups"]
    assert {rule["health"] for group in groups for rule in group["rules"]} == {"ok"}
    scraped = {
        target["labels"]["job"] for target in asked(seen.url, "targets")["activeTargets"] if target["health"] == "up"
    }
    assert scraped == {"streaming", "chaos"}
