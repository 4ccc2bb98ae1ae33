"""Reverting what a journal has open: from the record alone, in any process, as often as one likes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from chaos.engine.toolbox import Toolbox
from chaos.model.errors import ActionFailed, ChaosError
from chaos.model.events import Event, Injecting, Reverted, RevertFailed, Reverting
from chaos.model.fault import Active, AnyFault, Observation

_LOOK_EVERY_SECONDS = 0.05
_ATTEMPTS = 3


@dataclass(frozen=True)
class Reverter:
    """Reverts injections and verifies by the effect that they are gone.

    `by` is who does it, for the journal. `patience_seconds` is how long a reverted fault may still be
    seen before it counts as still broken (a killed process needs a moment to come back).
    """

    tools: Toolbox
    by: str
    patience_seconds: float = 10.0
    closed: set[str] = field(default_factory=set)
    """Injections this reverter has seen to be gone: they are not reverted again."""

    def revert_all(self, injections: Sequence[Injecting]) -> list[Injecting]:
        """Revert in parallel over targets, newest first on each. Returns those still broken."""
        by_target: dict[str, list[Injecting]] = {}
        for injection in sorted(injections, key=lambda item: item.at, reverse=True):
            if injection.injection not in self.closed:
                by_target.setdefault(injection.undo.target, []).append(injection)
        outcomes = self.tools.workers.each([self._chain(chain) for chain in by_target.values()])
        return [injection for broken in outcomes for injection in broken]

    def revert(self, injection: Injecting) -> bool:
        """Revert one injection; True when its effect was seen to be gone. Never raises."""
        self._record(Reverting(at=self.tools.clock.now(), injection=injection.injection, by=self.by))
        try:
            fault = self.tools.plugins.build_fault(injection.fault)
            problem = self._act(fault, injection)
            seen = self._settled(fault, injection)
        except ChaosError as error:
            return self._failed(injection, error.message)
        except Exception as error:  # noqa: BLE001  a bug in one fault must not keep the others from being reverted
            return self._failed(injection, f"{type(error).__name__}: {error}")
        if seen.active is not Active.NO:
            return self._failed(injection, f"{seen.evidence}{'; ' + problem if problem else ''}")
        self.closed.add(injection.injection)
        now = self.tools.clock.now()
        self._record(Reverted(at=now, injection=injection.injection, by=self.by, evidence=seen.evidence))
        return True

    def still_active(self, injection: Injecting) -> bool:
        """Look once more, without reverting."""
        fault = self.tools.plugins.build_fault(injection.fault)
        return fault.active(self.tools.environment, injection.undo).active is Active.YES

    def _chain(self, injections: list[Injecting]) -> Callable[[], list[Injecting]]:
        return lambda: [injection for injection in injections if not self.revert(injection)]

    def _act(self, fault: AnyFault, injection: Injecting) -> str:
        """Call revert, again if it fails. A last failure is only a remark: the effect decides."""
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                fault.revert(self.tools.environment, injection.undo)
            except ActionFailed as error:
                if attempt == _ATTEMPTS:
                    return error.message
                self.tools.clock.sleep(0.1 * attempt)
            else:
                break
        return ""

    def _settled(self, fault: AnyFault, injection: Injecting) -> Observation:
        deadline = self.tools.clock.now() + self.patience_seconds
        while True:
            seen = fault.active(self.tools.environment, injection.undo)
            if seen.active is Active.NO or self.tools.clock.now() >= deadline:
                return seen
            self.tools.clock.sleep(_LOOK_EVERY_SECONDS)

    def _failed(self, injection: Injecting, message: str) -> bool:
        now = self.tools.clock.now()
        self._record(RevertFailed(at=now, injection=injection.injection, by=self.by, message=message))
        return False

    def _record(self, event: Event) -> None:
        """Write it down if that is possible: a full disk must not keep a fault from being reverted."""
        try:
            self.tools.recorder.record(event)
        except ChaosError:
            pass  # the injection then stays open in the journal, and reverting it again is harmless
