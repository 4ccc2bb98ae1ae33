"""One pass over a journal: what happened, in the order in which verdict and reports ask for it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from chaos.model.errors import BadInput
from chaos.model.events import (
    Crashed,
    Event,
    GuardrailStopped,
    Injected,
    Injecting,
    InjectionFailed,
    Interrupted,
    Judged,
    Loaded,
    LoadFailed,
    NotInjected,
    Phase,
    PhaseBegan,
    Reverted,
    RevertFailed,
    Reverting,
    RunEnded,
    RunRefused,
    RunStarted,
    Sampled,
    StepBegan,
    StepEnded,
    StoppedEarly,
)
from chaos.model.history import Operation
from chaos.model.plan import planned_faults
from chaos.model.sample import Measurement
from chaos.model.verdict import Verdict


@dataclass
class InjectionStory:
    """One fault on one target, from the line before the act to the line after its end."""

    begun: Injecting
    injected: Injected | None = None
    failed: InjectionFailed | None = None
    not_injected: NotInjected | None = None
    reverting: Reverting | None = None
    """The first attempt to revert: who ended it, and when."""
    reverted: Reverted | None = None
    revert_failed: RevertFailed | None = None
    """Only while no later attempt has succeeded."""

    @property
    def open(self) -> bool:
        return self.not_injected is None and (self.reverted is None or self.revert_failed is not None)

    @property
    def took_hold(self) -> bool:
        """Something may have been changed."""
        return self.not_injected is None


@dataclass
class LoadStory:
    """How the load generator itself fared. `lags_ms` holds (at, worst lag since the last report)."""

    lags_ms: list[tuple[float, float]] = field(default_factory=list)
    failures: dict[str, int] = field(default_factory=dict)
    requests: int = 0
    finished: bool = False
    unfinished: int = 0
    failed: LoadFailed | None = None
    operations: list[Operation] = field(default_factory=list)
    operations_lost: int = 0


@dataclass
class Story:
    """Times are epoch seconds. `samples` and `missing` hold (second they belong to, measurement or reason)."""

    started: RunStarted
    last_at: float
    phases: dict[Phase, float] = field(default_factory=dict)
    injections: dict[str, InjectionStory] = field(default_factory=dict)
    never_begun: list[NotInjected] = field(default_factory=list)
    """Targets whose fault could not even be prepared."""
    steps_begun: set[str] = field(default_factory=set)
    step_failures: list[StepEnded] = field(default_factory=list)
    samples: dict[str, list[tuple[float, Measurement]]] = field(default_factory=dict)
    missing: dict[str, list[tuple[float, str]]] = field(default_factory=dict)
    seen: dict[str, list[tuple[float, str]]] = field(default_factory=dict)
    """(second, what was seen off target), in words."""
    load: LoadStory = field(default_factory=LoadStory)
    stopped: GuardrailStopped | None = None
    stopped_early: StoppedEarly | None = None
    refused: RunRefused | None = None
    interrupted: Interrupted | None = None
    crashes: list[Crashed] = field(default_factory=list)
    ended: RunEnded | None = None
    judged: Verdict | None = None
    """The last verdict that the journal itself holds."""

    @property
    def run_window(self) -> tuple[float, float]:
        """From the end of the warm-up (or the start) to the end of the load (or of the journal)."""
        begin = self.phases.get("baseline", self.started.at)
        end = self.phases.get("drain", self.phases.get("end", self.ended.at if self.ended else self.last_at + 1))
        return begin, end

    @property
    def fault_window(self) -> tuple[float, float] | None:
        """From the first injection to the last revert; while one is open, to the end. None without an injection.

        In a run whose plan has no fault (a control run) the time that its method took stands in for it.
        """
        if not planned_faults(self.started.plan.steps):
            return self._method_window()
        held = [item for item in self.injections.values() if item.took_hold]
        if not held:
            return None
        ends = [item.reverted.at if item.reverted and not item.open else self.run_window[1] for item in held]
        return min(item.begun.at for item in held), max(ends)

    @property
    def after_window(self) -> tuple[float, float] | None:
        """From the last revert to the end; None while a fault is open, or without one."""
        fault = self.fault_window
        if fault is None or any(item.open for item in self.injections.values()):
            return None
        end = self.phases.get("end", self.ended.at if self.ended and self.ended.by == "run" else self.last_at + 1)
        return fault[1], max(end, fault[1])

    @property
    def method_began(self) -> float:
        """What reports count seconds from."""
        return self.phases.get("method", self.run_window[0])

    def _method_window(self) -> tuple[float, float]:
        begin, end = self.run_window
        if not self.started.plan.steps:
            return begin, end
        return self.phases.get("method", begin), self.phases.get("recovery", end)


def tell(events: Iterable[Event]) -> Story:
    """Read a journal's events once. Raises BadInput when the first of them is not the start of a run."""
    items = iter(events)
    started = next(items, None)
    if not isinstance(started, RunStarted):
        raise BadInput("the journal holds no run: its first line is missing", "nothing was injected by this run")
    story = Story(started, started.at)
    for event in items:
        if not isinstance(event, Judged):
            story.last_at = max(story.last_at, event.at)
        note(story, event)
    return story


def note(story: Story, event: Event) -> None:
    """Take in the next event, for readers of a journal that still grows."""
    match event:
        case Sampled():
            for name, measurement in event.values.items():
                story.samples.setdefault(name, []).append((event.of, measurement))
            for name, reason in event.missing.items():
                story.missing.setdefault(name, []).append((event.of, reason))
            for name, text in event.seen.items():
                story.seen.setdefault(name, []).append((event.of, text))
        case Loaded():
            _note_load(story.load, event)
        case LoadFailed():
            story.load.failed = event
        case PhaseBegan():
            story.phases[event.phase] = event.at
        case StepBegan():
            story.steps_begun.add(event.step)
        case StepEnded():
            if event.failure:
                story.step_failures.append(event)
        case Injecting():
            story.injections[event.injection] = InjectionStory(event)
        case NotInjected() if event.injection not in story.injections:
            story.never_begun.append(event)
        case Injected() | NotInjected() | InjectionFailed() | Reverting() | Reverted() | RevertFailed():
            _note_injection(story, event)
        case _:
            _note_ending(story, event)


def _note_injection(
    story: Story, event: Injected | NotInjected | InjectionFailed | Reverting | Reverted | RevertFailed
) -> None:
    item = story.injections.get(event.injection)
    if item is None:
        return  # its first line was torn: then it never took effect, and whoever reverted it did so in vain
    match event:
        case Injected():
            item.injected = event
        case NotInjected():
            item.not_injected = event
        case InjectionFailed():
            item.failed = event
        case Reverting():
            item.reverting = item.reverting or event
        case Reverted():
            # Reverting again what is reverted is normal on the way out: the first one ended the fault.
            item.reverted = item.reverted if item.reverted and not item.open else event
            item.revert_failed = None
        case RevertFailed():
            item.revert_failed = event


def _note_load(load: LoadStory, event: Loaded) -> None:
    report = event.report
    load.lags_ms.append((report.at, report.lag_ms))
    load.requests += sum(stream.count for stream in report.streams)
    for text, count in report.failures.items():
        load.failures[text] = load.failures.get(text, 0) + count
    load.operations.extend(report.operations)
    load.operations_lost += report.operations_lost
    if report.finished:
        load.finished, load.unfinished = True, report.unfinished


def _note_ending(story: Story, event: Event) -> None:
    match event:
        case GuardrailStopped():
            story.stopped = story.stopped or event
        case StoppedEarly():
            story.stopped_early = story.stopped_early or event
        case RunRefused():
            story.refused = event
        case Interrupted():
            story.interrupted = story.interrupted or event
        case Crashed():
            story.crashes.append(event)
        case RunEnded():
            story.ended = story.ended or event
        case Judged():
            story.judged = event.verdict
