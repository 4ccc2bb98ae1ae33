"""kill -9 at every journal line and at every change of the system: rollback leaves nothing broken."""

from __future__ import annotations

import pytest

from chaos.model.events import Injecting, Reverted
from tests.simulation.stage import Stage, everything_at_once, experiment, fault

ALL_FAULTS = experiment(everything_at_once(), with_load=False)
IN_A_ROW = experiment(
    fault("kill", "instance", {"service": "edge"}),
    fault("latency", "link", {"from": "gateway"}, delay_ms=100.0),
    fault("pause", "instance", {"service": "gateway", "region": "us-east-1"}),
    with_load=False,
)


@pytest.mark.parametrize("asked", [ALL_FAULTS, IN_A_ROW], ids=["at once", "in a row"])
def test_rollback_leaves_nothing_broken_after_a_cut_at_any_journal_line(asked: object) -> None:
    whole = Stage(ALL_FAULTS if asked is ALL_FAULTS else IN_A_ROW).run()
    assert whole.world.whole() == []
    seen_broken = 0
    for line in range(1, len(whole.recorder.lines) + 1):
        cut = Stage(whole.experiment, dies_after_line=line).run()
        seen_broken += bool(cut.world.whole())
        assert cut.roll_back() == [], f"cut after line {line}"
        assert cut.world.whole() == [], f"cut after line {line}: {cut.recorder.lines[-1]!r}"
    assert seen_broken > 10, "the cuts must have hit moments at which something was broken"


def test_rollback_leaves_nothing_broken_after_a_cut_at_any_change_of_the_system() -> None:
    whole = Stage(ALL_FAULTS).run()
    seen_broken = 0
    for change in range(1, whole.changes + 1):
        cut = Stage(ALL_FAULTS, dies_at_change=change).run()
        seen_broken += bool(cut.world.whole())
        assert cut.roll_back() == [], f"cut at change {change}"
        assert cut.world.whole() == [], f"cut at change {change}"
    assert seen_broken > 10


def test_rolling_back_twice_is_rolling_back_once() -> None:
    cut = Stage(ALL_FAULTS, dies_after_line=25).run()
    assert cut.roll_back() == []
    lines = len(cut.recorder.lines)
    assert cut.roll_back() == []
    assert len(cut.recorder.lines) == lines, "nothing was open any more"


def test_without_any_rollback_leases_end_every_fault_that_can_carry_a_timer() -> None:
    cut = Stage(ALL_FAULTS, dies_after_line=30).run()
    assert cut.world.whole()
    cut.world.clock.sleep(60)
    assert all("paused" in broken for broken in cut.world.whole()), "a stopped process has no timer, all else has"


def test_an_interrupted_run_reverts_everything_it_had_injected() -> None:
    for after in (0.5, 2.5, 4.0, 7.0):
        stage = Stage(ALL_FAULTS, interrupted_after=after).run()
        events = stage.recorder.events()
        injected = {event.injection for event in events if isinstance(event, Injecting)}
        reverted = {event.injection for event in events if isinstance(event, Reverted)}
        assert injected == reverted
        assert stage.world.whole() == []
        assert stage.verdict().exit_code == 130


def test_a_disk_that_fills_up_at_any_line_leaves_nothing_broken_and_is_never_green() -> None:
    whole = Stage(ALL_FAULTS).run()
    for line in range(len(whole.recorder.lines)):
        stage = Stage(ALL_FAULTS, full_after_line=line).run()
        assert stage.world.whole() == [], f"full after line {line}"
        announced = [event for event in stage.recorder.events() if isinstance(event, Injecting)]
        assert stage.changes == 0 or announced, "nothing is changed that is not in the journal"
        if line:
            assert stage.verdict().outcome != "held", f"full after line {line}"
