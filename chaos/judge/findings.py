"""What else a reader should know, gravest first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from chaos.judge.budget import PEAK_SECONDS, Spent, spent_budgets
from chaos.judge.question import unfinished_text
from chaos.judge.recovery import Recovery, interval_text, recovery_times
from chaos.judge.story import InjectionStory, Story
from chaos.judge.wording import counted, kind_text, milliseconds_text, rate_text, seconds_text
from chaos.model.experiment import Objective
from chaos.model.plan import planned_actions
from chaos.model.verdict import Finding, ObjectiveResult, Outcome

_MOST_ERRORS = 5
_NOTABLE_MISSING_SHARE = 0.1
_ORDER = {"problem": 0, "warning": 1, "note": 2}


def findings(
    story: Story, outcome: Outcome, results: Sequence[ObjectiveResult], not_asked: Sequence[str]
) -> tuple[Finding, ...]:
    """Everything worth a sentence, ordered by severity, and within one by what happened first."""
    found = [
        *_endings(story),
        *(Finding("problem", f"{_capital(reason)}.") for reason in not_asked if _came_to_its_end(outcome)),
        *_off_target(outcome, results),
        *_injections(story),
        *_missing(story),
        *_seen(story),
        *_load(story),
        *(recovery_findings(recovery_times(story)) if _came_to_its_end(outcome) and _recovers(story) else ()),
        *(_budgets(spent_budgets(story)) if _came_to_its_end(outcome) else ()),
    ]
    return by_severity(found)


def by_severity(found: Sequence[Finding]) -> tuple[Finding, ...]:
    """Gravest first, and in the order in which they are told."""
    return tuple(sorted(found, key=lambda finding: _ORDER[finding.severity]))


def _came_to_its_end(outcome: Outcome) -> bool:
    """For a run that was refused or cut short, that the plan was not carried out is no news."""
    return outcome in ("held", "deviated", "inconclusive", "still broken")


def _recovers(story: Story) -> bool:
    """Looks of a Chaos Toolkit experiment that end before its rollbacks show no recovery."""
    return not planned_actions(story.started.plan.steps)


def _endings(story: Story) -> Iterator[Finding]:
    for item in story.injections.values():
        if item.open:
            why = item.revert_failed.message if item.revert_failed else "nobody has reverted it"
            yield Finding("problem", f"{_name(item)} is not known to be reverted: {why}.")
    for crash in story.crashes:
        yield Finding("problem", f"The run came to an unplanned end: {crash.message}.")
    if story.refused is not None and story.refused.hint:
        yield Finding("note", f"What to do: {story.refused.hint}.")
    if story.stopped_early is not None:
        after = seconds_text(story.stopped_early.at - story.method_began)
        objective = story.stopped_early.objective
        yield Finding("note", f'The method was ended after {after}: "{objective}" had certainly deviated by then.')
    if story.stopped is not None:
        yield Finding("problem", f"Guardrail {story.stopped.guardrail} stopped the run: {story.stopped.reason}.")


def _off_target(outcome: Outcome, results: Sequence[ObjectiveResult]) -> Iterator[Finding]:
    for result in results:
        if result.outcome == "deviated":
            yield Finding("problem", f"{_capital(result.reason)}.")
        elif result.outcome == "inconclusive" and outcome not in ("refused", "held"):
            yield Finding("warning", f"No answer: {result.reason}.")


def _injections(story: Story) -> Iterator[Finding]:
    """What went as planned in one sentence a step, with one target's evidence; whatever did not, by itself."""
    smooth: dict[str, list[InjectionStory]] = {}
    for item in story.injections.values():
        if item.open or not item.took_hold:
            continue
        if _went_as_planned(item):
            smooth.setdefault(item.begun.step, []).append(item)
        else:
            yield _injection(item)
    for items in smooth.values():
        yield _injection(items[0]) if len(items) == 1 else _injected_alike(items)


def _went_as_planned(item: InjectionStory) -> bool:
    seen_active = item.injected is not None and item.injected.active.struck
    return seen_active and item.reverted is not None and item.reverted.by == "run"


def _injected_alike(items: Sequence[InjectionStory]) -> Finding:
    first = items[0]
    assert first.injected is not None
    assert first.reverted is not None
    slowest = max(item.injected.at - item.begun.at for item in items if item.injected is not None)
    lasted = seconds_text(first.reverted.at - first.begun.at)
    kind = _capital(kind_text(first.begun.fault.kind))
    return Finding(
        "note",
        f"{kind} took effect on all {len(items)} targets within {seconds_text(slowest)} (on {first.begun.target}: "
        f"{first.injected.evidence}) and was reverted by the run after {lasted} ({first.reverted.evidence}).",
    )


def _injection(item: InjectionStory) -> Finding:
    assert item.reverted is not None
    seen = item.injected
    if seen is None or not seen.active.struck:
        began = "was never seen in effect"
    else:
        after = seen.at - item.begun.at
        began = f"took effect {'at once' if after < 0.05 else f'within {seconds_text(after)}'} ({seen.evidence})"
    lasted = seconds_text(item.reverted.at - item.begun.at)
    text = (
        f"{_name(item)} {began} and was reverted by the {item.reverted.by} after {lasted} ({item.reverted.evidence})."
    )
    return Finding("note" if _went_as_planned(item) else "warning", text)


def _missing(story: Story) -> Iterator[Finding]:
    for objective in story.started.plan.experiment.objectives:
        yield from _missing_of(objective, story)


def _missing_of(objective: Objective, story: Story) -> Iterator[Finding]:
    begin, end = story.run_window
    reasons = Counter(reason for of, reason in story.missing.get(objective.name, ()) if begin <= of < end)
    if not reasons:
        return
    missing = reasons.total()
    looks = missing + sum(begin <= of < end for of, _ in story.samples.get(objective.name, ()))
    reason, times = reasons.most_common(1)[0]
    text = f'"{objective.name}" had no sample in {missing:,} of {counted(looks, "look")}'
    yield Finding(
        "warning" if missing > _NOTABLE_MISSING_SHARE * looks else "note", f"{text}; {times:,} times: {reason}."
    )


def _seen(story: Story) -> Iterator[Finding]:
    """When something was first seen off target, and what it was."""
    for name, moments in story.seen.items():
        at, text = moments[0]
        when = at - story.method_began
        told = f"{seconds_text(when)} after the method began" if when >= 0 else "before the method"
        more = f", and {len(moments) - 1:,} times more" if len(moments) > 1 else ""
        yield Finding("problem", f"{_capital(name)}: first {told}{more}: {text}.")


def _load(story: Story) -> Iterator[Finding]:
    load, planned = story.load, story.started.plan.experiment.load
    if planned is None or not load.lags_ms:
        return
    if load.failures:
        yield Finding("note", _errors(load.failures))
    begin, end = story.run_window
    worst = max((lag for at, lag in load.lags_ms if begin <= at < end), default=0.0)
    if worst > planned.max_lag_ms:
        late, allowed = milliseconds_text(worst), milliseconds_text(planned.max_lag_ms)
        yield Finding(
            "warning", f"The load generator was up to {late} late ({allowed} is allowed); latencies include that."
        )
    if load.unfinished:
        yield Finding("warning", f"{_capital(unfinished_text(load))}.")


def _errors(failures: dict[str, int]) -> str:
    most = Counter(failures).most_common(_MOST_ERRORS)
    told = "; ".join(f"{count:,} × {text}" for text, count in most)
    rest = len(failures) - len(most)
    return f"Users saw errors: {told}{f'; and {rest} other kinds' if rest > 0 else ''}."


def recovery_findings(recoveries: Sequence[Recovery]) -> Iterator[Finding]:
    """What recovery times say; a report that has them in a place of their own leaves these out."""
    never_off: list[str] = []
    for item in recoveries:
        if item.seconds is None:
            yield Finding("warning", f'Recovery of "{item.objective}" was not shown: {item.reason}.')
        elif item.seconds == 0:
            never_off.append(f'"{item.objective}"')
        else:
            after = f"{seconds_text(item.seconds)} after the last revert"
            yield Finding("note", f'"{item.objective}" recovered {after} (interval {interval_text(item)}).')
    if never_off:
        yield Finding("note", f"On target from the last revert on: {', '.join(never_off)}.")


def _budgets(spent: Sequence[Spent]) -> Iterator[Finding]:
    for each in spent:
        if each.rate > 1:
            yield Finding(
                "note",
                f'"{each.objective}" spent its error budget {rate_text(each.rate)} as fast as it may, '
                f"{rate_text(each.peak)} at its worst {PEAK_SECONDS} s: in {seconds_text(each.seconds)} "
                f"what is for {seconds_text(each.seconds * each.rate)} ({each.bad:,} of {each.total:,}).",
            )


def _name(item: InjectionStory) -> str:
    return f"{_capital(kind_text(item.begun.fault.kind))} on {item.begun.target}"


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
