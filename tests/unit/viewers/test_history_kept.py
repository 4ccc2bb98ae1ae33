"""What viewers write down of their operations, and the audit at the end: the history that the judge can read."""

from __future__ import annotations

import time
from typing import Any

import msgspec
import pytest

from chaos.model.history import Operation
from target_platform.viewers.audit import Audit
from target_platform.viewers.diary import Diary
from target_platform.viewers.fetch import Answer, Connections, RequestFailed
from target_platform.viewers.payer import Payer
from target_platform.viewers.report import Reporter

PLACE = "/progress/viewer-1/tides"


class Store:
    """A region's history and billing as far as viewers see them. `silent`: nobody answers, though it is done."""

    def __init__(self) -> None:
        self.kept: dict[str, Any] | None = None
        self.silent = False
        self.asked: list[str] = []

    def ask(self, name: str, path: str, body: dict[str, Any] | None = None) -> Answer:
        self.asked.append(name)
        if name == "progress_write":
            self.kept = body
        if self.silent:
            raise RequestFailed("nobody answered")
        said: dict[str, Any] = {"region": "here", "progress": self.kept}
        if name == "charge":
            said = {"state": "charged", "account": "a~1", "charge": "c1", "amount_cents": 999}
        return Answer(200, msgspec.json.encode(said))


class Written:
    """Collects the operations among a reporter's events, as the load's listener reads them."""

    def __init__(self, keeps_history: bool = True) -> None:
        self.operations: list[Operation] = []
        self.reporter = Reporter(self._fire, "here", keeps_history)

    def _fire(self, *, request_type: str, context: dict[str, Any], **_: Any) -> None:
        if request_type == "operation":
            self.operations.append(msgspec.convert(context["operation"], Operation))


def diary(store: Store, written: Written) -> Diary:
    return Diary(PLACE, "session", store.ask, written.reporter)


def test_a_write_and_a_read_are_written_down_with_version_and_region() -> None:
    store, written = Store(), Written()
    kept = diary(store, written)
    kept.write(12.0)
    kept.read_back()
    write, read = written.operations
    assert (write.kind, write.outcome, write.region, write.key) == ("write", "ok", "here", "viewer-1/tides")
    assert (read.kind, read.version) == ("read", write.version)
    assert write.begun <= write.ended <= read.begun <= read.ended


def test_a_write_that_nobody_answered_may_have_happened() -> None:
    store, written = Store(), Written()
    store.silent = True
    diary(store, written).write(12.0)
    [write] = written.operations
    assert (write.outcome, write.version is not None) == ("unknown", True)


def test_the_audit_shows_what_is_there_and_says_when_nobody_answers() -> None:
    store, written = Store(), Written()
    kept = diary(store, written)
    kept.write(12.0)
    kept.audit(time.monotonic() + 60)
    store.silent = True
    kept.audit(time.monotonic() + 0.3)
    _, shown, unanswered = written.operations
    assert (shown.kind, shown.outcome, shown.version) == ("audit", "ok", written.operations[0].version)
    assert (unanswered.kind, unanswered.outcome) == ("audit", "fail")


def test_the_audit_waits_for_what_is_on_its_way_and_tells_what_never_comes() -> None:
    store, written = Store(), Written()
    kept = diary(store, written)
    kept.write(12.0)
    store.kept = None
    for _ in range(20):  # a busy machine may take all the time for one look
        store.asked.clear()
        kept.audit(time.monotonic() + 0.4)
        if len(store.asked) >= 2:
            break
    assert store.asked.count("audit") >= 2
    assert (written.operations[-1].outcome, written.operations[-1].version) == ("ok", None)


def test_who_was_acknowledged_nothing_is_not_audited() -> None:
    store, written = Store(), Written()
    diary(store, written).audit(time.monotonic() + 60)
    assert store.asked == []


def test_charges_and_statements_are_written_down_also_again_at_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    store, written = Store(), Written()
    payer = Payer(["http://bank"], Connections("test"), store.ask, written.reporter)
    ledger = msgspec.json.encode({"charges": [{"id": "c1", "amount_cents": 999}]})
    monkeypatch.setattr(Connections, "ask", lambda *_: Answer(200, ledger))
    payer.pay("1-7", 1.0)
    payer.audit(time.monotonic() + 60)
    assert [each.kind for each in written.operations] == ["charge", "statement", "statement"]
    assert {(each.key, each.charges[0].id, each.charges[0].cents) for each in written.operations} == {
        ("1-7", "c1", 999)
    }


def test_without_a_history_nothing_is_written_down_or_read_back() -> None:
    store, written = Store(), Written(keeps_history=False)
    audit = Audit()
    kept = diary(store, written)
    audit.add(kept.audit)
    kept.write(12.0)
    audit.run()
    assert (written.operations, store.asked) == ([], ["progress_write"])


def test_the_audit_looks_at_everything() -> None:
    looked: list[float] = []
    audit = Audit(keeps_history=True)
    for _ in range(50):
        audit.add(looked.append)
    audit.run()
    assert len(looked) == 50
