"""What is counted in a measurement of detection, and with which intervals."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from chaos.bench.cases import Case, Kind, Source, all_cases, chosen, sample, source
from chaos.bench.detection import as_wished, detection, unanswered
from chaos.bench.results import NOT_POSSIBLE, Result, Results
from chaos.bench.runner import ask_again, measure, platform_for
from chaos.bench.tables import as_json, as_markdown, as_text
from chaos.model.errors import BadInput

WEAKNESS = "name: {name}\nstory: s\noutage_class: o\npatch: {{}}\nnoticed_by: [{by}]\n"


def result(kind: Kind, outcome: str, experiment: str = "e", weakness: str = "w", repeat: int = 1) -> Result:
    case = Case(kind=kind, experiment=experiment, seed=repeat, of="", weakness=weakness, repeat=repeat)
    return Result(case=case, outcome=outcome, exit_code=0, seconds=40.0 + repeat)


@pytest.fixture
def stock(tmp_path: Path) -> Source:
    """Three weaknesses, of which one must be noticed by two experiments."""
    folder = tmp_path / "weaknesses"
    folder.mkdir()
    for name, by in {"a": "x", "b": "x, y", "c": "z"}.items():
        (folder / f"{name}.yaml").write_text(WEAKNESS.format(name=name, by=by))
    experiments = {}
    for name in "xyz":
        experiments[name] = tmp_path / f"{name}.yaml"
        experiments[name].write_text(name)
    return source(folder, experiments)


def test_recall_is_what_was_noticed_of_what_had_an_answer_with_wilsons_interval() -> None:
    found = detection([result("weakened", "deviated", repeat=n) for n in range(9)] + [result("weakened", "held")])
    assert (found.recall.number, found.recall.total) == (9, 10)
    assert found.recall.low == pytest.approx(0.5958, abs=1e-4)  # published: Wilson, 9 of 10 at 95 %
    assert found.recall.high == pytest.approx(0.9821, abs=1e-4)


def test_a_run_without_an_answer_is_in_no_share_but_is_told() -> None:
    found = detection([result("weakened", "deviated"), result("weakened", "refused"), result("healthy", "bug")])
    assert (found.recall.total, found.false_alarms.total, found.inconclusive.total) == (1, 0, 1)
    assert found.false_alarms.low is None
    assert [each.outcome for each in found.wrong] == ["refused", "bug"]


def test_a_pair_counts_as_noticed_only_when_every_repeat_noticed_it() -> None:
    runs = [result("weakened", outcome, repeat=n) for n, outcome in enumerate(("deviated", "deviated", "held"))]
    found = detection([*runs, result("weakened", "deviated", experiment="f", weakness="v")])
    assert (found.recall_of_pairs.number, found.recall_of_pairs.total) == (1, 2)
    assert (found.recall_of_weaknesses.number, found.recall_of_weaknesses.total) == (1, 2)
    assert (found.agreement.number, found.agreement.total) == (0, 1)


def test_a_guardrail_that_stops_a_healthy_run_is_a_false_alarm_and_on_a_weakened_one_it_has_noticed() -> None:
    found = detection([result("healthy", "aborted"), result("weakened", "aborted"), result("control", "deviated")])
    assert (found.false_alarms.number, found.recall.number, found.control_alarms.number) == (1, 1, 1)
    assert [each.case.kind for each in found.wrong] == ["healthy", "control"]


def test_inconclusive_is_neither_a_false_alarm_nor_noticed_nor_as_wished() -> None:
    found = detection([result("healthy", "inconclusive"), result("weakened", "inconclusive")])
    assert (found.inconclusive.number, found.recall.number, found.false_alarms.number) == (2, 0, 0)
    assert len(found.wrong) == 2


def test_what_this_machine_cannot_do_is_nobodys_fault() -> None:
    assert as_wished(result("healthy", NOT_POSSIBLE))
    assert not as_wished(result("weakened", "held"))


def test_all_forms_of_the_figures_say_what_was_missed() -> None:
    found = detection([result("weakened", "held"), result("healthy", "held")])
    assert "0 of 1 (0.0% to 79.3%)" in as_text(found)
    assert "e weakened by w, repeat 1: held" in as_markdown(found)
    assert b'"number": 0' in as_json(found)
    assert "not measured" in as_text(detection([]))


def test_repeats_share_a_seed_and_healthy_runs_have_their_own(stock: Source) -> None:
    cases = all_cases(stock, repeats=3, healthy=7)
    weakened = [case for case in cases if case.kind == "weakened"]
    assert len(weakened) == 4 * 3
    assert len({(case.experiment, case.weakness, case.seed) for case in weakened}) == 4
    healthy = [case for case in cases if case.kind == "healthy"]
    assert len({case.seed for case in healthy}) == 7
    assert sorted(case.experiment for case in healthy) == ["x", "x", "x", "y", "y", "z", "z"]
    assert cases == all_cases(stock, repeats=3, healthy=7)


def test_the_sample_turns_and_has_all_three_legs_of_each_pair(stock: Source) -> None:
    samples = [sample(stock, 6, f"commit {number}") for number in range(30)]
    assert all(len(each) == 6 for each in samples)
    assert all(sorted(case.kind for case in each[:3]) == ["control", "healthy", "weakened"] for each in samples)
    assert {case.experiment for each in samples for case in each} == {"x", "y", "z"}
    assert samples[3] == sample(stock, 6, "commit 3")


def test_long_experiments_are_in_no_sample(stock: Source) -> None:
    stock.experiments["x"].write_text("tags: [data, long]")
    assert {case.experiment for turn in "abcdef" for case in sample(stock, 6, turn)} == {"y", "z"}
    assert any(case.experiment == "x" for case in all_cases(stock, 1, 0))


def test_only_selects_weaknesses_and_experiments_by_name(stock: Source) -> None:
    assert [(name, each.name) for name, each, _ in chosen(stock, ["y", "c"]).pairs] == [("y", "b"), ("z", "c")]
    with pytest.raises(BadInput, match="'q' is no weakness"):
        chosen(stock, ["q"])


def test_a_weakness_that_nobody_must_notice_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(WEAKNESS.format(name="a", by=""))
    with pytest.raises(BadInput, match="noticed_by is empty"):
        source(tmp_path, {})
    (tmp_path / "a.yaml").write_text(WEAKNESS.format(name="a", by="nothing"))
    with pytest.raises(BadInput, match="no such experiment"):
        source(tmp_path, {})


def test_the_shipped_weaknesses_are_found_without_importing_the_platform() -> None:
    from chaos.shipped import shipped_experiments

    assert len(source(None, shipped_experiments()).weaknesses) >= 16


def test_a_killed_measurement_goes_on_where_it_was_and_a_torn_line_is_made_again(tmp_path: Path, stock: Source) -> None:
    cases = all_cases(stock, repeats=1, healthy=0)
    ran: list[Case] = []

    def run(case: Case) -> Result:
        ran.append(case)
        return Result(case=case, outcome="deviated", exit_code=1, seconds=1.0)

    measure(cases, Results(tmp_path), run, lambda _: None, at_most=3)
    file = tmp_path / "results.jsonl"
    file.write_bytes(file.read_bytes()[:-20])
    assert len(measure(cases, Results(tmp_path), run, lambda _: None)) == 4
    assert ran == [*cases[:3], *cases[2:]]
    assert len(Results(tmp_path).all()) == 4


def test_a_changed_experiment_is_run_again(tmp_path: Path, stock: Source) -> None:
    before = all_cases(stock, 1, 0)
    stock.experiments["z"].write_text("changed")
    changed = [case for case, old in zip(all_cases(stock, 1, 0), before, strict=True) if case.key != old.key]
    assert [case.experiment for case in changed] == ["z"]


def test_who_was_refused_is_told_and_made_again(tmp_path: Path, stock: Source) -> None:
    [case, *_] = all_cases(stock, 1, 0)
    refused = Result(case=case, outcome="refused", exit_code=4, seconds=1.0)
    assert measure([case], Results(tmp_path), lambda _: refused, lambda _: None) == [refused]
    assert Results(tmp_path).all() == ()


def test_what_had_no_answer_is_asked_again_with_another_seed_and_still_counted(tmp_path: Path, stock: Source) -> None:
    cases = all_cases(stock, 1, 0)[:2]
    said = {cases[0].seed: "inconclusive", cases[1].seed: "deviated"}

    def run(case: Case) -> Result:
        return Result(case=case, outcome=said.get(case.seed, "deviated"), exit_code=0, seconds=1.0)

    def measured(wanted: Sequence[Case]) -> list[Result]:
        return measure(wanted, Results(tmp_path), run, lambda _: None)

    first = measured(cases)
    assert [each.case for each in unanswered(first)] == [cases[0]]
    both = ask_again(first, 2, measured)
    assert [each.outcome for each in both] == ["inconclusive", "deviated", "deviated"], "one more run, and no third"
    assert both[2].case.seed != cases[0].seed
    assert unanswered(both) == ()
    assert detection(both).inconclusive.number == 1


def test_asking_again_does_not_turn_a_wrong_answer_into_a_right_one() -> None:
    missed = detection([result("weakened", "held"), result("weakened", "deviated")])
    assert [each.outcome for each in missed.wrong] == ["held"]


@pytest.mark.parametrize(("was_up", "downs"), [(True, 0), (False, 1)])
def test_a_platform_that_was_up_stays_up(tmp_path: Path, was_up: bool, downs: int) -> None:
    ended: list[int] = []
    with platform_for(tmp_path, lambda: not was_up, lambda: ended.append(1)):
        pass
    assert len(ended) == downs


def test_a_platform_that_a_killed_measurement_had_started_is_taken_down_by_the_next(tmp_path: Path) -> None:
    (tmp_path / "platform-is-ours").touch()
    ended: list[int] = []
    with platform_for(tmp_path, lambda: False, lambda: ended.append(1)):
        pass
    assert ended == [1]
