"""Exit codes are part of the interface."""

from __future__ import annotations

from typing import get_args

from hypothesis import given
from hypothesis import strategies as st

from chaos.model.errors import ExitCode, worst
from chaos.model.verdict import EXIT_CODES, Outcome

WORST_FIRST = [6, 70, 130, 143, 1, 5, 3, 4, 2, 0]


def test_only_held_is_green() -> None:
    assert [outcome for outcome in get_args(Outcome) if EXIT_CODES[outcome] == 0] == ["held"]


def test_every_outcome_has_a_code_of_its_own() -> None:
    assert set(EXIT_CODES) == set(get_args(Outcome))
    assert len(set(EXIT_CODES.values())) == len(EXIT_CODES)


@given(st.lists(st.sampled_from(list(ExitCode)), min_size=1))
def test_a_suite_exits_with_its_worst_run(codes: list[ExitCode]) -> None:
    assert WORST_FIRST.index(worst(codes)) == min(WORST_FIRST.index(code) for code in codes)


def test_a_suite_of_no_runs_is_not_green() -> None:
    assert worst([]) == ExitCode.BAD_INPUT
