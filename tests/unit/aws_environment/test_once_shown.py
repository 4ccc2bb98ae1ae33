"""AWS may go on showing what was before a change: who undoes it does not believe that too early."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from chaos.environments.aws import AwsEnvironment, opened
from chaos.model.environment import EnvironmentRef
from chaos.model.system import JSON


def environment(consistent_within_seconds: float) -> AwsEnvironment:
    given: dict[str, JSON] = {
        "account": "123456789012",
        "regions": ["eu-west-1"],
        "consistent_within_seconds": consistent_within_seconds,
    }
    return AwsEnvironment(EnvironmentRef(kind="aws", name="shop", settings=given))


def shows_late(*seen: str) -> Callable[[], str]:
    answers: Iterator[str] = iter(seen)
    return lambda: next(answers)


@pytest.fixture(autouse=True)
def _often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opened, "_SHOW_EVERY_SECONDS", 0.001)


def test_who_has_just_come_looks_until_the_record_shows() -> None:
    look = shows_late("", "", "the record")
    assert environment(600).once_shown(look, bool) == "the record"


def test_who_has_been_here_for_long_enough_believes_the_first_look() -> None:
    assert environment(0).once_shown(shows_late("", "the record"), bool) == ""


def test_a_change_of_ours_makes_it_too_early_again() -> None:
    here = environment(600)
    here._sure_at = 0.0
    here.changed()
    assert here.once_shown(shows_late("", "the record"), bool) == "the record"
