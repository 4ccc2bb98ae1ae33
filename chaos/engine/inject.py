"""Injecting one fault step into its targets: undo on disk before the act, effect looked for after it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from chaos.engine.toolbox import Toolbox
from chaos.model.environment import Environment, part_of, settles_within_seconds
from chaos.model.errors import ActionFailed, ChaosError
from chaos.model.events import Injected, Injecting, InjectionFailed, NotInjected
from chaos.model.fault import Active, AnyFault, Lease, Observation, Undo
from chaos.model.plan import PlannedFault
from chaos.model.system import Target

LOOK_EVERY_SECONDS = 0.1


@dataclass
class Batch:
    """One fault step under way. Written by workers, read by the loop."""

    planned: PlannedFault
    waiting: int
    """Targets whose inject call has not come back."""
    unsettled: int
    """Targets whose effect is still being looked for."""
    opened: list[Injecting] = field(default_factory=list)
    seen: int = 0
    """Targets whose effect was seen."""
    around: tuple[Batch, ...] = ()
    """Faults that are held while this one begins and ends."""
    stopped: bool = False
    reverted: bool = False
    glanced_at: bool = False
    """Whether its end was looked at only briefly, as other faults were in effect beside it."""

    @property
    def landed(self) -> bool:
        return self.waiting == 0

    @property
    def settled(self) -> bool:
        return self.unsettled == 0

    @property
    def seen_everywhere(self) -> bool:
        return self.seen == len(self.planned.targets)


class Injector:
    """Starts batches on the workers, so that the loop goes on looking at the guardrails meanwhile."""

    def __init__(self, tools: Toolbox, run: str, lease_margin_seconds: float) -> None:
        self._tools = tools
        self._run = run
        self._margin = lease_margin_seconds
        self._lock = threading.Lock()
        self._count = 0
        self._stop = threading.Event()
        self.batches: list[Batch] = []
        self.crashes: list[Exception] = []
        """What went wrong in workers that is not the target's doing: the loop raises the first."""

    def begin(self, planned: PlannedFault, around: tuple[Batch, ...] = ()) -> Batch:
        """Inject into every target of the step. Targets that left since the plan are recorded as not injected."""
        batch = Batch(planned, waiting=len(planned.targets), unsettled=len(planned.targets), around=around)
        self.batches.append(batch)
        fault = self._tools.plugins.build_fault(planned.fault)
        try:
            found = self._place(batch).inventory().of_kind(planned.target_kind)
        except ChaosError as error:  # earlier steps have injected by now, so the run cannot be refused any more
            for name in planned.targets:
                self._not_injected(planned.name, name, f"the system did not answer: {error.message}")
            batch.waiting = batch.unsettled = 0
            return batch
        present = {target.name: target for target in found}
        for name in planned.targets:
            self._tools.workers.submit(self._job(batch, fault, name, present.get(name)))
        return batch

    def stop(self) -> None:
        """No further injection begins; those under way are let come back (see `quiet`)."""
        with self._lock:
            self._stop.set()
            for batch in self.batches:
                batch.stopped = True

    def glanced_at_within(self, outer: Batch) -> list[Injecting]:
        """Of what stood under a fault, that whose end was looked at only briefly."""
        inside = (batch for batch in self.batches if any(each is outer for each in batch.around))
        return [injection for batch in inside if batch.glanced_at for injection in batch.opened]

    def others_open(self, batch: Batch) -> bool:
        """Whether another step has faults in effect there: one may hide what is left of this step's.

        Those `around` it end only after it, so nothing is gained by looking again later.
        """
        beside = (other for other in self.batches if all(other is not each for each in (batch, *batch.around)))
        place = batch.planned.environment
        return any(other.opened and not other.reverted and other.planned.environment == place for other in beside)

    @property
    def quiet(self) -> bool:
        """No inject call is under way."""
        return all(batch.landed for batch in self.batches)

    def _job(self, batch: Batch, fault: AnyFault, name: str, target: Target | None) -> Callable[[], None]:
        def act() -> None:
            injecting: Injecting | None = None
            try:
                injecting = self._act(batch, fault, name, target)
            except Exception as error:  # noqa: BLE001  raised again by the loop, which is not in this thread
                self.crashes.append(error)
            with self._lock:
                batch.waiting -= 1
                batch.unsettled -= injecting is None
            if injecting is not None:
                # Behind the acts that still wait for a worker: a thousand targets are hit before any is looked at.
                self._tools.workers.submit(self._settling(batch, fault, injecting))

        return act

    def _settling(self, batch: Batch, fault: AnyFault, injecting: Injecting) -> Callable[[], None]:
        def settle() -> None:
            try:
                self._settle(batch, fault, injecting)
            except Exception as error:  # noqa: BLE001  as above
                self.crashes.append(error)
            with self._lock:
                batch.unsettled -= 1

        return settle

    def _act(self, batch: Batch, fault: AnyFault, name: str, target: Target | None) -> Injecting | None:
        """prepare -> journal (on disk) -> inject. Returns the injection if its effect is to be looked for."""
        step = batch.planned.name
        if target is None:
            self._not_injected(step, name, "it is no longer there")
            return None
        injection = self._next_id(batch)
        try:
            undo = fault.prepare(self._place(batch), target, self._lease(injection, batch.planned))
        except ChaosError as error:
            self._not_injected(step, name, f"preparing failed: {error.message}")
            return None
        injecting = self._write_ahead(batch, injection, undo)
        if injecting is None:
            self._not_injected(step, name, "the run was stopped first", injection)
            return None
        try:
            fault.inject(self._place(batch), undo)
        except ActionFailed as error:
            now = self._tools.clock.now()
            if error.took_effect == "no":
                self._not_injected(step, name, error.message, injection)
                return None
            self._tools.recorder.record(InjectionFailed(at=now, injection=injection, message=error.message))
            return None
        return injecting

    def _write_ahead(self, batch: Batch, injection: str, undo: Undo) -> Injecting | None:
        now = self._tools.clock.now()
        step = batch.planned
        injecting = Injecting(
            at=now, injection=injection, step=step.name, fault=step.fault, undo=undo, environment=step.environment
        )
        if self._stop.is_set():
            return None
        self._tools.recorder.record(injecting, durable=True)
        with self._lock:
            if self._stop.is_set():  # whoever stopped the run has its list of what to revert already
                return None
            batch.opened.append(injecting)
        return injecting

    def _settle(self, batch: Batch, fault: AnyFault, injecting: Injecting) -> None:
        """Look for the effect until it is seen, the patience ends, or the step is being reverted."""
        deadline = self._tools.clock.now() + settles_within_seconds(self._place(batch))
        seen = self._look(fault, injecting)
        while not seen.active.struck and not batch.stopped and self._tools.clock.now() < deadline:
            self._tools.clock.sleep(LOOK_EVERY_SECONDS)
            again = self._look(fault, injecting)
            if again.active.struck or not batch.stopped:  # otherwise it may have seen what the revert has done
                seen = again
        if not seen.active.struck and self._stop.is_set():
            return  # the run is being ended: what is seen now says nothing about the fault
        now = self._tools.clock.now()
        self._tools.recorder.record(
            Injected(at=now, injection=injecting.injection, active=seen.active, evidence=seen.evidence)
        )
        if seen.active.struck:
            with self._lock:
                batch.seen += 1

    def _look(self, fault: AnyFault, injecting: Injecting) -> Observation:
        try:
            return fault.active(part_of(self._tools.environment, injecting.environment), injecting.undo)
        except ChaosError as error:
            return Observation(Active.UNKNOWN, error.message)

    def _place(self, batch: Batch) -> Environment:
        return part_of(self._tools.environment, batch.planned.environment)

    def _not_injected(self, step: str, target: str, message: str, injection: str = "") -> None:
        now = self._tools.clock.now()
        self._tools.recorder.record(NotInjected(at=now, step=step, target=target, message=message, injection=injection))

    def _lease(self, injection: str, planned: PlannedFault) -> Lease:
        ends = self._tools.clock.now() + planned.duration_seconds + planned.slack_seconds + self._margin
        return Lease(self._run, injection, ends)

    def _next_id(self, batch: Batch) -> str:
        with self._lock:
            self._count += 1
            return f"{self.batches.index(batch) + 1}.{self._count}"
