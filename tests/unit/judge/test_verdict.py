"""Which outcome a journal has, and that nothing is ever held by accident."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

import msgspec
import pytest

from chaos.journal.read import open_injections
from chaos.judge.recovery import recovery_times
from chaos.judge.story import tell
from chaos.judge.verdict import judge
from chaos.model.errors import BadInput, ExitCode
from chaos.model.events import (
    Crashed,
    Event,
    GuardrailStopped,
    Injected,
    Injecting,
    InjectionFailed,
    Interrupted,
    Loaded,
    LoadFailed,
    NotInjected,
    PhaseBegan,
    Reverted,
    RevertFailed,
    Reverting,
    RunEnded,
    RunRefused,
    RunStarted,
    Sampled,
    StepEnded,
)
from chaos.model.experiment import Objective, PluginUse, Threshold
from chaos.model.fault import Active
from chaos.model.sample import Ratio
from chaos.model.verdict import Verdict
from tests.unit.reports.synthetic import GATEWAY_UP, START_SUCCESS, Synthetic

HEALTHY = tuple(Synthetic().journal())
WEAKENED = tuple(Synthetic(weakened=True).journal())
END = HEALTHY[-1].at


def changed(events: tuple[Event, ...], kind: type, change: Callable[[Event], Event | None]) -> list[Event]:
    """The journal with every event of a kind replaced, or left out where the change says None."""
    replaced = [change(event) if isinstance(event, kind) else event for event in events]
    return [event for event in replaced if event is not None]


def without(events: tuple[Event, ...], *kinds: type) -> list[Event]:
    return [event for event in events if not isinstance(event, kinds)]


def until(events: tuple[Event, ...], kind: type) -> list[Event]:
    """The journal up to and with the first event of a kind."""
    return list(events[: next(index for index, event in enumerate(events) if isinstance(event, kind)) + 1])


def texts(verdict: Verdict) -> str:
    return "\n".join([verdict.sentence, *(finding.text for finding in verdict.findings)])


def test_a_healthy_system_held() -> None:
    verdict = judge(HEALTHY)
    assert (verdict.outcome, verdict.exit_code) == ("held", ExitCode.HELD)
    assert "kill hit edge-north-1" in verdict.sentence
    assert "99." in verdict.sentence


def test_a_weakened_system_deviated_and_the_sentence_says_by_how_much() -> None:
    verdict = judge(WEAKENED)
    assert verdict.outcome == "deviated"
    assert '"start success" was 97' in verdict.sentence
    assert "target >= 98%" in verdict.sentence


def test_the_weakened_system_without_the_fault_held() -> None:
    assert judge(Synthetic(weakened=True, fault=False).journal()).outcome == "held"


def test_the_same_journal_gives_the_same_verdict_whatever_the_order_of_one_moment() -> None:
    shuffled = list(HEALTHY[1:])
    random.Random(3).shuffle(shuffled)
    ordered = [HEALTHY[0], *sorted(shuffled, key=lambda event: event.at)]
    assert judge(ordered) == judge(HEALTHY)


def test_a_journal_without_its_first_line_holds_no_run() -> None:
    for events in ((), HEALTHY[1:]):
        with pytest.raises(BadInput, match="holds no run"):
            judge(events)


def test_a_journal_cut_at_any_line_is_never_held_and_is_still_broken_exactly_while_something_is_open() -> None:
    for length in range(1, len(HEALTHY)):
        cut = HEALTHY[:length]
        verdict = judge(cut)
        assert verdict.outcome == ("still broken" if open_injections(cut) else "terminated"), cut[-1]


def test_a_revert_that_failed_is_still_broken_until_somebody_succeeds() -> None:
    failed = RevertFailed(at=END - 20, injection="1.1", by="run", message="edge-north-1 did not come back")
    broken = changed(HEALTHY, Reverted, lambda _: failed)
    verdict = judge(broken)
    assert verdict.outcome == "still broken"
    assert "edge-north-1 did not come back" in texts(verdict)
    repaired = Reverted(at=END + 60, injection="1.1", by="rollback", evidence="edge-north-1 is ready")
    assert judge([*broken, repaired]).outcome != "still broken"


def test_what_was_seen_to_be_left_is_told_from_what_nobody_can_tell() -> None:
    def sentence(active: Active) -> str:
        failed = RevertFailed(at=END - 20, injection="1.1", by="run", message="no answer", active=active)
        return judge(changed(HEALTHY, Reverted, lambda _: failed)).sentence

    assert sentence(Active.YES).startswith("Still broken: kill on edge-north-1 is not known to be reverted")
    assert sentence(Active.UNKNOWN).startswith(
        "Perhaps still broken: nobody can tell whether kill on edge-north-1 is over"
    )


def test_still_broken_comes_before_everything_else() -> None:
    broken = without(WEAKENED, Reverted, Reverting)
    ends: list[Event] = [
        Crashed(at=END, message="ValueError: x"),
        Interrupted(at=END, signal="SIGINT"),
        GuardrailStopped(at=END, guardrail="floor", reason="too low"),
    ]
    for end in ends:
        assert judge([*broken, end]).outcome == "still broken"


@pytest.mark.parametrize(
    ("event", "outcome"),
    [
        (Crashed(at=END, message="KeyError: 'edge'"), "bug"),
        (Interrupted(at=END, signal="SIGINT"), "interrupted"),
        (Interrupted(at=END, signal="SIGTERM"), "terminated"),
        (Interrupted(at=END, signal="SIGHUP"), "terminated"),
        (GuardrailStopped(at=END, guardrail="objective_floor", reason="start success fell to 40%"), "aborted"),
    ],
)
def test_a_run_that_was_stopped_says_by_what_even_if_it_had_deviated(event: Event, outcome: str) -> None:
    events = [*until(WEAKENED, Reverted), event, RunEnded(at=END, by="run")]
    verdict = judge(events)
    assert verdict.outcome == outcome
    assert "1 fault reverted" in verdict.sentence


def test_a_refused_run_says_why_and_what_to_do() -> None:
    refusal = RunRefused(at=END, reason="not steady before: start success is 91%", hint="bring it to its steady state")
    events = [*HEALTHY[:3], refusal, RunEnded(at=END, by="run")]
    verdict = judge(events)
    assert verdict.outcome == "refused"
    assert "not steady before" in verdict.sentence
    assert "bring it to its steady state" in texts(verdict)


def test_a_run_killed_by_force_and_reverted_by_its_guardian_is_terminated() -> None:
    events = [
        *until(HEALTHY, Injected),
        Crashed(at=END, message="the run's process ended before the run did"),
        Reverting(at=END, injection="1.1", by="guardian"),
        Reverted(at=END, injection="1.1", by="guardian", evidence="ready again"),
        RunEnded(at=END, by="guardian"),
    ]
    verdict = judge(events)
    assert verdict.outcome == "terminated"
    assert "killed before its end; 1 fault reverted by the guardian" in verdict.sentence


def test_a_bug_stays_a_bug_when_the_guardian_finishes_for_it() -> None:
    ends: list[Event] = [
        Crashed(at=END, message="KeyError: 1"),
        Crashed(at=END, message="the process ended"),
        RunEnded(at=END, by="guardian"),
    ]
    assert judge([*until(HEALTHY, Reverted), *ends]).outcome == "bug"


NOT_ASKED: dict[str, Sequence[Event]] = {
    "no effect": changed(
        WEAKENED, Injected, lambda event: msgspec.structs.replace(event, active=Active.NO, evidence="it still answers")
    ),
    "nobody can tell": changed(WEAKENED, Injected, lambda event: msgspec.structs.replace(event, active=Active.UNKNOWN)),
    "never seen in effect": without(WEAKENED, Injected),
    "may or may not have taken effect": changed(
        WEAKENED, Injected, lambda event: InjectionFailed(at=event.at, injection="1.1", message="connection reset")
    ),
    "was not injected into edge-north-1: it is gone": [
        event
        for event in changed(
            WEAKENED,
            Injecting,
            lambda event: NotInjected(at=event.at, step="kill an edge", target="edge-north-1", message="it is gone"),
        )
        if not isinstance(event, Injected | Reverting | Reverted)
    ],
    "was never injected into edge-north-1": without(WEAKENED, Injecting, Injected, Reverting, Reverted),
    "did not do what it says: not < 10% within 5 s": changed(
        WEAKENED, StepEnded, lambda event: msgspec.structs.replace(event, failure="not < 10% within 5 s")
    ),
    "the load generator ended before its time": [*WEAKENED[:-1], LoadFailed(at=END, message="killed"), WEAKENED[-1]],
    "the load generator never reported": without(WEAKENED, Loaded),
}


@pytest.mark.parametrize("why", NOT_ASKED)
def test_when_the_question_was_not_asked_the_run_is_inconclusive_even_if_an_objective_deviated(why: str) -> None:
    verdict = judge(NOT_ASKED[why])
    assert verdict.outcome == "inconclusive"
    assert why in verdict.sentence
    assert any(result.outcome == "deviated" for result in verdict.objectives)
    assert any(
        finding.severity == "problem" and '"start success" was' in finding.text.lower() for finding in verdict.findings
    )


def ended_by_the_lease_after(seconds: float) -> list[Event]:
    begun = next(event.at for event in HEALTHY if isinstance(event, Injecting))
    early: list[Event] = [
        Reverting(at=begun + seconds, injection="1.1", by="lease holder"),
        Reverted(at=begun + seconds + 0.1, injection="1.1", by="lease holder", evidence="ready"),
    ]
    both: list[Event] = [*without(HEALTHY[1:], Reverted, Reverting), *early]
    return [HEALTHY[0], *sorted(both, key=lambda event: event.at)]


def test_a_fault_that_somebody_else_ended_before_its_time_is_inconclusive() -> None:
    verdict = judge(ended_by_the_lease_after(8))
    assert verdict.outcome == "inconclusive"
    assert "ended by the lease holder after 8.0 s of 20 s" in verdict.sentence


def test_a_fault_that_somebody_else_ended_after_its_time_counts() -> None:
    assert judge(ended_by_the_lease_after(20.5)).outcome == "held"


def with_lag(lag_ms: float, every: int) -> list[Event]:
    count = 0

    def lagging(event: Event) -> Event:
        nonlocal count
        assert isinstance(event, Loaded)
        count += 1
        report = msgspec.structs.replace(event.report, lag_ms=lag_ms if count % every == 0 else 1.0)
        return msgspec.structs.replace(event, report=report)

    return changed(HEALTHY, Loaded, lagging)


@pytest.mark.parametrize(
    ("lag_ms", "every", "outcome"),
    [(600.0, 5, "inconclusive"), (600.0, 40, "held"), (2500.0, 40, "inconclusive"), (400.0, 1, "held")],
)
def test_a_load_generator_that_lags_often_or_badly_makes_no_answer(lag_ms: float, every: int, outcome: str) -> None:
    verdict = judge(with_lag(lag_ms, every))
    assert verdict.outcome == outcome
    assert ("load generator" in texts(verdict)) == (lag_ms > 500)


@pytest.mark.parametrize(("unfinished", "outcome"), [(0, "held"), (20, "held"), (3000, "inconclusive")])
def test_sessions_without_an_end_are_told_and_many_of_them_make_no_answer(unfinished: int, outcome: str) -> None:
    def replaced(event: Event) -> Event:
        assert isinstance(event, Loaded)
        report = msgspec.structs.replace(event.report, unfinished=unfinished if event.report.finished else 0)
        return msgspec.structs.replace(event, report=report)

    verdict = judge(changed(HEALTHY, Loaded, replaced))
    assert verdict.outcome == outcome
    assert ("had not ended" in texts(verdict)) == (unfinished > 0)


def test_an_experiment_without_objectives_is_inconclusive() -> None:
    verdict = judge(Synthetic(objectives=()).journal())
    assert verdict.outcome == "inconclusive"
    assert "no objectives" in verdict.sentence


def test_an_objective_without_a_sample_is_inconclusive_and_says_what_its_probe_said() -> None:
    unseen = msgspec.structs.replace(GATEWAY_UP, name="breaker")
    events = Synthetic(objectives=(START_SUCCESS, unseen)).journal()
    events.insert(-1, Sampled(at=END - 1, of=END - 1, missing={"breaker": "no metric breaker_state at gateway-1"}))
    verdict = judge(events)
    assert verdict.outcome == "inconclusive"
    assert "no metric breaker_state" in verdict.sentence


def test_too_few_samples_are_inconclusive_in_both_directions() -> None:
    for weakened in (False, True):
        few = msgspec.structs.replace(START_SUCCESS, min_samples=1_000_000)
        verdict = judge(Synthetic(weakened=weakened, objectives=(few,)).journal())
        assert verdict.outcome == "inconclusive"
        assert "fewer than the 1,000,000 samples" in verdict.sentence


def test_one_deviated_objective_outweighs_unclear_ones() -> None:
    unclear = msgspec.structs.replace(START_SUCCESS, name="unclear")
    verdict = judge(Synthetic(weakened=True, objectives=(unclear, START_SUCCESS)).journal())
    assert verdict.outcome == "deviated"


def test_samples_count_in_the_window_of_the_second_they_belong_to() -> None:
    """One good answer before, one bad one under the fault, one good one after: each window sees its own."""
    probe = PluginUse(kind="http")
    objectives = tuple(
        Objective(name="up", probe=probe, threshold=Threshold(">=", 0.5, ">= 50%"), window=window)
        for window in ("run", "fault", "after")
    )
    made = Synthetic(objectives=objectives)
    events = made.journal()
    injected, reverted = made.inject_at, made.revert_at + 0.6
    moments = [
        (injected - 3, 1),
        (injected, 0),
        (reverted - 0.1, 0),
        (reverted, 1),
        (reverted + 5, 1),
        (events[1].at, 0),
    ]
    drained = next(event.at for event in events if isinstance(event, PhaseBegan) and event.phase == "drain")
    moments.append((drained, 1))
    late = [Sampled(at=END - 0.5, of=of, values={"up": Ratio(good, 1)}) for of, good in moments]
    results = judge([*events[:-1], *late, events[-1]]).objectives
    seen = [
        (result.estimate.count, round(result.estimate.point * result.estimate.count))
        for result in results
        if result.estimate
    ]
    assert seen == [(5, 3), (2, 0), (3, 3)]


def test_late_reports_for_a_second_add_up() -> None:
    made = Synthetic(objectives=(START_SUCCESS,))
    events = made.journal()
    before = judge(events).objectives[0].estimate
    first = next(
        event
        for event in events
        if isinstance(event, Sampled) and event.of > made.inject_at and "start success" in event.values
    )
    late = Sampled(at=END - 0.1, of=first.of, values={"start success": Ratio(7, 10)})
    after = judge([*events[:-1], late, events[-1]]).objectives[0].estimate
    assert before is not None
    assert after is not None
    assert after.count == before.count + 10


def test_recovery_time_is_from_the_last_revert_to_back_on_target_for_good() -> None:
    made = Synthetic(weakened=True)
    times = {item.objective: item.seconds for item in recovery_times(tell(made.journal()))}
    assert times["start success"] == pytest.approx(4, abs=1.5)
    assert times["gateway answers"] == 0
    healthy = [item.seconds for item in recovery_times(tell(HEALTHY))]
    assert healthy == [0, 0, 0]


def test_recovery_is_not_shown_when_the_objective_is_off_target_at_the_end() -> None:
    bad = [
        Sampled(at=END - 0.5, of=float(second), values={"start success": Ratio(0, 60)})
        for second in range(int(END) - 6, int(END))
    ]
    story = tell([*HEALTHY[:-1], *bad, HEALTHY[-1]])
    assert recovery_times(story)[0].seconds is None
    assert "still off target" in recovery_times(story)[0].reason


def test_no_recovery_time_without_a_fault() -> None:
    assert recovery_times(tell(Synthetic(fault=False).journal())) == ()


def test_findings_come_gravest_first() -> None:
    order = ["problem", "warning", "note"]
    for events in (HEALTHY, WEAKENED, *NOT_ASKED.values()):
        severities = [order.index(finding.severity) for finding in judge(events).findings]
        assert severities == sorted(severities)


def test_the_evidence_of_every_injection_is_told() -> None:
    told = texts(judge(HEALTHY))
    assert "process 4242 is gone" in told
    assert "ready again as process 4321" in told
    assert "connection refused" in told


def test_a_verdict_survives_the_journal() -> None:
    for events in (HEALTHY, WEAKENED):
        verdict = judge(events)
        assert msgspec.json.decode(msgspec.json.encode(verdict), type=Verdict) == verdict


def test_a_run_that_never_began_its_phases_is_judged_from_its_start() -> None:
    started = HEALTHY[0]
    assert isinstance(started, RunStarted)
    assert tell([started]).run_window[0] == started.at
