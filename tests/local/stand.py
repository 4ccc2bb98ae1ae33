"""A fault on a target of a running system, acted on by hand as the engine would."""

from __future__ import annotations

import time
from collections.abc import Mapping

from chaos.catalog import Catalog
from chaos.environments.local import LocalEnvironment
from chaos.model.errors import ActionFailed
from chaos.model.experiment import PluginUse
from chaos.model.fault import Active, AnyFault, Lease, Observation, Undo
from chaos.model.system import JSON, Target
from tests.local.small_system import SmallSystem


class Stand:
    """On the target of that number among those of the fault's kind, as the inventory has them."""

    def __init__(self, system: SmallSystem, kind: str, parameters: Mapping[str, JSON], number: int = 0) -> None:
        self.system = system
        self.environment = opened(system)
        self.fault: AnyFault = Catalog().build_fault(PluginUse(kind=kind, parameters=dict(parameters)))
        self.target: Target = self.environment.inventory().of_kind(self.fault.target_kind)[number]

    def prepare(self, seconds: float = 30) -> Undo:
        return self.fault.prepare(self.environment, self.target, Lease("a run", "1.1", time.time() + seconds))

    def inject(self, undo: Undo) -> None:
        self.fault.inject(self.environment, undo)

    def revert(self, undo: Undo) -> None:
        self.fault.revert(self.environment, undo)

    def active(self, undo: Undo) -> Observation:
        seen: Observation = self.fault.active(self.environment, undo)
        assert seen.evidence
        return seen

    def seen_under_a_short_lease(self, seconds: float = 1.0) -> Undo:
        """Injected and seen before the lease ended it; a busy machine gets one that is longer for that."""
        for times in (1, 4, 16):
            undo = self.prepare(times * seconds)
            try:
                self.inject(undo)
            except ActionFailed:
                assert time.time() >= undo.lease.expires_at
            while time.time() < undo.lease.expires_at:
                if self.active(undo).active is Active.YES:
                    return undo
                time.sleep(0.02)
            self.revert(undo)
            self.until(undo, Active.NO)
        raise AssertionError("it was not seen before its lease ended")

    def until(self, undo: Undo, wanted: Active, seconds: float = 30) -> Observation:
        deadline = time.monotonic() + seconds
        while (seen := self.active(undo)).active is not wanted:
            assert time.monotonic() < deadline, seen.evidence
            time.sleep(0.02)
        return seen


def opened(system: SmallSystem) -> LocalEnvironment:
    environment = system.open()
    assert isinstance(environment, LocalEnvironment)
    return environment
