"""Promises about data: what is right is accepted, what was made wrong on purpose is told with its smallest proof."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from msgspec import structs

from chaos.judge.history_checks import looked_at, violations
from chaos.model.history import Charge, Check, Operation
from tests.examples import examples

CHECKS: tuple[Check, ...] = (
    "acknowledged_kept",
    "monotonic_reads",
    "charged_once",
    "charges_kept",
    "ledger_balanced",
)
PRICE = 999
FEW = settings(max_examples=examples(30))


def write(version: int, begun: float, *, outcome: str = "ok", region: str = "here", key: str = "k") -> Operation:
    ended = begun + 0.5
    return structs.replace(
        Operation(kind="write", key=key, session=key, begun=begun, ended=ended, region=region, version=(version,)),
        outcome=outcome,
    )


def read(version: int | None, begun: float, *, kind: str = "read", region: str = "here", key: str = "k") -> Operation:
    shown = None if version is None else (version,)
    seen = Operation(kind="read", key=key, session=key, begun=begun, ended=begun + 0.5, region=region, version=shown)
    return structs.replace(seen, kind=kind)


def charge(begun: float, id: str = "a", outcome: str = "ok", cents: int = PRICE) -> Operation:
    made = (Charge(id, cents),) if outcome == "ok" else ()
    asked = Operation(kind="charge", key="account", session="s", begun=begun, ended=begun + 0.5, charges=made)
    return structs.replace(asked, outcome=outcome)


def statement(begun: float, *ids: str, cents: int = PRICE) -> Operation:
    made = tuple(Charge(each, cents) for each in ids)
    return Operation(kind="statement", key="account", session="s", begun=begun, ended=begun + 0.5, charges=made)


def broken(history: Sequence[Operation]) -> set[str]:
    return {check for check in CHECKS if violations(check, history)}


@st.composite
def right_places(draw: st.DrawFn) -> list[Operation]:
    """What a correct store may show: sessions write and read their own keys, in two regions of which each is right by
    itself and learns of the other's writes at any later time; some writes are not answered, and happen or do not."""
    random = draw(st.randoms(use_true_random=False))
    history: list[Operation] = []
    for key in [f"k{number}" for number in range(draw(st.integers(1, 4)))]:
        history += _session(key, draw(st.integers(1, 25)), random)
    random.shuffle(history)
    return history


def _session(key: str, length: int, random: Random) -> list[Operation]:
    store = {"here": 0, "there": 0}
    newest, at, history = 0, random.random() * 10, list[Operation]()
    for _ in range(length):
        at += 0.5 + random.random() + 0.01
        region = random.choice(("here", "here", "there"))
        if random.random() < 0.2:  # replication, in no particular order with all else
            store = dict.fromkeys(store, max(store.values()))
        if random.random() < 0.5:
            newest += 1
            answered = random.random() < 0.8
            if answered or random.random() < 0.5:
                store[region] = newest
            history.append(write(newest, at, outcome="ok" if answered else "unknown", region=region, key=key))
        else:
            history.append(read(store[region] or None, at, region=region, key=key))
    return [*history, read(max(store.values()) or None, at + 9, kind="audit", key=key)]


@FEW
@given(right_places())
def test_what_a_correct_store_shows_is_accepted(history: list[Operation]) -> None:
    assert broken(history) == set()


@FEW
@given(right_places(), st.data())
def test_a_read_that_forgets_what_was_acknowledged_is_found_with_two_operations(
    history: list[Operation], data: st.DataObject
) -> None:
    writes = [each for each in history if each.kind == "write" and each.outcome == "ok"]
    assume(writes)
    lost = data.draw(st.sampled_from(writes))
    older = data.draw(st.sampled_from([None, (0,)]))
    later = lost.ended + data.draw(st.floats(0.01, 5))
    forgets = structs.replace(read(None, later, region=lost.region, key=lost.key), version=older)
    [found] = violations("acknowledged_kept", [*history, forgets])
    assert found.key == lost.key
    assert [each.kind for each in found.history] in (["write", "read"], ["write", "audit"])
    assert found.history[0].ended < found.history[1].begun


@FEW
@given(right_places(), st.data())
def test_an_audit_asks_for_what_any_region_acknowledged(history: list[Operation], data: st.DataObject) -> None:
    writes = [each for each in history if each.kind == "write" and each.outcome == "ok"]
    assume(writes)
    key = data.draw(st.sampled_from(writes)).key
    forgets = [structs.replace(each, version=None) if _is_audit_of(each, key) else each for each in history]
    [found] = violations("acknowledged_kept", forgets)
    assert (found.key, [each.kind for each in found.history]) == (key, ["write", "audit"])


def _is_audit_of(operation: Operation, key: str) -> bool:
    return operation.kind == "audit" and operation.key == key


def test_a_write_under_way_or_unanswered_or_of_another_region_accuses_nobody() -> None:
    assert broken([write(1, 0.0), read(None, 0.4)]) == set()
    assert broken([write(1, 0.0, outcome="unknown"), read(None, 2.0)]) == set()
    assert broken([write(1, 0.0, region="there"), read(None, 2.0)]) == set()
    assert broken([write(1, 0.0, region="there"), read(None, 2.0, kind="audit")]) == {"acknowledged_kept"}


def test_a_read_that_goes_back_is_found_though_the_write_was_answered_late() -> None:
    slow = structs.replace(write(2, 0.0), ended=9.0)
    history = [write(1, -2.0), slow, read(2, 1.0), read(1, 3.0), read(2, 10.0)]
    assert broken(history) == {"monotonic_reads"}
    [found] = violations("monotonic_reads", history)
    assert [(each.kind, each.version) for each in found.history] == [("write", (2,)), ("read", (2,)), ("read", (1,))]
    assert found.sentence == "here showed version 2, and then the older 1"


def test_what_was_never_acknowledged_may_flicker() -> None:
    assert broken([write(1, 0.0, outcome="unknown"), read(1, 1.0), read(None, 2.0)]) == set()


@st.composite
def right_money(draw: st.DrawFn) -> list[Operation]:
    """One account that is asked to be charged some times, not always with an answer, and looks at its statement."""
    history = [
        charge(float(at), outcome=draw(st.sampled_from(("ok", "unknown")))) for at in range(draw(st.integers(1, 5)))
    ]
    known = any(each.outcome == "ok" for each in history)
    there = ("a",) if known or draw(st.booleans()) else ()
    return [*history, *(statement(10.0 + at, *there) for at in range(draw(st.integers(1, 3))))]


@FEW
@given(right_money())
def test_right_ledgers_are_accepted(history: list[Operation]) -> None:
    assert broken(history) == set()


@FEW
@given(right_money(), st.integers(0, 2))
def test_a_doubled_charge_is_found(history: list[Operation], which: int) -> None:
    statements = [each for each in history if each.kind == "statement"]
    doubled = structs.replace(statements[which % len(statements)], charges=(Charge("a", PRICE), Charge("b", PRICE)))
    [found] = violations("charged_once", [*history, doubled])
    assert [each.kind for each in found.history] == ["charge", "statement"]
    assert found.sentence == "one charge was asked for and 2 were made"


@FEW
@given(right_money())
def test_a_lost_charge_is_found_and_the_ledger_is_not_balanced(history: list[Operation]) -> None:
    assume(any(each.outcome == "ok" for each in history if each.kind == "charge"))
    lost = [*history, statement(20.0)]
    assert broken(lost) == {"charges_kept", "ledger_balanced"}
    [found] = violations("charges_kept", lost)
    assert [each.kind for each in found.history] == ["charge", "statement"]


def test_a_charge_of_another_amount_unbalances_the_ledger() -> None:
    assert broken([charge(0.0), statement(1.0, "a", cents=PRICE + 1)]) == {"ledger_balanced"}


def test_an_account_that_nobody_of_this_load_charged_is_none_of_its_business() -> None:
    assert broken([statement(1.0, "a", "b")]) == set()


def test_each_broken_key_is_told_once() -> None:
    history = [each for key in ("x", "y", "z") for each in (write(1, 0.0, key=key), read(None, 1.0, key=key))]
    assert [each.key for each in violations("acknowledged_kept", [*history, write(1, 0.0, key="w")])] == ["x", "y", "z"]


@pytest.mark.parametrize("check", CHECKS)
def test_what_was_not_answered_is_no_evidence(check: Check) -> None:
    unanswered = structs.replace(read(None, 1.0), outcome="fail")
    assert looked_at(check, [unanswered, write(1, 0.0), charge(0.0)]) == 0


def test_a_long_history_is_judged_in_a_moment() -> None:
    history = [each for n in range(4000) for each in (write(1, 0.0, key=f"k{n}"), read(1, 1.0, key=f"k{n}"))]
    assert broken(history) == set()
