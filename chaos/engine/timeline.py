"""The method as a tree of running steps. The loop calls `advance` on every tick; nothing here blocks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from chaos.engine.inject import Batch, Injector
from chaos.engine.rollback import Reverter
from chaos.engine.toolbox import Toolbox
from chaos.model.events import Injecting, StepBegan, StepEnded
from chaos.model.plan import (
    PlannedActivity,
    PlannedFault,
    PlannedParallel,
    PlannedSequence,
    PlannedStep,
    PlannedWait,
    PlannedWaitUntil,
)


class RunningStep(Protocol):
    def advance(self, now: float) -> bool:
        """Do what is due; True when the step is over."""
        ...

    def next_due(self) -> float | None:
        """When something is due at a known time; None when it depends on others."""
        ...


@dataclass(frozen=True)
class Stage:
    """What steps act through; `around` are the faults that are held meanwhile."""

    tools: Toolbox
    injector: Injector
    reverter: Reverter
    condition_met: Callable[[PlannedWaitUntil], bool]
    watch_condition: Callable[[PlannedWaitUntil], None]
    around: tuple[Batch, ...] = ()


class StepSequence:
    """Steps one after the other."""

    def __init__(self, stage: Stage, steps: Sequence[PlannedStep]) -> None:
        self._stage = stage
        self._left = list(steps)
        self._current: RunningStep | None = None

    def advance(self, now: float) -> bool:
        while True:
            if self._current is None:
                if not self._left:
                    return True
                self._current = _running(self._stage, self._left.pop(0))
            if not self._current.advance(now):
                return False
            self._current = None

    def next_due(self) -> float | None:
        return self._current.next_due() if self._current else None


class _Parallel:
    def __init__(self, stage: Stage, step: PlannedParallel) -> None:
        self._left: list[RunningStep] = [_running(stage, inner) for inner in step.steps]

    def advance(self, now: float) -> bool:
        self._left = [step for step in self._left if not step.advance(now)]
        return not self._left

    def next_due(self) -> float | None:
        return min((due for step in self._left if (due := step.next_due()) is not None), default=None)


@dataclass
class _Recorded:
    """Notes a step's begin and end around it."""

    stage: Stage
    name: str
    inner: RunningStep
    began: bool = False
    failure: Callable[[], str] = field(default=lambda: "")

    def advance(self, now: float) -> bool:
        if not self.began:
            self.began = True
            self.stage.tools.recorder.record(StepBegan(at=now, step=self.name))
        if not self.inner.advance(now):
            return False
        ended = StepEnded(at=self.stage.tools.clock.now(), step=self.name, failure=self.failure())
        self.stage.tools.recorder.record(ended)
        return True

    def next_due(self) -> float | None:
        return self.inner.next_due()


class _Wait:
    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._until: float | None = None

    def advance(self, now: float) -> bool:
        if self._until is None:
            self._until = now + self._seconds
        return now >= self._until

    def next_due(self) -> float | None:
        return self._until


class _WaitUntil:
    def __init__(self, stage: Stage, step: PlannedWaitUntil) -> None:
        self._stage = stage
        self._step = step
        self._until: float | None = None
        self.failure = ""

    def advance(self, now: float) -> bool:
        if self._until is None:
            self._until = now + self._step.timeout_seconds
            self._stage.watch_condition(self._step)
        if self._stage.condition_met(self._step):
            return True
        if now >= self._until:
            self.failure = f"not {self._step.threshold.text} within {self._step.timeout_seconds:g} s"
            return True
        return False

    def next_due(self) -> float | None:
        return self._until


class _Fault:
    """injecting -> holding (from the moment all inject calls came back) -> reverting.

    With steps to be taken meanwhile: injecting -> seen in effect on all targets -> these steps -> reverting.
    """

    def __init__(self, stage: Stage, step: PlannedFault) -> None:
        self._stage = stage
        self._step = step
        self._batch: Batch | None = None
        self._until: float | None = None
        self._reverting = False
        self._reverted = False
        self._broken: list[Injecting] = []
        self._meanwhile: StepSequence | None = None
        self._alone = ""

    def advance(self, now: float) -> bool:
        if self._batch is None:
            self._batch = self._stage.injector.begin(self._step, self._stage.around)
        if not self._batch.landed or not self._held_long_enough(self._batch, now):
            return False
        if not self._reverting:
            self._reverting = True
            self._batch.stopped = True
            self._stage.tools.workers.submit(self._revert)
        return self._reverted and self._batch.settled

    def next_due(self) -> float | None:
        if self._meanwhile is not None and not self._reverting:
            return self._meanwhile.next_due()
        waits_for_workers = self._until is None or self._reverting
        return 0.0 if waits_for_workers else self._until

    def failure(self) -> str:
        broken = f"still broken: {', '.join(item.target for item in self._broken)}" if self._broken else ""
        return "; ".join(each for each in (broken, self._alone) if each)

    def _held_long_enough(self, batch: Batch, now: float) -> bool:
        if self._step.meanwhile:
            return self._is_done_meanwhile(batch, now)
        if self._until is None:
            self._until = self._stage.tools.clock.now() + (self._step.duration_seconds if batch.opened else 0.0)
        return now >= self._until

    def _is_done_meanwhile(self, batch: Batch, now: float) -> bool:
        """What stands under it relies on it, so it begins only when the fault was seen in effect everywhere."""
        if self._meanwhile is None:
            if not batch.settled:
                return False
            if not batch.seen_everywhere:
                self._alone = "its effect was not seen, so what was to be done meanwhile was not begun"
            within = replace(self._stage, around=(*self._stage.around, batch))
            self._meanwhile = StepSequence(within, () if self._alone else self._step.meanwhile)
        return self._meanwhile.advance(now)

    def _revert(self) -> None:
        assert self._batch is not None
        injector, reverter = self._stage.injector, self._stage.reverter
        others_open = self._batch.glanced_at = injector.others_open(self._batch)
        try:
            # Who relies on this fault must be over before it: now nothing else is in effect beside them.
            reverter.revert_all(injector.glanced_at_within(self._batch))
            left = reverter.revert_all(self._batch.opened, others_open)
            # What others hide, beside it or around it, is decided by the look at the run's end.
            self._broken = [] if others_open or self._batch.around else left
        finally:
            self._batch.reverted = True
            self._reverted = True


def _running(stage: Stage, step: PlannedStep) -> RunningStep:
    if isinstance(step, PlannedFault):
        fault = _Fault(stage, step)
        return _Recorded(stage, step.name, fault, failure=fault.failure)
    if isinstance(step, PlannedParallel):
        return _Recorded(stage, step.name, _Parallel(stage, step))
    if isinstance(step, PlannedSequence):
        return _Recorded(stage, step.name, StepSequence(stage, step.steps))
    if isinstance(step, PlannedWait):
        return _Recorded(stage, step.name, _Wait(step.seconds))
    if isinstance(step, PlannedActivity):
        raise TypeError("activities of Chaos Toolkit experiments have a runner of their own (chaos/chaostoolkit)")
    wait = _WaitUntil(stage, step)
    return _Recorded(stage, step.name, wait, failure=lambda: wait.failure)
