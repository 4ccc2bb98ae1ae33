"""Files of objectives: what they hold, and what is said of wrong ones."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from chaos.catalog import Catalog
from chaos.judge.burn_rate import rules
from chaos.model.objectives import Objectives
from chaos.spec import BadFile, load_file, read_experiment
from chaos.spec.objectives_file import read_objectives

ROOT = Path(__file__).resolve().parents[3]
PAGE = (ROOT / "docs" / "how-to" / "prometheus-and-grafana.md").read_text()
GOOD = """\
apiVersion: chaos/v1
kind: Objectives
name: shop
objectives:
  - {name: it works, probe: {promql_ratio: {good: a, total: b}}, target: ">= 99.9%"}
"""


def complaints(text: str) -> str:
    with pytest.raises(BadFile) as caught:
        read_objectives(text, "objectives.yaml", Catalog())
    return str(caught.value)


def test_the_platforms_are_read_by_their_kind() -> None:
    read = load_file(ROOT / "target_platform" / "observability" / "objectives.yaml", Catalog())
    assert isinstance(read, Objectives)
    assert rules(read).left_out == ()


def test_those_of_the_documentation_are_read() -> None:
    (objectives,) = re.findall(r"```yml\n(.*?)```", PAGE, re.DOTALL)
    assert rules(read_objectives(objectives, "page.md", Catalog())).left_out == ()
    (experiment,) = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    assert len(read_experiment(experiment, "page.md", Catalog()).objectives) == 3


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (GOOD.replace("name: shop\n", ""), "needs the key `name`"),
        (GOOD.partition("  - ")[0] + "  []\n", "there is no objective in it"),
        (GOOD.replace("promql_ratio", "promql_rato"), 'did you mean "promql_ratio"'),
        (GOOD.replace("{promql_ratio: {good: a, total: b}}", "{load_ratio: {request: x}}"), "there is no `load:`"),
        (GOOD.replace('"}', '", window: fault}').replace('9%"', '9%", window: fault'), "never opens"),
        (GOOD.replace("total: b", 'total: b, url: "prometheus:9090"'), "is not the address of a Prometheus"),
        (GOOD.replace("Objectives", "Experiment"), "this is an experiment, expected a file of objectives"),
    ],
)
def test_what_is_wrong_is_said(wrong: str, said: str) -> None:
    assert said in complaints(wrong)
