"""docs/reference/experiment-format.md: its examples can be read, its tables are true."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec
import pytest

from chaos.catalog import Catalog
from chaos.model.experiment import Limits, Load, Objective, WaitUntilStep
from chaos.spec import load_file
from chaos.spec.steps import BUILT_IN_LABELS

PAGE = (Path(__file__).resolve().parents[3] / "docs" / "reference" / "experiment-format.md").read_text()
BLOCKS = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)


@pytest.mark.parametrize("block", BLOCKS, ids=[re.findall(r"name: (\S+)", block)[0] for block in BLOCKS])
def test_every_example_can_be_read(block: str, tmp_path: Path) -> None:
    path = tmp_path / "example.yaml"
    path.write_text(block)
    assert load_file(path, Catalog()).name


def test_there_are_examples() -> None:
    assert len(BLOCKS) == 6


def test_the_built_in_labels_are_those_of_the_model() -> None:
    for kind, labels in BUILT_IN_LABELS.items():
        assert f"| `{kind}` | {', '.join(f'`{label}`' for label in labels)} |" in PAGE


def test_the_defaults_are_those_of_the_model() -> None:
    load, limits = Load(locustfile="x"), Limits()
    rows = {row[0]: row[1] for row in re.findall(r"^\| `(\w+)` \|.*\| (\S+) \|$", PAGE, re.MULTILINE)}
    written = {key: rows[key] for key in ("timeScale", "warmUp", "baseline", "drain", "maxLag", "maxDuration")}
    assert written == {
        "timeScale": f"{load.time_scale:g}",
        "warmUp": f"`{load.warm_up_seconds:g}s`",
        "baseline": f"`{load.baseline_seconds:g}s`",
        "drain": f"`{load.drain_seconds:g}s`",
        "maxLag": f"`{load.max_lag_ms:g}ms`",
        "maxDuration": f"`{limits.max_duration_seconds / 60:g}m`",
    }
    assert rows["maxTargets"] == f"`{limits.max_targets_share:.0%}`"
    assert rows["leaseMargin"] == f"`{limits.lease_margin_seconds:g}s`"
    assert f"(default `{_default(WaitUntilStep, 'timeout_seconds'):g}s`)" in PAGE
    assert f"default {_default(Objective, 'confidence'):.0%}" in PAGE


def _default(of: type, field: str) -> float:
    value: float = next(each.default for each in msgspec.structs.fields(of) if each.name == field)
    return value
