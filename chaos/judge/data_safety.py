"""The promises about data that an experiment names, judged on the history that its users kept."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal

from chaos.judge.history_checks import Violation, looked_at, violations
from chaos.judge.story import Story
from chaos.judge.wording import counted, seconds_text
from chaos.model.history import Check, Operation
from chaos.model.verdict import Estimate, Finding, ObjectiveResult

MOST_SHOWN = 3

NAMES: dict[Check, str] = {
    "acknowledged_kept": "what was acknowledged is kept",
    "monotonic_reads": "nobody is shown older data than before",
    "charged_once": "nobody is charged twice",
    "charges_kept": "no acknowledged charge is lost",
    "ledger_balanced": "the ledger is balanced",
}


def data_safety(story: Story) -> tuple[tuple[ObjectiveResult, ...], tuple[Finding, ...]]:
    """A result for each promise the experiment names, and a finding for each that is broken, with the smallest proof.

    One broken promise is one too many, so there is no interval: all operations of the run are looked at.
    """
    results: list[ObjectiveResult] = []
    found: list[Finding] = []
    for check in story.started.plan.experiment.data_safety:
        broken = violations(check, story.load.operations)
        results.append(_result(check, broken, looked_at(check, story.load.operations), _unknown(story)))
        found += _findings(check, broken, story.method_began)
    return tuple(results), tuple(found)


def _unknown(story: Story) -> str:
    """Why the history does not tell everything; empty when it does."""
    if story.load.operations_lost:
        return f"{story.load.operations_lost:,} operations were not kept"
    silent = sum(each.kind == "audit" and each.outcome != "ok" for each in story.load.operations)
    return f"{counted(silent, 'key')} could not be read at the end" if silent else ""


def _result(check: Check, broken: Sequence[Violation], seen: int, unknown: str) -> ObjectiveResult:
    name = NAMES[check]
    outcome: Literal["held", "deviated", "inconclusive"]
    if broken:
        outcome, said = (
            "deviated",
            f"{counted(len(broken), 'key')} broke it, e.g. {broken[0].key}: {broken[0].sentence}",
        )
    elif seen == 0 or unknown:
        outcome, said = "inconclusive", unknown or "the load has kept no history that could show it"
    else:
        outcome, said = "held", f"{counted(seen, 'operation')} looked at, all of them as promised"
    return ObjectiveResult(
        name=name,
        outcome=outcome,
        threshold="<= 0",
        measures="number",
        window="run",
        estimate=_counted(len(broken), seen) if seen else None,
        reason=f'"{name}": {said}',
    )


def _counted(broken: int, seen: int) -> Estimate:
    number = float(broken)
    return Estimate(point=number, low=number, high=number, count=seen, method="counted, all of them")


def _findings(check: Check, broken: Sequence[Violation], zero: float) -> Iterator[Finding]:
    for violation in broken[:MOST_SHOWN]:
        steps = "; ".join(_step(each, zero) for each in violation.history)
        yield Finding("problem", f'"{NAMES[check]}" is broken for {violation.key}: {violation.sentence}. {steps}.')
    if len(broken) > MOST_SHOWN:
        yield Finding("problem", f'"{NAMES[check]}" is broken for {len(broken) - MOST_SHOWN:,} more keys.')


def _step(of: Operation, zero: float) -> str:
    """ "+3.2 s to +3.3 s: write 17.2 in us-east-1, ok"."""
    what = ".".join(map(str, of.version)) if of.version else ""
    if of.charges:
        what = ", ".join(f"{charge.id[:8]} of {charge.cents} cents" for charge in of.charges)
    elif of.kind in ("read", "audit", "statement"):
        what = what or "nothing"
    where = f" in {of.region}" if of.region else ""
    return f"{_time(of.begun - zero)} to {_time(of.ended - zero)}: {of.kind} {what}{where}, {of.outcome}"


def _time(seconds: float) -> str:
    return (
        f"{'-' if seconds < 0 else '+'}{seconds_text(abs(seconds)) if abs(seconds) > 10 else f'{abs(seconds):.2f} s'}"
    )
