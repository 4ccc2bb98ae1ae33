"""The verdict over a journal: the first of these that is true decides.

still broken > bug > interrupted or terminated > refused > aborted > inconclusive because the question
was not asked > deviated > inconclusive because the samples do not say > held.

Whether the question was asked comes before its answer: an objective that deviated while the fault
never took effect says something about the system, but nothing about the hypothesis.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from chaos.judge.data_safety import data_safety
from chaos.judge.findings import by_severity, findings
from chaos.judge.objectives import judge_objective
from chaos.judge.question import why_not_asked
from chaos.judge.story import InjectionStory, Story, tell
from chaos.judge.wording import counted, kind_text, listed, seconds_text
from chaos.model.events import Event
from chaos.model.fault import Active
from chaos.model.plan import planned_actions, planned_faults
from chaos.model.verdict import ObjectiveResult, Outcome, Verdict


def judge(events: Iterable[Event]) -> Verdict:
    """Judge a journal, whole or cut short at any line. Raises BadInput when it holds no run."""
    return judge_story(tell(events))


def judge_story(story: Story) -> Verdict:
    """The same, for callers that have read the journal already."""
    objectives = tuple(judge_objective(objective, story) for objective in story.started.plan.experiment.objectives)
    promises, broken = data_safety(story)
    results = (*objectives, *promises)
    not_asked = why_not_asked(story)
    outcome, sentence = _ended_otherwise(story) or _answer(story, results, not_asked)
    return Verdict(
        outcome=outcome,
        sentence=sentence,
        objectives=results,
        findings=by_severity((*findings(story, outcome, results, not_asked), *broken)),
    )


def _ended_otherwise(story: Story) -> tuple[Outcome, str] | None:
    """Why the run did not come to its end, or None when it did."""
    broken = [item for item in story.injections.values() if item.open]
    if broken:
        return "still broken", _still_broken(broken, story.started.run)
    if story.crashes and not _killed(story):
        return "bug", f"No answer: the run failed by a bug of its own ({story.crashes[0].message}); {_left(story)}."
    if story.interrupted is not None:
        outcome: Outcome = "interrupted" if story.interrupted.signal == "SIGINT" else "terminated"
        return outcome, f"No answer: the run was ended by {story.interrupted.signal}; {_left(story)}."
    if story.refused is not None:
        return "refused", f"Refused, nothing was injected: {story.refused.reason}."
    if story.stopped is not None:
        return "aborted", f"Aborted by guardrail {story.stopped.guardrail}: {story.stopped.reason}; {_left(story)}."
    if story.ended is None or _killed(story):
        by = f" by the {story.ended.by}" if story.ended and story.injections else ""
        return "terminated", f"No answer: the run's process was killed before its end; {_left(story)}{by}."
    return None


def _still_broken(broken: Sequence[InjectionStory], run: str) -> str:
    """What was reverted and cannot be seen may be whole; somebody has to look all the same."""
    names = [f"{kind_text(item.begun.fault.kind)} on {item.begun.target}" for item in broken]
    how = "is" if len(broken) == 1 else "are"
    cure = f"run `chaos rollback {run}`"
    if all(item.revert_failed is not None and item.revert_failed.active is Active.UNKNOWN for item in broken):
        return f"Perhaps still broken: nobody can tell whether {listed(names)} {how} over; {cure}."
    return f"Still broken: {listed(names)} {how} not known to be reverted; {cure}."


def _killed(story: Story) -> bool:
    """The process went without a word: the only `crashed` is what its guardian noted in its place."""
    return story.ended is not None and story.ended.by != "run" and len(story.crashes) <= 1


def _left(story: Story) -> str:
    held = [item for item in story.injections.values() if item.took_hold]
    if not held and any(action.name in story.steps_begun for action in planned_actions(story.started.plan.steps)):
        return "what its actions did was not rolled back"
    return f"{counted(len(held), 'fault')} reverted" if held else "nothing had been injected"


def _answer(story: Story, results: Sequence[ObjectiveResult], not_asked: Sequence[str]) -> tuple[Outcome, str]:
    if not_asked:
        more = f" (and {counted(len(not_asked) - 1, 'more reason')})" if len(not_asked) > 1 else ""
        return "inconclusive", f"Inconclusive: {not_asked[0]}{more}."
    deviated = [result for result in results if result.outcome == "deviated"]
    if deviated:
        others = [f'"{result.name}"' for result in deviated[1:]]
        more = f"; so did {listed(others)}" if others else ""
        return "deviated", f"Deviated: {_while(story)}, {deviated[0].reason}{more}."
    unclear = [result for result in results if result.outcome == "inconclusive"]
    if unclear:
        more = f" (and {counted(len(unclear) - 1, 'more objective')})" if len(unclear) > 1 else ""
        return "inconclusive", f"Inconclusive: {unclear[0].reason}{more}."
    every = "the objective" if len(results) == 1 else f"all {len(results)} objectives"
    return "held", f"Held: {every} stayed on target {_while(story)}; {results[0].reason}."


def _while(story: Story) -> str:
    """ "while kill hit edge-a-1 for 10 s", or that nothing was hit."""
    faults = planned_faults(story.started.plan.steps)
    if not faults:
        actions = planned_actions(story.started.plan.steps)
        return f"while {counted(len(actions), 'action')} of the method ran" if actions else "with no fault injected"
    hits = [
        f"{kind_text(fault.fault.kind)} hit {listed(fault.targets, 2)} for {seconds_text(fault.duration_seconds)}"
        for fault in faults
    ]
    return f"while {listed(hits, 2)}"
