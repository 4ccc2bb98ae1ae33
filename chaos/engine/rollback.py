"""Reverting what a journal has open: from the record alone, in any process, as often as one likes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from chaos.engine.toolbox import Toolbox
from chaos.model.environment import part_of, settles_within_seconds
from chaos.model.errors import ActionFailed, ChaosError
from chaos.model.events import Event, Injecting, Reverted, RevertFailed, Reverting
from chaos.model.fault import Active, Observation

_FIRST_LOOK_SECONDS = 0.05
_LAST_LOOK_SECONDS = 0.5
_LOOK_LESS_OFTEN = 1.3
"""Each wait is so many times the one before: a hundred links that are looked at all the time are slow from that."""

_ATTEMPTS = 3
_SHORT_PATIENCE_SECONDS = 2.0
BLIND_PATIENCE_SECONDS = 30.0
"""A cluster whose API server is restarted answers again after some seconds."""


@dataclass(frozen=True)
class Reverter:
    """Reverts injections and verifies by the effect that they are gone.

    `by` is who does it, for the journal. `closed` are the injections this reverter has seen to be
    gone: they are not reverted again.
    """

    tools: Toolbox
    by: str
    closed: set[str] = field(default_factory=set)
    _unheard: set[str] = field(default_factory=set)
    """Injections during whose revert the system was silent, if only for a while."""

    def revert_all(self, injections: Sequence[Injecting], others_open: bool = False) -> list[Injecting]:
        """Revert in parallel over targets, newest first on each. Returns those still broken.

        All acts come before all looks: a link can only be measured when the fault that holds its
        destination down is reverted too. With `others_open` such a fault may stay for long, so an
        effect that is still seen, or that nobody can tell, is not waited for long; the caller looks again at the end.
        """
        by_target: dict[tuple[str, str], list[Injecting]] = {}
        for injection in sorted(injections, key=lambda item: item.at, reverse=True):
            if injection.injection not in self.closed:
                by_target.setdefault((injection.environment, injection.undo.target), []).append(injection)
        acted = self.tools.workers.each([self._acts(chain) for chain in by_target.values()])
        looks = [self._look(injection, problem, others_open) for chain in acted for injection, problem in chain]
        return [injection for injection in self.tools.workers.each(looks) if injection is not None]

    def _acts(self, chain: list[Injecting]) -> Callable[[], list[tuple[Injecting, str]]]:
        """Revert what is on one target; each comes with what went wrong, if anything did."""
        return lambda: [(injection, self._act(injection)) for injection in chain]

    def _act(self, injection: Injecting) -> str:
        """Call revert, again if it fails. A last failure is only a remark: the effect decides. Never raises."""
        self._record(Reverting(at=self.tools.clock.now(), injection=injection.injection, by=self.by))
        problem = ""
        for attempt in range(1, _ATTEMPTS + 1):
            problem = self._revert(injection)
            if not problem:
                break
            self.tools.clock.sleep(0.1 * attempt)
        return problem

    def _revert(self, injection: Injecting) -> str:
        """Call revert once; what went wrong, if anything did."""
        try:
            fault = self.tools.plugins.build_fault(injection.fault)
            fault.revert(part_of(self.tools.environment, injection.environment), injection.undo)
        except ChaosError as error:
            self._note_silence(injection, error)
            return error.message
        except Exception as error:  # noqa: BLE001  a bug in one fault must not keep the others from being reverted
            return f"{type(error).__name__}: {error}"
        return ""

    def _look(self, injection: Injecting, problem: str, others_open: bool) -> Callable[[], Injecting | None]:
        """Verify one injection: None when its effect was seen to be gone, else the injection. Never raises."""

        def look() -> Injecting | None:
            try:
                usual = settles_within_seconds(part_of(self.tools.environment, injection.environment))
                patience = _SHORT_PATIENCE_SECONDS if others_open else usual
                seen, left = self._settled(injection, problem, patience)
            except Exception as error:  # noqa: BLE001  as above
                seen, left = Observation(Active.UNKNOWN, f"{type(error).__name__}: {error}"), problem
            now = self.tools.clock.now()
            if seen.active.over:
                self.closed.add(injection.injection)
                self._record(Reverted(at=now, injection=injection.injection, by=self.by, evidence=seen.evidence))
                return None
            message = "; ".join(dict.fromkeys(part for part in (seen.evidence, left) if part))
            failed = RevertFailed(
                at=now, injection=injection.injection, by=self.by, message=message, active=seen.active
            )
            self._record(failed)
            return injection

        return look

    def _settled(self, injection: Injecting, problem: str, patience: float) -> tuple[Observation, str]:
        """Look until the effect is gone, or the patience is: a killed process needs a moment to come back.

        What could not be reverted is tried again meanwhile; a system that does not answer is given longer.
        """
        fault = self.tools.plugins.build_fault(injection.fault)
        began = self.tools.clock.now()
        wait = _FIRST_LOOK_SECONDS
        while True:
            try:
                seen = fault.active(part_of(self.tools.environment, injection.environment), injection.undo)
            except ChaosError as error:
                seen = Observation(Active.UNKNOWN, error.message)
                self._note_silence(injection, error)
            # Also for when it answers again: whatever acts on its word has to wake up, too.
            longest = max(patience, BLIND_PATIENCE_SECONDS) if injection.injection in self._unheard else patience
            if seen.active.over or self.tools.clock.now() - began >= longest:
                return seen, problem
            self.tools.clock.sleep(wait)
            wait = min(wait * _LOOK_LESS_OFTEN, _LAST_LOOK_SECONDS)
            problem = problem and self._revert(injection)

    def _note_silence(self, injection: Injecting, error: ChaosError) -> None:
        if isinstance(error, ActionFailed) and error.took_effect == "unknown":
            self._unheard.add(injection.injection)

    def still_active(self, injection: Injecting) -> bool:
        """Look once more, without reverting."""
        fault = self.tools.plugins.build_fault(injection.fault)
        environment = part_of(self.tools.environment, injection.environment)
        return fault.active(environment, injection.undo).active is Active.YES

    def _record(self, event: Event) -> None:
        """Write it down if that is possible: a full disk must not keep a fault from being reverted."""
        try:
            self.tools.recorder.record(event)
        except ChaosError:
            pass  # the injection then stays open in the journal, and reverting it again is harmless
