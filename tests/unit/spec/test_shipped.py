"""Shipped experiments and environments are found by name, and every one of them can be read."""

from __future__ import annotations

from pathlib import Path

import pytest

from chaos.catalog import Catalog
from chaos.model.errors import BadInput
from chaos.model.experiment import Experiment
from chaos.shipped import find, find_any, find_environment, shipped_environments, shipped_experiments
from chaos.spec import load_environment, load_experiment


@pytest.mark.parametrize("name", sorted(shipped_experiments()))
def test_every_shipped_experiment_can_be_read(name: str) -> None:
    experiment: Experiment = load_experiment(find(name), Catalog())
    assert experiment.name == name
    assert experiment.guardrails, "somebody will run it where users are"
    assert experiment.hypothesis.endswith(".")


@pytest.mark.parametrize("name", sorted(shipped_environments()))
def test_every_shipped_environment_can_be_read(name: str) -> None:
    assert load_environment(find_environment(name), Catalog()).name == name


def test_there_are_some() -> None:
    assert {"slow-recommendations", "dead-edge", "region-loss"} <= set(shipped_experiments())
    assert "local" in shipped_environments()
    assert "local" not in shipped_experiments()


def test_a_path_wins_over_a_shipped_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "region-loss").mkdir()
    assert find("dead-edge").name == "dead-edge.yaml"
    assert find("region-loss").name == "region-loss.yaml", "a folder of that name is not what was meant"
    (tmp_path / "dead-edge").write_text("mine")
    assert find("dead-edge") == Path("dead-edge")
    assert find(str(tmp_path)) == tmp_path


def test_a_slip_is_answered_with_what_was_meant() -> None:
    with pytest.raises(BadInput, match='did you mean "slow-recommendations"'):
        find("slow-recomendations")
    with pytest.raises(BadInput, match='did you mean "slow-recommendations"'):
        find("experiments/slow-recomendations.yaml")
    with pytest.raises(BadInput, match="shipped: kubernetes, local, pipeline"):
        find_environment("moon")
    with pytest.raises(BadInput, match="no shipped experiment, environment or game day"):
        find_any("moon")
