"""A control that prints what it should not."""

from __future__ import annotations

from typing import Any


def after_experiment_control(context: dict[str, Any], secrets: dict[str, dict[str, str]]) -> None:
    print("gossip:", secrets["g"]["token"])
