"""What a journal consists of. Each event is one line; `at` is epoch seconds.

The life of an injection is injecting -> injected -> reverting -> reverted. One that has an
`Injecting` and neither `NotInjected` nor `Reverted` is open: it must be rolled back.
"""

from __future__ import annotations

from typing import Literal, Protocol

from msgspec import Struct

from chaos.model.experiment import PluginUse
from chaos.model.fault import Active, Undo
from chaos.model.plan import Plan
from chaos.model.sample import LoadReport, Measurement
from chaos.model.verdict import Verdict

Phase = Literal["warm-up", "baseline", "method", "recovery", "rollbacks", "drain", "end"]


class RunStarted(Struct, frozen=True, kw_only=True, tag_field="event", tag="run started"):
    """First line. `process` is the identity of the engine's process: {"pid":…, "started":…}."""

    at: float
    run: str
    version: str
    plan: Plan
    process: dict[str, int]


class PhaseBegan(Struct, frozen=True, kw_only=True, tag_field="event", tag="phase began"):
    at: float
    phase: Phase


class StepBegan(Struct, frozen=True, kw_only=True, tag_field="event", tag="step began"):
    at: float
    step: str


class StepEnded(Struct, frozen=True, kw_only=True, tag_field="event", tag="step ended"):
    """`failure` is empty when the step did what it says; `output` is what a Chaos Toolkit activity gave, as text."""

    at: float
    step: str
    failure: str = ""
    output: str = ""


class Injecting(Struct, frozen=True, kw_only=True, tag_field="event", tag="injecting"):
    """Written and on disk before the act. `environment` names the one of several that it is done in."""

    at: float
    injection: str
    step: str
    fault: PluginUse
    undo: Undo
    environment: str = ""

    @property
    def target(self) -> str:
        """Its name, as people are told."""
        return f"{self.undo.target} ({self.environment})" if self.environment else self.undo.target


class Injected(Struct, frozen=True, kw_only=True, tag_field="event", tag="injected"):
    """The act is done and its effect was looked for. `active` other than YES or PASSED makes the run inconclusive."""

    at: float
    injection: str
    active: Active
    evidence: str


class NotInjected(Struct, frozen=True, kw_only=True, tag_field="event", tag="not injected"):
    """Preparing failed, or the act failed and certainly changed nothing."""

    at: float
    step: str
    target: str
    message: str
    injection: str = ""


class InjectionFailed(Struct, frozen=True, kw_only=True, tag_field="event", tag="injection failed"):
    """The act failed and may have changed something: the injection stays open until reverted."""

    at: float
    injection: str
    message: str


class Reverting(Struct, frozen=True, kw_only=True, tag_field="event", tag="reverting"):
    """`by` is who reverts: "run", "guardian", "lease holder" or "rollback"."""

    at: float
    injection: str
    by: str


class Reverted(Struct, frozen=True, kw_only=True, tag_field="event", tag="reverted"):
    """The effect was looked for and is gone."""

    at: float
    injection: str
    by: str
    evidence: str


class RevertFailed(Struct, frozen=True, kw_only=True, tag_field="event", tag="revert failed"):
    """The fault is still active, or nobody can tell: it stays open, or is open again if it had been reverted before.

    `active` is what was seen last.
    """

    at: float
    injection: str
    by: str
    message: str
    active: Active = Active.UNKNOWN


class Sampled(Struct, frozen=True, kw_only=True, tag_field="event", tag="sampled"):
    """Measurements of one moment by objective name; `of` is the epoch second they belong to.

    `seen` says in words what was off target, where a measurement cannot.
    """

    at: float
    of: float
    values: dict[str, Measurement] = {}
    missing: dict[str, str] = {}
    seen: dict[str, str] = {}


class Loaded(Struct, frozen=True, kw_only=True, tag_field="event", tag="loaded"):
    at: float
    report: LoadReport


class LoadFailed(Struct, frozen=True, kw_only=True, tag_field="event", tag="load failed"):
    """The load generator ended before its time; what was measured after that says nothing."""

    at: float
    message: str


class GuardrailStopped(Struct, frozen=True, kw_only=True, tag_field="event", tag="guardrail stopped"):
    at: float
    guardrail: str
    reason: str


class StoppedEarly(Struct, frozen=True, kw_only=True, tag_field="event", tag="stopped early"):
    """The method ends before its time, as the experiment wants it: `objective` has certainly deviated.

    `seen` is all it had measured in its window by then; `of` is how many objectives were looked at.
    """

    at: float
    objective: str
    seen: Measurement
    of: int = 1


class RunRefused(Struct, frozen=True, kw_only=True, tag_field="event", tag="run refused"):
    """Nothing was injected."""

    at: float
    reason: str
    hint: str = ""


class Interrupted(Struct, frozen=True, kw_only=True, tag_field="event", tag="interrupted"):
    at: float
    signal: Literal["SIGINT", "SIGTERM", "SIGHUP"]


class Crashed(Struct, frozen=True, kw_only=True, tag_field="event", tag="crashed"):
    """Our own bug, or the end of the run's process as its guardian saw it."""

    at: float
    message: str


class RunEnded(Struct, frozen=True, kw_only=True, tag_field="event", tag="run ended"):
    """The run's own last line; `by` is "run", or who finished it in its place."""

    at: float
    by: str


class Judged(Struct, frozen=True, kw_only=True, tag_field="event", tag="judged"):
    at: float
    verdict: Verdict


Event = (
    RunStarted
    | PhaseBegan
    | StepBegan
    | StepEnded
    | Injecting
    | Injected
    | NotInjected
    | InjectionFailed
    | Reverting
    | Reverted
    | RevertFailed
    | Sampled
    | Loaded
    | LoadFailed
    | GuardrailStopped
    | StoppedEarly
    | RunRefused
    | Interrupted
    | Crashed
    | RunEnded
    | Judged
)


class Recorder(Protocol):
    """The writing end of a journal."""

    def record(self, *events: Event, durable: bool = False) -> None:
        """Append the events in order; with `durable` return only when they are on disk (one fsync for all)."""
        ...
