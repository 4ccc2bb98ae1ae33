"""What happens to a request event until it is a LoadStream."""

from __future__ import annotations

import gevent
import pytest

from chaos.load.listen import Arrival, Listener
from chaos.load.recorder import MAX_ERRORS, MAX_KINDS, MAX_OPERATIONS, OTHER, Recorder
from chaos.model.sample import LoadReport, LoadStream, upper_bound


def _listener(now: float = 100.9) -> tuple[Recorder, Listener]:
    recorder = Recorder()
    return recorder, Listener(recorder, lambda: now)


def _fire(listener: Listener, name: str = "home", milliseconds: float = 20.0, **more: object) -> None:
    event = {"request_type": "GET", "response_length": 10, "start_time": 100.5, "response": None, **more}
    listener.on_request(name=name, response_time=milliseconds, **event)  # type: ignore[arg-type]


def _only(report: LoadReport) -> LoadStream:
    [stream] = report.streams
    return stream


def test_requests_add_up_per_second_name_and_region() -> None:
    recorder, listener = _listener()
    _fire(listener, context={"region": "east"})
    _fire(listener, context={"region": "east"}, milliseconds=40.0)
    _fire(listener, context={"region": "west"})
    _fire(listener, context={"region": "west"}, start_time=101.2)
    streams = {(s.second, s.region): s for s in recorder.take(at=102.0, active_users=3).streams}
    assert set(streams) == {(100, "east"), (100, "west"), (101, "west")}
    east = streams[100, "east"]
    assert (east.request, east.count, east.failures, east.bytes, east.sum_value) == ("home", 2, 0, 20, 60.0)
    assert east.histogram.total == 2
    assert upper_bound(max(east.histogram.buckets)) == pytest.approx(40.0, rel=0.02)


def test_a_report_holds_only_what_came_since_the_last_one() -> None:
    recorder, listener = _listener()
    _fire(listener)
    assert len(recorder.take(at=101.0, active_users=1).streams) == 1
    last = recorder.take(at=102.0, active_users=0, unfinished=4)
    assert last == LoadReport(at=102.0, finished=True, unfinished=4)


def test_a_failure_is_counted_with_its_bytes_and_has_no_latency() -> None:
    recorder, listener = _listener()
    _fire(listener, exception=ConnectionRefusedError("refused"))
    report = recorder.take(at=101.0, active_users=1)
    stream = _only(report)
    assert (stream.count, stream.failures, stream.bytes, stream.histogram.total) == (1, 1, 10, 0)
    assert report.failures == {"home: refused": 1}


def test_a_measure_is_a_value_and_belongs_to_the_moment_it_was_taken() -> None:
    recorder, listener = _listener(now=107.2)
    _fire(listener, name="bitrate_kbps", milliseconds=1200.0, request_type="measure", start_time=None)
    stream = _only(recorder.take(at=108.0, active_users=1))
    assert (stream.second, stream.sum_value) == (107, 1200.0)


def test_an_event_without_a_start_time_is_dated_back_by_its_length() -> None:
    recorder, listener = _listener(now=107.2)
    _fire(listener, milliseconds=3000.0, start_time=None)
    assert _only(recorder.take(at=108.0, active_users=1)).second == 104


def test_the_first_request_of_a_late_session_carries_its_lateness_and_the_second_does_not() -> None:
    recorder, listener = _listener()

    def session() -> None:
        gevent.getcurrent().chaos_arrival = Arrival(late_ms=1500.0)
        _fire(listener, name="measured first", request_type="measure")
        _fire(listener, name="first")
        _fire(listener, name="second")

    gevent.spawn(session).get()
    sums = {s.request: (s.second, s.sum_value) for s in recorder.take(at=102.0, active_users=1).streams}
    assert sums == {"measured first": (100, 20.0), "first": (99, 1520.0), "second": (100, 20.0)}


def test_lag_is_the_worst_since_the_last_report() -> None:
    recorder = Recorder()
    for milliseconds in (3.0, 250.0, 1.0):
        recorder.lag(milliseconds)
    assert recorder.take(at=1.0, active_users=0).lag_ms == 250.0
    assert recorder.take(at=2.0, active_users=0).lag_ms == 0.0


def test_names_and_errors_without_end_do_not_fill_the_memory() -> None:
    recorder, listener = _listener()
    for number in range(MAX_KINDS + 50):
        _fire(listener, name=f"/item/{number}", exception=ValueError(f"bad {number}"))
    report = recorder.take(at=101.0, active_users=1)
    assert len(report.streams) == MAX_KINDS + 1
    assert {s.request: s.count for s in report.streams}[OTHER] == 50
    assert len(report.failures) == MAX_ERRORS + 1
    assert sum(report.failures.values()) == MAX_KINDS + 50


def test_an_operation_is_kept_as_it_is_and_counted_nowhere() -> None:
    recorder, listener = _listener()
    said = {"kind": "write", "key": "k", "session": "s", "begun": 1.5, "ended": 2.0, "version": [3, 1]}
    _fire(listener, name="write", request_type="operation", context={"operation": said})
    report = recorder.take(at=101.0, active_users=1)
    [kept] = report.operations
    assert (kept.kind, kept.version, kept.outcome, report.streams) == ("write", (3, 1), "ok", ())
    assert recorder.take(at=102.0, active_users=1).operations == ()


def test_what_cannot_be_kept_of_a_history_is_counted() -> None:
    recorder, listener = _listener()
    said = {"kind": "write", "key": "k", "session": "s", "begun": 1.5, "ended": 2.0}
    for _ in range(MAX_OPERATIONS + 2):
        _fire(listener, request_type="operation", context={"operation": said})
    _fire(listener, request_type="operation", context={"operation": {"kind": "wish"}})
    report = recorder.take(at=101.0, active_users=1)
    assert (len(report.operations), report.operations_lost) == (MAX_OPERATIONS, 3)
    assert any("an operation could not be read" in text for text in report.failures)
