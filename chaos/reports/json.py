"""The verdict and its evidence for programs: report.json. Fields are added, never renamed, within one `format`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec
from msgspec import Struct

from chaos.judge.budget import Spent, spent_budgets
from chaos.judge.load import StreamSummary, load_summary
from chaos.judge.recovery import Recovery, recovery_times
from chaos.judge.story import InjectionStory, Story, tell
from chaos.judge.wording import repeat_command
from chaos.model.events import Event
from chaos.model.fault import Active
from chaos.model.system import JSON
from chaos.model.verdict import Finding, ObjectiveResult, Outcome, Verdict

FORMAT = 1


class Injection(Struct, frozen=True, kw_only=True):
    """One fault on one target. Times are epoch seconds, None for what did not happen."""

    injection: str
    step: str
    fault: str
    parameters: dict[str, JSON]
    target: str
    injecting_at: float
    active: Active | None
    evidence: str
    reverted_at: float | None
    reverted_by: str
    revert_evidence: str


class Report(Struct, frozen=True, kw_only=True):
    format: int
    run: str
    version: str
    experiment: str
    source: str
    hypothesis: str
    environment: str
    seed: int
    started_at: float
    ended_at: float
    outcome: Outcome
    exit_code: int
    sentence: str
    objectives: tuple[ObjectiveResult, ...]
    findings: tuple[Finding, ...]
    injections: tuple[Injection, ...]
    recovery: tuple[Recovery, ...]
    budgets: tuple[Spent, ...]
    load: tuple[StreamSummary, ...]
    repeat: str


def write(events: Sequence[Event], verdict: Verdict, directory: Path) -> Path:
    """Write report.json into the directory and return its path."""
    path = directory / "report.json"
    path.write_bytes(msgspec.json.format(msgspec.json.encode(report(events, verdict)), indent=2) + b"\n")
    return path


def report(events: Sequence[Event], verdict: Verdict) -> Report:
    """The report as a value."""
    story = tell(events)
    plan = story.started.plan
    return Report(
        format=FORMAT,
        run=story.started.run,
        version=story.started.version,
        experiment=plan.experiment.name,
        source=plan.experiment.source,
        hypothesis=plan.experiment.hypothesis,
        environment=plan.environment.name,
        seed=plan.seed,
        started_at=story.started.at,
        ended_at=_ended_at(story),
        outcome=verdict.outcome,
        exit_code=int(verdict.exit_code),
        sentence=verdict.sentence,
        objectives=verdict.objectives,
        findings=verdict.findings,
        injections=tuple(_injection(item) for item in story.injections.values()),
        recovery=recovery_times(story),
        budgets=spent_budgets(story),
        load=load_summary(events, story),
        repeat=repeat_command(plan),
    )


def _ended_at(story: Story) -> float:
    return story.ended.at if story.ended else story.last_at


def _injection(item: InjectionStory) -> Injection:
    return Injection(
        injection=item.begun.injection,
        step=item.begun.step,
        fault=item.begun.fault.kind,
        parameters=item.begun.fault.parameters,
        target=item.begun.target,
        injecting_at=item.begun.at,
        active=item.injected.active if item.injected else None,
        evidence=item.injected.evidence if item.injected else "",
        reverted_at=item.reverted.at if item.reverted and not item.open else None,
        reverted_by=item.reverted.by if item.reverted and not item.open else "",
        revert_evidence=item.reverted.evidence if item.reverted and not item.open else "",
    )
