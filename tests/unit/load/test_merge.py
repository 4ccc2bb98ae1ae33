"""Reports of several workers as one stream."""

from __future__ import annotations

from msgspec import structs

from chaos.load.merge import PATIENCE_SECONDS, Merger
from chaos.model.history import Operation
from chaos.model.sample import Histogram, LoadReport, LoadStream
from tests.clock import Clock


def _report(
    at: float, count: int = 0, lag_ms: float = 0.0, users: int = 0, finished: bool = False, unfinished: int = 0
) -> LoadReport:
    stream = LoadStream(second=7, request="home", count=count, bytes=count, histogram=Histogram.of([1.0] * count))
    return LoadReport(
        at=at,
        streams=(stream,) if count else (),
        lag_ms=lag_ms,
        active_users=users,
        failures={"home: 500": 1},
        finished=finished,
        unfinished=unfinished,
    )


def test_counts_add_up_and_the_worst_lag_counts() -> None:
    merger = Merger(2)
    merger.add(0, [_report(10.0, count=3, lag_ms=900.0, users=4)])
    assert merger.take() is None
    merger.add(1, [_report(10.2, count=2, lag_ms=1.0, users=5)])
    report = merger.take()
    assert report is not None
    assert (report.at, report.lag_ms, report.active_users, report.failures) == (10.2, 900.0, 9, {"home: 500": 2})
    [stream] = report.streams
    assert (stream.second, stream.count, stream.bytes, stream.histogram.total) == (7, 5, 5, 5)
    assert merger.take() is None


def test_a_worker_that_is_late_does_not_keep_the_others_from_the_guardrails() -> None:
    clock = Clock()
    merger = Merger(2, clock)
    merger.add(0, [_report(10.0, count=3)])
    clock.now += PATIENCE_SECONDS
    assert merger.take() is not None
    merger.add(1, [_report(10.0, lag_ms=1500.0)])
    clock.now += PATIENCE_SECONDS
    late = merger.take()
    assert late is not None
    assert late.lag_ms == 1500.0


def test_it_is_finished_when_all_are_and_what_was_cut_off_adds_up() -> None:
    merger = Merger(2)
    merger.add(0, [_report(10.0, finished=True, unfinished=2)])
    merger.add(1, [_report(10.1)])
    first = merger.take()
    assert first is not None
    assert (first.finished, first.unfinished) == (False, 0)
    merger.add(1, [_report(11.0, finished=True, unfinished=1)])
    last = merger.take()
    assert last is not None
    assert (last.finished, last.unfinished) == (True, 3)


def test_the_histories_of_workers_are_one() -> None:
    merger = Merger(2)
    kept = Operation(kind="read", key="k", session="s", begun=1.0, ended=2.0)
    for worker in (0, 1):
        report = structs.replace(_report(10.0), operations=(structs.replace(kept, session=str(worker)),))
        merger.add(worker, [structs.replace(report, operations_lost=worker)])
    merged = merger.take()
    assert merged is not None
    assert ([each.session for each in merged.operations], merged.operations_lost) == (["0", "1"], 1)
