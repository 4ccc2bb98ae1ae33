"""Faults are allowed here."""

from __future__ import annotations

from msgspec import Struct

from chaos.model.errors import ChaosError
from chaos.model.guardrail import Go, Situation, Stop


class Armed(Struct, frozen=True, kw_only=True):
    """Stop unless the environment says that faults are allowed. The engine always applies it, before all others.

    It is looked at during the run too, so that disarming an environment ends what runs on it.
    """

    def check(self, situation: Situation) -> Go | Stop:
        name = situation.environment.ref.name
        try:
            arming = situation.environment.arming()
        except ChaosError as error:
            return Stop(f"cannot tell whether environment {name!r} is armed: {error.message}")
        return Go() if arming.armed else Stop(f"environment {name!r} is not armed: {arming.reason}")
