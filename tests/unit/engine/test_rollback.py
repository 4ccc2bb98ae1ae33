"""How long a reverter looks for the end of an effect: longer when the system was silent while it was being reverted."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, cast

import pytest

from chaos.engine.rollback import Reverter
from chaos.engine.toolbox import Toolbox
from chaos.environments.simulated.clock import InlineWorkers, VirtualClock
from chaos.model.errors import ActionFailed
from chaos.model.events import Injecting
from chaos.model.experiment import PluginUse
from chaos.model.fault import Active, Lease, Observation, Undo

INJECTING = Injecting(
    at=0.0, injection="1", step="a step", fault=PluginUse(kind="slow"), undo=Undo(target="it", lease=Lease("r", "1", 9))
)


@dataclass
class Slow:
    """A fault whose effect goes on for a while after its revert; `failures` are what its first reverts meet."""

    clock: VirtualClock
    lasts_seconds: float
    failures: list[ActionFailed] = field(default_factory=list)
    over_at: float = float("inf")

    def revert(self, environment: object, undo: Undo) -> None:
        if self.failures:
            raise self.failures.pop()
        self.over_at = min(self.over_at, self.clock.now() + self.lasts_seconds)

    def active(self, environment: object, undo: Undo) -> Observation:
        return Observation(Active.YES if self.clock.now() < self.over_at else Active.NO, "")


class Forgetful:
    def record(self, *events: object, durable: bool = False) -> None:
        pass


@pytest.mark.parametrize(
    ("failures", "is_reverted"),
    [
        ([], False),
        ([ActionFailed("it says no", took_effect="no")], False),
        ([ActionFailed("it does not answer", took_effect="unknown")], True),
    ],
)
def test_who_was_silent_during_the_revert_is_given_longer(failures: list[ActionFailed], is_reverted: bool) -> None:
    clock = VirtualClock()
    slow = Slow(clock, lasts_seconds=20.0, failures=failures)
    plugins = type("Plugins", (), {"build_fault": lambda self, use: slow})()
    tools = Toolbox(
        environment=cast(Any, object()), plugins=plugins, clock=clock, workers=InlineWorkers(), recorder=Forgetful()
    )
    left = Reverter(tools, "a test").revert_all([INJECTING])
    assert (left == []) is is_reverted
