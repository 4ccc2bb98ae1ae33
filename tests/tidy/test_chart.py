"""The charts say what the code says."""

from __future__ import annotations

import pytest
import yaml

from chaos.shipped import chart as toolkit_chart
from chaos.shipped import chart_dir
from target_platform.chart import CHART, generated
from target_platform.weaknesses import effective_policies


@pytest.mark.parametrize(("name", "text"), generated().items(), ids=lambda each: str(each)[:24])
def test_its_generated_files_are_up_to_date(name: str, text: str) -> None:
    assert (CHART / name).read_text() == text, "run `python -m target_platform.chart`"


def test_its_policies_are_the_platforms() -> None:
    held = yaml.safe_load((CHART / "files" / "policies.yaml").read_text())
    assert held == yaml.safe_load(effective_policies())


def test_the_toolkits_chart_grants_the_rights_that_the_toolkit_asks_for() -> None:
    held = chart_dir("chaos") / toolkit_chart.RIGHTS
    assert held.read_text() == toolkit_chart.generated(), "run `python -m chaos.shipped.chart`"
