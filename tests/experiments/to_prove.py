"""Which experiment must notice which weakness: it stands in the weaknesses."""

from __future__ import annotations

from pathlib import Path

import yaml

from chaos.shipped import shipped_experiments

WEAKNESSES = Path(__file__).resolve().parents[2] / "target_platform" / "weaknesses"


def pairs() -> list[tuple[str, str]]:
    """(experiment, weakness that it must notice), sorted."""
    read = [yaml.safe_load(path.read_text()) for path in WEAKNESSES.glob("*.yaml")]
    return sorted((experiment, each["name"]) for each in read for experiment in each["noticed_by"])


BESIDE_AN_ACCOUNT = ("region-evacuation", "no-room-for-failover")
"""Proven by test_region_evacuation.py, as it needs an account as well."""


def to_be_proven() -> set[str]:
    """Experiments on the bundled platform alone; lessons, the pipeline, and the evacuation have tests of their own."""
    others = ("lessons", "gamedays", "pipeline", "evacuation")
    return {name for name, path in shipped_experiments().items() if path.parent.name not in others}
