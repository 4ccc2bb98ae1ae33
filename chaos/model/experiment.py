"""What is asked: a hypothesis, the objectives that express it, and what is done to the system."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct, structs

from chaos.model.history import Check
from chaos.model.system import JSON, TargetKind

Operator = Literal[">=", ">", "<=", "<"]
Window = Literal["run", "fault", "after"]


class PluginUse(Struct, frozen=True, kw_only=True):
    """A plug-in by kind with its parameters: checked, defaults filled in, units resolved."""

    kind: str
    parameters: dict[str, JSON] = {}


class Threshold(Struct, frozen=True):
    """`operator value`; a share is 0..1 and a time is in milliseconds, as the probe measures it.

    `text` is what the user wrote, e.g. ">= 99%".
    """

    operator: Operator
    value: float
    text: str


class Objective(Struct, frozen=True, kw_only=True):
    """A service level objective: held when the whole interval of the estimate meets the threshold.

    window: "run" is from the end of the warm-up to the end of the load, "fault" from the first
    injection to the last revert, "after" from the last revert to the end.
    """

    name: str
    probe: PluginUse
    threshold: Threshold
    window: Window = "run"
    min_samples: int = 1
    confidence: float = 0.95


class Amount(Struct, frozen=True):
    """How many of the selected: "one", "all", "count" with a count, or "share" with 0 < share <= 1 (rounded up)."""

    kind: Literal["one", "all", "count", "share"]
    count: int = 0
    share: float = 0.0

    def __str__(self) -> str:
        if self.kind == "count":
            return str(self.count)
        return f"{self.share:.0%}" if self.kind == "share" else self.kind


class Selector(Struct, frozen=True, kw_only=True):
    """Targets of one kind whose labels all match. `labels` is never empty; a label may allow several values.

    With `each`, the name of a label, the amount is chosen of each of its values by itself: one of each region. With
    `together`, another one, targets that have the same value of it are chosen together, and the amount counts values:
    all links to one instance.
    """

    kind: TargetKind
    labels: dict[str, tuple[str, ...]]
    amount: Amount = Amount("one")
    each: str = ""
    together: str = ""


class FaultStep(Struct, frozen=True, kw_only=True, tag="fault"):
    """Inject into every selected target, hold, revert; `times` in a row, each time with targets drawn anew.

    After each but the last a pause follows, drawn between the two of `pause_seconds`. With `meanwhile` there is no
    duration: once the fault is seen in effect these steps are taken, one after the other, and then it is reverted.
    """

    name: str
    fault: PluginUse
    selector: Selector
    duration_seconds: float = 0.0
    times: int = 1
    pause_seconds: tuple[float, float] = (0.0, 0.0)
    meanwhile: tuple[Step, ...] = ()


class ParallelStep(Struct, frozen=True, kw_only=True, tag="parallel"):
    """Start all steps at once; ends when the last of them ends."""

    name: str
    steps: tuple[Step, ...]


class SequenceStep(Struct, frozen=True, kw_only=True, tag="sequence"):
    """One step after the other, as a branch of a parallel group."""

    name: str
    steps: tuple[Step, ...]


class WaitStep(Struct, frozen=True, kw_only=True, tag="wait"):
    name: str
    seconds: float


class WaitUntilStep(Struct, frozen=True, kw_only=True, tag="wait_until"):
    """Wait until a probe's measurement meets the threshold, `timeout_seconds` at most.

    Reaching the timeout makes the run inconclusive: what the method relied on did not happen.
    """

    name: str
    probe: PluginUse
    threshold: Threshold
    timeout_seconds: float = 30.0


Step = FaultStep | ParallelStep | SequenceStep | WaitStep | WaitUntilStep


def inner_steps(step: Step) -> tuple[Step, ...]:
    """Those that stand inside a step."""
    if isinstance(step, FaultStep):
        return step.meanwhile
    return step.steps if isinstance(step, ParallelStep | SequenceStep) else ()


class Stretch(Struct, frozen=True, kw_only=True):
    """A stretch of a load's shape: over `seconds` the level goes in a line from `begin` to `end`.

    The level is arrivals a second, or a number of users. A hold has `begin == end`, a step at the very end 0 seconds.
    """

    seconds: float
    begin: float
    end: float


class Load(Struct, frozen=True, kw_only=True):
    """Users of the system, driven by Locust in `workers` child processes.

    Exactly one of `arrivals_per_second` (open: sessions begin at Poisson times whatever the system
    does) and `users` (closed: that many users loop) is set: the level at the start. `shape` changes it from the
    start of the load on; after its last stretch the level stays. `locustfile` is the name of a bundled one
    ("viewers") or a path, and so is `mix` (who the users are, a file that the locustfile reads). `settings` go to
    the locustfile as environment variables.
    """

    locustfile: str
    arrivals_per_second: float | None = None
    users: int | None = None
    shape: tuple[Stretch, ...] = ()
    workers: int = 1
    mix: str = ""
    time_scale: float = 1.0
    warm_up_seconds: float = 5.0
    baseline_seconds: float = 5.0
    drain_seconds: float = 5.0
    max_lag_ms: float = 500.0
    host: str = ""
    settings: dict[str, str] = {}


class Limits(Struct, frozen=True, kw_only=True):
    """What a run may never exceed, whatever its method says.

    With `stop_early` the method ends as soon as an objective has certainly deviated.
    """

    max_duration_seconds: float = 600.0
    max_targets_share: float = 1.0
    lease_margin_seconds: float = 10.0
    stop_early: bool = False


class Experiment(Struct, frozen=True, kw_only=True):
    name: str
    hypothesis: str
    objectives: tuple[Objective, ...]
    method: tuple[Step, ...]
    description: str = ""
    tags: tuple[str, ...] = ()
    load: Load | None = None
    guardrails: tuple[PluginUse, ...] = ()
    limits: Limits = Limits()
    seed: int | None = None
    recovery_seconds: float = 5.0
    data_safety: tuple[Check, ...] = ()
    source: str = ""


def without_faults(experiment: Experiment) -> Experiment:
    """The same experiment with every fault replaced by a wait of its length: a control run."""
    return structs.replace(experiment, method=tuple(_harmless(step) for step in experiment.method))


def with_workers(experiment: Experiment, workers: int) -> Experiment:
    """The same experiment with its load, if it has one, made by so many processes."""
    if experiment.load is None:
        return experiment
    return structs.replace(experiment, load=structs.replace(experiment.load, workers=workers))


def _harmless(step: Step) -> Step:
    if isinstance(step, FaultStep) and step.meanwhile:
        return SequenceStep(name=f"no {step.name}", steps=tuple(_harmless(inner) for inner in step.meanwhile))
    if isinstance(step, FaultStep):
        pauses = (step.times - 1) * sum(step.pause_seconds) / 2
        return WaitStep(name=f"no {step.name}", seconds=step.times * step.duration_seconds + pauses)
    if isinstance(step, ParallelStep | SequenceStep):
        return structs.replace(step, steps=tuple(_harmless(inner) for inner in step.steps))
    return step
