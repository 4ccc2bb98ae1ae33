"""What the page says, in the order in which it says it. The template only lays it out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import msgspec

from chaos.judge.findings import recovery_findings
from chaos.judge.load import StreamSummary, load_summary
from chaos.judge.objectives import window_text
from chaos.judge.recovery import HOW, Recovery, recovery_times
from chaos.judge.recovery import interval_text as recovery_interval
from chaos.judge.story import InjectionStory, Story, tell
from chaos.judge.wording import (
    bytes_text,
    interval_text,
    milliseconds_text,
    number_text,
    repeat_command,
    seconds_text,
    share_text,
    value_text,
)
from chaos.model.events import Event
from chaos.model.experiment import Objective
from chaos.model.fault import Active
from chaos.model.verdict import Finding, ObjectiveResult, Outcome, Verdict
from chaos.reports.html.charts import NumberLine, chart, number_line
from chaos.reports.html.plan import PlanRow, plan_facts, plan_rows, use_text
from chaos.reports.html.timeline import Timeline, timeline

_LABELS: dict[Outcome, str] = {
    "held": "Held",
    "deviated": "Deviated",
    "inconclusive": "Inconclusive",
    "refused": "Refused",
    "aborted": "Aborted",
    "interrupted": "Interrupted",
    "terminated": "Terminated",
    "still broken": "Still broken",
    "bug": "Failed by a bug",
}


@dataclass(frozen=True)
class ObjectiveView:
    name: str
    outcome: str
    target: str
    window: str
    value: str
    interval: str
    samples: str
    method: str
    reason: str
    line: NumberLine | None
    chart_id: str
    chart_summary: str


@dataclass(frozen=True)
class RecoveryRow:
    """How long an objective took to be back on target after the last revert; `reason` is how that was seen."""

    objective: str
    time: str
    reason: str
    tone: str


@dataclass(frozen=True)
class Hit:
    fault: str
    target: str
    injected: str
    reverted: str
    evidence: str
    gone: str
    outcome: str

    @property
    def tone(self) -> str:
        return {"in effect": "good", "still broken": "bad"}.get(self.outcome, "unclear")


@dataclass(frozen=True)
class StreamRow:
    request: str
    region: str
    cells: tuple[tuple[str, str], ...]
    """(column, text)"""


@dataclass(frozen=True)
class Page:
    title: str
    description: str
    hypothesis: str
    tone: str
    label: str
    sentence: str
    facts: list[tuple[str, str]]
    timeline: Timeline
    hits: list[Hit]
    objectives: list[ObjectiveView]
    recovery: list[RecoveryRow]
    recovery_how: str
    findings: list[Finding]
    requests: list[StreamRow]
    measures: list[StreamRow]
    repeat: str
    plan: list[PlanRow]
    plan_facts: list[tuple[str, str]]
    charts: list[dict[str, Any]]
    """What charts.js reads."""

    @property
    def some_never(self) -> bool:
        return any(any(item["never"]) for item in self.charts)


def content(events: Sequence[Event], verdict: Verdict) -> Page:
    """Everything on the page."""
    story = tell(events)
    plan = story.started.plan
    streams = load_summary(events, story)
    recovered = recovery_times(story)
    charts, views = [], []
    # Promises about data follow the objectives: they have no samples over time, so nothing is drawn of them.
    views_of_promises = [_promise(result) for result in verdict.objectives[len(plan.experiment.objectives) :]]
    for index, (objective, result) in enumerate(zip(plan.experiment.objectives, verdict.objectives, strict=False)):
        drawn = chart(index, objective, result, story)
        if drawn is not None:
            charts.append(msgspec.to_builtins(drawn))
        view_of_chart = (drawn.id, drawn.summary) if drawn else ("", "")
        views.append(_objective(objective, result, story, view_of_chart))
    return Page(
        title=plan.experiment.name,
        description=plan.experiment.description,
        hypothesis=plan.experiment.hypothesis,
        tone={"held": "good", "deviated": "bad", "still broken": "bad", "bug": "bad"}.get(verdict.outcome, "unclear"),
        label=_LABELS[verdict.outcome],
        sentence=_without_label(verdict.sentence),
        facts=_facts(story),
        timeline=timeline(story),
        hits=sorted((_hit(item, story) for item in story.injections.values()), key=lambda hit: hit.tone == "good"),
        objectives=[*views, *views_of_promises],
        recovery=[_recovery(item) for item in recovered],
        recovery_how=HOW,
        findings=_new_findings(verdict, recovered),
        requests=[_request(stream) for stream in streams if not stream.is_measure],
        measures=[_measure(stream) for stream in streams if stream.is_measure],
        repeat=repeat_command(plan),
        plan=plan_rows(plan),
        plan_facts=plan_facts(plan, story.started.version),
        charts=charts,
    )


def _without_label(sentence: str) -> str:
    """ "Held: all ..." under a large "Held" says it twice."""
    label, colon, rest = sentence.partition(": ")
    if colon and label in _LABELS.values():
        return rest[:1].upper() + rest[1:]
    return sentence


def _facts(story: Story) -> list[tuple[str, str]]:
    started = story.started
    ended = story.ended.at if story.ended else story.last_at
    return [
        ("When", f"{datetime.fromtimestamp(started.at, UTC):%d %B %Y, %H:%M:%S} UTC".lstrip("0")),
        ("Took", seconds_text(ended - started.at)),
        ("Where", started.plan.environment.name),
        ("Seed", str(started.plan.seed)),
        ("Run", started.run),
    ]


def _objective(objective: Objective, result: ObjectiveResult, story: Story, drawn: tuple[str, str]) -> ObjectiveView:
    estimate = result.estimate
    return ObjectiveView(
        name=result.name,
        outcome=result.outcome,
        target=result.threshold,
        window=window_text(objective, story),
        value=value_text(estimate.point, result.measures) if estimate else "no sample",
        interval=interval_text(estimate, result.measures) if estimate else "",
        samples=f"{estimate.count:,}" if estimate else "0",
        method=f"{objective.confidence:.0%} interval, {estimate.method}" if estimate else "",
        reason=f"{result.reason[:1].upper()}{result.reason[1:]}." if result.outcome == "inconclusive" else "",
        line=number_line(objective, result),
        chart_id=drawn[0],
        chart_summary=drawn[1],
    )


def _promise(result: ObjectiveResult) -> ObjectiveView:
    estimate = result.estimate
    return ObjectiveView(
        name=result.name,
        outcome=result.outcome,
        target=result.threshold,
        window="over the whole history",
        value=value_text(estimate.point, result.measures) if estimate else "no history",
        interval="",
        samples=f"{estimate.count:,}" if estimate else "0",
        method=estimate.method if estimate else "",
        reason=f"{result.reason[:1].upper()}{result.reason[1:]}.",
        line=None,
        chart_id="",
        chart_summary="",
    )


def _recovery(recovery: Recovery) -> RecoveryRow:
    seconds = recovery.seconds
    time = "not shown" if seconds is None else "at once" if seconds == 0 else seconds_text(seconds)
    reason = f"{recovery.reason}; interval {recovery_interval(recovery)}"
    return RecoveryRow(recovery.objective, time, reason, "unclear" if seconds is None else "good")


_IN_WORDS = {
    Active.YES: "in effect",
    Active.NO: "no effect",
    Active.UNKNOWN: "cannot tell",
    Active.PASSED: "struck, and over by itself",
}


def _hit(item: InjectionStory, story: Story) -> Hit:
    origin = story.method_began
    begun = item.begun
    if item.not_injected is not None:
        outcome, evidence = "not injected", item.not_injected.message
    elif item.injected is None:
        outcome, evidence = "never seen in effect", item.failed.message if item.failed else ""
    else:
        outcome = _IN_WORDS[item.injected.active]
        evidence = item.injected.evidence
    back = item.reverted if item.reverted and not item.open else None
    return Hit(
        fault=use_text(begun.fault),
        target=begun.target,
        injected=f"{begun.at - origin:.1f} s",
        reverted=f"{back.at - origin:.1f} s by the {back.by}"
        if back
        else ("" if item.not_injected else "not reverted"),
        evidence=evidence,
        gone=back.evidence if back else (item.revert_failed.message if item.revert_failed else ""),
        outcome="still broken" if item.open else outcome,
    )


def _new_findings(verdict: Verdict, recovered: Sequence[Recovery]) -> list[Finding]:
    """Without those that the objectives' own cards and the table of recovery times say."""
    said = {result.reason.lower() for result in verdict.objectives}
    said |= {finding.text.lower().rstrip(".") for finding in recovery_findings(recovered)}
    return [finding for finding in verdict.findings if finding.text.lower().rstrip(".") not in said]


def _request(stream: StreamSummary) -> StreamRow:
    return StreamRow(
        stream.request,
        stream.region,
        (
            ("Requests", f"{stream.count:,}"),
            ("Failed", share_text(stream.failures / stream.count) if stream.count else ""),
            ("Median", "" if stream.median is None else milliseconds_text(stream.median)),
            ("95th percentile", "" if stream.p95 is None else milliseconds_text(stream.p95)),
            ("Bytes", bytes_text(stream.bytes) if stream.bytes else ""),
        ),
    )


def _measure(stream: StreamSummary) -> StreamRow:
    values = (("Mean", stream.mean), ("Median", stream.median), ("95th percentile", stream.p95))
    cells = ((name, "" if value is None else number_text(value)) for name, value in values)
    return StreamRow(stream.request, stream.region, (("Reports", f"{stream.count:,}"), *cells))
