"""One run, from its first journal line to its last: the only loop there is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol

from chaos import __version__
from chaos.engine.early_stop import EarlyStop
from chaos.engine.inject import Injector
from chaos.engine.readiness import Readiness
from chaos.engine.rollback import Reverter
from chaos.engine.timeline import Stage, StepSequence
from chaos.engine.toolbox import Toolbox
from chaos.engine.watch import View, Watch
from chaos.judge.objectives import compare, estimate
from chaos.model.errors import ChaosError, Refused
from chaos.model.events import (
    Crashed,
    Event,
    GuardrailStopped,
    Interrupted,
    Phase,
    PhaseBegan,
    RunEnded,
    RunRefused,
    RunStarted,
)
from chaos.model.experiment import PluginUse
from chaos.model.guardrail import Guardrail, Stop
from chaos.model.load import LoadSource
from chaos.model.plan import Plan, PlannedWaitUntil, planned_faults
from chaos.model.sample import Measurement

LOOKS_PER_SECOND = 4.0
_SHORTEST_SLEEP_SECONDS = 0.02
_BASELINE_PATIENCE_SECONDS = 20.0
_INJECT_PATIENCE_SECONDS = 5.0

SignalName = Literal["SIGINT", "SIGTERM", "SIGHUP"]


class Guard(Protocol):
    """Whoever reverts if this process dies: started early, awaited before the first injection."""

    def start(self, detached_lease_holder: bool) -> None: ...

    def wait_ready(self) -> None:
        """Raises Refused when it did not come up."""
        ...


@dataclass(frozen=True)
class Around:
    """What surrounds a run: who watches over it, where load comes from, whether somebody wants it to end."""

    run: str
    process: dict[str, int]
    guard: Guard
    load: LoadSource | None
    interrupted: Callable[[], SignalName | None]


class _Ended(Exception):
    """The run ends before its plan does; why is in the journal already."""


class Run:
    """Executes a plan. `execute` always ends with nothing open, or with a RevertFailed that says what is."""

    def __init__(self, plan: Plan, tools: Toolbox, around: Around) -> None:
        self._plan = plan
        self._tools = tools
        self._around = around
        self._watch = Watch(tools, plan, around.load)
        self._early_stop = EarlyStop(plan, self._watch)
        self._injector = Injector(tools, around.run, plan.experiment.limits.lease_margin_seconds)
        self._reverter = Reverter(tools, by="run")
        uses = (PluginUse(kind="armed"), *plan.experiment.guardrails)
        self._guardrails = [(use.kind, tools.plugins.build_guardrail(use)) for use in uses]
        self._next_look = self._baseline_began = 0.0
        self._started_at = tools.clock.now()

    def execute(self) -> None:
        """Run the plan to its end, or to the first reason to stop. The journal says which."""
        try:
            self._record(
                RunStarted(
                    at=self._started_at,
                    run=self._around.run,
                    version=__version__,
                    plan=self._plan,
                    process=self._around.process,
                ),
                durable=True,
            )
            self._phases()
        except _Ended:
            pass
        except Refused as error:
            self._try_record(RunRefused(at=self._now(), reason=error.message, hint=error.hint))
        except Exception as error:
            self._try_record(Crashed(at=self._now(), message=f"{type(error).__name__}: {error}"))
            raise
        finally:
            self._leave_nothing()

    def _phases(self) -> None:
        self._look_at_guardrails("before")
        faults = planned_faults(self._plan.steps)
        if faults:
            self._around.guard.start(any(fault.holder.detached for fault in faults))
        self._warm_up()
        self._baseline()
        if faults:
            self._around.guard.wait_ready()
            readiness = Readiness(self._tools, faults)
            readiness.begin()
            self._loop(lambda _: readiness.done)
        self._method()
        self._recovery()

    def _warm_up(self) -> None:
        load = self._plan.experiment.load
        if load is None or self._around.load is None:
            return
        self._around.load.start()
        self._phase("warm-up")
        self._for_seconds(load.warm_up_seconds)

    def _baseline(self) -> None:
        """Is it steady before? Otherwise nothing is injected: a sick system would answer a different question."""
        self._phase("baseline")
        began = self._baseline_began = self._now()
        load = self._plan.experiment.load
        shortest = load.baseline_seconds if load else 0.0
        longest = shortest + _BASELINE_PATIENCE_SECONDS
        names = [objective.name for objective in self._plan.experiment.objectives]

        def done(now: float) -> bool:
            seen = all(self._watch.recent(name, now - self._started_at) is not None for name in names)
            return now - began >= shortest and (seen or now - began >= longest)

        self._loop(done)
        for objective in self._plan.experiment.objectives:
            measured = self._watch.recent(objective.name, self._now() - began)
            if measured is None:
                measured = self._watch.recent(objective.name, self._now() - self._started_at)
            self._refuse_unless_steady(objective.name, measured)

    def _refuse_unless_steady(self, name: str, measured: Measurement | None) -> None:
        objective = next(item for item in self._plan.experiment.objectives if item.name == name)
        if measured is None:
            raise Refused(
                f"objective {name!r} had no sample before the method: nobody can say whether it is steady",
                "check the probe's parameters; `chaos plan` shows them",
            )
        estimated = estimate(measured, objective.confidence)
        if compare(estimated, objective.threshold) == "deviated":
            raise Refused(
                f"not steady before: objective {name!r} should be {objective.threshold.text} and is "
                f"{estimated.point:.4g} over {estimated.count} samples",
                "bring the system to its steady state first; nothing was injected",
            )

    def _method(self) -> None:
        self._phase("method")
        stage = Stage(
            self._tools,
            self._injector,
            self._reverter,
            self._condition_met,
            lambda step: self._watch.add(step.name, step.probe),
        )
        timeline = StepSequence(stage, self._plan.steps)
        self._loop(lambda now: self._stops_early(now) or timeline.advance(now), timeline.next_due)

    def _stops_early(self, now: float) -> bool:
        found = self._early_stop.deviated(now, self._baseline_began, self._injector.batches)
        if found is not None:
            self._record(found)
            self._end_faults()
        return found is not None

    def _recovery(self) -> None:
        experiment = self._plan.experiment
        if experiment.objectives:
            self._phase("recovery")
            self._for_seconds(experiment.recovery_seconds)
        if experiment.load is not None and self._around.load is not None:
            self._phase("drain")
            self._around.load.stop()
            give_up = self._now() + experiment.load.drain_seconds + 10.0
            self._loop(lambda now: self._watch.load_finished or now >= give_up)
        self._phase("end")

    def _condition_met(self, step: PlannedWaitUntil) -> bool:
        measured = self._watch.recent(step.name, 2.0)
        if measured is None:
            return False
        point = estimate(measured, 0.95).point
        operator, value = step.threshold.operator, step.threshold.value
        return {">=": point >= value, ">": point > value, "<=": point <= value, "<": point < value}[operator]

    def _for_seconds(self, seconds: float) -> None:
        until = self._now() + seconds
        self._loop(lambda now: now >= until, lambda: until)

    def _loop(self, done: Callable[[float], bool], next_due: Callable[[], float | None] = lambda: None) -> None:
        """Tick until done: signals and guardrails first, then probes and load, then the work itself."""
        while True:
            self._stop_if_asked()
            now = self._now()
            self._watch.tick(now)
            if done(now):
                return
            times = [self._next_look, self._watch.next_due(), next_due()]
            sooner = min(time for time in times if time is not None) - self._now()
            self._tools.clock.sleep(min(max(sooner, _SHORTEST_SLEEP_SECONDS), 1 / LOOKS_PER_SECOND))

    def _stop_if_asked(self) -> None:
        received = self._around.interrupted()
        if received is not None:
            self._record(Interrupted(at=self._now(), signal=received))
            raise _Ended
        if self._injector.crashes:
            raise self._injector.crashes[0]
        if self._watch.load_failure:
            raise _Ended
        if self._now() >= self._next_look:
            self._next_look = self._now() + 1 / LOOKS_PER_SECOND
            self._look_at_guardrails("during")

    def _look_at_guardrails(self, phase: Literal["before", "during"]) -> None:
        view = View(phase, self._plan, self._tools.environment, self._now(), self._watch)
        for kind, guardrail in self._guardrails:
            answer = _ask(guardrail, view)
            if isinstance(answer, Stop):
                if phase == "before":
                    raise Refused(f"guardrail {kind}: {answer.reason}")
                self._stopped_by(kind, answer.reason)
        limit = self._plan.experiment.limits.max_duration_seconds
        if self._now() - self._started_at > limit:
            self._stopped_by("limits", f"the run has taken longer than limits.maxDuration allows ({limit:.0f} s)")

    def _stopped_by(self, guardrail: str, reason: str) -> None:
        self._record(GuardrailStopped(at=self._now(), guardrail=guardrail, reason=reason))
        raise _Ended

    def _leave_nothing(self) -> None:
        """Revert whatever is open, in every way out; end the load; close the journal."""
        self._end_faults()
        if self._around.load is not None:
            self._around.load.kill()
        self._try_record(RunEnded(at=self._now(), by="run"), durable=True)

    def _end_faults(self) -> None:
        self._injector.stop()
        give_up = self._now() + _INJECT_PATIENCE_SECONDS
        while not self._injector.quiet and self._now() < give_up:
            self._tools.clock.sleep(0.005)
        self._reverter.revert_all([injection for batch in self._injector.batches for injection in batch.opened])

    def _phase(self, phase: Phase) -> None:
        self._record(PhaseBegan(at=self._now(), phase=phase))

    def _record(self, *events: Event, durable: bool = False) -> None:
        self._tools.recorder.record(*events, durable=durable)

    def _try_record(self, event: Event, durable: bool = False) -> None:
        """On the way out a full disk must not hide why the run ended, nor keep anything from being reverted."""
        try:
            self._record(event, durable=durable)
        except ChaosError:
            pass  # the error that brought us here, or the missing last line, tells the reader

    def _now(self) -> float:
        return self._tools.clock.now()


def _ask(guardrail: Guardrail, view: View) -> object:
    """A guardrail that cannot answer says stop."""
    try:
        return guardrail.check(view)
    except Exception as error:  # noqa: BLE001  whatever it is, it means that this guardrail protects nobody now
        return Stop(f"it could not be evaluated ({type(error).__name__}: {error})")
