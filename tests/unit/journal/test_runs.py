"""Where runs are kept and how they are found again."""

from __future__ import annotations

from pathlib import Path

import pytest

from chaos.journal import runs
from chaos.journal.write import JournalWriter
from chaos.model.errors import BadInput, ChaosError
from chaos.model.events import Injecting, Reverted
from tests.unit.reports.synthetic import Synthetic


def made(home: Path, name: str, now: float) -> runs.RunDirectory:
    directory = runs.create(name, now, home)
    with JournalWriter(directory.journal):
        pass
    return directory


def test_a_run_is_named_after_its_time_and_its_experiment() -> None:
    name = runs.run_id("Loss of a region: ÜBER & all", 1_790_000_000.25, lambda count: "ab" * count)
    assert name == "20260921-141320250-abab-loss-of-a-region-ber-all"


def test_runs_sort_by_the_time_they_began(tmp_path: Path) -> None:
    names = [made(tmp_path, "same", 1_790_000_000.0 + step / 100).run for step in range(5)]
    assert [item.run for item in runs.all_runs(tmp_path)] == names
    assert runs.find("last", tmp_path).run == names[-1]


def test_a_run_is_found_by_the_beginning_of_its_name_or_by_its_path(tmp_path: Path) -> None:
    first, second = made(tmp_path, "edge", 1_790_000_000.0), made(tmp_path, "edge", 1_790_086_400.0)
    assert runs.find("20260921", tmp_path) == first
    assert runs.find(second.run, tmp_path) == second
    assert runs.find(str(second.path), tmp_path) == second
    assert runs.find(str(second.journal), tmp_path) == second


def test_a_name_that_fits_none_or_several_is_refused_with_what_there_is(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="no runs"):
        runs.find("last", tmp_path)
    first = made(tmp_path, "edge", 1_790_000_000.0)
    made(tmp_path, "edge", 1_790_000_001.0)
    with pytest.raises(BadInput, match="2 runs begin"):
        runs.find("2026", tmp_path)
    with pytest.raises(BadInput, match="no run begins") as raised:
        runs.find("1999", tmp_path)
    assert first.run in raised.value.hint


def test_the_runs_that_left_something_open_are_found(tmp_path: Path) -> None:
    events = Synthetic(method_seconds=32, per_second=2).journal()
    cut = next(index for index, event in enumerate(events) if isinstance(event, Reverted))
    whole, broken = made(tmp_path, "whole", 1_790_000_000.0), made(tmp_path, "broken", 1_790_000_001.0)
    for directory, some in ((whole, events), (broken, events[:cut])):
        with JournalWriter(directory.journal) as writer:
            writer.record(*some)
    [(directory, injections)] = runs.with_open_injections(tmp_path)
    assert directory == broken
    assert injections == tuple(event for event in events if isinstance(event, Injecting))


def test_a_home_that_cannot_be_written_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "runs").write_text("in the way")
    with pytest.raises(ChaosError, match="cannot make the folder"):
        runs.create("edge", 1_790_000_000.0, tmp_path)


def test_the_home_is_where_the_environment_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STEADFAST_HOME", str(tmp_path / "here"))
    assert runs.create("edge", 1_790_000_000.0).path.parent == tmp_path / "here" / "runs"
