"""What `chaos watch` shows, from journals made up and from the simulated platform."""

from __future__ import annotations

import pytest

from chaos.judge.verdict import judge
from chaos.model.events import (
    Event,
    GuardrailStopped,
    Injected,
    Injecting,
    Interrupted,
    Judged,
    LoadFailed,
    NotInjected,
    Reverted,
    RevertFailed,
    Reverting,
    RunEnded,
)
from chaos.model.experiment import PluginUse, Threshold
from chaos.model.fault import Active, Lease, Undo
from chaos.model.sample import NEVER_MS
from chaos.model.system import Instance, Inventory, Link, Region
from chaos.ui.frame import Look, frame
from chaos.ui.lines import cells, columns, cut, fit, line, plain, wrapped
from chaos.ui.objectives import sparkline
from chaos.ui.state import State
from chaos.ui.watch import Replay, Watching
from tests.unit.reports.synthetic import RUN, START, Synthetic

JOURNAL = Synthetic(weakened=True)
EVENTS = JOURNAL.journal()
INJECTED, REVERTED = JOURNAL.inject_at, JOURNAL.revert_at
ENDED = [*EVENTS, Judged(at=EVENTS[-1].at, verdict=judge(EVENTS))]


def state_at(at: float, *more: Event, events: list[Event] = EVENTS) -> State:
    state = State()
    state.take([event for event in events if event.at <= at])
    state.take(more)
    return state


def shown(state: State, now: float, width: int = 80, height: int = 24, inventory: Inventory | None = None) -> str:
    return "\n".join(plain(each) for each in frame(state, Look(now, width, height, inventory, line("[q] leave"))))


def inventory(dead: tuple[str, ...] = (), services: tuple[str, ...] = ("edge", "gateway")) -> Inventory:
    regions = ("north", "south")
    return Inventory(
        instances=tuple(
            Instance(
                name=f"{service}-{region}-{number}",
                service=service,
                region=region,
                identity=None if f"{service}-{region}-{number}" in dead else {"pid": 7, "started": 8},
            )
            for service in services
            for region in regions
            for number in (1, 2)
        ),
        links=(
            Link(
                name="north/gateway>edge-south-1",
                source="gateway",
                source_region="north",
                destination="edge",
                destination_region="south",
                destination_instance="edge-south-1",
            ),
        ),
        regions=tuple(Region(name=region) for region in regions),
    )


def row(text: str, begins: str) -> str:
    return next(each for each in text.splitlines() if each.lstrip("●✓✗?· ").startswith(begins))


class TestWhileTheFaultIsOn:
    TEXT = shown(state_at(INJECTED + 12), INJECTED + 12)

    def test_the_head_says_which_run_and_how_far_it_is(self) -> None:
        head, hypothesis, *_ = self.TEXT.splitlines()
        assert head.startswith("A dead edge on platform, seed 4242")
        assert head.endswith("method  0:37 of 1:20")
        assert hypothesis.startswith("When one of two edges")

    def test_objectives_have_value_target_and_a_line_of_bars(self) -> None:
        success = row(self.TEXT, "start success")
        assert "≥ 98%" in success
        assert success.index("█") < success.index("▁"), "it was good before the fault and is not now"
        assert "never" in row(self.TEXT, "start-up time")

    def test_the_fault_shows_its_evidence_and_what_is_left_of_its_lease(self) -> None:
        fault = row(self.TEXT, "active")
        assert "kill on edge-north-1" in fault
        assert fault.index(" 18 s ") == row(self.TEXT, "faults").index("lease") - 1
        assert "process 4242" in fault

    def test_the_time_of_the_fault_is_marked_under_the_bars(self) -> None:
        marks, bars = row(self.TEXT, "fault in effect"), row(self.TEXT, "start success")
        assert len(bars) - marks.index("━") == 12
        assert len(marks) == len(bars)

    def test_load_and_guardrails_are_there(self) -> None:
        assert "requests/s" in row(self.TEXT, "load")
        assert "of at most 500 ms" in row(self.TEXT, "load")
        assert "armed: none has stopped the run" in row(self.TEXT, "guardrails")


def test_the_map_counts_what_is_alive_and_what_is_hit() -> None:
    text = shown(state_at(INJECTED + 12), INJECTED + 12, inventory=inventory(dead=("edge-north-1",)))
    assert "services   north, south" in text
    assert "1/2 !1" in row(text, "edge")
    assert "gateway  2/2       2/2" in text


def injecting(fault: str, target: str) -> Injecting:
    undo = Undo(target, Lease(RUN, f"x{target}", INJECTED + 90))
    return Injecting(at=INJECTED + 1, injection=f"x{target}", step="more", fault=PluginUse(kind=fault), undo=undo)


def test_a_region_hits_all_in_it_and_a_link_is_told_at_its_end() -> None:
    more = (injecting("region_outage", "north"), injecting("latency", "north/gateway>edge-south-1"))
    text = shown(state_at(INJECTED + 2, *more), INJECTED + 2, inventory=inventory())
    assert "2/2 !2    2/2 ~1" in row(text, "edge")
    assert "gateway  2/2 !2    2/2" in text


def test_of_a_system_out_of_reach_the_targets_of_the_plan_are_shown() -> None:
    before, during = state_at(INJECTED - 1), state_at(INJECTED + 1)
    assert "! edge-north-1" not in shown(before, INJECTED - 1)
    assert "edge-north-1" in shown(before, INJECTED - 1)
    assert "! edge-north-1" in shown(during, INJECTED + 1)


LATER = INJECTED + 40
STATES: dict[str, tuple[Event, ...]] = {
    "injecting": (),
    "not injected": (NotInjected(at=LATER, step="s", target="t", message="no such process", injection="1.1"),),
    "no effect": (Injected(at=LATER, injection="1.1", active=Active.NO, evidence="it still runs"),),
    "cannot tell": (Injected(at=LATER, injection="1.1", active=Active.UNKNOWN, evidence="no answer"),),
    "reverting": (Reverting(at=LATER, injection="1.1", by="guardian"),),
    "reverted": (Reverted(at=LATER, injection="1.1", by="run", evidence="it is back"),),
    "STILL BROKEN": (RevertFailed(at=LATER, injection="1.1", by="run", message="down", active=Active.YES),),
    "CANNOT TELL": (RevertFailed(at=LATER, injection="1.1", by="run", message="no answer"),),
}


@pytest.mark.parametrize("word", STATES)
def test_every_state_of_a_fault_has_its_word(word: str) -> None:
    state = state_at(INJECTED, *STATES[word])
    assert row(shown(state, LATER), word)


def test_a_lease_that_has_run_out_is_told() -> None:
    assert " over " in row(shown(state_at(INJECTED + 1), INJECTED + 31), "active")


def test_at_the_end_the_verdict_stands_and_values_are_those_it_judged() -> None:
    text = shown(state_at(EVENTS[-1].at, events=ENDED), START + 9999)
    assert "Deviated: while kill hit edge-north-1" in text
    assert "ended  1:12 of 1:20" in text.splitlines()[0], "the clock stands still"
    assert "97.0%" in row(text, "start success")
    assert "✗ start success" in text
    assert "s a column" in text, "all of the run is in the bars"


@pytest.mark.parametrize(
    ("event", "says"),
    [
        (GuardrailStopped(at=LATER, guardrail="objective_floor", reason="it fell to 3%"), "objective_floor stopped"),
        (Interrupted(at=LATER, signal="SIGINT"), "interrupted (SIGINT)"),
        (LoadFailed(at=LATER, message="the load generator has died"), "the load generator has died"),
    ],
)
def test_what_ended_a_run_early_is_told(event: Event, says: str) -> None:
    assert says in shown(state_at(INJECTED, event), LATER)


@pytest.mark.parametrize(("width", "height"), [(80, 24), (40, 12), (20, 5), (200, 60), (80, 3), (1, 1)])
def test_it_fits_any_terminal(width: int, height: int) -> None:
    crowd = [injecting("latency", f"north/some-service-{number}>other-service-{number}") for number in range(50)]
    many = inventory(services=tuple(f"service-{number}" for number in range(20)))
    for state in (state_at(INJECTED + 5), state_at(INJECTED + 5, *crowd), state_at(LATER * 2, events=ENDED), State()):
        for known in (None, many):
            lines = shown(state, INJECTED + 6, width, height, known).splitlines()
            assert len(lines) <= height
            assert max(map(cells, lines), default=0) <= width


def test_at_80_by_24_no_part_crowds_out_another() -> None:
    crowd = [injecting("latency", f"north/a>{number}") for number in range(50)]
    many = inventory(services=tuple(f"service-{number}" for number in range(12)))
    text = shown(state_at(INJECTED + 5, *crowd), INJECTED + 6, inventory=many)
    for part in ("start success", "start-up time", "gateway answers", "51 open", " more", "service-0 ", "[q] leave"):
        assert part in text, part


def test_what_a_sick_system_answers_cannot_drive_the_terminal() -> None:
    evil = Injected(at=LATER, injection="1.1", active=Active.YES, evidence="\x1b[2Jgone\x07")
    assert not set(shown(state_at(INJECTED, evil), LATER)) & {"\x1b", "\x07"}


class TestLines:
    def test_wide_characters_take_two_cells(self) -> None:
        assert cells("日本") == 4
        assert fit("日本語", 5) == "日本…"
        assert cells(plain(cut(line("ab", "日本語"), 5))) <= 5

    def test_wrapping_keeps_words_and_cuts_what_is_too_much(self) -> None:
        assert wrapped("one two three", 7, 3) == ["one two", "three"]
        assert wrapped("one two three four", 7, 2) == ["one two", "three …"]

    def test_columns_are_read_downwards(self) -> None:
        rows = columns([line(each) for each in "abcde"], 9)
        assert [plain(each) for each in rows] == ["a   c   e", "b   d"]


class TestSparkline:
    def test_a_share_is_drawn_between_where_it_fell_to_and_all(self) -> None:
        bars, good = sparkline([1.0, 0.5, None, 0.99], Threshold(">=", 0.9, ">= 90%"), "share")
        assert (bars[0], bars[1], bars[2]) == ("█", "▁", " ")
        assert good == [True, False, True, True]

    def test_what_was_never_answered_is_a_full_bar_and_does_not_flatten_the_others(self) -> None:
        bars, _ = sparkline([100.0, NEVER_MS, 800.0], Threshold("<=", 800.0, "<= 800ms"), "milliseconds")
        assert bars == "▂██"


class TestKeys:
    class Acts:
        def __init__(self) -> None:
            self.aborted: list[str] = []

        def is_alive(self, started: object) -> bool:
            return True

        def abort(self, started: object) -> None:
            self.aborted.append(getattr(started, "run", ""))

    def watching(self, events: list[Event]) -> Watching:
        watching = Watching(Replay((), 1.0), self.Acts())
        watching.state.take(events)
        return watching

    def aborts(self, keys: str, events: list[Event]) -> list[str]:
        watching = self.watching(events)
        assert not any(watching.press(key) for key in keys)
        assert isinstance(watching.acts, self.Acts)
        return watching.acts.aborted

    def test_only_y_right_after_a_aborts_and_only_once(self) -> None:
        running = [event for event in EVENTS if event.at <= INJECTED + 5]
        assert self.aborts("ay", running) == [RUN]
        assert self.aborts("ayay", running) == [RUN]
        for keys in ("y", "a", "an", "any", "aay"):
            assert self.aborts(keys, running) == [], keys

    def test_the_question_is_on_the_screen(self) -> None:
        watching = self.watching([event for event in EVENTS if event.at <= INJECTED + 5])
        watching.press("a")
        assert "abort this run?" in plain(watching.picture(80, 24)[-1])

    def test_a_run_that_has_ended_cannot_be_aborted(self) -> None:
        assert self.aborts("ay", ENDED) == []

    def test_q_leaves(self) -> None:
        assert self.watching([]).press("q")


def test_a_replay_goes_through_the_run_at_its_speed() -> None:
    clock = [0.0]
    replay = Replay(ENDED, speed=10.0, monotonic=lambda: clock[0])
    assert list(replay.poll()) == [event for event in ENDED if event.at <= START]
    clock[0] = 3.0
    assert replay.now() == START + 30
    assert all(START < event.at <= START + 30 for event in replay.poll())
    clock[0] = 100.0
    assert replay.poll()[-1] == ENDED[-1]
    assert replay.poll() == []


def test_only_the_last_minutes_of_a_long_run_are_kept() -> None:
    state = State()
    state.take(Synthetic(method_seconds=400, per_second=2).journal())
    assert {len(seen.by_second) for seen in state.seen.values()} == {300}
    assert state.story is not None
    assert not state.story.samples, "samples are not kept twice"


def test_the_end_of_a_run_that_left_something_broken_says_what_to_do() -> None:
    watching = Watching(Replay((), 1.0))
    watching.state.take([*(event for event in EVENTS if event.at <= INJECTED + 5), RunEnded(at=LATER, by="run")])
    assert "1 still open: `chaos rollback`" in plain(watching.picture(80, 24)[-1])


def test_where_there_is_room_it_shows_how_fast_the_error_budget_burns() -> None:
    wide = shown(state_at(INJECTED + 8), INJECTED + 8, width=110)
    [row] = [each for each in wide.splitlines() if "start success" in each]
    assert "4.8x" in row  # 9.6 % failed over the last seconds, 2 % may
    assert "burn" in wide
    assert "burn" not in shown(state_at(INJECTED + 8), INJECTED + 8, width=80)
    judged = shown(state_at(ENDED[-1].at, events=ENDED), ENDED[-1].at, width=110)
    assert "x  " not in next(each for each in judged.splitlines() if "start success" in each)
