"""The answer of a run: held, deviated or inconclusive (or why there is none), with its reasons."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from chaos.model.errors import ExitCode

Outcome = Literal[
    "held", "deviated", "inconclusive", "refused", "aborted", "interrupted", "terminated", "still broken", "bug"
]

EXIT_CODES: dict[Outcome, ExitCode] = {
    "held": ExitCode.HELD,
    "deviated": ExitCode.DEVIATED,
    "inconclusive": ExitCode.INCONCLUSIVE,
    "refused": ExitCode.REFUSED,
    "aborted": ExitCode.ABORTED,
    "still broken": ExitCode.STILL_BROKEN,
    "bug": ExitCode.BUG,
    "interrupted": ExitCode.INTERRUPTED,
    "terminated": ExitCode.TERMINATED,
}


class Estimate(Struct, frozen=True, kw_only=True):
    """A point estimate with its confidence interval; `low`/`high` are None where the data cannot bound it."""

    point: float
    low: float | None
    high: float | None
    count: int
    method: str


class ObjectiveResult(Struct, frozen=True, kw_only=True):
    """How one objective fared. `reason` is one sentence that carries the numbers."""

    name: str
    outcome: Literal["held", "deviated", "inconclusive"]
    threshold: str
    measures: Literal["share", "milliseconds", "number"]
    window: str
    estimate: Estimate | None
    reason: str


class Finding(Struct, frozen=True):
    """Something a reader of the report should know; `severity` orders them."""

    severity: Literal["problem", "warning", "note"]
    text: str


class Verdict(Struct, frozen=True, kw_only=True):
    outcome: Outcome
    sentence: str
    objectives: tuple[ObjectiveResult, ...] = ()
    findings: tuple[Finding, ...] = ()

    @property
    def exit_code(self) -> ExitCode:
        return EXIT_CODES[self.outcome]
