"""The rules made of objectives, judged by promtool: what fires, when, and what does not."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from chaos.cli import app
from tests.prometheus import promtool

OBJECTIVES = """\
apiVersion: chaos/v1
kind: Objectives
name: all
objectives:
  - name: it "works"
    probe: {promql_ratio: {good: 'asked_total{status="200"}', total: asked_total}}
    target: ">= 99%"
  - name: it is fast
    probe: {promql_quantile: {buckets: 'took_seconds_bucket{a="b"}', quantile: 99%}}
    target: "< 2s"
"""
MINUTE, HOUR = 1, 60


@pytest.fixture
def rules(tmp_path: Path) -> Path:
    (tmp_path / "objectives.yaml").write_text(OBJECTIVES)
    out = tmp_path / "rules.yaml"
    done = CliRunner().invoke(app, ["objectives", "rules", str(tmp_path / "objectives.yaml"), "--out", str(out)])
    assert done.exit_code == 0, done.output
    promtool("check", "rules", out)
    return out


def fired(rules: Path, series: dict[str, str], at_minutes: int, expected: set[str]) -> None:
    """promtool finds exactly alerts of these windows. A series is START+STEPxTIMES a minute."""
    at = f"{at_minutes}m"
    test = {
        "rule_files": [str(rules)],
        "evaluation_interval": "1m",
        "tests": [
            {
                "interval": "1m",
                "input_series": [{"series": name, "values": values} for name, values in series.items()],
                "promql_expr_test": [
                    {
                        "expr": 'count by (window) (ALERTS{alertstate="firing"})',
                        "eval_time": at,
                        "exp_samples": [{"labels": f'{{window="{window}"}}', "value": 1} for window in expected],
                    }
                ],
            }
        ],
    }
    file = rules.with_name("test.yaml")
    file.write_text(yaml.safe_dump(test))
    promtool("test", "rules", file)


def asked(good: str, bad: str) -> dict[str, str]:
    return {'asked_total{status="200"}': good, 'asked_total{status="500"}': bad}


@pytest.mark.parametrize(
    ("bad_percent", "expected"),
    [(0, set()), (0.5, set()), (2, {"3d"}), (8, {"3d", "6h"}), (20, {"3d", "6h", "1h"}), (100, {"3d", "6h", "1h"})],
)
def test_the_faster_the_budget_burns_the_more_windows_say_so(
    rules: Path, bad_percent: float, expected: set[str]
) -> None:
    good, bad = 10 * (100 - bad_percent), 10 * bad_percent
    fired(rules, asked(f"0+{good:g}x120", f"0+{bad:g}x120"), 2 * HOUR, expected)


def test_a_page_comes_within_minutes_of_an_outage_and_goes_as_soon_after_it(rules: Path) -> None:
    series = asked("0+100x60 6000+0x20 6000+100x60", "0+0x60 0+100x20 2000+0x60")
    fired(rules, series, 60, set())
    fired(rules, series, 72, {"1h", "6h", "3d"})
    fired(rules, series, 80 + 8, {"6h", "3d"})  # the last 5 minutes were good


def test_a_system_in_which_nothing_was_ever_good_pages(rules: Path) -> None:
    fired(rules, {'asked_total{status="500"}': "0+100x30"}, 30, {"1h", "6h", "3d"})


def test_no_traffic_and_restarts_page_nobody(rules: Path) -> None:
    fired(rules, asked("100+0x120", "5+0x120"), 2 * HOUR, set())
    fired(rules, asked("0+100x30 0+100x30", "0+0x30 0+0x30"), 45, set())


@pytest.mark.parametrize("bound", ["2", "2.0"])
def test_slow_is_failed_whichever_way_the_bound_is_written(rules: Path, bound: str) -> None:
    def buckets(within: int) -> dict[str, str]:
        return {
            f'took_seconds_bucket{{a="b", le="{bound}"}}': f"0+{within}x60",
            'took_seconds_bucket{a="b", le="+Inf"}': "0+1000x60",
            'took_seconds_bucket{a="c", le="+Inf"}': "0+1000x60",
        }

    fired(rules, buckets(995), 60, set())
    fired(rules, buckets(800), 60, {"1h", "6h", "3d"})


def test_a_file_without_a_usable_objective_is_bad_input_with_the_reasons() -> None:
    done = CliRunner().invoke(app, ["objectives", "rules", "dead-edge"])
    assert done.exit_code != 0
    assert '"titles start" is left out: the probe load_ratio reads no counters of Prometheus' in done.output
