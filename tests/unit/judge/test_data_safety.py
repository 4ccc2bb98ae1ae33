"""A promise about data is judged with the objectives: broken it deviates, without a history nobody knows."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import msgspec
from msgspec import structs

from chaos.judge.verdict import judge
from chaos.model.events import Event, Loaded, RunStarted
from chaos.model.history import Check, Operation
from chaos.model.verdict import Verdict
from chaos.reports import write_all
from chaos.reports.terminal import render
from tests.unit.reports.synthetic import START, Synthetic

AT = START + 30
WRITE = Operation(kind="write", key="v/t", session="s", begun=AT, ended=AT + 1, region="north", version=(2, 1))
KEPT = Operation(kind="read", key="v/t", session="s", begun=AT + 2, ended=AT + 3, region="north", version=(2, 1))
LOST = structs.replace(KEPT, version=(1, 7))


def journal(*operations: Operation, checks: tuple[Check, ...] = ("acknowledged_kept",), lost: int = 0) -> list[Event]:
    """A healthy run whose load has kept this history, through JSON as in a file."""
    events: list[Event] = []
    for event in Synthetic().journal():
        if isinstance(event, RunStarted):
            experiment = structs.replace(event.plan.experiment, data_safety=checks)
            event = structs.replace(event, plan=structs.replace(event.plan, experiment=experiment))
        elif isinstance(event, Loaded) and operations:
            event = structs.replace(
                event, report=structs.replace(event.report, operations=operations, operations_lost=lost)
            )
            operations = ()
        events.append(event)
    return [msgspec.json.decode(msgspec.json.encode(event), type=Event) for event in events]


def test_a_kept_promise_is_held_beside_the_objectives() -> None:
    verdict = judge(journal(WRITE, KEPT))
    assert verdict.outcome == "held"
    assert [each.name for each in verdict.objectives][-1] == "what was acknowledged is kept"


def test_a_broken_promise_deviates_and_the_finding_shows_the_smallest_history() -> None:
    more = [structs.replace(each, key="other") for each in (WRITE, KEPT)]
    verdict = judge(journal(*more, WRITE, KEPT, LOST))
    assert verdict.outcome == "deviated"
    [finding] = [each for each in verdict.findings if "is broken for v/t" in each.text]
    assert finding.severity == "problem"
    assert "version 2.1 was acknowledged, and north afterwards showed the older 1.7" in finding.text
    assert re.search(r": write 2\.1 in north, ok; \S+ s to \S+ s: read 1\.7 in north, ok\.$", finding.text)


def test_without_a_history_or_with_holes_in_it_nobody_knows() -> None:
    assert judge(journal()).outcome == "inconclusive"
    assert judge(journal(WRITE, KEPT, lost=3)).outcome == "inconclusive"
    silent = structs.replace(KEPT, kind="audit", outcome="fail", version=None)
    verdict = judge(journal(WRITE, KEPT, silent))
    assert (verdict.outcome, "1 key could not be read at the end" in verdict.sentence) == ("inconclusive", True)


def test_a_broken_promise_is_broken_also_in_a_history_with_holes() -> None:
    assert judge(journal(WRITE, LOST, lost=3)).outcome == "deviated"


def test_an_experiment_that_promises_nothing_is_not_judged_by_a_history() -> None:
    assert judge(journal(WRITE, LOST, checks=())).outcome == "held"


def test_every_report_shows_it(tmp_path: Path) -> None:
    events = journal(WRITE, LOST)
    verdict = judge(events)
    texts = [path.read_text() for path in write_all(events, verdict, tmp_path)]
    assert all("what was acknowledged is kept" in text for text in [*texts, _plain(events, verdict)])


def _plain(events: Sequence[Event], verdict: Verdict) -> str:
    return " ".join(render(events, verdict, colour=False).split())
