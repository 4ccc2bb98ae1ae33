"""A check never seen failing is not a check, so there must be something that makes each experiment fail."""

from __future__ import annotations

from tests.experiments.to_prove import pairs, to_be_proven


def test_every_shipped_experiment_has_a_weakness_that_it_must_notice() -> None:
    assert {experiment for experiment, _ in pairs()} == to_be_proven()
    assert len(to_be_proven()) >= 4
