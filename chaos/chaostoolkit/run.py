"""One run of a Chaos Toolkit experiment, from its first journal line to its last.

The journal's events are those of any run, so verdict, reports, `chaos watch` and `chaos rollback` read it as they read
every other. The method as a whole stands in it as one injection, whose revert are the rollbacks.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from chaos import __version__
from chaos.chaostoolkit.activities import Activities
from chaos.chaostoolkit.calls import Caller, Child, Result
from chaos.chaostoolkit.controls import Controls, Interrupt
from chaos.chaostoolkit.hypothesis import During, Hypothesis, Look, journal_state
from chaos.chaostoolkit.redact import Redactor
from chaos.chaostoolkit.rollbacks import injection_of, roll_back, rollback_caller
from chaos.chaostoolkit.strict import Account
from chaos.chaostoolkit.values import Values
from chaos.judge.wording import counted
from chaos.model.chaostoolkit import Activity, ToolkitExperiment
from chaos.model.clock import Clock
from chaos.model.errors import ChaosError, Refused
from chaos.model.events import (
    Crashed,
    Event,
    GuardrailStopped,
    Injected,
    InjectionFailed,
    Interrupted,
    Phase,
    PhaseBegan,
    Recorder,
    RunEnded,
    RunRefused,
    RunStarted,
    StepBegan,
    StepEnded,
)
from chaos.model.fault import Active
from chaos.model.plan import Plan

SignalName = Literal["SIGINT", "SIGTERM", "SIGHUP"]


class Guard(Protocol):
    """Whoever rolls back if this process dies."""

    def start(self) -> None: ...

    def wait_ready(self) -> None: ...


@dataclass(frozen=True)
class Around:
    """What surrounds a run."""

    run: str
    process: dict[str, int]
    recorder: Recorder
    clock: Clock
    guard: Guard
    interrupted: Callable[[], SignalName | None]


class _Ended(Exception):
    """The run ends before its plan does; why is in the journal already."""


class ToolkitRun:
    """Executes an experiment with its values. `account` tells afterwards what the original would have made of it."""

    def __init__(self, experiment: ToolkitExperiment, values: Values, plan: Plan, around: Around) -> None:
        self._experiment = experiment
        self._plan = plan
        self._around = around
        self._asked: Interrupt | None = None
        self.account = Account()
        redactor = Redactor(values)
        self._caller = Caller(values, redactor, self._stopped)
        self._rollback_caller = rollback_caller(values, redactor)
        self._controls = Controls(experiment, values, self._control_failed)
        self._hypothesis = Hypothesis(experiment.hypothesis.probes, self._caller, around.recorder, around.clock)
        self._activities = Activities(self._controls, around.recorder, around.clock, self._sleep)
        self._injection = injection_of(experiment, around.run)
        self._open = False

    def execute(self) -> None:
        """Run the experiment to its end, or to the first reason to stop, and roll back. The journal says which."""
        try:
            self._record(self._started(), durable=True)
            with self._noted():
                self._controls.configure()
                self._around.guard.start()
                with self._controls.around("experiment", self._experiment.raw) as told:
                    try:
                        with self._noted():
                            self._phases()
                    finally:
                        self._roll_back()
                        told["state"] = self.account.journal(self._experiment.raw)
            with self._noted():
                self._controls.cleanup()
        except Exception as error:
            self._try_record(Crashed(at=self._now(), message=f"{type(error).__name__}: {error}"))
            raise
        finally:
            self._try_record(PhaseBegan(at=self._now(), phase="end"))
            self._try_record(RunEnded(at=self._now(), by="run"), durable=True)

    @contextmanager
    def _noted(self) -> Iterator[None]:
        """Reasons to stop become lines of the journal."""
        try:
            yield
        except _Ended:
            self.account.ended = True
        except Refused as error:
            self._record(RunRefused(at=self._now(), reason=error.message, hint=error.hint))
        except Interrupt as error:
            self.account.ended = True
            self._record(GuardrailStopped(at=self._now(), guardrail=error.who, reason=error.reason))

    def end(self, who: str, why: str) -> None:
        """End it at the next moment: activities under way are ended, then the rollbacks come."""
        self._asked = Interrupt(who, why)

    def _phases(self) -> None:
        strategy = self._experiment.hypothesis_strategy
        self._phase("baseline")
        if looks_before(strategy):
            self.account.before = self._look()
            self._refuse_unless_steady(self.account.before)
        self._around.guard.wait_ready()
        self._phase("method")
        self._method(strategy)
        self._phase("recovery")
        if looks_after(strategy):
            self.account.after = self._look()
        elif not looks_during(strategy):
            why = f"the file's strategy ({strategy}) does not look at the steady state after the method began"
            self._record(StepEnded(at=self._now(), step="steady state after the method", failure=why))

    def _refuse_unless_steady(self, looks: list[Look]) -> None:
        for look in looks:
            if look.trouble:
                hint = "bring the system to its steady state first; no action was called"
                raise Refused(f"not steady before: probe {look.probe.name!r} gave {look.trouble}", hint)

    def _look(self) -> list[Look]:
        """One round of the hypothesis with its controls."""
        hypothesis = self._experiment.hypothesis
        with self._controls.around("hypothesis", hypothesis.raw, hypothesis.controls) as told:
            looks = self._hypothesis.look(self._probe, {})
            told["state"] = journal_state(looks)
        self._stop_if_asked()
        return looks

    def _probe(self, probe: Activity, child: Child | None) -> Result:
        with self._controls.around("activity", copy.deepcopy(probe.raw), probe.controls) as told:
            result = self._caller.call(probe, child)
            told["state"] = {"activity": probe.raw, "output": result.output}
        self._note_interrupt(probe, result)
        return result

    def _method(self, strategy: str) -> None:
        during = During(self._hypothesis, len(self._experiment.hypothesis.probes), self._caller)
        if self._experiment.rollbacks and self._experiment.rollback_strategy != "never":
            self._record(self._injection(self._now()), durable=True)
            self._open = True
        if looks_during(strategy) and self._experiment.hypothesis.probes:
            during.start()
        try:
            with self._controls.around("method", self._experiment.raw) as told:
                self._call_method()
                told["state"] = self.account.run
        finally:
            during.stop()
            self.account.during = [look for looks in during.rounds for look in looks]
        if during.crash is not None:
            raise during.crash
        if self._open:
            self._record_effect()

    def _call_method(self) -> None:
        background: list[Future[dict[str, Any]]] = []
        with ThreadPoolExecutor(max(1, len(self._experiment.method)), thread_name_prefix="chaos-background") as pool:
            for activity in self._experiment.method:
                self._stop_if_asked()
                if activity.background:
                    background.append(pool.submit(self._activity, activity))
                else:
                    self.account.run.append(self._activity(activity))
            for future in background:
                self.account.run.append(future.result())
        self._stop_if_asked()

    def _activity(self, activity: Activity) -> dict[str, Any]:
        try:
            run, result = self._activities.carry_out(activity, self._caller)
        except Interrupt as error:
            self._asked = error  # so that those in the background end as well
            raise
        self._note_interrupt(activity, result)
        return run

    def _record_effect(self) -> None:
        """What was done cannot be measured here: that every action came back is all that is known."""
        failed = [run["activity"]["name"] for run in self.account.run if run["status"] == "failed"]
        injection = self._injection(0.0).injection
        if failed:
            message = f"{', '.join(failed)} failed"
            self._record(InjectionFailed(at=self._now(), injection=injection, message=message))
            return
        evidence = f"{counted(len(self.account.run), 'call')} came back"
        self._record(Injected(at=self._now(), injection=injection, active=Active.PASSED, evidence=evidence))

    def _roll_back(self) -> None:
        """Whatever happened before, unless the file says otherwise. No signal ends it."""
        strategy = self._experiment.rollback_strategy
        if not self._experiment.rollbacks or strategy == "never":
            return
        self._phase("rollbacks")
        injection = self._injection(0.0).injection if self._open else ""
        wanted = strategy != "deviated" or self.account.deviated
        with self._noted(), self._controls.around("rollback", self._experiment.raw) as told:
            self.account.rollbacks = roll_back(
                self._experiment.rollbacks if wanted else (),
                lambda activity: self._activities.carry_out(activity, self._rollback_caller, time.sleep),
                self._around.recorder,
                self._around.clock,
                (injection, "run"),
            )
            told["state"] = self.account.rollbacks

    def _sleep(self, seconds: float) -> None:
        """A pause, which ends when the run does."""
        until = self._now() + seconds
        while not self._stopped() and (left := until - self._now()) > 0:
            self._around.clock.sleep(min(left, 0.1))

    def _stopped(self) -> bool:
        return self._asked is not None or self._around.interrupted() is not None

    def _stop_if_asked(self) -> None:
        received = self._around.interrupted()
        if received is not None:
            self._record(Interrupted(at=self._now(), signal=received))
            raise _Ended
        if self._asked is not None:
            raise self._asked

    def _note_interrupt(self, activity: Activity, result: Result) -> None:
        if result.interrupt:
            self._asked = Interrupt(f"activity {activity.name}", result.error)

    def _control_failed(self, what: str, error: Exception) -> None:
        failure = f"{type(error).__name__}: {error}"
        self._record(
            StepBegan(at=self._now(), step=f"control {what}"),
            StepEnded(at=self._now(), step=f"control {what}", failure=failure),
        )

    def _started(self) -> RunStarted:
        return RunStarted(
            at=self._now(),
            run=self._around.run,
            version=__version__,
            plan=self._plan,
            process=self._around.process,
        )

    def _phase(self, phase: Phase) -> None:
        self._record(PhaseBegan(at=self._now(), phase=phase))

    def _record(self, *events: Event, durable: bool = False) -> None:
        self._around.recorder.record(*events, durable=durable)

    def _try_record(self, event: Event, durable: bool = False) -> None:
        """On the way out a full disk must not hide why the run ended."""
        try:
            self._record(event, durable=durable)
        except ChaosError:
            pass  # the error that brought us here, or the missing last line, tells the reader

    def _now(self) -> float:
        return self._around.clock.now()


def looks_before(strategy: str) -> bool:
    return strategy not in ("after-method-only", "during-method-only", "skip")


def looks_during(strategy: str) -> bool:
    """Also when the file says nothing; one that says "default" wants no looks but those before and after."""
    return strategy in ("", "continuously", "continously", "during-method-only")


def looks_after(strategy: str) -> bool:
    return strategy not in ("before-method-only", "during-method-only", "skip")
