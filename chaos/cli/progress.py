"""What a person sees while a run goes on: plain lines, and on a terminal one living line below them."""

from __future__ import annotations

import threading
from collections import deque
from typing import TextIO

from chaos.judge.budget import burn_rate
from chaos.judge.wording import measures_of, rate_text, value_text
from chaos.model.events import (
    Crashed,
    Event,
    GuardrailStopped,
    Injected,
    Injecting,
    InjectionFailed,
    Interrupted,
    Loaded,
    LoadFailed,
    NotInjected,
    PhaseBegan,
    Reverted,
    RevertFailed,
    RunRefused,
    RunStarted,
    Sampled,
    StepBegan,
    StoppedEarly,
)
from chaos.model.experiment import Threshold
from chaos.model.fault import Active
from chaos.model.plan import Plan
from chaos.model.sample import Count, Measurement, Ratio, count_of, merge

_BURN_SECONDS = 10.0
"""Burn rates on the living line are over so many seconds: one has few samples."""

_PLAIN_STATUS_EVERY_SECONDS = 10.0


class Progress:
    """Listens to a run. Events come from several threads."""

    def __init__(self, stream: TextIO, plan: Plan) -> None:
        self._stream = stream
        self._plan = plan
        self._live = stream.isatty()
        self._lock = threading.Lock()
        self._began = 0.0
        self._phase = ""
        self._current: dict[str, deque[tuple[float, Measurement]]] = {}
        self._thresholds = {each.name: each.threshold for each in plan.experiment.objectives}
        self._targets: dict[str, str] = {}
        self._requests = ""
        self._status_at = 0.0

    def on_event(self, event: Event) -> None:
        with self._lock:
            self._note(event)
            line = self._line(event)
            if line:
                self._print(event.at, line)
            if isinstance(event, Loaded | Sampled):
                self._status(event.at)

    def on_repeated_signal(self) -> None:
        """Called from a signal handler: only writes, takes no lock."""
        self._stream.write("\nalready reverting; this cannot be interrupted, so that nothing stays broken\n")
        self._stream.flush()

    def _note(self, event: Event) -> None:
        if isinstance(event, RunStarted):
            self._began = event.at
        elif isinstance(event, PhaseBegan):
            self._phase = event.phase
        elif isinstance(event, Injecting):
            self._targets[event.injection] = f"{event.fault.kind} on {event.target}"
        elif isinstance(event, Sampled):
            for name, measured in event.values.items():
                recent = self._current.setdefault(name, deque())
                recent.append((event.of, measured))
                while recent[0][0] <= event.of - _BURN_SECONDS:
                    recent.popleft()
        elif isinstance(event, Loaded):
            count = sum(stream.count for stream in event.report.streams)
            failures = sum(stream.failures for stream in event.report.streams)
            self._requests = f"{count} requests/s" + (f", {failures} failed" if failures else "")

    def _line(self, event: Event) -> str:
        match event:
            case RunStarted():
                return f"run {event.run}  (seed {event.plan.seed}, about {event.plan.seconds:.0f} s)"
            case PhaseBegan() if event.phase != "end":
                return f"{event.phase}{self._phase_length(event.phase)}"
            case StepBegan():
                return f"step: {event.step}"
            case Injected():
                sure = "" if event.active.struck else f" NOT SEEN ACTIVE ({event.active}):"
                return f"injected {self._targets.get(event.injection, event.injection)}:{sure} {event.evidence}"
            case NotInjected():
                return f"not injected into {event.target}: {event.message}"
            case InjectionFailed():
                return f"injecting {self._targets.get(event.injection, event.injection)} failed: {event.message}"
            case Reverted():
                return f"reverted {self._targets.get(event.injection, event.injection)}: {event.evidence}"
            case RevertFailed():
                state = "PERHAPS STILL BROKEN" if event.active is Active.UNKNOWN else "STILL BROKEN"
                return f"{state} {self._targets.get(event.injection, event.injection)}: {event.message}"
            case GuardrailStopped():
                return f"guardrail {event.guardrail} stops the run: {event.reason}"
            case StoppedEarly():
                return f"{event.objective!r} has certainly deviated: the method ends here (limits.stopEarly)"
            case Interrupted():
                return f"{event.signal}: reverting everything now"
            case RunRefused():
                return f"refused, nothing injected: {event.reason}"
            case LoadFailed() | Crashed():
                return event.message
            case _:
                return ""

    def _phase_length(self, phase: str) -> str:
        load = self._plan.experiment.load
        seconds = {
            "warm-up": load.warm_up_seconds if load else 0,
            "baseline": load.baseline_seconds if load else 0,
            "recovery": self._plan.experiment.recovery_seconds,
        }.get(phase, 0)
        return f" ({seconds:g} s)" if seconds else ""

    def _print(self, at: float, line: str) -> None:
        clear = "\r\x1b[K" if self._live else ""
        self._stream.write(f"{clear}{at - self._began:6.1f}s  {line}\n")
        self._stream.flush()

    def _status(self, at: float) -> None:
        """On a terminal the line is rewritten; in a pipe it is printed now and then."""
        every = 0.2 if self._live else _PLAIN_STATUS_EVERY_SECONDS
        if at - self._status_at < every:
            return
        self._status_at = at
        values = "; ".join(f"{name}: {self._value(name)}" for name in self._current)
        text = "  ".join(part for part in (self._requests, values) if part)
        if self._live:
            self._stream.write(f"\r\x1b[K{at - self._began:6.1f}s  [{self._phase}] {text}"[:200])
            self._stream.flush()
        else:
            self._print(at, f"[{self._phase}] {text}")

    def _value(self, name: str) -> str:
        """The last measurement, and how fast the last seconds spend the error budget when that is too fast."""
        recent, threshold = self._current[name], self._thresholds.get(name)
        rate = burn_rate(merge(measured for _, measured in recent), threshold) if threshold else None
        fast = f" (burns {rate_text(rate)})" if rate is not None and rate > 1 else ""
        return f"{_shown(recent[-1][1], threshold)}{fast}"


def _shown(measurement: Measurement, threshold: Threshold | None) -> str:
    """The point value of one second, for a person's eye; the verdict has the interval."""
    if count_of(measurement) == 0:
        return "-"
    if isinstance(measurement, Ratio):
        return f"{measurement.good / measurement.total:.1%}"
    if isinstance(measurement, Count):
        return str(measurement.number)
    rank = max(1, round(measurement.quantile * measurement.histogram.total))
    value = measurement.histogram.value_at_rank(rank)
    return value_text(value, measures_of(measurement, threshold)) if threshold else f"{value:.0f}"
